"""The tables of ownership. Assignments are append-only; `owned` is derived from them."""

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.types import Instant

assignment = sa.Table(
    "assignment",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("target_kind", sa.Text, nullable=False),
    sa.Column("targets", sa.Text, nullable=False),
    sa.Column("first_day", sa.Integer),
    sa.Column("end_day", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    comment="Who owns what from a day to a day of the reporting zone. Only added: the last one that covers a day counts.",
)

cost_center = sa.Table(
    "cost_center",
    metadata,
    sa.Column("entry_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("gl_code", sa.Text),
    comment="What accounting knows of cost centres, which are entries of the directory.",
)

owned = sa.Table(
    "owned",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("attribution_id", sa.BigInteger, nullable=False),
    sa.Column("first_day", sa.Integer, nullable=False),
    sa.Column("end_day", sa.Integer, nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.Column("end_at", sa.BigInteger, nullable=False),
    sa.Column("team_id", sa.BigInteger),
    sa.Column("customer_id", sa.BigInteger),
    sa.Column("cost_center_id", sa.BigInteger),
    sa.Column("parts", sa.BigInteger, nullable=False),
    sa.Column("whole", sa.BigInteger, nullable=False),
    sa.Index(None, "attribution_id"),
    comment="What the assignments make of each attribution, day by day. Derived, and made anew when they change.",
)
