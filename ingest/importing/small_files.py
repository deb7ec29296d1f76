"""Small files: many are one commit, because a commit takes far longer than the records of a small file.

The files of a group are read and decoded one by one and written together. Each has its own row among the
imports and its own receipt, which is given after the commit; a process that is killed before it leaves
nothing of the group, and the files are imported again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ingest.clock import now
from ingest.files.paths import Source
from ingest.intake.decode import Context, Decoder
from ingest.intake.intake import Intake, salvaging_if_refused
from ingest.ledger import imports
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.entry import BATCH_RECORDS, Batch
from ingest.model.receipt import Receipt

_LARGEST: Final = 64 * 2**10
"""Bytes of a small file, compressed or not. It also has no more records than a batch."""
_MOST_FILES: Final = 100
_MOST_RECORDS: Final = 4 * BATCH_RECORDS


def is_small(source: Source) -> bool:
    """Whether a file is small enough to wait for others."""
    return source.size is not None and source.size <= _LARGEST


OnCommitted = Callable[[Receipt], None]


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that was decoded and is not committed yet."""

    path: str
    context: Context
    fingerprint: str
    batch: Batch
    on_committed: OnCommitted
    """Called with the receipt of the file after the commit."""


class SmallFiles:
    """The small files that wait to be committed together."""

    def __init__(self, ledger: Ledger, decoder: Decoder) -> None:
        self._ledger = ledger
        self._decoder = decoder
        self._waiting: list[WaitingFile] = []

    @property
    def is_full(self) -> bool:
        """Whether the group is large enough to be committed."""
        records = sum(file.batch.read for file in self._waiting)
        return len(self._waiting) >= _MOST_FILES or records >= _MOST_RECORDS

    def add(self, file: WaitingFile) -> None:
        """Let a file wait for the next commit."""
        self._waiting.append(file)

    def commit(self) -> None:
        """Commit the waiting files in one transaction. A file without records leaves nothing."""
        files, self._waiting = self._waiting, []
        filled = [file for file in files if file.batch.read]
        receipts = iter(salvaging_if_refused(partial(self._commit, filled)) if filled else ())
        for file in files:
            file.on_committed(next(receipts) if file.batch.read else Receipt())

    def _commit(self, files: Sequence[WaitingFile], *, salvaging: bool) -> list[Receipt]:
        with self._ledger.writing() as connection:
            lookup = self._ledger.dictionary.lookup(connection, files[0].context.received_at)
            named = [(file.path, file.fingerprint) for file in files]
            batch_ids = imports.start_all(connection, files[0].context.channel, named, now())
            whole = [
                self._write(connection, lookup, file, batch_id, salvaging=salvaging)
                for file, batch_id in zip(files, batch_ids, strict=True)
            ]
            imports.finish_all(connection, whole, now())
        lookup.remember()
        return [file.receipt for file in whole]

    def _write(
        self, connection: Connection, lookup: Lookup, file: WaitingFile, batch_id: int, *, salvaging: bool
    ) -> imports.WholeFile:
        with Intake(self._ledger, self._decoder, file.context, batch_id) as intake:
            receipt = intake.write(connection, lookup, file.batch, salvaging=salvaging)
            return imports.WholeFile(batch_id, file.batch.read, receipt, intake.keyless)
