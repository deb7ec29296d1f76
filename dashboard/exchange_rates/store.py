"""Exchange rates in the ledger. They are only added: a correction is a new quote of the same pair and day."""

from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa

from dashboard.exchange_rates.model import Quote, Rates
from ingest.ledger.tables.money import exchange_rate


def add_quotes(connection: sa.Connection, quotes: Iterable[Quote]) -> int:
    """Add the quotes whose rate differs from the current rate of their pair and day; returns their number."""
    return insert_quotes(connection, new_quotes(connection, quotes))


def newest_number(connection: sa.Connection) -> int | None:
    """The number of the newest quote; None if there is none."""
    return connection.execute(sa.select(sa.func.max(exchange_rate.c.number))).scalar()


def new_quotes(connection: sa.Connection, quotes: Iterable[Quote]) -> list[Quote]:
    """The quotes whose rate differs from the current rate of their pair and day."""
    current = {(quote.base, quote.quote, quote.day): quote.rate for quote in read_quotes(connection)}
    return [quote for quote in quotes if current.get((quote.base, quote.quote, quote.day)) != quote.rate]


def insert_quotes(connection: sa.Connection, new: Iterable[Quote]) -> int:
    """Add quotes; returns their number."""
    rows = [
        {
            "base": quote.base,
            "quote": quote.quote,
            "day": quote.day,
            "rate": f"{quote.rate:f}",
            "source": quote.source,
            "recorded_at": quote.recorded_at,
            "recorded_by": quote.recorded_by,
        }
        for quote in new
    ]
    if rows:
        connection.execute(exchange_rate.insert(), rows)
    return len(rows)


def read_quotes(connection: sa.Connection) -> list[Quote]:
    """All quotes in the order in which they were recorded."""
    at = sa.type_coerce(exchange_rate.c.recorded_at, sa.BigInteger).label("instant")
    select = sa.select(exchange_rate, at).order_by(exchange_rate.c.number)
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
        for row in connection.execute(select).mappings()
    ]


def read_rates(connection: sa.Connection) -> Rates:
    """All quotes, ready to be looked up."""
    return Rates(read_quotes(connection))


def is_known(connection: sa.Connection) -> bool:
    """Whether the ledger has any exchange rate."""
    return connection.execute(sa.select(exchange_rate.c.number).limit(1)).first() is not None
