"""From the ledger's integers back to what people read: terms, and the names of keys, teams and customers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

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

    Entries that would look alike carry what tells them apart, whether or not they are asked for together.
    """
    wanted = sorted({one for one in ids if one is not None})
    rows = [row for some in dialects.chunks(wanted) for row in connection.execute(_entries(some))]
    alike = _alike(connection, {row.shown for row in rows})
    named = {
        row.entry_id: f"{row.shown} ({row.ident})" if (row.kind, row.shown) in alike else row.shown
        for row in rows
    }
    return {None: None, **named}


def _alike(connection: sa.Connection, texts: Iterable[str]) -> set[tuple[str, str]]:
    """The kinds and names of the directory that several entries share, of the names in `texts`."""
    kind = directory.c.kind
    found: set[tuple[str, str]] = set()
    for some in dialects.chunks(sorted(texts)):
        shared = sa.select(kind, shown_name()).where(shown_name().in_(some))
        shared = shared.group_by(kind, shown_name()).having(sa.func.count() > 1)
        found.update(tuple(row) for row in connection.execute(shared))
    return found


def shown_name() -> sa.ColumnElement[str]:
    """What a directory entry is called."""
    entry = directory.c
    return sa.func.coalesce(entry.given_name, entry.name, entry.hint, entry.ident)


def _entries(ids: Iterable[int]) -> sa.Select[Any]:
    entry = directory.c
    columns = (entry.entry_id, entry.kind, entry.ident, shown_name().label("shown"))
    return sa.select(*columns).where(entry.entry_id.in_(ids))


@dataclass(frozen=True)
class Person:
    """A virtual key, team or customer: what it is called, and why."""

    entry_id: int
    ident: str
    shown: str
    """What pages and answers call it; no other entry of its kind is called so."""
    given_name: str | None
    name: str | None
    """The gateway's word for it."""
    hint: str | None
    first_seen_at: datetime


def entries(connection: sa.Connection, kind: str) -> list[Person]:
    """Everybody of one kind, by name."""
    entry = directory.c
    columns = (entry.given_name, entry.name, entry.hint, entry.first_seen_at)
    select = (
        sa.select(entry.entry_id, entry.ident, shown_name().label("shown"), *columns)
        .where(entry.kind == kind)
        .order_by("shown", entry.ident)
    )
    found = [Person(*row) for row in connection.execute(select)]
    alike = Counter(one.shown for one in found)
    return [
        one if alike[one.shown] == 1 else replace(one, shown=f"{one.shown} ({one.ident})") for one in found
    ]
