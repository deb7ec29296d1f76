"""Reads of the ledger's tables for statements, and for the checklist before a month is closed."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from dashboard.chargeback.statement import DirectoryName
from dashboard.query import labels
from ingest.ledger.tables.calls import directory, import_batch, usage_event

_KINDS: Final = ("virtual_key", "team", "customer", "cost_center")


def last_call(connection: sa.Connection) -> int:
    """The sequence number of the newest call; 0 if there is none."""
    return connection.execute(sa.select(sa.func.max(usage_event.c.seq))).scalar() or 0


def running_imports(connection: sa.Connection) -> list[str]:
    """The paths of imports that have not finished."""
    query = sa.select(import_batch.c.path).where(import_batch.c.status == "running")
    return sorted(path or "an upload" for path in connection.execute(query).scalars())


def names_of(connection: sa.Connection, entries: Collection[int]) -> dict[int, DirectoryName]:
    """The current names of directory entries, by the ids of the entries."""
    display_names = labels.entry_names(connection, entries)
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.kind, c.ident).where(c.kind.in_(_KINDS)))
    return {
        entry_id: DirectoryName(kind, ident, display_names[entry_id] or ident)
        for entry_id, kind, ident in rows
        if entry_id in entries
    }
