"""The intake: records of every channel go through an `Intake`, batch by batch.

HTTP, the command line and connectors share it, so a record means the same whatever its channel. A receipt is
returned after its commit and never before.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import TracebackType
from typing import Protocol, Self, TypeVar

import msgspec

from ingest.framing import Record
from ingest.intake.decode import Context, Decoder, Decoding
from ingest.intake.identity import DiskCounter, Occurrences
from ingest.ledger import dialects, imports
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.entry import Batch
from ingest.ledger.price_book import LiveBook
from ingest.ledger.rejections import MOST_OF_BODY, MOST_OF_FILE, Kept, Origin
from ingest.ledger.salvage import salvage
from ingest.ledger.writer import write
from ingest.model.receipt import Receipt
from ingest.model.rejection import Rejection

T_co = TypeVar("T_co", covariant=True)


class Commit(Protocol[T_co]):
    """Writes and commits. `salvaging` says whether the database has refused the whole of it before."""

    def __call__(self, *, salvaging: bool) -> T_co:
        """Write and commit."""


Alongside = Callable[[Connection], None]
"""Writes more in the transaction that commits records, such as the cursor of their source."""


def make_decoder(ledger: Ledger) -> Decoder:
    """A decoder with this ledger's key ring and price book. Making it is slow; it may be shared."""
    return Decoder(ledger.keyring, LiveBook(ledger))


class Intake:
    """Takes in the records of one body or file. Use it as a context manager."""

    def __init__(
        self,
        ledger: Ledger,
        decoder: Decoder,
        context: Context,
        batch_id: int | None = None,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`around` is entered around each `commit`."""
        self._ledger = ledger
        self._around = around
        self._decoder = decoder
        self._context = context
        self._occurrences = Occurrences()
        self._origin = Origin(context.channel, context.received_at, context.path, context.source, batch_id)
        self._kept = Kept(MOST_OF_FILE if context.path else MOST_OF_BODY)
        self._records = 0

    def accept(self, records: Sequence[Record]) -> Receipt:
        """Decode and commit one batch of records."""
        return self._take([self._decoder.decode(records, self._context, self._records)])

    def begin(self) -> Decoding:
        """Begin to decode the records of the body one by one. `commit` takes their batches."""
        return self._decoder.begin(self._context)

    def commit(self, batch: Batch) -> Receipt:
        """Commit the next batch that `begin` has given."""
        with self._around():
            return self._take([batch])

    def accept_decoded(self, *batches: Batch, alongside: Alongside | None = None) -> Receipt:
        """Commit batches that were decoded elsewhere, in one transaction.

        The positions of each count from 0.
        """
        placed = []
        at = self._records
        for batch in batches:
            moved = [_moved(rejection, at) for rejection in batch.rejections]
            placed.append(msgspec.structs.replace(batch, rejections=moved))
            at += len(batch.entries) + len(batch.rejections)
        return self._take(placed, alongside)

    @property
    def keyless(self) -> int:
        """The number of records without a key of their own so far."""
        return self._occurrences.keyless

    def write(self, connection: Connection, lookup: Lookup, batch: Batch, *, salvaging: bool) -> Receipt:
        """Write a decoded batch of a whole file in a transaction that the caller commits.

        The caller also notes the progress of its import. `salvaging` says whether the database has refused to
        write it as a whole.
        """
        identified = [self._occurrences.identified(batch)]
        return self._write_all(connection, lookup, identified, self._kept, salvaging=salvaging)

    def _take(self, batches: Sequence[Batch], alongside: Alongside | None = None) -> Receipt:
        receipt = self._write([self._occurrences.identified(batch) for batch in batches], alongside)
        self._records += receipt.records
        return receipt

    def _write(self, batches: Sequence[Batch], alongside: Alongside | None) -> Receipt:
        return salvaging_if_refused(partial(self._commit, batches, alongside))

    def _commit(self, batches: Sequence[Batch], alongside: Alongside | None, *, salvaging: bool) -> Receipt:
        kept = self._kept.copy()
        with self._ledger.writing() as connection:
            lookup = self._ledger.dictionary.lookup(connection, self._origin.received_at)
            total = self._write_all(connection, lookup, batches, kept, salvaging=salvaging)
            if self._origin.batch_id is not None:
                read = sum(batch.read for batch in batches)
                imports.advance(connection, self._origin.batch_id, read, total, self.keyless)
            if alongside is not None:
                alongside(connection)
        lookup.remember()
        self._kept = kept
        return total

    def _write_all(
        self, connection: Connection, lookup: Lookup, batches: Sequence[Batch], kept: Kept, *, salvaging: bool
    ) -> Receipt:
        total, at = Receipt(), self._records
        for batch in batches:
            if salvaging:
                receipt = salvage(connection, self._ledger, lookup, batch, self._origin, kept, at)
            else:
                receipt = write(connection, self._ledger, lookup, batch, self._origin, kept)
            total.add(receipt)
            at += len(batch.entries) + len(batch.rejections)
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._occurrences.close()


class DryRunIntake(Intake):
    """An intake whose receipts say what would happen, and that leaves the ledger unchanged.

    Each batch is written and rolled back. The ids of earlier batches are remembered outside
    the ledger, so that repeated records count as duplicates and revisions, as they would.
    """

    def __init__(
        self, ledger: Ledger, decoder: Decoder, context: Context, batch_id: int | None = None
    ) -> None:
        super().__init__(ledger, decoder, context, batch_id)
        self._versions = DiskCounter()

    def _write(self, batches: Sequence[Batch], alongside: Alongside | None) -> Receipt:  # noqa: ARG002 - nothing is committed
        total = Receipt()
        for batch in batches:
            total.add(self._dry_run(batch))
        return total

    def _dry_run(self, batch: Batch) -> Receipt:
        repeated = Receipt()
        new = []
        for entry in batch.entries:
            versions = self._versions.add(entry.event_id)
            if self._versions.add(entry.event_id + entry.content_hash) > 1:
                repeated.duplicates += 1
            elif versions > 1:
                repeated.revised += 1
            else:
                new.append(entry)
        slim = msgspec.structs.replace(batch, entries=new)
        receipt = salvaging_if_refused(partial(self._write_and_roll_back, slim))
        receipt.add(repeated)
        return receipt

    def _write_and_roll_back(self, batch: Batch, *, salvaging: bool) -> Receipt:
        with self._ledger.dry_run() as connection:
            lookup = self._ledger.dictionary.lookup(connection, self._origin.received_at)
            return self._write_all(connection, lookup, [batch], self._kept, salvaging=salvaging)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._versions.close()
        super().__exit__(kind, error, trace)


def salvaging_if_refused(commit: Commit[T_co]) -> T_co:
    """What `commit` returns: of a whole write, else of one that salvages what the database takes."""
    try:
        return commit(salvaging=False)
    except Exception as error:
        if not dialects.refuses_data(error.__cause__ or error):
            raise
    return commit(salvaging=True)


def _moved(rejection: Rejection, by: int) -> Rejection:
    return msgspec.structs.replace(rejection, index=rejection.index + by)
