"""Identity of records without a key of their own: the hash of their facts and a number among equal records.

Two equal records in a file or body are two calls. The same file read again
gives the same identities, so its calls count once.
"""

import sqlite3

import msgspec

from ingest.intake.decode import identify
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.fields import TERMS

_SOURCE = TERMS.index("source")


class Occurrences:
    """Numbers the equal records of a file or body. Must be closed at its end."""

    def __init__(self) -> None:
        self.keyless = 0
        """The number of records without a key of their own so far."""
        self._counter = DiskCounter()

    def identified(self, batch: Batch) -> Batch:
        """`batch` with an id for each entry: its own if it has one, else from its content and its number."""
        if all(entry.event_id for entry in batch.entries):
            return batch
        entries = [entry if entry.event_id else self._counted(entry, batch) for entry in batch.entries]
        return msgspec.structs.replace(batch, entries=entries)

    def _counted(self, entry: Entry, batch: Batch) -> Entry:
        self.keyless += 1
        source = batch.shared[entry.shared].terms[_SOURCE]
        assert source is not None, "every event has a source"
        times = self._counter.add(source.encode("utf-8", "replace") + entry.content_hash)
        key = f"{entry.content_hash.hex()}#{times}"
        at = batch.columns.index("source_event_id")
        facts = (*entry.facts[:at], key, *entry.facts[at + 1 :])
        former_id = entry.former_id or identify(source, f"{entry.former_hash.hex()}#{times}")
        return msgspec.structs.replace(
            entry, event_id=identify(source, key), former_id=former_id, facts=facts
        )

    def close(self) -> None:
        """Delete the counts."""
        self._counter.close()


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
