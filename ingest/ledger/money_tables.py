"""The tables of money beside prices: exchange rates. They are only added to."""

import sqlalchemy as sa

from ingest.ledger.tables import Serial, metadata
from ingest.ledger.types import Instant

exchange_rate = sa.Table(
    "exchange_rate",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
    sa.Column("day", sa.Integer, nullable=False),
    sa.Column("rate", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    comment="What one unit of a currency is worth in another on a day. Only added: the last one of a day counts.",
)
