"""Identity of records that have no key of their own: a hash of their facts and the how-manieth they are.

Within one file or body two equal records are two calls; the same file read again gives the same identities, so it
counts once.
"""

import msgspec

from ingest.decoding import identify
from ingest.ledger.entry import Entry
from ingest.ledger.tables import FACTS, TERMS
from ingest.tally import Tally

_SOURCE = TERMS.index("source")
_KEY = FACTS.index("source_event_id")


class Occurrences:
    """Tells equal records of one file or body apart. Close it when the file or body is done."""

    def __init__(self) -> None:
        self.keyless = 0
        """How many records so far had no key of their own."""
        self._tally = Tally()

    def identified(self, entry: Entry) -> Entry:
        """`entry` with its identity: itself where it has one, else by content and occurrence."""
        if entry.event_id:
            return entry
        self.keyless += 1
        source = entry.terms[_SOURCE]
        assert source is not None, "every event has a source"
        times = self._tally.add(source.encode("utf-8", "replace") + entry.content_hash)
        key = f"{entry.content_hash.hex()}#{times}"
        facts = (*entry.facts[:_KEY], key, *entry.facts[_KEY + 1 :])
        return msgspec.structs.replace(entry, event_id=identify(source, key), facts=facts)

    def close(self) -> None:
        """Forget what came."""
        self._tally.close()
