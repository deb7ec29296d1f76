"""The last backup that a ledger knows of: a property that every backup writes."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.tables.calls import ledger_property
from ingest.model.zone import micros

PROPERTY: Final = "last_backup"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """When and where a ledger was copied last. The copy may have been moved or removed since."""

    at: int
    """Microseconds UTC."""
    path: str


def last_backup(connection: sa.Connection) -> LastBackup | None:
    """The last backup of the ledger of a connection; None if none is known."""
    query = sa.select(ledger_property.c.value).where(ledger_property.c.name == PROPERTY)
    return noted(connection.execute(query).scalar())


def noted(value: str | None) -> LastBackup | None:
    """The last backup by the value of the property; None without one, and for a value that says none."""
    try:
        facts: Any = json.loads(value or "")
        return LastBackup(micros(datetime.fromisoformat(facts["at"])), str(facts["path"]))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
