"""The tables of the price book. Prices, terms and aliases are append-only."""

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.types import Instant


def _added() -> tuple[sa.Column[object], ...]:
    """The columns for the time of the addition and the user."""
    return (sa.Column("added_at", Instant, nullable=False), sa.Column("added_by", sa.Text, nullable=False))


price_point = sa.Table(
    "price_point",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("meter", sa.Text, nullable=False),
    sa.Column("price", sa.Text),
    sa.Column("per", sa.BigInteger, nullable=False),
    sa.Column("least", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("service_tier", sa.Text, nullable=False),
    sa.Column("above", sa.BigInteger, nullable=False),
    sa.Column("marginal", sa.Boolean, nullable=False),
    sa.Column("hours", sa.Text, nullable=False),
    sa.Column("valid_from", Instant),
    sa.Column("valid_to", Instant),
    sa.Column("origin", sa.Text, nullable=False),
    *_added(),
    sa.Index("ix_price_point_source_provider_model", "source", "provider", "model"),
    comment="Published prices of meters. Only added: of those that cover an instant the last one added is the price.",
)

price_term = sa.Table(
    "price_term",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("factor", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("region", sa.Text),
    sa.Column("team", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("valid_from", Instant),
    sa.Column("valid_to", Instant),
    sa.Column("origin", sa.Text, nullable=False),
    *_added(),
    comment="Factors on prices: discounts, mark-ups, regions. Only added, like prices.",
)

price_alias = sa.Table(
    "price_alias",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("target_provider", sa.Text, nullable=False),
    sa.Column("target_model", sa.Text, nullable=False),
    *_added(),
    comment="Other names of models, such as deployments. Only added: the last one of a name counts.",
)

reprice_run = sa.Table(
    "reprice_run",
    metadata,
    sa.Column("run_id", Serial, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("prices", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("reached", sa.BigInteger, nullable=False),
    sa.Column("examined", sa.BigInteger, nullable=False),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("changes", sa.Text, nullable=False),
    comment="Runs that priced events again: whose, which events and prices, how far, and totals before and after.",
)
