"""Chains: every row of periods, adjustments and the audit log is sealed, and the heads are kept.

Rows that exist are sealed as they are and marked. The rule of the seals is repeated here, so that this
migration stays what it is when the program's rule gets a successor.
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("period_event", "adjustment", "audit_entry")
GENESIS = "0" * 64
UNSEALED = ("seal", "previous_seal", "hash", "previous_hash")


def upgrade() -> None:
    for name in TABLES:
        op.add_column(name, sa.Column("seal", sa.Text(), nullable=True))
        op.add_column(name, sa.Column("previous_seal", sa.Text(), nullable=True))
        marked = sa.Column("sealed_by_migration", sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column(name, marked)
        _seal_rows(name)


def _seal_rows(name: str) -> None:
    """Seal all rows in their order, and keep the head of the chain."""
    bind = op.get_bind()
    table = sa.Table(name, sa.MetaData(), autoload_with=bind)
    count, last = 0, GENESIS
    updates = []
    for row in bind.execute(sa.select(table).order_by(table.c.number)).mappings():
        seal = _seal_of(last, name, row)
        updates.append({"of": row["number"], "sealed": seal, "before": last})
        count, last = count + 1, seal
    if updates:
        values = {"seal": sa.bindparam("sealed"), "previous_seal": sa.bindparam("before")}
        change = table.update().where(table.c.number == sa.bindparam("of"))
        bind.execute(change.values(**values, sealed_by_migration=True), updates)
    head = {"name": f"chain_{name}", "value": json.dumps({"count": count, "seal": last})}
    bind.execute(sa.text("INSERT INTO ledger_property (name, value) VALUES (:name, :value)"), head)


def _seal_of(previous: str, table: str, row: sa.RowMapping) -> str:
    values = {name: value for name, value in row.items() if value is not None and name not in UNSEALED}
    values["sealed_by_migration"] = True
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{table}\n{text}".encode()).hexdigest()


def downgrade() -> None:
    _hash_statements()
    for name in TABLES:
        op.execute(sa.text("DELETE FROM ledger_property WHERE name = :name").bindparams(name=f"chain_{name}"))
        for column in ("sealed_by_migration", "previous_seal", "seal"):
            op.drop_column(name, column)


def _hash_statements() -> None:
    """Give statements that were closed since the hashes by which the schema before checks them."""
    bind = op.get_bind()
    table = sa.Table("period_event", sa.MetaData(), autoload_with=bind)
    previous = GENESIS
    closed = sa.select(table).where(table.c.status == "closed").order_by(table.c.number)
    for row in bind.execute(closed).mappings().all():
        if row["sealed_by_migration"]:
            previous = row["hash"]
            continue
        sealed = hashlib.sha256(f"{previous}\n{row['period']}\n{row['statement']}".encode()).hexdigest()
        change = table.update().where(table.c.number == row["number"])
        bind.execute(change.values(hash=sealed, previous_hash=previous))
        previous = sealed
