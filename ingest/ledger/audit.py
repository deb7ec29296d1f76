"""The audit log: changes that users made to prices, owners, rates, fees, budgets and periods. Append-only.

The entries are a hash chain. An entry is written in the transaction of its change, so that neither exists
without the other. It contains names, dates and amounts; never a key, a token or the content of a call.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingest.ledger import chain
from ingest.ledger.tables.calls import Serial, metadata
from ingest.ledger.tables.periods import seal_columns
from ingest.ledger.types import Instant

audit_entry = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("number", Serial, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    *seal_columns(),
    comment="Every change that people make to prices, owners, rates, fees, budgets and periods. Only added.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change: when (microseconds UTC), by whom, what was done to what, and how."""

    at: int
    by: str
    action: str
    """A noun and a verb, such as `owner set` or `period close`."""
    subject: str
    """The name of what was changed: a key's name or hint, a model, a period."""
    detail: Mapping[str, Any]
    """Details of the change as a JSON object; amounts as decimal text."""
    number: int = 0


def note(connection: sa.Connection, entry: Entry) -> None:
    """Add an entry, in the transaction of the change."""
    row = {
        "at": entry.at,
        "by": entry.by,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.dumps(entry.detail, ensure_ascii=False, sort_keys=True),
    }
    chain.append(connection, audit_entry, row)


def entries(
    connection: sa.Connection, *, action: str | None = None, subject: str | None = None, most: int = 200
) -> list[Entry]:
    """The latest entries, newest first.

    Only those with this start of the action and this subject, if given.
    """
    c = audit_entry.c
    query = sa.select(audit_entry, sa.type_coerce(c.at, sa.BigInteger).label("instant"))
    if action is not None:
        query = query.where(c.action.startswith(action, autoescape=True))
    if subject is not None:
        query = query.where(c.subject == subject)
    rows = connection.execute(query.order_by(c.number.desc()).limit(most)).mappings()
    return [
        Entry(
            at=row["instant"],
            by=row["by"],
            action=row["action"],
            subject=row["subject"],
            detail=json.loads(row["detail"]),
            number=row["number"],
        )
        for row in rows
    ]
