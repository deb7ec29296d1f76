"""Virtual keys and teams as pages know them: by the name that answers show, with the id that filters want."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from dashboard.query import labels
from dashboard.query.labels_store import NamedEntry
from dashboard.query.question import ALL_TIME, SpendQuery
from dashboard.query.row_access import access_filters
from dashboard.query.run import run
from ingest.ledger import directory
from ingest.ledger.engine import Ledger

Kind = Literal["virtual_key", "team"]
"""Whom pages and filters are about."""
NO_KEY: Final = "no key"


def seen(ledger: Ledger) -> frozenset[int] | None:
    """The keys and teams whose calls whoever asks may see; None where that is everybody."""
    if not access_filters():
        return None
    query = SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), ("team", "virtual_key"), by_entry=True)
    return frozenset(int(str(one)) for row in run(ledger, query).rows for one in row.key if one is not None)


def by_name(ledger: Ledger, kind: directory.Kind) -> Mapping[str, NamedEntry]:
    """Everybody of one kind whom whoever asks may see, by their shown name."""
    some = seen(ledger)
    with ledger.reading() as connection:
        everybody = labels.named_entries(connection, kind)
    return {one.shown: one for one in everybody if some is None or one.entry_id in some}


def known_as(ledger: Ledger, kind: Kind, text: str) -> NamedEntry | None:
    """The only one that a filter's text means; None for none or several."""
    everybody = by_name(ledger, kind).values()
    found = [one for one in everybody if text == one.ident] or [
        one for one in everybody if text in (one.given_name, one.name, one.hint)
    ]
    return found[0] if len(found) == 1 else None


def idents(ledger: Ledger, kind: Kind) -> Mapping[str, str]:
    """What a filter calls each shown name."""
    return {name: one.ident for name, one in by_name(ledger, kind).items()}


def called(ledger: Ledger, entries: Iterable[int]) -> Mapping[int, str]:
    """What pages call entries of the directory."""
    with ledger.reading() as connection:
        shown = labels.entry_names(connection, entries)
    return {entry: name for entry, name in shown.items() if entry is not None and name is not None}
