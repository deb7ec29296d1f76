"""The price book: price points, terms, aliases, and runs that price again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("price_set", sa.Column("rule", sa.Text(), nullable=True))
    op.add_column("price_set", sa.Column("workings", sa.Text(), nullable=True))
    op.create_table(
        "price_point",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=True),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("least", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("service_tier", sa.Text(), nullable=False),
        sa.Column("above", sa.BigInteger(), nullable=False),
        sa.Column("marginal", sa.Boolean(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_price_point")),
        comment="Published prices of meters. Only added: of those that cover an instant the last one added is the price.",
    )
    op.create_index(
        op.f("ix_price_point_source_provider_model"), "price_point", ["source", "provider", "model"]
    )
    op.create_table(
        "price_term",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("factor", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.BigInteger(), nullable=True),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_price_term")),
        comment="Factors on prices: discounts, mark-ups, regions. Only added, like prices.",
    )
    op.create_table(
        "price_alias",
        sa.Column("number", SERIAL, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("target_provider", sa.Text(), nullable=False),
        sa.Column("target_model", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_price_alias")),
        comment="Other names of models, such as deployments. Only added: the last one of a name counts.",
    )
    op.create_table(
        "reprice_run",
        sa.Column("run_id", SERIAL, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("prices", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("reached", sa.BigInteger(), nullable=False),
        sa.Column("examined", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_reprice_run")),
        comment="Runs that priced events again: whose, which events and prices, how far, and totals before and after.",
    )


def downgrade() -> None:
    for table in ("reprice_run", "price_alias", "price_term", "price_point"):
        op.drop_table(table)
    with op.batch_alter_table("price_set") as changed:
        changed.drop_column("workings")
        changed.drop_column("rule")
