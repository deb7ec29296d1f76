"""Fees in the ledger. They are only added: a change is a new row of the same name.

Rows of ledgers of earlier versions have no `replaces`: each of them replaces all earlier rows of its name.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.fees.model import Fee, current_fees
from ingest.ledger.tables.money import fee as fee_table


def add_fees(connection: sa.Connection, fees: Iterable[Fee]) -> None:
    """Record fees."""
    rows = [
        {
            "name": fee.name,
            "kind": fee.kind,
            "amount": str(fee.amount),
            "list_amount": None if fee.list_amount is None else str(fee.list_amount),
            "currency": fee.currency,
            "start_at": fee.start,
            "end_at": fee.end,
            "every": fee.every,
            "provider": fee.provider,
            "model": fee.model,
            "team_id": fee.team_id,
            "reason": fee.reason,
            "recorded_at": fee.recorded_at,
            "recorded_by": fee.recorded_by,
            "replaces": fee.replaces if fee.replaces == "start" else None,
        }
        for fee in fees
    ]
    if rows:
        connection.execute(fee_table.insert(), rows)


def read_fees(connection: sa.Connection) -> list[Fee]:
    """The versions of each fee that count, by name and start."""
    return current_fees(read_history(connection))


def read_history(connection: sa.Connection) -> list[Fee]:
    """All recorded rows of all fees, oldest first."""
    c = fee_table.c
    instants = [sa.type_coerce(c[name], sa.BigInteger).label(f"{name}_us") for name in _INSTANTS]
    rows = connection.execute(sa.select(fee_table, *instants).order_by(c.number)).mappings()
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
            replaces=row["replaces"] or "name",
        )
        for row in rows
    ]


_INSTANTS = ("start_at", "end_at", "recorded_at")
