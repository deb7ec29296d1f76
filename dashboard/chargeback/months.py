"""The months of a ledger with their status: open, closing or closed, by whom and when."""

from dataclasses import dataclass
from typing import Any

from dashboard.calls.calls import first_call, last_call
from dashboard.chargeback.sealed import sealed_statements
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import current_month
from dashboard.query.calendar import month_of, read_month, today
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
    """Every month from the first with a call or an event up to the current month, newest first."""
    with ledger.reading() as connection:
        standing = periods.latest_events(connection)
    calls = (call for call in (first_call(ledger), last_call(ledger)) if call is not None)
    known_months = [
        *(read_month(name) for name in standing),
        *(month_of(today(ledger.zone, micros(call))) for call in calls),
        current_month(ledger, at),
    ]
    sealed = sealed_statements(ledger)
    states, month = [], max(known_months)
    while month >= min(known_months):
        name = str(month)
        closed = sealed.statement(name) if name in sealed.closings else None
        states.append(MonthState(name, standing.get(name), closed, ledger.currency))
        month = month.plus(-1)
    return states
