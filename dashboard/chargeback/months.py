"""The months of a ledger with their status: open, closing or closed, by whom and when."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboard.calls.calls import first_call
from dashboard.chargeback.corrections import booking_month
from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import current_month
from dashboard.chargeback.store import next_call
from dashboard.fees.store import read_fees
from dashboard.query.calendar import Month, month_of, of_month, read_month, today
from ingest.clock import rfc3339_seconds
from ingest.ledger import periods
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.periods import Event
from ingest.model import money
from ingest.model.zone import micros


@dataclass(frozen=True, slots=True)
class MonthState:
    """A month, its latest event, and its statement if it is closed."""

    period: str
    event: Event | None
    statement: Statement | None
    reporting: str
    """The currency that the ledger reports in."""

    def as_json(self) -> dict[str, Any]:
        """The month as JSON outputs give it."""
        event, sealed = self.event, self.statement
        return {
            "period": self.period,
            "status": event.status if event else "open",
            "at": rfc3339_seconds(event.at) if event else None,
            "by": event.by if event else None,
            "reason": event.reason if event else "",
            "number": sealed.number if sealed else None,
            "total": money.plain(sealed.total) if sealed else None,
            "currency": sealed.currency if sealed else self.reporting,
            "hash": event.hash if event else None,
        }


def months(ledger: Ledger, at: int) -> list[MonthState]:
    """Every month with calls, fees or adjustments or a history, and the current month; newest first.

    A month without any of these is listed if corrections of a closed month are booked in it.
    """
    with ledger.snapshot() as snapshot, snapshot.reading() as connection:
        standing = periods.latest_events(connection)
        shown = {
            current_month(ledger, at),
            *map(read_month, standing),
            *(read_month(row.period) for row in periods.adjustments(connection)),
            *_months_with_calls(connection, ledger),
            *_months_with_fees(connection, ledger, at),
        }
        sealed = sealed_statements(snapshot)
    shown |= {booking_month(read_month(name), sealed.closings) for name in sealed.closings}
    return [
        MonthState(
            name,
            standing.get(name),
            SealedStatements(ledger, sealed.closings).statement(name) if name in sealed.closings else None,
            ledger.currency,
        )
        for name in map(str, sorted(shown, reverse=True))
    ]


def _months_with_calls(connection: Connection, ledger: Ledger) -> Iterator[Month]:
    """The months with calls: a look-up for each, however many calls it has."""
    call = next_call(connection)
    while call is not None:
        month = month_of(today(ledger.zone, call))
        yield month
        call = next_call(connection, ledger.zone.midnight(of_month(month).days[1]))


def _months_with_fees(connection: Connection, ledger: Ledger, at: int) -> Iterator[Month]:
    """The months up to now in which a fee is charged."""
    for fee in read_fees(connection):
        if not fee.is_empty and fee.start <= at:
            last = min(at, fee.end - 1) if fee.end else at if fee.every == "month" else fee.start
            month, until = (month_of(today(ledger.zone, edge)) for edge in (fee.start, last))
            while month <= until:
                yield month
                month = month.plus(1)


def first_month(ledger: Ledger, at: int) -> Month:
    """The month of the first call, fee or adjustment; the current month if there are none."""
    with ledger.reading() as connection:
        starts = [fee.start for fee in read_fees(connection) if not fee.is_empty]
        booked = [read_month(row.period) for row in periods.adjustments(connection)]
    if (call := first_call(ledger)) is not None:
        starts.append(micros(call))
    begun = [month_of(today(ledger.zone, start)) for start in starts]
    return min([*begun, *booked, current_month(ledger, at)])
