"""The mark of a sample ledger, and the cost that its invoices are made from."""

from datetime import UTC, date, datetime
from typing import Final

import sqlalchemy as sa

from ingest.ledger.tables.calls import ledger_property, term, usage_event

KIND: Final = "kind"
DEMO: Final = "demo"
"""The property that marks a sample ledger, and the source of its calls."""


def mark_as_sample(connection: sa.Connection) -> None:
    """Mark a ledger as a sample."""
    connection.execute(ledger_property.insert(), [{"name": KIND, "value": DEMO}])


def cost_of(connection: sa.Connection, provider: str, first: date, end: date) -> int:
    """The cost of a provider's calls from `first` to `end` (half-open, days in UTC)."""
    c = usage_event.c
    edges = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, end)]
    provider_id = sa.select(term.c.term_id).where(term.c.text == provider).scalar_subquery()
    query = sa.select(sa.func.sum(sa.type_coerce(c.total_cost, sa.BigInteger))).where(
        c.provider_id == provider_id, c.occurred_at >= edges[0], c.occurred_at < edges[1]
    )
    return int(connection.execute(query).scalar() or 0)
