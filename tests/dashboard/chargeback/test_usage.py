"""Usage of a statement: counts within their owner, and every number rounded once."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.statements import statement
from dashboard.chargeback.usage import NUMBERS, Detail, by_owner, total, usage
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.query.calendar import Month, of_month
from dashboard.query.question import REPORTING, SpendQuery
from dashboard.query.run import run
from ingest.ledger.engine import Ledger
from ingest.model.money import pico_of
from ingest.model.ownership import Owner
from ingest.model.zone import micros
from tests.support.calls import Call, a_ledger, call, put
from tests.support.owners import entry, owns

NOW = micros(datetime(2027, 3, 1, tzinfo=UTC))
OCTOBER = of_month(Month(2026, 10))


def lines_of(ledger: Ledger, owner: Owner) -> list[Detail]:
    found = usage(ledger, OCTOBER.period(ledger.zone))
    return [detail for detail in found.details if detail.owner == owner]


def test_calls_of_a_shared_key_are_counted_within_each_team(embedded: Ledger) -> None:
    calls = [call("2026-10-05T10:00:00Z", 10, virtual_key="duo", model=f"m{at}") for at in range(20)]
    put(embedded, [*calls, call("2026-10-06T10:00:00Z", 10, virtual_key="own", model="m0")])
    owns(embedded, "duo", ("red", 60), ("blue", 40))
    owns(embedded, "own", ("blue", 1))
    red, blue = (Owner(entry(embedded, "team", name)) for name in ("red", "blue"))
    counts = {owner: [line.used.requests for line in lines_of(embedded, owner)] for owner in (red, blue)}
    assert (sum(counts[red]), sum(counts[blue])) == (12, 9)
    assert set(counts[red]) | set(counts[blue]) == {0, 1}
    key = entry(embedded, "virtual_key", embedded.keyring.conceal("own").ident)
    assert [line.used.requests for line in lines_of(embedded, blue) if line.virtual_key_id == key] == [1]


CALLS = st.lists(
    st.builds(
        lambda day, cost, key, model, tokens, currency: call(
            f"2026-10-{day:02}T10:00:00Z",
            cost,
            virtual_key=key,
            model=model,
            input_tokens=tokens,
            currency=currency,
        ),
        st.integers(1, 31),
        st.none() | st.integers(0, 9) | st.integers(0, 10**13),
        st.sampled_from(("duo", "trio", "own", "stray")),
        st.sampled_from(("small", "large", "odd")),
        st.integers(0, 7),
        st.sampled_from(("USD", "USD", "EUR")),
    ),
    max_size=12,
)


def shared(ledger: Ledger, calls: list[Call]) -> None:
    """Put calls of keys with one, two and three owners, and of a key without any."""
    put(ledger, calls)
    owns(ledger, "duo", ("red", 60), ("blue", 40))
    owns(ledger, "trio", ("red", 1), ("blue", 1), ("green", 1))
    owns(ledger, "own", ("green", 1))
    euro = Quote(base="EUR", quote="USD", day=OCTOBER.days[0], rate=Decimal("1.0000003"))
    later = [Quote(base="EUR", quote="USD", day=day, rate=Decimal("1.17")) for day in range(*OCTOBER.days)]
    with ledger.writing() as connection:
        add_quotes(connection, [*later, euro])


@pytest.mark.long
@given(CALLS)
@settings(max_examples=60)
def test_lines_add_up_to_owners_and_owners_to_the_ledger_in_many_mixtures(calls: list[Call]) -> None:
    add_up(calls)


@given(CALLS)
@settings(max_examples=6)
def test_lines_add_up_to_owners_and_owners_to_the_ledger(calls: list[Call]) -> None:
    add_up(calls)


def add_up(calls: list[Call]) -> None:
    with TemporaryDirectory() as folder, a_ledger(Path(folder)) as ledger:
        shared(ledger, calls)
        period = OCTOBER.period(ledger.zone)
        found = usage(ledger, period)
        for owner in by_owner(ledger, period).details:
            lines = [line.used for line in found.details if line.owner == owner.owner]
            for name in ("cost", "requests", "errors", "input_tokens", "output_tokens", "total_tokens"):
                assert sum(getattr(line, name) for line in lines) == getattr(owner.used, name)
            assert all(getattr(line, name) >= 0 for line in lines for name in NUMBERS)
            assert all(line.list_cost == line.contracted_cost == line.cost for line in lines)
        question = SpendQuery(period, "UTC", metrics=("total_cost", "requests", "total_tokens"))
        answer = run(ledger, SpendQuery(period, "UTC", question.metrics, currency=REPORTING)).totals.values
        whole = total(line.used for line in found.details)
        assert (whole.cost, whole.requests, whole.total_tokens) == (pico_of(answer[0]), *answer[1:])  # type: ignore[arg-type]


def in_euro(ledger: Ledger) -> None:
    """Two calls and a fee that are worth one and a half units each in the reporting currency."""
    rate = [Quote(base="EUR", quote="USD", day=day, rate=Decimal("1.5")) for day in range(*OCTOBER.days)]
    days = [ledger.zone.midnight(OCTOBER.days[0] + day) for day in (0, 31)]
    seats = Fee(
        name="seats", kind="platform", amount=3, currency="EUR", start=days[0], end=days[1], every="once"
    )
    with ledger.writing() as connection:
        add_quotes(connection, rate)
        add_fees(connection, [seats])
    calls = [call(f"2026-10-{day}T10:00:00Z", 1, team="red", currency="EUR") for day in ("05", "20")]
    put(ledger, calls)


def test_a_rule_that_starts_within_a_month_rounds_nothing_twice(embedded: Ledger) -> None:
    in_euro(embedded)
    before = statement(embedded, OCTOBER, NOW).total
    with embedded.writing() as connection:
        rules = [Rule(pool="fees", method="cost", first_day=OCTOBER.days[0] + day) for day in (9, 15)]
        add_rules(connection, rules)
    found = statement(embedded, OCTOBER, NOW)
    assert sum(detail.used.cost for detail in found.details) == 3
    assert sum(fee.amount for fee in found.fees) == 4  # 4.5, half to even
    assert found.total == before == 7
    assert sum(part.amount for part in found.allocations) == 4
