"""Virtual keys and teams as pages show them: the shown name, and the id that filters use."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from dashboard.query import labels
from dashboard.query.labels_store import Person
from dashboard.query.question import ALL_TIME, SpendQuery
from dashboard.query.row_access import limits
from dashboard.query.run import run
from ingest.ledger import directory
from ingest.ledger.engine import Ledger

Kind = Literal["virtual_key", "team"]
"""The kinds of entries that pages and filters refer to."""
NO_KEY: Final = "no key"


def visible_entries(ledger: Ledger) -> frozenset[int] | None:
    """The keys and teams whose calls the current principal may see; None for all."""
    if not limits():
        return None
    query = SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), ("team", "virtual_key"), by_entry=True)
    ids = (entry_id for row in run(ledger, query).rows for entry_id in row.key)
    return frozenset(int(str(entry_id)) for entry_id in ids if entry_id is not None)


def by_name(ledger: Ledger, kind: directory.Kind) -> Mapping[str, Person]:
    """The entries of a kind that the current principal may see, by their shown name."""
    visible = visible_entries(ledger)
    with ledger.reading() as connection:
        entries = labels.entries(connection, kind)
    return {entry.shown: entry for entry in entries if visible is None or entry.entry_id in visible}


def known_as(ledger: Ledger, kind: Kind, text: str) -> Person | None:
    """The entry that the text of a filter names, by id or by any of its names; None for none or several."""
    entries = by_name(ledger, kind).values()
    matching = [entry for entry in entries if text == entry.ident] or [
        entry for entry in entries if text in (entry.given_name, entry.name, entry.hint)
    ]
    return matching[0] if len(matching) == 1 else None


def idents(ledger: Ledger, kind: Kind) -> Mapping[str, str]:
    """The id that filters use for each shown name."""
    return {name: entry.ident for name, entry in by_name(ledger, kind).items()}


def called(ledger: Ledger, entries: Iterable[int]) -> Mapping[int, str]:
    """The shown names of directory entries."""
    with ledger.reading() as connection:
        names = labels.people(connection, entries)
    return {entry: name for entry, name in names.items() if entry is not None and name is not None}
