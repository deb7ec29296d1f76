"""The directory of keys, teams and customers: what people call them.

A given name stands before the gateway's word and is never changed by an import. It changes what is shown and nothing
that is counted: events and rollups hold the entry's id.
"""

from typing import Final

from ingest.ledger.engine import Ledger
from ingest.ledger.tables import directory

LONGEST_NAME: Final = 120


class NameRefused(ValueError):
    """A name that cannot be given; the message says why."""


def rename(ledger: Ledger, entry_id: int, given_name: str | None) -> None:
    """Give an entry a name; None or nothing but spaces gives it back the gateway's.

    Raises:
        NameRefused: it is too long or holds characters that cannot be seen.
        LookupError: there is no such entry.
    """
    name = clean(given_name)
    change = directory.update().where(directory.c.entry_id == entry_id).values(given_name=name)
    with ledger.writing() as connection:
        if connection.execute(change.returning(directory.c.entry_id)).scalar() is None:
            raise LookupError(f"the directory has no entry {entry_id}")


def clean(given_name: str | None) -> str | None:
    """The name as it is kept: spaces around it taken off; None for no name.

    Raises:
        NameRefused: it is too long or holds characters that cannot be seen.
    """
    name = (given_name or "").strip()
    if len(name) > LONGEST_NAME:
        raise NameRefused(f"a name has at most {LONGEST_NAME} characters, this one {len(name)}")
    if not name.isprintable():
        raise NameRefused("a name holds no line breaks and no characters that cannot be seen")
    return name or None
