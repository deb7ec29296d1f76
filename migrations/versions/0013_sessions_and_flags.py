"""Session, agent and workflow of a call, and its flags; and which ledgers hold the first content hash."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("usage_event", "usage_event_revision")
TERMS = ("agent_id", "workflow_id", "flags_id")
ROLLUPS = ("rollup_slot", "rollup_day", "rollup_day_model", "rollup_day_key")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("session", sa.Text(), nullable=True))
        for name in TERMS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
    for table in ROLLUPS:
        op.add_column(table, _count("flagged_requests"))
    op.add_column("import_batch", _count("flagged"))
    op.execute(
        "INSERT INTO ledger_property (name, value) SELECT 'content_hash_version', '1' "
        "WHERE EXISTS (SELECT 1 FROM usage_event)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM ledger_property WHERE name = 'content_hash_version'")
    op.drop_column("import_batch", "flagged")
    for table in ROLLUPS:
        op.drop_column(table, "flagged_requests")
    for table in TABLES:
        for name in ("session", *TERMS):
            op.drop_column(table, name)


def _count(name: str) -> sa.Column[int]:
    """A count that is 0 in rows of before: no call had flags."""
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
