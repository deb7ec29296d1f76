"""Chargeback: closed statements never change, and what comes later is booked once.

Everything adds up to the ledger.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback import closing
from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.closing import CloseRefused
from dashboard.chargeback.corrections import booking_month
from dashboard.chargeback.report import report
from dashboard.chargeback.statement import Correction, Statement
from dashboard.chargeback.statements import statement
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.query.calendar import Month, of_month, read_calendar, read_month
from dashboard.query.question import Period, SpendQuery
from dashboard.query.run import run
from ingest.ledger import audit, imports, periods
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.tables.ownership import owned
from ingest.ledger.verification import verify
from ingest.model.money import pico_of
from ingest.model.ownership import NOBODY, Owner
from ingest.model.zone import micros
from tests.support.calls import a_ledger, call, put
from tests.support.examples import examples
from tests.support.owners import entry, owns

NOW = micros(datetime(2027, 3, 1, tzinfo=UTC))
OCTOBER, NOVEMBER, DECEMBER = (Month(2026, number) for number in (10, 11, 12))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        yield opened


def owed(ledger: Ledger, month: Month) -> dict[str | None, int]:
    """What each team owes in a month, by name."""
    found = statement(ledger, of_month(month), NOW)
    sums: dict[str | None, int] = {}
    for line in found.lines:
        name = found.names[line.owner.team_id].name if line.owner.team_id else None
        sums[name] = sums.get(name, 0) + line.total
    return {name: amount for name, amount in sums.items() if amount}


def corrections(ledger: Ledger, month: Month) -> list[tuple[str, str | None, str | None, int]]:
    found = statement(ledger, of_month(month), NOW)
    return [
        (one.cause, one.about, found.names[one.owner.team_id].name if one.owner.team_id else None, one.amount)
        for one in found.corrections
    ]


def close(ledger: Ledger, month: Month, accept: str | None = None) -> closing.CloseResult:
    return closing.close(ledger, month, accept=accept, by="ann", now=NOW)


def test_a_team_owes_its_calls_its_fees_and_its_part_of_what_is_shared(ledger: Ledger) -> None:
    put(
        ledger,
        [
            call("2026-10-05T10:00:00Z", 600, team="red"),
            call("2026-10-06T10:00:00Z", 200, team="blue"),
            call("2026-10-07T10:00:00Z", 80, virtual_key="vk-stray"),
        ],
    )
    with ledger.writing() as connection:
        start = ledger.zone.midnight(of_month(OCTOBER).days[0])
        known: dict[str, Any] = {"currency": "USD", "start": start, "every": "month"}
        add_fees(
            connection,
            [
                Fee(name="seats", kind="platform", amount=1_001, **known),
                Fee(
                    name="gpu",
                    kind="provisioned",
                    amount=200,
                    team_id=entry(ledger, "team", "blue", connection),
                    **known,
                ),
            ],
        )
        add_rules(connection, [Rule(pool="fees", method="even"), Rule(pool="unassigned", method="cost")])
    lines = {line.owner.team_id: line for line in statement(ledger, of_month(OCTOBER), NOW).lines}
    red, blue, nobody = (
        lines[one] for one in (entry(ledger, "team", "red"), entry(ledger, "team", "blue"), None)
    )
    assert (red.direct, blue.direct, nobody.direct) == (600, 400, 80)
    assert (red.shared, blue.shared, nobody.shared) == (48 + 501, 32 + 500, -80) or (
        red.shared,
        blue.shared,
        nobody.shared,
    ) == (48 + 500, 32 + 501, -80)
    assert red.total + blue.total + nobody.total == 600 + 200 + 80 + 1_001 + 200


def test_a_rule_counts_from_its_day(ledger: Ledger) -> None:
    put(
        ledger,
        [
            call("2026-10-05T10:00:00Z", 100, team="red"),
            call("2026-10-05T11:00:00Z", 10, virtual_key="vk-stray"),
            call("2026-10-25T10:00:00Z", 100, team="red"),
            call("2026-10-25T11:00:00Z", 7, virtual_key="vk-stray"),
        ],
    )
    with ledger.writing() as connection:
        first = of_month(OCTOBER).days[0] + 14
        add_rules(connection, [Rule(pool="unassigned", method="cost", first_day=first)])
    assert owed(ledger, OCTOBER) == {"red": 207, None: 10}


def test_a_closed_month_stands_and_what_comes_late_is_booked_in_the_next(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red")])
    close(ledger, OCTOBER)
    before = statement(ledger, of_month(OCTOBER), NOW)
    put(
        ledger,
        [call("2026-10-31T10:00:00Z", 30, team="red"), call("2026-11-02T10:00:00Z", 5, team="red")],
        first=1,
    )
    assert statement(ledger, of_month(OCTOBER), NOW) == before
    assert owed(ledger, NOVEMBER) == {"red": 35}
    assert corrections(ledger, NOVEMBER) == [("late", "2026-10", "red", 30)]


def test_what_was_booked_is_not_booked_again(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red")])
    close(ledger, OCTOBER)
    put(ledger, [call("2026-10-06T10:00:00Z", 30, team="red")], first=1)
    close(ledger, NOVEMBER)
    put(ledger, [call("2026-10-07T10:00:00Z", 4, team="red")], first=2)
    assert corrections(ledger, NOVEMBER) == [("late", "2026-10", "red", 30)]
    assert corrections(ledger, DECEMBER) == [("late", "2026-10", "red", 4)]


def test_another_owner_of_a_closed_month_only_moves_what_was_owed(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red", virtual_key="vk-1")])
    close(ledger, OCTOBER)
    owns(ledger, "vk-1", ("blue", 1), since="2026-10-01")
    assert sorted(corrections(ledger, NOVEMBER)) == [
        ("ownership", "2026-10", "blue", 100),
        ("ownership", "2026-10", "red", -100),
    ]


def test_another_price_in_a_closed_month_is_told_from_late_calls(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red")])
    close(ledger, OCTOBER)
    with ledger.writing() as connection:
        connection.execute(usage_event.update().values(total_cost=140))
    put(ledger, [call("2026-10-06T10:00:00Z", 7, team="red")], first=1)
    assert corrections(ledger, NOVEMBER) == [("late", "2026-10", "red", 7), ("price", "2026-10", "red", 40)]


def test_what_rounds_by_itself_is_no_other_price(ledger: Ledger) -> None:
    third = Quote(base="EUR", quote="USD", day=of_month(OCTOBER).days[0], rate=Decimal("0.3333333"))
    with ledger.writing() as connection:
        add_quotes(connection, [third])
        start = ledger.zone.midnight(of_month(OCTOBER).days[0])
        seats: dict[str, Any] = {"currency": "USD", "start": start, "every": "once"}
        add_fees(connection, [Fee(name="seats", kind="platform", amount=1_000, **seats)])
        add_rules(connection, [Rule(pool="fees", method="cost")])
    put(
        ledger,
        [
            call("2026-10-01T10:00:00Z", 100, team="red", currency="EUR"),
            call("2026-10-01T10:00:00Z", 300, team="blue", currency="EUR"),
        ],
    )
    close(ledger, OCTOBER)
    put(ledger, [call("2026-10-01T11:00:00Z", 100, team="red", currency="EUR")], first=2)
    found = corrections(ledger, NOVEMBER)
    assert [(cause, team) for cause, _, team, _ in sorted(found, key=str)] == [
        ("late", "red"),
        ("ownership", "blue"),
        ("ownership", "red"),
    ]
    amounts = {(cause, team): amount for cause, _, team, amount in found}
    assert amounts["late", "red"] == 34  # 200 are 67, of which the statement knows 33
    assert amounts["ownership", "red"] + amounts["ownership", "blue"] == 0


def test_a_month_that_is_opened_again_does_not_owe_what_is_booked_elsewhere(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red")])
    close(ledger, OCTOBER)
    put(ledger, [call("2026-10-06T10:00:00Z", 30, team="red")], first=1)
    close(ledger, NOVEMBER)
    closing.reopen(ledger, OCTOBER, reason="a mistake", by="ann", now=NOW)
    assert owed(ledger, OCTOBER) == {"red": 100}
    assert corrections(ledger, OCTOBER) == [("booked", "2026-10", "red", -30)]
    again = close(ledger, OCTOBER)
    assert again.hash is not None
    assert statement(ledger, of_month(OCTOBER), NOW).revision == 2


def test_corrections_land_in_the_earliest_month_that_is_open() -> None:
    kept = {"2026-10", "2026-11", "2027-01"}
    assert str(booking_month(OCTOBER, kept)) == "2026-12"


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_unpriced_calls_stop_closing_unless_somebody_says_why(ledger: Ledger, reason: str | None) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", None, team="red", model="new")])
    stopped = close(ledger, OCTOBER, accept=reason)
    assert stopped.hash is None
    assert [(item.code, item.stops) for item in stopped.items] == [("unpriced", True)]
    assert statement(ledger, of_month(OCTOBER), NOW).status == "closing"
    assert close(ledger, OCTOBER, accept="a trial model").hash is not None
    with ledger.reading() as connection:
        last = audit.entries(connection, action="period")[0]
    assert last.detail["accepted"] == "a trial model"
    assert statement(ledger, of_month(OCTOBER), NOW).reason == "a trial model"


def test_a_call_without_a_price_that_teams_share_is_one_call(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", None, virtual_key="vk-1", model="new")])
    owns(ledger, "vk-1", ("red", 1), ("blue", 1), ("green", 1))
    (item,) = [item for item in close(ledger, OCTOBER).items if item.code == "unpriced"]
    assert item.text.startswith("1 calls have no price")
    found = statement(ledger, of_month(OCTOBER), NOW)
    assert [line.used.unpriced_requests for line in found.lines] == [1, 1, 1]
    assert report(found, "team").whole.used.unpriced_requests == 1


def test_an_import_that_runs_stops_closing_and_what_nobody_owns_is_noted(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 5, virtual_key="vk-stray")])
    with ledger.writing() as connection:
        imports.start(connection, "import", "logs.jsonl", "f", 0)
    found = {item.code: item.stops for item in close(ledger, OCTOBER).items}
    assert found == {"imports_running": True, "unreconciled": False, "unassigned": False}


def test_a_month_that_is_not_over_is_not_closed(ledger: Ledger) -> None:
    with pytest.raises(CloseRefused, match="2026-10 is not over yet in Europe/Berlin"):
        closing.close(
            ledger, OCTOBER, accept="now", by="ann", now=micros(datetime(2026, 10, 31, 22, 59, tzinfo=UTC))
        )


def test_a_month_is_closed_once_and_opened_with_a_reason(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 1, team="red")])
    close(ledger, OCTOBER)
    with pytest.raises(CloseRefused, match="closed already"):
        close(ledger, OCTOBER)
    with pytest.raises(CloseRefused, match="say why"):
        closing.reopen(ledger, OCTOBER, reason=" ", by="ann", now=NOW)
    with pytest.raises(CloseRefused, match="2026-11 is not closed"):
        closing.reopen(ledger, NOVEMBER, reason="x", by="ann", now=NOW)


def test_a_refusal_to_close_or_open_has_a_code_and_its_field(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 3)])

    def refusal(work: Callable[[], object]) -> tuple[str, str | None]:
        with pytest.raises(CloseRefused) as refused:
            work()
        return refused.value.code, refused.value.field

    def opened(reason: str) -> None:
        closing.reopen(ledger, OCTOBER, reason=reason, by="ann", now=NOW)

    assert refusal(lambda: close(ledger, Month(2030, 1))) == ("not_over", None)
    assert refusal(lambda: close(ledger, Month(2026, 8))) == ("before_data", None)
    assert refusal(lambda: opened("again")) == ("not_closed", None)
    close(ledger, OCTOBER, accept="fine")
    assert refusal(lambda: close(ledger, OCTOBER)) == ("already_closed", None)
    assert refusal(lambda: opened(" ")) == ("missing_reason", "reason")
    assert refusal(lambda: opened("x" * 501))[0] == "long_reason"


def test_nothing_is_booked_by_hand_in_a_closed_month(ledger: Ledger) -> None:
    one = periods.Adjustment(
        period="2026-10",
        cause="credit",
        owner=NOBODY,
        currency="USD",
        amount=-50,
        reason="goodwill",
        recorded_at=NOW,
        recorded_by="ann",
    )
    with ledger.writing() as connection:
        periods.book(connection, one)
    assert owed(ledger, OCTOBER) == {None: -50}
    close(ledger, OCTOBER)
    with ledger.writing() as connection, pytest.raises(periods.AlreadyClosed):
        periods.book(connection, one)


def test_owners_that_are_not_what_was_assigned_are_found_out(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, virtual_key="vk-1")])
    owns(ledger, "vk-1", ("blue", 1))
    assert verify(ledger) == []
    with ledger.writing() as connection:
        connection.execute(owned.update().values(parts=2))
    assert [one.invariant for one in verify(ledger)] == ["attribution is dated"]


def test_a_quarter_is_its_months(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 100, team="red"), call("2026-11-05T10:00:00Z", 20, team="red")])
    close(ledger, OCTOBER)
    put(ledger, [call("2026-10-06T10:00:00Z", 3, team="red")], first=2)
    quarter = statement(ledger, read_calendar("2026-Q4"), NOW)
    assert (quarter.total, quarter.status, quarter.used.requests) == (123, "open", 2)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 80), st.sampled_from("abc"), st.integers(-5, 10**6)),
        st.tuples(st.just("own"), st.integers(0, 80), st.sampled_from("abc"), st.integers(1, 3)),
        st.tuples(st.just("rule"), st.integers(0, 80), st.sampled_from(["cost", "even", "keep"]), st.just(0)),
        st.tuples(st.just("price"), st.integers(0, 9), st.just(""), st.integers(0, 10**6)),
        st.tuples(st.just("close"), st.integers(0, 2), st.just(""), st.just(0)),
        st.tuples(st.just("reopen"), st.integers(0, 2), st.just(""), st.just(0)),
    ),
    max_size=14,
)
MONTHS = (OCTOBER, NOVEMBER, DECEMBER)
FIRST = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass
class Books:
    """A ledger, and the closed statements as they were issued."""

    ledger: Ledger
    issued: dict[Month, Statement] = field(default_factory=dict)
    calls: int = 0

    def act(self, what: str, at: int, name: str, number: int) -> None:
        match what:
            case "call":
                moment = datetime.fromtimestamp(FIRST.timestamp() + at * 86_400 + 7_200, UTC).isoformat()
                team = {"a": "red", "b": "blue", "c": None}[name]
                put(
                    self.ledger, [call(moment, number, virtual_key=f"vk-{name}", team=team)], first=self.calls
                )
                self.calls += 1
            case "own":
                since = datetime.fromtimestamp(FIRST.timestamp() + at * 86_400, UTC).date().isoformat()
                owns(self.ledger, f"vk-{name}", ("blue", 1), ("green", number), since=since, at=at)
            case "rule":
                with self.ledger.writing() as connection:
                    first = of_month(OCTOBER).days[0] + at
                    add_rules(connection, [Rule(pool="unassigned", method=name, first_day=first)])  # type: ignore[arg-type]
            case "price":
                with self.ledger.writing() as connection:
                    some = usage_event.update().where(usage_event.c.seq % 10 == at)
                    connection.execute(some.values(total_cost=number))
            case _:
                self.turn(what, MONTHS[at])

    def turn(self, what: str, month: Month) -> None:
        try:
            if what == "close":
                close(self.ledger, month)
                self.issued[month] = statement(self.ledger, of_month(month), NOW)
            else:
                closing.reopen(self.ledger, month, reason="again", by="ann", now=NOW)
                del self.issued[month]
        except CloseRefused:
            pass

    def balance(self) -> tuple[int, int]:
        """What all statements owe together, and what the ledger says."""
        far = [OCTOBER.plus(number) for number in range(-1, 6)]
        owed_in_all = sum(statement(self.ledger, of_month(month), NOW).total for month in far)
        period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
        asked = SpendQuery(period=period, zone="UTC", metrics=("total_cost",))
        total = run(self.ledger, asked).totals.values[0]
        return owed_in_all, pico_of(total)  # type: ignore[arg-type]


@contextmanager
def books() -> Iterator[Books]:
    with TemporaryDirectory() as folder, a_ledger(Path(folder), "Europe/Berlin") as ledger:
        yield Books(ledger)


@given(ACTS)
@examples(6)
def test_in_whatever_order_things_come_to_light_statements_stand_and_add_up(
    acts: list[tuple[str, int, str, int]],
) -> None:
    with books() as kept:
        for act in acts:
            kept.act(*act)
        for month, issued in kept.issued.items():
            assert statement(kept.ledger, of_month(month), NOW) == issued
        in_all, said = kept.balance()
        assert in_all == said
        with kept.ledger.reading() as connection:
            assert list(periods.broken_chains(connection)) == []


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-10", "2026-10-01", "2026-11-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-W41", "2026-10-05", "2026-10-12"),
        ("2026-10-05", "2026-10-05", "2026-10-06"),
        ("2026-10-05/2026-10-20", "2026-10-05", "2026-10-20"),
    ],
)
def test_periods_are_read_as_people_write_them(text: str, first: str, end: str) -> None:
    found = read_calendar(text)
    assert (found.first.isoformat(), found.end.isoformat()) == (first, end)


@pytest.mark.parametrize(
    "text", ["", "october", "2026-13", "2026-10-32", "26-10", "2026-W99", "2026-10-05/2026-10-05", "9999"]
)
def test_what_is_no_period_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="2026-10"):
        read_calendar(text)


def test_the_month_before_january_is_december() -> None:
    assert read_month("2027-01").plus(-1) == DECEMBER
    assert Correction("late", Owner(), 1).about is None
