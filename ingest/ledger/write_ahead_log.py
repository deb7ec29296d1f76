"""The write-ahead log of an embedded ledger: how long it is, and taking it back into the database file.

A commit takes the log back once it has `AUTOCHECKPOINT_PAGES`. That alone does not shorten it while others
read, so a server takes it back and cuts it between commits as well. A reader that stays holds it back.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from ingest.ledger import database_file
from ingest.ledger.engine import Ledger, translated_errors
from ingest.logs import logger

_log = logger("tallybook.write_ahead_log")

WANTED_BYTES: Final = 2 * 2**20
"""A server cuts the log where it is longer than this."""
LONGEST_BYTES: Final = 16 * 2**20
"""A longer log is held back by a reader, or by a backup that is being made."""


@dataclass(frozen=True, slots=True)
class LogState:
    """What came of taking the log back."""

    bytes: int
    """The length of the log now."""
    is_held_back: bool
    """Whether a reader or a writer kept it from being cut."""

    @property
    def is_too_long(self) -> bool:
        """Whether the log is longer than it may be."""
        return self.bytes > LONGEST_BYTES


def wal_bytes(ledger: Ledger) -> int:
    """The length of the write-ahead log; 0 for a ledger that has none, as on PostgreSQL."""
    return (
        0
        if ledger.file is None
        else database_file.size_of(database_file.beside(ledger.file, database_file.WAL))
    )


def cut(ledger: Ledger, wanted: int = WANTED_BYTES) -> LogState:
    """Take the log back into the database file and cut it, if it is longer than `wanted` bytes.

    It waits for nobody: a commit or a reader that is underway keeps the log until the next time.

    Raises:
        DatabaseError: the database refuses.
    """
    length = wal_bytes(ledger)
    if length <= wanted or ledger.is_read_only:
        return LogState(length, is_held_back=False)
    with translated_errors(), closing(ledger.engine.raw_connection()) as pooled:
        connection = pooled.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        waiting = connection.execute("PRAGMA busy_timeout").fetchone()[0]
        try:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).fetchone()  # the long part, which lets others write
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout = {waiting:d}")
    return LogState(wal_bytes(ledger), is_held_back=bool(busy))


class LogKeeper:
    """Keeps the log of a server's ledger short, and says when something holds it back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._is_told = False

    def keep_short(self) -> LogState:
        """Cut the log if it is long. A log that stays too long is logged once, until it has been short again.

        Raises:
            DatabaseError: the database refuses.
        """
        state = cut(self._ledger)
        if state.is_too_long and not self._is_told:
            _log.warning("write-ahead log held back", bytes=state.bytes, by="a long read or a backup")
        self._is_told = state.is_too_long
        return state
