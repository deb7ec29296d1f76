"""How old the last backup of a ledger is, and whether it is still there and whole: for doctor and metrics."""

from dataclasses import dataclass
from pathlib import Path

from ingest.backup import folder
from ingest.ledger.engine import Ledger
from ingest.ledger.last_backup import last_backup


@dataclass(frozen=True, slots=True)
class BackupState:
    """The last backup that a ledger knows of."""

    path: str
    at: int
    """Microseconds UTC."""
    age_seconds: int
    problem: str | None
    """Why it is not whole where it was made; None if its files are there in their size."""


def last_backup_state(ledger: Ledger, now: int) -> BackupState | None:
    """The state of the last backup at an instant (microseconds UTC); None if there was none.

    Only names and sizes are looked at, so that it can be asked often.

    Raises:
        DatabaseError: the database is away.
    """
    with ledger.reading() as connection:
        last = last_backup(connection)
    if last is None:
        return None
    backup = folder.backup_at(Path(last.path))
    return BackupState(last.path, last.at, max(0, now - last.at) // 1_000_000, backup.problem)
