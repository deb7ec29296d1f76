"""The spans of calls, by which two spans of a call are one event."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_span",
        sa.Column("event_id", sa.LargeBinary(16), nullable=False),
        sa.Column("call_id", sa.LargeBinary(16), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("parent_span_id", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("earliest_at", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("model_requested", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("completeness", sa.BigInteger(), nullable=False),
        sa.Column("sent_with", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_call_span")),
        comment="What tells the calls of spans apart. `call_id` is the event that stands for the call: the span's "
        "own, or that of a more complete span of the same call.",
    )
    op.create_index(
        op.f("ix_call_span_trace_id_ended_at"), "call_span", ["trace_id", "ended_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_call_span_trace_id_ended_at"), table_name="call_span")
    op.drop_table("call_span")
