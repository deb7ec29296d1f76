"""Salvage: a batch that the database refuses is written in halves, so that only the guilty record is refused.

Decoding refuses what no database stores, so this is the net below it: a value that a column or an index does
not take costs its own record, and never its neighbours.
"""

from collections.abc import Sequence
from itertools import count, islice
from typing import Final

import msgspec
import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.rejections import Kept, Origin
from ingest.ledger.writer import write
from ingest.model.receipt import Receipt
from ingest.model.rejection import Rejection

UNWRITABLE: Final = "unwritable_record"


def salvage(
    connection: sa.Connection,
    ledger: Ledger,
    lookup: Lookup,
    batch: Batch,
    origin: Origin,
    kept: Kept,
    first_index: int,
) -> Receipt:
    """Write what the database takes of a batch inside the open transaction, and reject the rest.

    `first_index` is the position of the first record of the batch in its body or file.
    """
    attempt = _Attempt(connection, ledger, lookup, batch, origin)
    receipt = attempt.write(batch.entries)
    places = dict(zip((id(entry) for entry in batch.entries), _places(batch, first_index), strict=True))
    refused = [
        Rejection(places[id(entry)], entry.line, UNWRITABLE, _reason(error))
        for entry, error in attempt.refused
    ]
    rejections = sorted([*batch.rejections, *refused], key=lambda rejection: rejection.index)
    alone = msgspec.structs.replace(batch, entries=[], shared=[], price_sets=[], rejections=rejections)
    receipt.add(write(connection, ledger, lookup, alone, origin, kept))
    return receipt


class _Attempt:
    """Writes the entries of a batch, the halves of what is refused by themselves."""

    def __init__(
        self, connection: sa.Connection, ledger: Ledger, lookup: Lookup, batch: Batch, origin: Origin
    ) -> None:
        self.refused: list[tuple[Entry, Exception]] = []
        self._connection = connection
        self._ledger = ledger
        self._lookup = lookup
        self._batch = msgspec.structs.replace(batch, rejections=[], keyless=0)
        self._origin = origin

    def write(self, entries: Sequence[Entry]) -> Receipt:
        """Write the entries that the database takes, in their order."""
        if not entries:
            return Receipt()
        known = self._lookup.mark()
        try:
            with self._connection.begin_nested():
                return write(self._connection, self._ledger, self._lookup, self._of(entries), self._origin)
        except Exception as error:
            if not dialects.refuses_data(error):
                raise
            self._lookup.forget_since(known)
            if len(entries) == 1:
                self.refused.append((entries[0], error))
                return Receipt()
        middle = len(entries) // 2
        receipt = self.write(entries[:middle])
        receipt.add(self.write(entries[middle:]))
        return receipt

    def _of(self, entries: Sequence[Entry]) -> Batch:
        """A batch of these entries alone, with the values that they share."""
        used = sorted({entry.shared for entry in entries})
        places = {shared: at for at, shared in enumerate(used)}
        moved = [msgspec.structs.replace(entry, shared=places[entry.shared]) for entry in entries]
        return msgspec.structs.replace(
            self._batch, entries=moved, shared=[self._batch.shared[shared] for shared in used]
        )


def _places(batch: Batch, first_index: int) -> list[int]:
    """The positions of the entries: those that no rejection has."""
    taken = {rejection.index for rejection in batch.rejections}
    return list(islice((at for at in count(first_index) if at not in taken), len(batch.entries)))


def _reason(error: Exception) -> str:
    """The reason of a refusal, without the values that a message of the database may quote."""
    kind = type(error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error).__name__
    return (
        f"the database does not take this record ({kind}): a value in it cannot be stored; please report it"
    )
