"""The months of a ledger with their status: open, closing or closed, by whom and when."""

from dataclasses import dataclass
from typing import Any

from dashboard.calls.calls import first_call, last_call
from dashboard.chargeback.sealed import sealed_statements
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import current_month
from dashboard.fees.store import read_fees
from dashboard.query.calendar import Month, month_of, read_month, today
from ingest.clock import rfc3339_seconds
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
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
    """Every month from the first with data on, and earlier ones that were closed once; newest first."""
    with ledger.reading() as connection:
        standing = periods.latest_events(connection)
    call = last_call(ledger)
    until = current_month(ledger, at)
    if call is not None:
        until = max(until, month_of(today(ledger.zone, micros(call))))
    month, shown = first_month(ledger, at), {read_month(name) for name in standing}
    while month <= until:
        shown.add(month)
        month = month.plus(1)
    sealed = sealed_statements(ledger)
    return [
        MonthState(
            name,
            standing.get(name),
            sealed.statement(name) if name in sealed.closings else None,
            ledger.currency,
        )
        for name in map(str, sorted(shown, reverse=True))
    ]


def first_month(ledger: Ledger, at: int) -> Month:
    """The month of the first call, fee or adjustment; the current month if there are none."""
    with ledger.reading() as connection:
        starts = [fee.start for fee in read_fees(connection) if not fee.is_empty]
        booked = [read_month(row.period) for row in periods.adjustments(connection)]
    if (call := first_call(ledger)) is not None:
        starts.append(micros(call))
    begun = [month_of(today(ledger.zone, start)) for start in starts]
    return min([*begun, *booked, current_month(ledger, at)])
