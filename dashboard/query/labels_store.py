"""The texts of term ids and the names of directory entries, read from the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import directory, term


class ShownEntry(NamedTuple):
    """A directory entry and its name: the given name, else the gateway's name, the hint or the id."""

    entry_id: int
    kind: str
    ident: str
    shown: str


@dataclass(frozen=True)
class NamedEntry:
    """A directory entry (virtual key, team or customer), its shown name, and the names it is chosen from."""

    entry_id: int
    ident: str
    shown: str
    """The name on pages and in answers; `dashboard.query.labels` adds the id where several entries share
    it."""
    given_name: str | None
    name: str | None
    """The gateway's name."""
    hint: str | None
    first_seen_at: datetime


def term_texts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    """The text of each term."""
    texts: dict[int, str] = {}
    for chunk in dialects.chunks(ids):
        select = sa.select(term.c.term_id, term.c.text).where(term.c.term_id.in_(chunk))
        texts.update((row.term_id, row.text) for row in connection.execute(select))
    return texts


def shown_entries(connection: sa.Connection, ids: Sequence[int]) -> list[ShownEntry]:
    """The directory entries with the given ids."""
    entry = directory.c
    columns = sa.select(entry.entry_id, entry.kind, entry.ident, _shown_name().label("shown"))
    return [
        ShownEntry(*row)
        for chunk in dialects.chunks(ids)
        for row in connection.execute(columns.where(entry.entry_id.in_(chunk)))
    ]


def shared_names(connection: sa.Connection, names: Iterable[str]) -> set[tuple[str, str]]:
    """The pairs `(kind, name)`, of the names asked for, that several directory entries share."""
    kind = directory.c.kind
    shared: set[tuple[str, str]] = set()
    for chunk in dialects.chunks(sorted(names)):
        select = sa.select(kind, _shown_name()).where(_shown_name().in_(chunk))
        select = select.group_by(kind, _shown_name()).having(sa.func.count() > 1)
        shared.update(tuple(row) for row in connection.execute(select))
    return shared


def entries_of_kind(connection: sa.Connection, kind: str) -> list[NamedEntry]:
    """Every entry of a kind, by name."""
    entry = directory.c
    columns = (entry.given_name, entry.name, entry.hint, entry.first_seen_at)
    select = (
        sa.select(entry.entry_id, entry.ident, _shown_name().label("shown"), *columns)
        .where(entry.kind == kind)
        .order_by("shown", entry.ident)
    )
    return [NamedEntry(*row) for row in connection.execute(select)]


def _shown_name() -> sa.ColumnElement[Any]:
    entry = directory.c
    return sa.func.coalesce(entry.given_name, entry.name, entry.hint, entry.ident)
