"""Texts and names in the ledger: what its ids of terms and of directory entries stand for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import directory, term


class ShownEntry(NamedTuple):
    """An entry of the directory with what it is called: the given name, else the gateway's, a hint, the id."""

    entry_id: int
    kind: str
    ident: str
    shown: str


@dataclass(frozen=True)
class Person:
    """A virtual key, team or customer: what it is called, and why."""

    entry_id: int
    ident: str
    shown: str
    """What pages and answers call it; `dashboard.query.labels` tells apart those that would look alike."""
    given_name: str | None
    name: str | None
    """The gateway's word for it."""
    hint: str | None
    first_seen_at: datetime


def term_texts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """The text of each id."""
    found: dict[int, str] = {}
    for some in dialects.chunks(ids):
        wanted = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(some))
        found.update((row.term_id, row.text) for row in connection.execute(wanted))
    return found


def shown_entries(connection: sa.Connection, ids: Sequence[int]) -> list[ShownEntry]:
    """The directory's entries of some ids."""
    entry = directory.c
    columns = sa.select(entry.entry_id, entry.kind, entry.ident, _shown_name().label("shown"))
    return [
        ShownEntry(*row)
        for some in dialects.chunks(ids)
        for row in connection.execute(columns.where(entry.entry_id.in_(some)))
    ]


def shared_names(connection: sa.Connection, names: Iterable[str]) -> set[tuple[str, str]]:
    """The kinds and names of the directory that several entries share, of some names."""
    kind = directory.c.kind
    found: set[tuple[str, str]] = set()
    for some in dialects.chunks(sorted(names)):
        shared = sa.select(kind, _shown_name()).where(_shown_name().in_(some))
        shared = shared.group_by(kind, _shown_name()).having(sa.func.count() > 1)
        found.update(tuple(row) for row in connection.execute(shared))
    return found


def people_of(connection: sa.Connection, kind: str) -> list[Person]:
    """Every entry of a kind, by name."""
    entry = directory.c
    columns = (entry.given_name, entry.name, entry.hint, entry.first_seen_at)
    wanted = (
        sa.select(entry.entry_id, entry.ident, _shown_name().label("shown"), *columns)
        .where(entry.kind == kind)
        .order_by("shown", entry.ident)
    )
    return [Person(*row) for row in connection.execute(wanted)]


def _shown_name() -> sa.ColumnElement[Any]:
    entry = directory.c
    return sa.func.coalesce(entry.given_name, entry.name, entry.hint, entry.ident)
