"""Batch import: files into the ledger, safe to interrupt and to run again.

Each batch of records is one commit. Reading a file again finds its records already there and counts them as
duplicates; `resume` skips those that an earlier import of the same file has committed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from ingest.clock import now
from ingest.files.paths import Source
from ingest.files.reader import FileReader
from ingest.formats.format import Format
from ingest.framing import Record
from ingest.intake.decode import Context
from ingest.intake.decode_pool import decoded
from ingest.intake.intake import Intake, Rehearsal, make_decoder
from ingest.ledger import imports
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import BATCH_RECORDS, Batch
from ingest.model.receipt import Receipt

if TYPE_CHECKING:
    from ingest.mapping import TableMapping

CHANNEL: Final = "import"


@dataclass(frozen=True, slots=True)
class Options:
    """How to import."""

    format: Format | None = None
    mapped: "TableMapping | None" = None
    """The mapping that `format` belongs to, if it is one."""
    source: str | None = None
    virtual_key: str | None = None
    dry_run: bool = False
    resume: bool = False


@dataclass(slots=True)
class FileReport:
    """What became of one file."""

    path: str
    receipt: Receipt = field(default_factory=Receipt)
    formats: set[str] = field(default_factory=set)
    skipped: int = 0
    """Records that an earlier import had committed and `resume` passed over."""
    passed_over: int = 0
    """Rows that are no records, as the mapping says."""
    unfinished: int | None = None
    """The last line, if it is not whole yet and was left for the next import."""


Heard = Callable[[int, int], None]
"""Called with more bytes read and more records committed."""


class Interrupted(Exception):
    """The import was asked to stop and did so after a commit."""


class Importer:
    """Imports files one after another with the same options."""

    def __init__(self, ledger: Ledger, options: Options) -> None:
        self._ledger = ledger
        self._options = options
        self._decoder = make_decoder(ledger)
        self._stopping = False

    def stop(self) -> None:
        """Stop after the next commit: `run` raises `Interrupted` then. May be called from a signal handler."""
        self._stopping = True

    def run(self, source: Source, report: FileReport, heard: Heard) -> None:
        """Import one file into `report`, which is right at every moment.

        Raises:
            Interrupted: `stop` was called; what the report counts is committed.
        """
        mapped = self._options.mapped
        with FileReader(source, mapped.check_columns if mapped else None) as reading:
            batch_id = None if self._options.dry_run else self._begin(reading, report)
            status = "failed"
            try:
                self._read(reading, report, heard, batch_id)
                status = "finished"
            except (Interrupted, KeyboardInterrupt):
                status = "interrupted"
                raise
            finally:
                report.unfinished = reading.unfinished
                if batch_id is not None:
                    with self._ledger.writing() as connection:
                        imports.finish(connection, batch_id, status, now())

    def _begin(self, reading: FileReader, report: FileReport) -> int:
        mapped = self._options.mapped
        known = reading.fingerprint(mapped.digest if mapped else "")
        with self._ledger.writing() as connection:
            before = imports.furthest(connection, known) if known and self._options.resume else None
            batch_id = imports.start(connection, CHANNEL, report.path, known or "", now())
            # Records without a key of their own are told apart by counting equal ones from the start of the file.
            if before is not None and not before.keyless:
                report.skipped = before.committed_records
                imports.skip(connection, batch_id, report.skipped)
        return batch_id

    def _read(self, reading: FileReader, report: FileReport, heard: Heard, batch_id: int | None) -> None:
        options = self._options
        context = Context(
            channel=CHANNEL,
            received_at=now(),
            source=options.source,
            virtual_key=options.virtual_key,
            format=options.format,
            path=report.path,
        )
        taker = Rehearsal if options.dry_run else Intake
        with taker(self._ledger, self._decoder, context, batch_id) as intake:
            records = _after(reading.batches(BATCH_RECORDS, lambda size: heard(size, 0)), report.skipped)
            decoding = decoded(records, context, self._decoder, self._ledger.keyring, options.mapped)
            for some in _in_fours(decoding):
                receipt = intake.accept_decoded(*some)
                report.receipt.add(receipt)
                report.formats.update(name for batch in some for name in batch.formats)
                report.passed_over += sum(batch.passed_over for batch in some)
                heard(0, receipt.records)
                if self._stopping:
                    raise Interrupted


def _in_fours(batches: Iterator[Batch]) -> Iterator[list[Batch]]:
    """Four batches at a time, to be one commit.

    Event ids are spread over the whole of their index, and a commit writes every page that it touched: fewer and larger
    commits write far less.
    """
    while some := list(islice(batches, 4)):
        yield some


def _after(batches: Iterable[list[Record]], skipped: int) -> Iterator[list[Record]]:
    """The batches without their first `skipped` records."""
    for records in batches:
        if skipped < len(records):
            yield records[skipped:]
        skipped = max(0, skipped - len(records))
