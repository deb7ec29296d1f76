"""Closing while others write: a statement is of one moment, and what comes later is told by its cause."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from dashboard.chargeback import closing
from dashboard.chargeback.sealed import sealed_content
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import statement
from dashboard.query.calendar import Month, of_month
from ingest.ledger import arrivals, periods
from ingest.ledger.arrivals import newest_call, settled_snapshot
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.ledger.periods import Adjustment
from ingest.ledger.tables.calls import usage_event
from ingest.model.ownership import NOBODY
from ingest.model.zone import micros
from tests.support.calls import call, put, put_within

NOW = micros(datetime(2027, 3, 1, tzinfo=UTC))
OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
DAY = "2026-10-15T12:00:00+00:00"
OTHER_DAY = "2026-10-16T12:00:00+00:00"
"""A day whose slots no other transaction has marked."""

on_postgresql = pytest.mark.parametrize(
    "settings", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def close(ledger: Ledger, month: Month = OCTOBER) -> Statement:
    result = closing.close(ledger, month, accept="a trial", by="ann", now=NOW)
    assert result.hash
    return statement(ledger, of_month(month), NOW)


def corrections(ledger: Ledger) -> dict[str, int]:
    """The corrections of October that are booked in November, by cause."""
    found = statement(ledger, of_month(NOVEMBER), NOW).corrections
    assert {one.about for one in found} <= {"2026-10"}
    return {one.cause: one.amount for one in found}


def before_sealing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once, after the statement is computed and before it is sealed."""
    acts = [act]

    def acting(issued: Statement) -> Any:
        if acts:
            acts.pop()()
        return sealed_content(issued)

    monkeypatch.setattr(closing, "sealed_content", acting)


def test_what_comes_between_computing_and_sealing_is_a_late_call_or_a_new_price(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ledger, [call(DAY, 100), call(DAY, 200)])

    def meanwhile() -> None:
        put(ledger, [call(DAY, 7)], first=10)
        with ledger.writing() as connection:
            dearer = usage_event.update().where(usage_event.c.total_cost == 100)
            connection.execute(dearer.values(total_cost=130, input_cost=130))

    before_sealing(monkeypatch, meanwhile)
    assert close(ledger).total == 300
    assert corrections(ledger) == {"late": 7, "price": 30}


def test_an_adjustment_that_is_booked_meanwhile_is_in_the_statement(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ledger, [call(DAY, 100)])
    credit = Adjustment(
        period="2026-10",
        cause="credit",
        owner=NOBODY,
        currency="USD",
        amount=-40,
        reason="a credit",
        recorded_at=NOW,
        recorded_by="bob",
    )

    def meanwhile() -> None:
        with ledger.writing() as connection:
            periods.book(connection, credit)

    before_sealing(monkeypatch, meanwhile)
    assert close(ledger).total == 60


@on_postgresql
def test_a_call_that_is_underway_when_a_month_is_closed_is_waited_for(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sequence number is smaller than those of calls that were committed before it."""
    put(ledger, [call(DAY, 4_000)], first=30)
    underway = ledger.writing()
    put_within(underway.__enter__(), ledger, [call(OTHER_DAY, 1)])
    put(ledger, [call(DAY, 20)], first=10)
    ends = [underway]

    def end_the_writer(_seconds: float) -> None:
        ends.pop().__exit__(None, None, None)

    waiting = partial(settled_snapshot, pause=end_the_writer)
    monkeypatch.setattr(closing, "settled_snapshot", waiting)
    assert close(ledger).total == 4_021
    put(ledger, [call(DAY, 300)], first=20)
    assert corrections(ledger) == {"late": 300}


@on_postgresql
def test_a_snapshot_begins_between_writers_and_later_calls_have_larger_numbers(ledger: Ledger) -> None:
    put(ledger, [call(DAY, 1)])
    with settled_snapshot(ledger) as snapshot, snapshot.reading() as connection:
        newest = newest_call(connection)
        put(ledger, [call(DAY, 2)], first=10)
        assert newest_call(connection) == newest
    with ledger.reading() as connection:
        later = connection.execute(sa.select(usage_event.c.seq).where(usage_event.c.seq > newest)).all()
    assert len(later) == 1


@on_postgresql
def test_a_writer_that_does_not_end_stops_a_closing_and_no_other_writer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "_WAIT_SECONDS", 0.02)  # forty times
    put(ledger, [call(DAY, 1)], first=1_000)
    stuck = ledger.writing()
    put_within(stuck.__enter__(), ledger, [call(OTHER_DAY, 1)])
    pauses: list[float] = []

    def meanwhile(seconds: float) -> None:
        pauses.append(seconds)
        put(ledger, [call(DAY, 1)], first=len(pauses))

    with pytest.raises(LedgerBusy, match="does not end"), settled_snapshot(ledger, meanwhile):
        pass
    stuck.__exit__(None, None, None)
    assert len(pauses) >= 10
