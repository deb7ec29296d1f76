"""What a fee and an invoice line replace, and what a budget counts.

The rows of earlier versions have NULL and keep their meaning: a fee replaces every earlier row of its name,
an invoice line replaces those of its account and days, and a budget counts calls.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (("fee", "replaces"), ("invoice_line", "replaces"), ("budget", "counts"))
COMMENTS = {
    "fee": (
        "What is paid whether or not anybody calls. Only added: the last row of a name counts. Pico-units as text.",
        "What is due whether or not calls are made. Only added: of a name and start the last row counts. Pico-units as text.",
    ),
    "invoice_line": (
        "What providers charge, for days of UTC. Only added: those of a provider's days that were recorded last count.",
        "What providers charge, for days of UTC. Only added: of an invoice the lines recorded last count.",
    ),
}


def upgrade() -> None:
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, sa.Text(), nullable=True))
    if op.get_bind().dialect.supports_comments:
        for table, (_, comment) in COMMENTS.items():
            op.create_table_comment(table, comment)


def downgrade() -> None:
    for table, name in COLUMNS:
        op.drop_column(table, name)
    if op.get_bind().dialect.supports_comments:
        for table, (comment, _) in COMMENTS.items():
            op.create_table_comment(table, comment)
