"""The tables of alerts: rules, the alerts that fired, and their messages."""

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.types import Instant

alert_rule = sa.Table(
    "alert_rule",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("targets", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    comment="What is watched and who is told. Only added: the last row of a name counts, one without a kind takes it back.",
)

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("crossing", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("fired_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("rule", "crossing", "turn"),
    comment="What fired, once for each crossing, and when it was over.",
)

alert_message = sa.Table(
    "alert_message",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("alert_number", sa.BigInteger, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("said", sa.Text, nullable=False),
    sa.UniqueConstraint("alert_number", "target"),
    comment="What is to be told to whom of what fired, once.",
)
