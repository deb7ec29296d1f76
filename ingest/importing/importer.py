"""Batch import: files into the ledger, safe to interrupt and to run again.

Up to four batches of 2,000 records (`BATCH_RECORDS`) are one commit, and so are many small files. Importing
a file again counts its records as duplicates; `resume` skips the records that an earlier import of the same
file has committed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from ingest.clock import now
from ingest.files.paths import Source
from ingest.files.reader import FileReader
from ingest.formats.format import Format
from ingest.framing import Record
from ingest.importing.small_files import SmallFiles, WaitingFile, is_small
from ingest.intake.decode import Context
from ingest.intake.decode_pool import decoded
from ingest.intake.intake import DryRunIntake, Intake, make_decoder
from ingest.ledger import imports
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import BATCH_RECORDS, Batch
from ingest.model.receipt import Receipt

if TYPE_CHECKING:
    from ingest.mapping import TableMapping

CHANNEL: Final = "import"
_MOST_BATCHES: Final = 4
_LONG_COMMIT: Final = 0.2
"""Seconds."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import."""

    format: Format | None = None
    mapped: "TableMapping | None" = None
    """The mapping, if `format` is the format of a mapping."""
    source: str | None = None
    virtual_key: str | None = None
    dry_run: bool = False
    resume: bool = False


@dataclass(slots=True)
class FileReport:
    """The result of importing a file."""

    path: str
    receipt: Receipt = field(default_factory=Receipt)
    formats: set[str] = field(default_factory=set)
    skipped: int = 0
    """Records that an earlier import has committed and `resume` has skipped."""
    passed_over: int = 0
    """Rows that the mapping excludes as no records."""
    unfinished: int | None = None
    """The number of the last line, if it is incomplete and was left for the next import."""


OnProgress = Callable[[int, int], None]
"""Called with the additional bytes read and the additional records committed."""


class Interrupted(Exception):
    """The import has stopped after a commit, because `stop` was called."""


class Importer:
    """Imports files one after another with the same options."""

    def __init__(
        self, ledger: Ledger, options: ImportOptions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._options = options
        self._decoder = make_decoder(ledger)
        self._small_files = SmallFiles(ledger, self._decoder)
        self._stopping = False

    def stop(self) -> None:
        """Stop after the next commit: `run` raises `Interrupted` then.

        May be called from a signal handler.
        """
        self._stopping = True

    def run(self, source: Source, report: FileReport, on_progress: OnProgress) -> None:
        """Import a file. `report` counts what is committed, at every moment.

        A small file may be committed with later files: call `finish` after the last file.

        Raises:
            Interrupted: `stop` was called.
        """
        mapped = self._options.mapped
        with FileReader(source, mapped.check_columns if mapped else None) as reading:
            fingerprint = reading.fingerprint(mapped.digest if mapped else "") or ""
            batches = reading.batches(BATCH_RECORDS, lambda size: on_progress(size, 0))
            if is_small(source) and not (self._options.dry_run or self._options.resume):
                first, second = next(batches, []), next(batches, None)
                if second is None:
                    self._let_wait(first, reading, report, fingerprint, on_progress)
                    return
                batches = chain((first, second), batches)
            self.finish()
            batch_id = None if self._options.dry_run else self._begin(fingerprint, report)
            status = "failed"
            try:
                self._read(batches, report, on_progress, batch_id)
                status = "finished"
            except (Interrupted, KeyboardInterrupt):
                status = "interrupted"
                raise
            finally:
                report.unfinished = reading.unfinished
                if batch_id is not None:
                    with self._ledger.writing() as connection:
                        imports.finish(connection, batch_id, status, now())

    def finish(self) -> None:
        """Commit the small files that wait for others.

        Raises:
            Interrupted: `stop` was called.
        """
        self._small_files.commit()
        if self._stopping:
            raise Interrupted

    def _let_wait(
        self,
        records: list[Record],
        reading: FileReader,
        report: FileReport,
        fingerprint: str,
        on_progress: OnProgress,
    ) -> None:
        """Decode the records of a small file, which is committed with others."""
        context = self._context(report)
        batch, unfinished = self._decoder.decode(records, context), reading.unfinished

        def on_committed(receipt: Receipt) -> None:
            report.receipt.add(receipt)
            report.formats.update(batch.formats)
            report.passed_over += batch.passed_over
            report.unfinished = unfinished
            on_progress(0, receipt.records)

        self._small_files.add(WaitingFile(report.path, context, fingerprint, batch, on_committed))
        if self._stopping or self._small_files.is_full:
            self.finish()

    def _context(self, report: FileReport) -> Context:
        options = self._options
        return Context(
            channel=CHANNEL,
            received_at=now(),
            source=options.source,
            virtual_key=options.virtual_key,
            format=options.format,
            path=report.path,
        )

    def _begin(self, fingerprint: str, report: FileReport) -> int:
        with self._ledger.writing() as connection:
            earlier = (
                imports.furthest(connection, fingerprint) if fingerprint and self._options.resume else None
            )
            batch_id = imports.start(connection, CHANNEL, report.path, fingerprint, now())
            # Equal records without a key are numbered from the start of the file: skip none then.
            if earlier is not None and not earlier.keyless:
                report.skipped = earlier.committed_records
                imports.skip(connection, batch_id, report.skipped)
        return batch_id

    def _read(
        self,
        batches: Iterator[list[Record]],
        report: FileReport,
        on_progress: OnProgress,
        batch_id: int | None,
    ) -> None:
        options, context = self._options, self._context(report)
        make_intake = DryRunIntake if options.dry_run else Intake
        with make_intake(self._ledger, self._decoder, context, batch_id) as intake:
            records = _after(batches, report.skipped)
            decoding = decoded(records, context, self._decoder, self._ledger.keyring, options.mapped)
            pace = Pace()
            for of_commit in _groups(decoding, pace):
                started = self._clock()
                receipt = intake.accept_decoded(*of_commit)
                pace.note(self._clock() - started)
                report.receipt.add(receipt)
                report.formats.update(name for batch in of_commit for name in batch.formats)
                report.passed_over += sum(batch.passed_over for batch in of_commit)
                on_progress(0, receipt.records)
                if self._stopping:
                    raise Interrupted


class Pace:
    """How many batches are one commit: four, and fewer while commits take long, so that others can write.

    Event ids are spread over their whole index, and a commit writes every index
    page that it has changed. Fewer and larger commits therefore write far less.
    """

    def __init__(self) -> None:
        self.batches = _MOST_BATCHES

    def note(self, seconds: float) -> None:
        """Note how long a commit has taken."""
        if seconds > _LONG_COMMIT:
            self.batches = max(1, self.batches // 2)
        elif seconds < _LONG_COMMIT / 2:
            self.batches = min(_MOST_BATCHES, self.batches * 2)


def _groups(batches: Iterator[Batch], pace: Pace) -> Iterator[list[Batch]]:
    while group := list(islice(batches, pace.batches)):
        yield group


def _after(batches: Iterable[list[Record]], skipped: int) -> Iterator[list[Record]]:
    """The batches without their first `skipped` records."""
    for records in batches:
        if skipped < len(records):
            yield records[skipped:]
        skipped = max(0, skipped - len(records))
