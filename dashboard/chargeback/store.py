"""Reads of the ledger's tables for statements, and for the checklist before a month is closed."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from dashboard.chargeback.statement import DirectoryName
from dashboard.query import labels
from ingest.ledger.tables.calls import directory, import_batch, usage_event
from ingest.ledger.tables.ownership import cost_center

_KINDS: Final = ("virtual_key", "team", "customer", "cost_center")


def last_call(connection: sa.Connection) -> int:
    """The sequence number of the newest call; 0 if there is none."""
    return connection.execute(sa.select(sa.func.max(usage_event.c.seq))).scalar() or 0


def running_imports(connection: sa.Connection) -> list[str]:
    """The paths of imports that have not finished."""
    query = sa.select(import_batch.c.path).where(import_batch.c.status == "running")
    return sorted(path or "an upload" for path in connection.execute(query).scalars())


def names_of(connection: sa.Connection, entries: Collection[int]) -> dict[int, DirectoryName]:
    """The current names and codes of directory entries, by the ids of the entries."""
    display_names = labels.entry_names(connection, entries)
    codes = gl_codes(connection)
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.kind, c.ident).where(c.kind.in_(_KINDS)))
    return {
        entry_id: DirectoryName(kind, ident, display_names[entry_id] or ident, codes.get(entry_id))
        for entry_id, kind, ident in rows
        if entry_id in entries
    }


def gl_codes(connection: sa.Connection) -> dict[int, str]:
    """The general-ledger accounts of cost centres that have one, by the ids of the cost centres."""
    c = cost_center.c
    rows = connection.execute(sa.select(c.entry_id, c.gl_code).where(c.gl_code != ""))
    return {row.entry_id: row.gl_code for row in rows}
