"""The tables of exchange rates, fees and invoice lines. They are append-only."""

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
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

fee = sa.Table(
    "fee",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),
    sa.Column("list_amount", sa.Text),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("start_at", Instant, nullable=False),
    sa.Column("end_at", Instant),
    sa.Column("every", sa.Text, nullable=False),
    sa.Column("provider", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("team_id", sa.BigInteger),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("replaces", sa.Text),
    comment="What is due whether or not calls are made. Only added: of a name and start the last row counts. Pico-units as text.",
)

invoice_line = sa.Table(
    "invoice_line",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("first_day", sa.Integer, nullable=False),
    sa.Column("end_day", sa.Integer, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("invoice_id", sa.Text),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("replaces", sa.Text),
    sa.Index(None, "first_day"),
    comment="What providers charge, for days of UTC. Only added: of an invoice the lines recorded last count.",
)
