"""Identity of records without a key of their own: the hash of their facts and a number among equal records.

Two equal records in a file or body are two calls. The same file read again
gives the same identities, so its calls count once.
"""

import msgspec

from ingest.intake.counter import DiskCounter
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
        return msgspec.structs.replace(entry, event_id=identify(source, key), facts=facts)

    def close(self) -> None:
        """Delete the counts."""
        self._counter.close()
