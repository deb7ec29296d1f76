"""Where the last backup of a ledger is, and whether it is still there and whole."""

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
    is_in_sight: bool
    """Whether there is something where it was made."""
    problem: str | None
    """Why it is not whole where it was made; None if its files are there in their size."""


def last_backup_state(ledger: Ledger) -> BackupState | None:
    """The state of the last backup; None if there was none.

    Only names and sizes are looked at, so that it can be asked often.

    Raises:
        DatabaseError: the database is away.
    """
    with ledger.reading() as connection:
        last = last_backup(connection)
    if last is None:
        return None
    backup = folder.backup_at(Path(last.path))
    return BackupState(last.path, last.at, _is_in_sight(backup.path), backup.problem)


def _is_in_sight(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder of another user
        return False
