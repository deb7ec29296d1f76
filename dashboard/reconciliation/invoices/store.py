"""Invoice lines in the ledger. Rows are only added, never changed.

Rows of ledgers of earlier versions have no `replaces`: they replace the lines of their account and days.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.reconciliation.invoices.line import (
    Document,
    InvoiceLine,
    current_lines,
    new_lines,
    replaced_documents,
)
from ingest.ledger import dialects
from ingest.ledger.tables.money import invoice_line as table

_CHUNK = 500


def add_lines(
    connection: sa.Connection, lines: Iterable[InvoiceLine], *, may_replace: bool = True
) -> tuple[int, list[Document]]:
    """Record new lines; the number of recorded lines, and the documents that no longer count.

    Without `may_replace`, only the lines of documents that have no recorded lines.
    """
    return insert_lines(connection, *lines_to_add(connection, lines, may_replace=may_replace))


def newest_number(connection: sa.Connection) -> int | None:
    """The number of the newest line; None if there is none."""
    return connection.execute(sa.select(sa.func.max(table.c.number))).scalar()


def lines_to_add(
    connection: sa.Connection, lines: Iterable[InvoiceLine], *, may_replace: bool = True
) -> tuple[list[InvoiceLine], list[Document]]:
    """The lines that are new, and the documents that no longer count because of them, as `add_lines` says."""
    known = _all(connection)
    added = new_lines(list(lines), known, may_replace=may_replace)
    return added, replaced_documents(added, known)


def insert_lines(
    connection: sa.Connection, added: Iterable[InvoiceLine], replaced: list[Document]
) -> tuple[int, list[Document]]:
    """Record lines; the number of recorded lines, and the documents that no longer count."""
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
            "replaces": line.replaces if line.replaces == "document" else None,
        }
        for line in added
    ]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(table.insert(), rows[start : start + _CHUNK])
    return len(rows), replaced


def lock(connection: sa.Connection) -> None:
    """Wait for other transactions that record or accept, and keep them waiting until the transaction ends."""
    dialects.lock_by_name(connection, "reconciliation")


def read_lines(connection: sa.Connection, first_day: int, end_day: int) -> list[InvoiceLine]:
    """The current lines that begin in the days `[first_day, end_day)`."""
    within = sa.and_(table.c.first_day >= first_day, table.c.first_day < end_day)
    invoices = sa.select(table.c.invoice_id).where(within, table.c.invoice_id.is_not(None))
    # An invoice recorded again may be of other days: which of its lines count is known from all of them.
    lines = current_lines(_all(connection, within | table.c.invoice_id.in_(invoices)))
    return [line for line in lines if first_day <= line.first_day < end_day]


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
            replaces=row["replaces"] or "days",
        )
        for row in connection.execute(query).mappings()
    ]
