"""What a sync has brought into a ledger."""

from collections.abc import Callable
from decimal import Decimal

import sqlalchemy as sa

from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import usage_event
from ingest.model import money

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


def ledger_of(ledger: Ledger) -> tuple[int, int, Decimal]:
    """Events, input tokens, cost."""
    c = usage_event.c
    total = sa.func.coalesce(sa.func.sum(sa.type_coerce(c.total_cost, sa.BigInteger)), 0)
    with ledger.reading() as connection:
        events, tokens, cost = connection.execute(
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(c.input_tokens), 0), total)
        ).one()
    return events, int(tokens), money.from_pico(int(cost))
