"""The statement of a period: sealed if its month is closed, else computed now, with corrections."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dashboard.chargeback.compute import compute_statement
from dashboard.chargeback.corrections import booked_elsewhere, corrections
from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statement import Correction, Statement, merged
from dashboard.chargeback.store import names_of
from dashboard.query.calendar import Calendar, Month, month_of, of_month, today
from ingest.ledger import periods
from ingest.ledger.engine import Ledger


def statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period: sealed if its month is closed, else computed at `now`, with corrections.

    A period that is not made of whole months cannot be closed, so it has no corrections.
    """
    if not calendar.months:
        return compute_statement(ledger, calendar, now)
    sealed = sealed_statements(ledger)
    parts = [_of_month(ledger, month, sealed, now) for month in calendar.months]
    return parts[0] if len(parts) == 1 else merged(calendar.name, parts)


def _of_month(ledger: Ledger, month: Month, sealed: SealedStatements, now: int) -> Statement:
    if str(month) in sealed.closings:
        return sealed.statement(str(month))
    computed = compute_statement(ledger, of_month(month), now)
    booked = (
        *corrections(ledger, month, sealed),
        *booked_elsewhere(month, sealed),
        *_by_hand(ledger, month),
    )
    with ledger.reading() as connection:
        events = periods.events(connection, str(month))
        names = {**computed.names} | names_of(connection, _entries(booked))
    return replace(
        computed,
        corrections=booked,
        names=names,
        status=events[-1].status if events else "open",
        revision=sum(event.status == "closed" for event in events),
    )


def _by_hand(ledger: Ledger, month: Month) -> Iterator[Correction]:
    with ledger.reading() as connection:
        adjustments = periods.adjustments(connection, str(month))
    for booked in adjustments:
        if booked.currency == ledger.currency:
            yield Correction(booked.cause, booked.owner, booked.amount, booked.about, booked.reason)


def _entries(corrections: Iterable[Correction]) -> set[int]:
    return {entry for correction in corrections for entry in correction.owner if entry is not None}


def current_month(ledger: Ledger, now: int) -> Month:
    """The current month in the reporting zone."""
    return month_of(today(ledger.zone, now))
