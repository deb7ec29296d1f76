"""Virtual keys as pages know them: by the name that answers show, with the id that filters want."""

from collections.abc import Mapping

from dashboard import names
from dashboard.names import Person
from ingest.ledger.engine import Ledger


def by_name(ledger: Ledger) -> Mapping[str, Person]:
    """Every virtual key by its shown name."""
    with ledger.reading() as connection:
        return {key.shown: key for key in names.entries(connection, "virtual_key")}


def known_as(ledger: Ledger, text: str) -> Person | None:
    """The only virtual key that a filter's text means; None for none or several."""
    found = [
        key for key in by_name(ledger).values() if text in (key.ident, key.given_name, key.name, key.hint)
    ]
    return found[0] if len(found) == 1 else None
