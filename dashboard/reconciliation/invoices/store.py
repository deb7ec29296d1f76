"""Invoice lines in the ledger. They are only added."""

from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.reconciliation.invoices.line import InvoiceLine, news, standing
from ingest.ledger.tables.money import invoice_line as table

_CHUNK = 500


def add_lines(connection: sa.Connection, lines: Iterable[InvoiceLine], *, may_replace: bool = True) -> int:
    """Record lines that say something new; how many did. Unless they `may_replace` known ones, only of days not known yet."""
    found = news(list(lines), _all(connection), may_replace=may_replace)
    rows = [
        {
            "provider": one.provider,
            "first_day": one.first_day,
            "end_day": one.end_day,
            "amount": str(one.amount),
            "currency": one.currency,
            "source": one.source,
            "account": one.account,
            "model": one.model,
            "description": one.description,
            "invoice_id": one.invoice_id,
            "recorded_at": one.recorded_at,
            "recorded_by": one.recorded_by,
        }
        for one in found
    ]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(table.insert(), rows[start : start + _CHUNK])
    return len(rows)


def read_lines(connection: sa.Connection, first_day: int, end_day: int) -> list[InvoiceLine]:
    """The lines that count for days that begin within a time, by number of the day."""
    within = sa.and_(table.c.first_day >= first_day, table.c.first_day < end_day)
    return standing(_all(connection, within))


def _all(connection: sa.Connection, where: sa.ColumnElement[bool] | None = None) -> list[InvoiceLine]:
    at = sa.type_coerce(table.c.recorded_at, sa.BigInteger).label("instant")
    wanted = sa.select(table, at).order_by(table.c.number)
    if where is not None:
        wanted = wanted.where(where)
    return [
        InvoiceLine(
            provider=row["provider"],
            first_day=row["first_day"],
            end_day=row["end_day"],
            amount=int(row["amount"]),
            currency=row["currency"],
            source=row["source"],
            account=row["account"],
            model=row["model"],
            description=row["description"],
            invoice_id=row["invoice_id"],
            recorded_at=row["instant"],
            recorded_by=row["recorded_by"],
            number=row["number"],
        )
        for row in connection.execute(wanted).mappings()
    ]
