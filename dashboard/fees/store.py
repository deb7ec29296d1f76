"""Fees in the ledger. They are only added: a change is a new row of the same name."""

from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.fees.model import Fee, standing
from ingest.ledger.tables.money import fee as table


def add_fees(connection: sa.Connection, fees: Iterable[Fee]) -> None:
    """Record fees."""
    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "amount": str(one.amount),
            "list_amount": None if one.list_amount is None else str(one.list_amount),
            "currency": one.currency,
            "start_at": one.start,
            "end_at": one.end,
            "every": one.every,
            "provider": one.provider,
            "model": one.model,
            "team_id": one.team_id,
            "reason": one.reason,
            "recorded_at": one.recorded_at,
            "recorded_by": one.recorded_by,
        }
        for one in fees
    ]
    if rows:
        connection.execute(table.insert(), rows)


def read_fees(connection: sa.Connection) -> list[Fee]:
    """The fees that stand."""
    return standing(read_history(connection))


def read_history(connection: sa.Connection) -> list[Fee]:
    """Every row that was ever recorded, in order."""
    c = table.c
    instants = [sa.type_coerce(c[name], sa.BigInteger).label(f"{name}_us") for name in _INSTANTS]
    rows = connection.execute(sa.select(table, *instants).order_by(c.number)).mappings()
    return [
        Fee(
            name=row["name"],
            kind=row["kind"],
            amount=int(row["amount"]),
            list_amount=None if row["list_amount"] is None else int(row["list_amount"]),
            currency=row["currency"],
            start=row["start_at_us"],
            end=row["end_at_us"],
            every=row["every"],
            provider=row["provider"],
            model=row["model"],
            team_id=row["team_id"],
            reason=row["reason"],
            recorded_at=row["recorded_at_us"],
            recorded_by=row["recorded_by"],
            number=row["number"],
        )
        for row in rows
    ]


_INSTANTS = ("start_at", "end_at", "recorded_at")
