"""The statement of a period: sealed if its month is closed, else computed now, with corrections."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dashboard.chargeback.compute import compute_statement
from dashboard.chargeback.corrections import booked_elsewhere, corrections
from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statement import Correction, Statement, merged, numbered
from dashboard.chargeback.store import names_of
from dashboard.chargeback.usage import Unconverted
from dashboard.query.calendar import Calendar, Month, month_of, of_month, today
from dashboard.query.question import QuestionError
from ingest.ledger import periods
from ingest.ledger.engine import Ledger


class OtherCurrency(QuestionError):
    """Months are closed in another currency than the ledger reports in; the message says what to do."""

    def __init__(self, months: Sequence[str], currency: str, reporting: str) -> None:
        listed = f"{', '.join(months)} {'is' if len(months) == 1 else 'are'} closed in {currency}"
        super().__init__(
            "other_currency",
            "currency",
            f"{listed}, and TALLYBOOK_CURRENCY is {reporting}: a statement never mixes currencies; set "
            f"TALLYBOOK_CURRENCY={currency} again, or open each of these months with `tallybook period "
            f"reopen {months[0]} --reason REASON` and close it in {reporting}",
        )


def statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period: sealed if its month is closed, else computed at `now`, with corrections.

    A period that is not made of whole months cannot be closed, so it has no corrections.

    Raises:
        OtherCurrency: a month of the period is not closed, and others are closed in another currency.
    """
    with ledger.snapshot() as snapshot:
        return _statement(snapshot, calendar, now)


def _statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    if not calendar.months:
        return compute_statement(ledger, calendar, now)
    sealed = sealed_statements(ledger)
    if any(str(month) not in sealed.closings for month in calendar.months):
        require_one_currency(sealed)
    parts = [_of_month(ledger, month, sealed, now) for month in calendar.months]
    return parts[0] if len(parts) == 1 else merged(calendar.name, parts)


def require_one_currency(sealed: SealedStatements) -> None:
    """Refuse to work with closed months that are in another currency than the ledger reports in.

    Raises:
        OtherCurrency: there is such a month.
    """
    reporting = sealed.ledger.currency
    currencies = {name: sealed.statement(name).currency for name in sealed.closings}
    others = [name for name, currency in currencies.items() if currency != reporting]
    if others:
        raise OtherCurrency(others, currencies[others[0]], reporting)


def _of_month(ledger: Ledger, month: Month, sealed: SealedStatements, now: int) -> Statement:
    if str(month) in sealed.closings:
        return sealed.statement(str(month))
    computed = compute_statement(ledger, of_month(month), now)
    booked = numbered(
        str(month),
        (
            *corrections(ledger, month, sealed),
            *booked_elsewhere(month, sealed),
            *_by_hand(ledger, month),
        ),
    )
    with ledger.reading() as connection:
        left_out = _in_other_currencies(ledger, periods.adjustments(connection, str(month)))
        events = periods.events(connection, str(month))
        names = {**computed.names} | names_of(connection, _entries(booked))
    return replace(
        computed,
        corrections=booked,
        unconverted=(*computed.unconverted, *left_out),
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


def _in_other_currencies(ledger: Ledger, adjustments: Iterable[periods.Adjustment]) -> Iterator[Unconverted]:
    """Adjustments that were booked while the ledger reported in another currency; they are in no amount."""
    for booked in adjustments:
        if booked.currency != ledger.currency:
            reason = f"it was booked by hand while TALLYBOOK_CURRENCY was {booked.currency}: set it so again"
            yield Unconverted(booked.currency, booked.amount, 0, reason)


def _entries(corrections: Iterable[Correction]) -> set[int]:
    return {entry for correction in corrections for entry in correction.owner if entry is not None}


def current_month(ledger: Ledger, now: int) -> Month:
    """The current month in the reporting zone."""
    return month_of(today(ledger.zone, now))
