"""Virtual keys and teams as pages know them: by the name that answers show, with the id that filters want."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from dashboard import names
from dashboard.names import Person
from ingest.ledger import directory
from ingest.ledger.engine import Ledger

Kind = Literal["virtual_key", "team"]
"""Whom pages and filters are about."""
NO_KEY: Final = "no key"


def by_name(ledger: Ledger, kind: directory.Kind) -> Mapping[str, Person]:
    """Everybody of one kind by their shown name."""
    with ledger.reading() as connection:
        return {one.shown: one for one in names.entries(connection, kind)}


def known_as(ledger: Ledger, kind: Kind, text: str) -> Person | None:
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
        shown = names.people(connection, entries)
    return {entry: name for entry, name in shown.items() if entry is not None and name is not None}
