"""Labels: the texts of terms, and the names of directory entries, for the ids that the ledger stores."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dashboard.query import labels_store
from dashboard.query.labels_store import NamedEntry
from ingest.ledger.engine import Connection


def term_texts(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The text of each term; None stays None."""
    texts: dict[int | None, str | None] = {None: None}
    texts.update(labels_store.term_texts(connection, _distinct(ids)).items())
    return texts


def entry_names(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, str | None]:
    """The shown name of each directory entry: the given name, else the gateway's name, the hint or the id.

    Entries of the directory that share a name carry their id after it, even if only one of them is asked for.
    """
    entries = labels_store.shown_entries(connection, _distinct(ids))
    shared = labels_store.shared_names(connection, {entry.shown for entry in entries})
    names: dict[int | None, str | None] = {None: None}
    names |= {
        entry.entry_id: f"{entry.shown} ({entry.ident})"
        if (entry.kind, entry.shown) in shared
        else entry.shown
        for entry in entries
    }
    return names


def named_entries(connection: Connection, kind: str) -> list[NamedEntry]:
    """Every directory entry of a kind, by name. Entries that share a name carry their id after it."""
    entries = labels_store.entries_of_kind(connection, kind)
    counts = Counter(entry.shown for entry in entries)
    return [
        entry if counts[entry.shown] == 1 else replace(entry, shown=f"{entry.shown} ({entry.ident})")
        for entry in entries
    ]


def _distinct(ids: Iterable[int | None]) -> list[int]:
    return sorted({number for number in ids if number is not None})
