"""One pass over a table of a store: new and changed rows are read page by page, and the cursor follows.

A pass starts at the look-back before the newest row read so far, because rows are written late and change
afterwards. Unchanged rows count as duplicates. Calls that had not ended are then read by their keys, no
matter when they began. After an interrupted pass, the next pass continues from the last commit.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from ingest.clock import now
from ingest.framing import RawRecord
from ingest.intake import names
from ingest.intake.decode import Context, Decoder
from ingest.intake.decode_pool import decoded
from ingest.intake.intake import Intake
from ingest.ledger import cursors, imports
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.entry import Batch
from ingest.model.receipt import MAX_REJECTIONS, Receipt
from ingest.model.rejection import Rejection
from ingest.sync.store import Page, Store, Table

CHANNEL: Final = "sync"
LOOK_BACK: Final = 48 * 3600 * 1_000_000
"""The default look-back: how far before the newest row a pass starts, in microseconds."""
_NO_CALLS: Final = frozenset({"not_a_call"})
"""Rows of a log that are no calls of a model, such as listings; a gateway writes many of them."""
_PAGES_PER_COMMIT: Final = 4
"""Pages in one commit, as in an import."""
_WAITING_PAGE: Final = 500
"""Waiting rows read by their keys at once."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was rejected."""

    key: str
    rejection: Rejection


@dataclass(slots=True)
class Report:
    """The results of any number of passes over a table."""

    table: Table
    receipt: Receipt = field(default_factory=Receipt)
    rejected_rows: list[RejectedRow] = field(default_factory=list)
    newest_at: int | None = None
    waiting: int = 0
    """Calls that have not ended."""

    def add(self, receipt: Receipt, rejected_rows: list[RejectedRow]) -> None:
        """Add the results of a commit."""
        self.receipt.add(receipt)
        self.rejected_rows += rejected_rows[: MAX_REJECTIONS - len(self.rejected_rows)]


class Stopped(Exception):
    """The pass stopped after a commit, as requested."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of reading a store."""

    source: str | None = None
    """Overrides the source given by the formats."""
    look_back: int = LOOK_BACK
    since: int | None = None
    """The instant to read from, if it is earlier than the look-back."""


class Puller:
    """Reads one table of a store into a ledger."""

    def __init__(
        self, ledger: Ledger, decoder: Decoder, store: Store, report: Report, source: str | None
    ) -> None:
        self._ledger = ledger
        self._decoder = decoder
        self._store = store
        self._table = report.table
        self._report = report
        self._source = source
        place = f"{store.place}#{report.table.name}"
        self.name = f"{place} as {source}" if source else place
        self._path = place
        self._batch_id: int | None = None
        self._stopping: Callable[[], bool] = lambda: False

    def run(self, options: Options, stopping: Callable[[], bool]) -> None:
        """Make one pass. The report is correct at every moment.

        Raises:
            Stopped: `stopping` became true; everything counted in the report is committed.
            StoreError: the store cannot be read any further.
        """
        self._stopping = stopping
        self._batch_id = self._batch_id or self._start_import()
        status = "failed"
        try:
            self._make_pass(options)
            status = "finished"
        except (Stopped, KeyboardInterrupt):
            status = "interrupted"
            raise
        finally:
            with self._ledger.writing() as connection:
                imports.finish(connection, self._batch_id, status, now())
            self._refresh_report()

    def _start_import(self) -> int:
        with self._ledger.writing() as connection:
            imports.mark_interrupted(connection, CHANNEL, self.name, now())
            return imports.start(connection, CHANNEL, self._path, self.name, now())

    def _make_pass(self, options: Options) -> None:
        started = now()
        with self._ledger.reading() as connection:
            newest_at = cursors.newest(connection, self.name)
        since = _pass_start(newest_at, options)
        context = Context(
            CHANNEL,
            started,
            self._source,
            format=self._table.format,
            path=self._path,
            passes_over=_NO_CALLS,
        )
        with Intake(self._ledger, self._decoder, context, self._batch_id) as intake:
            self._commit_pages(intake, context, self._store.pages(self._table, since))
            self._commit_pages(intake, context, self._waiting_pages(started))

    def _commit_pages(self, intake: Intake, context: Context, pages: Iterable[Page]) -> None:
        """Commit pages as they arrive, moving the cursor in the same transaction."""
        for decoded_pages in _commit_groups(self._decoded(context, pages)):
            rows = [row for page, _ in decoded_pages for row in page]
            rejected_rows = [
                rejected_row for page, batch in decoded_pages for rejected_row in _rejected_rows(page, batch)
            ]
            batches = [_without_lines(batch) for _, batch in decoded_pages]
            receipt = intake.accept_decoded(*batches, alongside=partial(self._move_cursor, rows))
            self._report.add(receipt, rejected_rows)
            if self._stopping():
                raise Stopped

    def _decoded(self, context: Context, pages: Iterable[Page]) -> Iterator[tuple[Page, Batch]]:
        """Each page with its decoded batch. Reading may be some pages ahead of decoding."""
        ahead: deque[Page] = deque()

        def records() -> Iterator[list[RawRecord]]:
            for page in pages:
                ahead.append(page)
                yield [RawRecord(index, index, row.raw) for index, row in enumerate(page) if row.ended]

        for batch in decoded(records(), context, self._decoder, self._ledger.keyring):
            yield ahead.popleft(), batch

    def _waiting_pages(self, started: int) -> Iterator[Page]:
        """Rows whose call had not ended in an earlier pass. Rows that no longer exist stop waiting."""
        after = ""
        while True:
            with self._ledger.reading() as connection:
                keys = cursors.waiting(
                    connection, self.name, seen_before=started, after=after, limit=_WAITING_PAGE
                )
            if not keys:
                return
            page = self._store.rows(self._table, keys)
            found_keys = {row.key for row in page}
            if missing_keys := [key for key in keys if key not in found_keys]:
                with self._ledger.writing() as connection:
                    cursors.settle(connection, self.name, missing_keys)
            yield page
            after = keys[-1]

    def _move_cursor(self, rows: Page, connection: Connection) -> None:
        """Move the cursor to the newest of these rows, but never past the present."""
        moved_at = now()
        newest_at = max((row.at for row in rows if row.at is not None), default=None)
        cursors.move(connection, self.name, None if newest_at is None else min(newest_at, moved_at), moved_at)
        keyed = [row for row in rows if _is_key(row.key)]
        cursors.settle(connection, self.name, [row.key for row in keyed if row.ended])
        cursors.wait_for(connection, self.name, [row.key for row in keyed if not row.ended], moved_at)

    def _refresh_report(self) -> None:
        """Update the report with the cursor and the number of waiting calls."""
        with self._ledger.reading() as connection:
            self._report.newest_at = cursors.newest(connection, self.name)
            self._report.waiting = cursors.count_waiting(connection, self.name)


def _is_key(key: str) -> bool:
    """Whether a text can be the key by which a row is asked for again, in the store and in the ledger."""
    return 0 < len(key) <= names.LONGEST and "\0" not in key


def _pass_start(newest_at: int | None, options: Options) -> int | None:
    """The instant at which a pass starts: the look-back, or `since` if that is earlier."""
    if newest_at is None:
        return options.since
    default_start = newest_at - options.look_back
    return default_start if options.since is None else min(default_start, options.since)


def _rejected_rows(page: Page, batch: Batch) -> list[RejectedRow]:
    """The rejected rows. The line of a rejection is the index of its row in the page."""
    return [RejectedRow(page[rejection.line].key, rejection) for rejection in batch.rejections]


def _without_lines(batch: Batch) -> Batch:
    """The batch to store. Rows have no line number, so that a repeated rejection of a row is stored once."""
    rejections = [msgspec.structs.replace(rejection, line=0) for rejection in batch.rejections]
    return msgspec.structs.replace(batch, rejections=rejections) if rejections else batch


def _commit_groups(pages: Iterator[tuple[Page, Batch]]) -> Iterator[list[tuple[Page, Batch]]]:
    while group := list(islice(pages, _PAGES_PER_COMMIT)):
        yield group
