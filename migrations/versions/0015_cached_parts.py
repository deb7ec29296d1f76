"""Parts of cached tokens that have prices of their own: audio, images, and what is kept for 12 hours."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("usage_event", "usage_event_revision")
COUNTS = ("cache_read_audio_tokens", "cache_read_image_tokens", "cache_write_12h_tokens")


def upgrade() -> None:
    for table in TABLES:
        for name in COUNTS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        for name in COUNTS:
            op.drop_column(table, name)
