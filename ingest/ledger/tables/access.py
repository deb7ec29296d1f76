"""The tables of access: tokens, and the sessions of browsers."""

import sqlalchemy as sa

from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.types import Instant

access_token = sa.Table(
    "access_token",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("teams", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("revoked_by", sa.Text),
    comment="Who may use the server. A token itself is shown once and kept as a keyed hash.",
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("token_number", sa.BigInteger),
    sa.Column("proof", sa.Text),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("teams", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    comment="Browsers that are signed in. A session stands while its token, or the proof it was begun with, does.",
)
