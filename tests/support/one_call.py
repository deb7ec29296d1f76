"""A call of known tokens and cost, and what a ledger adds up to."""

from typing import Any

import sqlalchemy as sa

from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import usage_event
from ingest.model.event import ReportedCost, UsageEvent
from tests.support.ledgers import ARRIVAL

HOUR = 3_600_000_000


def call(key: str | None = "r-1", **facts: Any) -> UsageEvent:
    """A call of 10 tokens in and 5 out, reported to cost 0.5, an hour before the tests' records arrive."""
    told: dict[str, Any] = {
        "source": "test",
        "source_event_id": key,
        "occurred_at": ARRIVAL - HOUR,
        "provider": "openai",
        "model": "gpt-5.4",
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "reported": ReportedCost(total=500_000_000_000),
    }
    return UsageEvent(**{**told, **facts})


def totals(ledger: Ledger) -> tuple[int, int, int]:
    """Events, input tokens and pico-units of the ledger."""
    c = usage_event.c
    cost = sa.type_coerce(c.total_cost, sa.BigInteger)
    query = sa.select(sa.func.count(), sa.func.sum(c.input_tokens), sa.func.sum(cost)).select_from(
        usage_event
    )
    with ledger.reading() as connection:
        row = connection.execute(query).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0)
