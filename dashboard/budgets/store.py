"""Budgets in the ledger. They are only added."""

import json
from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.budgets.model import Budget, current_budgets
from ingest.ledger.tables.periods import budget as table


def add_budgets(connection: sa.Connection, budgets: Iterable[Budget]) -> None:
    """Record budgets."""
    rows = [
        {
            "name": one.name,
            "scope": one.scope,
            "subject": one.subject,
            "per": one.per,
            "amount": None if one.amount is None else str(one.amount),
            "tokens": one.tokens,
            "currency": one.currency,
            "thresholds": json.dumps(one.thresholds),
            "first_day": one.first_day,
            "end_day": one.end_day,
            "reason": one.reason,
            "recorded_at": one.recorded_at,
            "recorded_by": one.recorded_by,
        }
        for one in budgets
    ]
    if rows:
        connection.execute(table.insert(), rows)


def read_budgets(connection: sa.Connection) -> list[Budget]:
    """The budgets that count, by name."""
    at = sa.type_coerce(table.c.recorded_at, sa.BigInteger).label("instant")
    rows = connection.execute(sa.select(table, at).order_by(table.c.number)).mappings()
    return current_budgets(_budget(row) for row in rows)


def _budget(row: sa.RowMapping) -> Budget:
    return Budget(
        name=row["name"],
        scope=row["scope"],
        subject=row["subject"],
        per=row["per"],
        amount=None if row["amount"] is None else int(row["amount"]),
        tokens=row["tokens"],
        currency=row["currency"],
        thresholds=tuple(json.loads(row["thresholds"])),
        first_day=row["first_day"],
        end_day=row["end_day"],
        reason=row["reason"],
        recorded_at=row["instant"],
        recorded_by=row["recorded_by"],
        number=row["number"],
    )
