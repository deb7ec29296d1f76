"""The note of its last backup that a ledger keeps."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ingest.ledger.tables.calls import ledger_property
from ingest.model.zone import micros

PROPERTY: Final = "last_backup"
"""The property of the ledger that holds the note, as JSON."""


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup that the ledger knows of. It may have been moved or removed since."""

    at: int
    """Microseconds UTC."""
    path: str
    sha256: str
    events: int


def last_backup(connection: sa.Connection) -> LastBackup | None:
    """The last backup of a ledger; None if there was none."""
    query = sa.select(ledger_property.c.value).where(ledger_property.c.name == PROPERTY)
    text = connection.execute(query).scalar()
    if text is None:
        return None
    facts = json.loads(text)
    at = micros(datetime.fromisoformat(facts["at"]))
    return LastBackup(at, facts["path"], facts["sha256"], facts["events"])
