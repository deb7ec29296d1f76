"""Identity of records that have no key of their own: a hash of their facts and the how-manieth they are.

Within one file or body two equal records are two calls; the same file read again gives the same identities, so it
counts once.
"""

import msgspec

from ingest.intake.counter import Tally
from ingest.intake.decode import identify
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.fields import TERMS

_SOURCE = TERMS.index("source")


class Occurrences:
    """Tells equal records of one file or body apart. Close it when the file or body is done."""

    def __init__(self) -> None:
        self.keyless = 0
        """How many records so far had no key of their own."""
        self._tally = Tally()

    def identified(self, batch: Batch) -> Batch:
        """`batch` with an identity for each entry: its own where it has one, else by content and occurrence."""
        if all(entry.event_id for entry in batch.entries):
            return batch
        entries = [entry if entry.event_id else self._counted(entry, batch) for entry in batch.entries]
        return msgspec.structs.replace(batch, entries=entries)

    def _counted(self, entry: Entry, batch: Batch) -> Entry:
        self.keyless += 1
        source = batch.shared[entry.shared].terms[_SOURCE]
        assert source is not None, "every event has a source"
        times = self._tally.add(source.encode("utf-8", "replace") + entry.content_hash)
        key = f"{entry.content_hash.hex()}#{times}"
        at = batch.columns.index("source_event_id")
        facts = (*entry.facts[:at], key, *entry.facts[at + 1 :])
        return msgspec.structs.replace(entry, event_id=identify(source, key), facts=facts)

    def close(self) -> None:
        """Forget what came."""
        self._tally.close()
