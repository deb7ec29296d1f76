"""Cursors of gateways' own stores, their unfinished calls, and other idents of directory entries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_cursor",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=True),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", name=op.f("pk_sync_cursor")),
        comment="How far a table of a gateway's own store has been read. `store` holds no user and no password.",
    )
    op.create_table(
        "sync_waiting",
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", "row_key", name=op.f("pk_sync_waiting")),
        comment="Rows of a gateway's own store whose call had not ended when they were last read.",
    )
    op.create_table(
        "directory_alias",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ident", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "ident", name=op.f("pk_directory_alias")),
        comment="Other idents of a directory entry: a key that a gateway knows by an id is met by its hash as well.",
    )


def downgrade() -> None:
    for table in ("sync_cursor", "sync_waiting", "directory_alias"):
        op.drop_table(table)
