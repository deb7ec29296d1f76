"""Calls that a release before this one stored, under another identity or another hash of their content.

The first version of the content hash saw some facts otherwise, and some ids of calls were taken for ids
that are none today. A record that such a ledger holds already is the same call: it gets the identity and
the hash under which it is known, so that the writer finds a duplicate.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.entry import Entry
from ingest.ledger.tables.calls import ledger_property, usage_event, usage_event_revision

PROPERTY: Final = "content_hash_version"
"""The property of a ledger that holds calls with the first version of the content hash."""


def is_possible(connection: sa.Connection) -> bool:
    """Whether the ledger holds calls of a release with the first version of the content hash."""
    select = sa.select(sa.exists().where(ledger_property.c.name == PROPERTY))
    return bool(connection.execute(select).scalar_one())


def with_known_identities(connection: sa.Connection, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each under the identity by which the ledger knows it."""
    known = set(_stored_versions(connection, sorted({entry.former_id for entry in entries})))
    return [
        msgspec.structs.replace(entry, event_id=entry.former_id, content_hash=entry.former_hash)
        if (entry.former_id, entry.former_hash) in known
        else entry
        for entry in entries
    ]


def _stored_versions(connection: sa.Connection, ids: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Id and content hash of every version of the events with these ids."""
    for table in (usage_event, usage_event_revision):
        event_id = sa.type_coerce(table.c.event_id, sa.LargeBinary)
        for chunk in dialects.chunks(ids):
            select = sa.select(event_id, table.c.content_hash).where(table.c.event_id.in_(chunk))
            for row in connection.execute(select):
                yield bytes(row[0]), bytes(row[1])
