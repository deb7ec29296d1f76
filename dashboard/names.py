"""From the ledger's integers back to what people read: terms, and the names of keys, teams and customers."""

from collections import Counter
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables import directory, term


def terms(connection: sa.Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The text of each id; None stays None."""
    wanted = sorted({one for one in ids if one is not None})
    found: dict[int | None, str | None] = {None: None}
    for some in dialects.chunks(wanted):
        select = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(some))
        found.update((row.term_id, row.text) for row in connection.execute(select))
    return found


def people(connection: sa.Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The shown name of each directory entry: the given name, else the gateway's, a hint, the id.

    Entries that would look alike carry what tells them apart.
    """
    wanted = sorted({one for one in ids if one is not None})
    rows = [row for some in dialects.chunks(wanted) for row in connection.execute(_entries(some))]
    alike = Counter(row.shown for row in rows)
    named = {
        row.entry_id: row.shown if alike[row.shown] == 1 else f"{row.shown} ({row.ident})" for row in rows
    }
    return {None: None, **named}


def shown_name() -> sa.ColumnElement[str]:
    """What a directory entry is called."""
    entry = directory.c
    return sa.func.coalesce(entry.given_name, entry.name, entry.hint, entry.ident)


def _entries(ids: Iterable[int]) -> sa.Select[tuple[int, str, str]]:
    entry = directory.c
    return sa.select(entry.entry_id, entry.ident, shown_name().label("shown")).where(entry.entry_id.in_(ids))


def entries(connection: sa.Connection, kind: str) -> list[tuple[str, str]]:
    """The id and the shown name of everybody of one kind, by name."""
    entry = directory.c
    select = (
        sa.select(entry.ident, shown_name().label("shown"))
        .where(entry.kind == kind)
        .order_by("shown", entry.ident)
    )
    rows = [(row.ident, row.shown) for row in connection.execute(select)]
    alike = Counter(shown for _, shown in rows)
    return [(ident, shown if alike[shown] == 1 else f"{shown} ({ident})") for ident, shown in rows]
