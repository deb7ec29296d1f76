"""Invoice lines in the ledger. Rows are only added, never changed."""

from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.reconciliation.invoices.line import InvoiceLine, current_lines, new_lines
from ingest.ledger.tables.money import invoice_line as table

_CHUNK = 500


def add_lines(connection: sa.Connection, lines: Iterable[InvoiceLine], *, may_replace: bool = True) -> int:
    """Record new lines; the number of recorded lines.

    Without `may_replace`, only the lines of days that have no recorded lines.
    """
    added = new_lines(list(lines), _all(connection), may_replace=may_replace)
    rows = [
        {
            "provider": line.provider,
            "first_day": line.first_day,
            "end_day": line.end_day,
            "amount": str(line.amount),
            "currency": line.currency,
            "source": line.source,
            "account": line.account,
            "model": line.model,
            "description": line.description,
            "invoice_id": line.invoice_id,
            "recorded_at": line.recorded_at,
            "recorded_by": line.recorded_by,
        }
        for line in added
    ]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(table.insert(), rows[start : start + _CHUNK])
    return len(rows)


def read_lines(connection: sa.Connection, first_day: int, end_day: int) -> list[InvoiceLine]:
    """The current lines that begin in the days `[first_day, end_day)`."""
    within = sa.and_(table.c.first_day >= first_day, table.c.first_day < end_day)
    return current_lines(_all(connection, within))


def _all(connection: sa.Connection, where: sa.ColumnElement[bool] | None = None) -> list[InvoiceLine]:
    at = sa.type_coerce(table.c.recorded_at, sa.BigInteger).label("instant")
    query = sa.select(table, at).order_by(table.c.number)
    if where is not None:
        query = query.where(where)
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
        for row in connection.execute(query).mappings()
    ]
