"""Exchange rates in the ledger. They are only added: a correction is a new quote of the same pair and day."""

from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa

from dashboard.exchange_rates.model import Quote, Rates
from ingest.ledger.tables.money import exchange_rate


def add_quotes(connection: sa.Connection, quotes: Iterable[Quote]) -> int:
    """Add quotes that say anything new; how many did."""
    wanted = list(quotes)
    standing = {(one.base, one.quote, one.day): one.rate for one in read_quotes(connection)}
    new = [one for one in wanted if standing.get((one.base, one.quote, one.day)) != one.rate]
    rows = [
        {
            "base": one.base,
            "quote": one.quote,
            "day": one.day,
            "rate": f"{one.rate:f}",
            "source": one.source,
            "recorded_at": one.recorded_at,
            "recorded_by": one.recorded_by,
        }
        for one in new
    ]
    if rows:
        connection.execute(exchange_rate.insert(), rows)
    return len(rows)


def read_quotes(connection: sa.Connection) -> list[Quote]:
    """All quotes in the order of their recording."""
    at = sa.type_coerce(exchange_rate.c.recorded_at, sa.BigInteger).label("instant")
    wanted = sa.select(exchange_rate, at).order_by(exchange_rate.c.number)
    return [
        Quote(
            base=row["base"],
            quote=row["quote"],
            day=row["day"],
            rate=Decimal(row["rate"]),
            source=row["source"],
            recorded_at=row["instant"],
            recorded_by=row["recorded_by"],
            number=row["number"],
        )
        for row in connection.execute(wanted).mappings()
    ]


def read_rates(connection: sa.Connection) -> Rates:
    """All rates."""
    return Rates(read_quotes(connection))


def is_known(connection: sa.Connection) -> bool:
    """Whether there is any rate at all."""
    return connection.execute(sa.select(exchange_rate.c.number).limit(1)).first() is not None
