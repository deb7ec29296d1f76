"""The tables of periods: allocation rules, the history of periods, adjustments, budgets and report schedules.

Rows of rules, events, adjustments and budgets are append-only. Events and adjustments are hash chains.
"""

from typing import Any

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.types import Instant


def seal_columns() -> tuple[sa.Column[Any], ...]:
    """The columns of a table whose rows are a hash chain (`ingest.ledger.chain`)."""
    return (
        sa.Column("seal", sa.Text),
        sa.Column("previous_seal", sa.Text),
        sa.Column("sealed_by_migration", sa.Boolean, nullable=False, server_default=sa.false()),
    )


allocation_rule = sa.Table(
    "allocation_rule",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("pool", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("targets", sa.Text, nullable=False),
    sa.Column("fallback", sa.Text, nullable=False),
    sa.Column("first_day", sa.Integer),
    sa.Column("end_day", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    comment="How shared cost is allocated from a day to a day. Only added: the last one that covers a day counts.",
)

period_event = sa.Table(
    "period_event",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("statement", sa.Text),
    sa.Column("hash", sa.Text),
    sa.Column("previous_hash", sa.Text),
    *seal_columns(),
    sa.UniqueConstraint("period", "revision"),
    comment="What happened to periods: being closed, closed with the statement as it was, opened again. Only added.",
)

adjustment = sa.Table(
    "adjustment",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("about", sa.Text),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("team_id", sa.BigInteger),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("cost_center_id", sa.BigInteger),
    sa.Column("provider", sa.Text),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    *seal_columns(),
    comment="Amounts that people book in a period: an accepted variance, a credit. `amount` is pico-units as text.",
)

budget = sa.Table(
    "budget",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("per", sa.Text, nullable=False),
    sa.Column("amount", sa.Text),
    sa.Column("tokens", sa.BigInteger),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("thresholds", sa.Text, nullable=False),
    sa.Column("first_day", sa.Integer),
    sa.Column("end_day", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("counts", sa.Text),
    comment="What may be spent in a time. Only added: the last row of a name counts. Pico-units as text.",
)

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    comment="Who is sent the chargeback report of each month that is closed from then on.",
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("schedule_number", sa.BigInteger, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("said", sa.Text, nullable=False),
    sa.UniqueConstraint("what", "target"),
    comment="What is to be sent to whom, once: a report of a closed month to an address.",
)
