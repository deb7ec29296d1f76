"""A counter of byte strings with bounded memory: it spills to a temporary file, which is deleted with it."""

import sqlite3


class DiskCounter:
    """Counts how often each byte string was added. Must be closed."""

    def __init__(self) -> None:
        self._counts: sqlite3.Connection | None = None

    def add(self, item: bytes) -> int:
        """Count `item`; the number of times it was added so far, 1 for the first time."""
        if self._counts is None:
            self._counts = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._counts.execute("PRAGMA journal_mode=OFF")
            self._counts.execute("CREATE TABLE tally (item BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        upsert = "INSERT INTO tally VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"
        times: int = self._counts.execute(upsert, (item,)).fetchone()[0]
        return times

    def close(self) -> None:
        """Forget the counts."""
        if self._counts is not None:
            self._counts.close()
            self._counts = None
