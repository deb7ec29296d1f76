"""FOCUS: calls that come in after their month was closed are usage rows of the month that books them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.chargeback.closing import CloseRefused, close, reopen
from dashboard.chargeback.statements import statement
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes
from dashboard.focus.arrivals import EVERYTHING, Arrived, Closing, late_calls, own_calls
from dashboard.focus.row import FocusRow
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.query.calendar import of_month, read_month
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.zone import micros
from tests.support.calls import a_ledger
from tests.support.focus_rows import (
    ACME,
    EXACT,
    PICO,
    add,
    by_team,
    exported,
    holds_exactly,
    owed,
    own_price,
    term,
    used,
)
from tests.support.ledgers import put_events
from tests.support.owners import owns

SPRING = micros(datetime(2027, 4, 1, tzinfo=UTC))
MONTHS = ("2026-10", "2026-11", "2026-12", "2027-01")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of Berlin in which acme's model has a price."""
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        own_price(opened, "input", "2.5")
        yield opened


def day(month: str, number: int = 9) -> datetime:
    return datetime(int(month[:4]), int(month[5:]), number, 12, tzinfo=UTC)


def of_acme(name: str, month: str = "2026-10", tokens: int = 1_000_000, team: str = "red") -> UsageEvent:
    return used(name, day(month), **ACME, input_tokens=tokens, output_tokens=0, team=team)


def closing(ledger: Ledger, *months: str) -> None:
    for month in months:
        close(ledger, read_month(month), accept="fine", by="ada", now=SPRING)


def tokens(rows: Sequence[FocusRow]) -> Decimal:
    counted = (row.consumed_quantity for row in rows if row.consumed_unit == "Tokens")
    return sum((count or Decimal(0) for count in counted), Decimal(0))


def corrected(rows: Sequence[FocusRow]) -> list[FocusRow]:
    return [row for row in rows if row.charge_class == "Correction"]


def test_a_late_call_is_a_usage_row_with_its_day_sku_quantity_and_price(ledger: Ledger) -> None:
    add(ledger, *(of_acme(str(number)) for number in range(3)))
    closing(ledger, "2026-10")
    add(ledger, of_acme("late"))
    (row,) = corrected(exported(ledger, period="2026-11"))
    assert (row.charge_category, row.x_charge_day) == ("Usage", "2026-10-09")
    assert (row.sku_id, row.list_unit_price) == ("acme/big-1/input", Decimal("2.5"))
    assert (row.consumed_quantity, row.pricing_quantity) == (Decimal(1_000_000), Decimal(1))
    assert row.billed_cost == Decimal("2.5")
    assert row.billing_period_start.isoformat() == "2026-10-31T23:00:00+00:00"
    assert (row.charge_period_start.month, row.invoice_id) == (10, None)
    assert tokens(exported(ledger)) + tokens(exported(ledger, period="2026-11")) == 4_000_000


def test_late_calls_of_a_closed_month_stay_where_they_were_booked(ledger: Ledger) -> None:
    add(ledger, of_acme("a"))
    closing(ledger, "2026-10")
    add(ledger, of_acme("b", tokens=2_000_000))
    closing(ledger, "2026-11")
    add(ledger, of_acme("c", tokens=4_000_000), of_acme("d", "2026-11", 8_000_000))
    found = {
        month: [(row.x_charge_day, row.consumed_quantity, row.invoice_id) for row in corrected(rows)]
        for month in MONTHS
        for rows in [exported(ledger, period=month)]
    }
    assert found == {
        "2026-10": [],
        "2026-11": [("2026-10-09", 2_000_000, "2026-11/1")],
        "2026-12": [("2026-10-09", 4_000_000, None), ("2026-11-09", 8_000_000, None)],
        "2027-01": [],
    }


def test_a_call_that_a_later_version_replaces_is_no_late_call(ledger: Ledger) -> None:
    add(ledger, of_acme("a"))
    closing(ledger, "2026-10")
    later = msgspec.structs.replace(of_acme("a", tokens=3_000_000), source_updated_at=SPRING)
    put_events(ledger, read_book(ledger), later)
    assert tokens(exported(ledger)) == 3_000_000
    (row,) = corrected(exported(ledger, period="2026-11"))
    assert (row.consumed_quantity, row.billed_cost) == (None, Decimal(5))
    assert sum(each.billed_cost for each in exported(ledger)) == Decimal("2.5")


def test_rows_of_late_calls_have_keys_of_their_own(ledger: Ledger) -> None:
    add(ledger, of_acme("a"))
    closing(ledger, "2026-10")
    add(ledger, of_acme("b"))
    closing(ledger, "2026-11")
    add(ledger, of_acme("c"))
    rows = [row for month in MONTHS for row in exported(ledger, period=month)]
    assert len({row.x_row_key for row in rows}) == len(rows) == 3


def test_another_price_and_another_owner_are_sums_and_late_calls_are_not(ledger: Ledger) -> None:
    add(ledger, of_acme("a"))
    add(ledger, used("k", day("2026-10"), **ACME, output_tokens=0, virtual_key="vk-1", team="red"))
    closing(ledger, "2026-10")
    owns(ledger, "vk-1", ("blue", 1), since="2026-10-01")
    add(ledger, of_acme("late"))
    rows = exported(ledger, period="2026-11")
    assert by_team(rows) == owed(ledger, "2026-11")
    kinds = [(row.sku_id, (row.charge_description or "").split(" of ")[0]) for row in corrected(rows)]
    assert sorted(kinds, key=str) == [
        ("acme/big-1/input", "big-1 input tokens"),
        (None, "Other owners or allocation rules"),
        (None, "Other owners or allocation rules"),
    ]


def test_late_calls_without_a_price_are_listed_beside_the_month_that_books_the_others(
    ledger: Ledger,
) -> None:
    add(ledger, of_acme("a"))
    closing(ledger, "2026-10")
    add(ledger, of_acme("late"), used("unknown", day("2026-10"), model="no-such-model"))
    unpriced = UnpricedCalls()
    exported(ledger, unpriced=unpriced)
    assert unpriced.calls == 0
    exported(ledger, unpriced=unpriced, period="2026-11")
    assert unpriced.calls == 1


HISTORY = [
    Closing("2026-10", 10),
    Closing("2026-11", 40),
    Closing("2026-12", 50),
    Closing("2026-11", None),
    Closing("2026-11", 90),
]


@pytest.mark.parametrize(
    ("history", "month", "arrivals"),
    [
        ([], "2026-11", ()),
        (HISTORY[:1], "2026-11", (Arrived(10),)),
        (HISTORY[:1], "2026-12", ()),
        (HISTORY[:3], "2026-11", (Arrived(10, 40),)),
        (HISTORY[:3], "2026-12", (Arrived(40, 50),)),
        (HISTORY[:3], "2027-01", (Arrived(50),)),
        (HISTORY[:4], "2026-11", (Arrived(10, 40), Arrived(50))),
        (HISTORY, "2026-11", (Arrived(10, 40), Arrived(50, 90))),
        (HISTORY, "2027-01", (Arrived(90),)),
    ],
)
def test_each_late_call_is_booked_once(
    history: list[Closing], month: str, arrivals: tuple[Arrived, ...]
) -> None:
    assert late_calls(history, "2026-10", month) == arrivals


REOPENED = [*HISTORY, Closing("2026-10", None), Closing("2026-10", 99), Closing("2026-12", None)]
"""The same, and then the month itself is opened and closed again, and then another opened."""


@pytest.mark.parametrize("steps", range(1, len(REOPENED) + 1))
def test_no_call_is_in_the_rows_of_two_months(steps: int) -> None:
    history = REOPENED[:steps]
    after = [late_calls(history, "2026-10", month) for month in ("2026-11", "2026-12", "2027-01")]
    pieces = sorted(piece for arrivals in (own_calls(history, "2026-10"), *after) for piece in arrivals)
    assert all(one.until <= other.after for one, other in pairwise(pieces))
    assert sum(piece.until - piece.after for piece in pieces) == EVERYTHING[0].until


@st.composite
def acts(draw: st.DrawFn) -> tuple[str, int, UsageEvent | None]:
    """A call, or the closing or reopening of a month."""
    act, month = draw(st.sampled_from(["call", "call", "call", "close", "reopen"])), draw(st.integers(0, 2))
    if act != "call":
        return act, month, None
    currency = draw(st.sampled_from(["USD", "EUR", "CNY"]))
    model = draw(st.sampled_from(["big-1", "euro-1"]))
    reported = draw(
        st.none() | st.builds(ReportedCost, input=st.integers(0, 9), total=st.integers(10, 10**9))
    )
    event = used(
        str(draw(st.uuids())),
        day(MONTHS[month], draw(st.integers(1, 28))),
        provider="acme",
        model=model,
        input_tokens=draw(st.integers(1, 99_999)),
        output_tokens=0,
        currency=currency if reported else "USD",
        virtual_key=draw(st.sampled_from(["vk-1", "vk-2"])),
        team=draw(st.sampled_from(["red", None])),
        reported=reported,
    )
    return act, month, event


@pytest.mark.long
@settings(max_examples=60)
@given(some=st.lists(acts(), max_size=14))
def test_rows_of_every_month_add_up_to_its_statement_in_one_currency(
    fresh_ledger: Callable[[], Ledger], some: list[tuple[str, int, UsageEvent | None]]
) -> None:
    add_up(fresh_ledger, some)


@settings(max_examples=8)
@given(some=st.lists(acts(), max_size=10))
def test_rows_of_a_few_months_add_up_to_their_statements(
    fresh_ledger: Callable[[], Ledger], some: list[tuple[str, int, UsageEvent | None]]
) -> None:
    add_up(fresh_ledger, some)


def add_up(fresh_ledger: Callable[[], Ledger], some: list[tuple[str, int, UsageEvent | None]]) -> None:
    with fresh_ledger() as ledger:
        prepare(ledger)
        for act, month, event in some:
            if event is not None:
                put_events(ledger, read_book(ledger), event, at=SPRING)
            else:
                turn(ledger, act, MONTHS[month])
        for name in MONTHS:
            rows = exported(ledger, period=name)
            holds_exactly(rows)
            assert {row.billing_currency for row in rows} <= {"USD"}
            assert by_team(rows) == owed(ledger, name)
            whole = statement(ledger, of_month(read_month(name)), SPRING)
            billed = Decimal(0)
            for row in rows:
                billed = EXACT.add(billed, row.billed_cost)
            assert billed * PICO == whole.total


def prepare(ledger: Ledger) -> None:
    """Prices in two currencies, awkward rates, shared keys, a discount and a mark-up."""
    own_price(ledger, "input", "0.123456789012345")
    own_price(ledger, "input", "7.77", model="euro-1", currency="EUR")
    term(ledger, "0.8765")
    term(ledger, "1.03", "markup")
    first, end = (of_month(read_month(month)).days[0] for month in (MONTHS[0], MONTHS[3]))
    quotes = [
        Quote(base=base, quote=quote, day=number, rate=Decimal(rate))
        for number in range(first, end, 5)
        for base, quote, rate in (("USD", "EUR", "0.8571"), ("USD", "CNY", "7.13"))
    ]
    with ledger.writing() as connection:
        add_quotes(connection, quotes)
    owns(ledger, "vk-1", ("blue", 1), ("green", 1), ("grey", 1))


def turn(ledger: Ledger, act: str, month: str) -> None:
    try:
        if act == "close":
            closing(ledger, month)
        else:
            reopen(ledger, read_month(month), reason="again", by="ada", now=SPRING)
    except CloseRefused:
        pass
