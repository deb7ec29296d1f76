"""Budgets in the ledger. Rows are append-only."""

import json
from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.budgets.model import Budget, current_budgets
from ingest.ledger.tables.periods import budget as table


def add_budgets(connection: sa.Connection, budgets: Iterable[Budget]) -> None:
    """Record budgets."""
    rows = [
        {
            "name": budget.name,
            "scope": budget.scope,
            "subject": budget.subject,
            "per": budget.per,
            "amount": None if budget.amount is None else str(budget.amount),
            "tokens": budget.tokens,
            "currency": budget.currency,
            "thresholds": json.dumps(budget.thresholds),
            "first_day": budget.first_day,
            "end_day": budget.end_day,
            "reason": budget.reason,
            "recorded_at": budget.recorded_at,
            "recorded_by": budget.recorded_by,
            "counts": budget.counts,
        }
        for budget in budgets
    ]
    if rows:
        connection.execute(table.insert(), rows)


def read_budgets(connection: sa.Connection) -> list[Budget]:
    """The budgets that have not been replaced or removed, by name."""
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
        counts=row["counts"] or "calls",
    )
