"""From the ledger's integers back to what people read: terms, and the names of keys, teams and customers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from dashboard.query import labels_store
from dashboard.query.labels_store import Person


def terms(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The text of each id; None stays None."""
    wanted = sorted({one for one in ids if one is not None})
    found: dict[int | None, str | None] = {None: None}
    found.update(labels_store.term_texts(connection, wanted).items())
    return found


def people(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The shown name of each directory entry: the given name, else the gateway's, a hint, the id.

    Entries that would look alike carry what tells them apart, whether or not they are asked for together.
    """
    wanted = sorted({one for one in ids if one is not None})
    entries = labels_store.shown_entries(connection, wanted)
    shared = labels_store.shared_names(connection, {entry.shown for entry in entries})
    found: dict[int | None, str | None] = {None: None}
    found |= {
        entry.entry_id: f"{entry.shown} ({entry.ident})"
        if (entry.kind, entry.shown) in shared
        else entry.shown
        for entry in entries
    }
    return found


def entries(connection: Connection, kind: str) -> list[Person]:
    """Everybody of one kind, by name."""
    found = labels_store.people_of(connection, kind)
    alike = Counter(one.shown for one in found)
    return [
        one if alike[one.shown] == 1 else replace(one, shown=f"{one.shown} ({one.ident})") for one in found
    ]
