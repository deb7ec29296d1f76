"""Accounting: the statement of a period, kept where it is closed, else worked out, with what is corrected in it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dashboard.chargeback.compute import ledger_says
from dashboard.chargeback.corrections import booked_elsewhere, corrections
from dashboard.chargeback.sealed import Kept, kept
from dashboard.chargeback.statement import Correction, Statement, merged
from dashboard.chargeback.store import names_of
from dashboard.query.calendar import Calendar, Month, month_of, of_month, today
from ingest.ledger import periods
from ingest.ledger.engine import Ledger


def statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period: kept where it is closed, else what the ledger says at `now`, with corrections.

    A period that is not made of whole months has no corrections: nobody closes it.
    """
    if not calendar.months:
        return ledger_says(ledger, calendar, now)
    closed = kept(ledger)
    parts = [_of_month(ledger, month, closed, now) for month in calendar.months]
    return parts[0] if len(parts) == 1 else merged(calendar.name, parts)


def _of_month(ledger: Ledger, month: Month, closed: Kept, now: int) -> Statement:
    if str(month) in closed.closings:
        return closed.statement(str(month))
    found = ledger_says(ledger, of_month(month), now)
    made = (
        *corrections(ledger, month, closed),
        *booked_elsewhere(month, closed),
        *_by_hand(ledger, month),
    )
    with ledger.reading() as connection:
        happened = periods.events(connection, str(month))
        closings = sum(one.status == "closed" for one in happened)
        called = {**found.names} | names_of(connection, _entries(made))
    return replace(
        found,
        corrections=made,
        names=called,
        status=happened[-1].status if happened else "open",
        revision=closings,
    )


def _by_hand(ledger: Ledger, month: Month) -> Iterator[Correction]:
    with ledger.reading() as connection:
        found = periods.adjustments(connection, str(month))
    for one in found:
        if one.currency == ledger.currency:
            yield Correction(one.cause, one.owner, one.amount, one.about, one.reason)


def _entries(corrections: Iterable[Correction]) -> set[int]:
    return {one for correction in corrections for one in correction.owner if one is not None}


def current_month(ledger: Ledger, now: int) -> Month:
    """The month that is running in the reporting zone."""
    return month_of(today(ledger.zone, now))
