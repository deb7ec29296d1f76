"""One pass over a table of a store: what is new or has changed comes in, page by page, and the cursor moves with it.

A pass reads from the look-back before the newest row that was ever seen, since rows are written late and change after
they are written; what has not changed counts as duplicates. Calls that had not ended are then asked for by their keys,
however long ago they began. Where a pass is cut off, the next one goes on from the last commit.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final

import msgspec
import sqlalchemy as sa

from ingest.accept import Intake
from ingest.clock import now
from ingest.decoders import decoded
from ingest.decoding import Context, Decoder
from ingest.ledger import cursors, imports
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch
from ingest.receipt import MAX_REJECTIONS, Receipt
from ingest.refusal import Rejection
from ingest.splitting import RawRecord
from ingest.sync.store import Page, Store, Table

CHANNEL: Final = "sync"
LOOK_BACK: Final = 48 * 3600 * 1_000_000
"""How far before the newest row a pass begins, in microseconds."""
_TOGETHER: Final = 4
"""Pages in one commit, as in an import."""
_ASKED_AGAIN: Final = 500
"""Rows that are asked for by their keys at once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was rejected."""

    key: str
    rejection: Rejection


@dataclass(slots=True)
class Report:
    """What became of the rows of one table, over any number of passes."""

    table: Table
    receipt: Receipt = field(default_factory=Receipt)
    refusals: list[Refusal] = field(default_factory=list)
    newest_at: int | None = None
    waiting: int = 0
    """Calls that have not ended."""

    def add(self, receipt: Receipt, refusals: list[Refusal]) -> None:
        """Count a commit in."""
        self.receipt.add(receipt)
        self.refusals += refusals[: MAX_REJECTIONS - len(self.refusals)]


class Stopped(Exception):
    """The pass was asked to stop and did so after a commit."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a store."""

    source: str | None = None
    """Overrules the source that the formats give."""
    look_back: int = LOOK_BACK
    since: int | None = None
    """An instant from which on to read, where that is further back."""


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
        """Take one pass; the report is right at every moment.

        Raises:
            Stopped: `stopping` became true; what the report counts is committed.
            StoreError: the store cannot be read any further.
        """
        self._stopping = stopping
        self._batch_id = self._batch_id or self._begin()
        status = "failed"
        try:
            self._pass(options)
            status = "finished"
        except (Stopped, KeyboardInterrupt):
            status = "interrupted"
            raise
        finally:
            with self._ledger.writing() as connection:
                imports.finish(connection, self._batch_id, status, now())
            self._look()

    def _begin(self) -> int:
        with self._ledger.writing() as connection:
            imports.mark_interrupted(connection, CHANNEL, self.name, now())
            return imports.start(connection, CHANNEL, self._path, self.name, now())

    def _pass(self, options: Options) -> None:
        started = now()
        with self._ledger.reading() as connection:
            newest_at = cursors.newest(connection, self.name)
        since = _beginning(newest_at, options)
        context = Context(CHANNEL, started, self._source, format=self._table.format, path=self._path)
        with Intake(self._ledger, self._decoder, context, self._batch_id) as intake:
            self._take(intake, context, self._store.pages(self._table, since))
            self._take(intake, context, self._again(started))

    def _take(self, intake: Intake, context: Context, pages: Iterable[Page]) -> None:
        """Commit pages as they come, with the cursor in the same transaction."""
        for some in _in_fours(self._decoded(context, pages)):
            rows = [row for page, _ in some for row in page]
            refusals = [one for page, batch in some for one in _refusals(page, batch)]
            batches = [_without_lines(batch) for _, batch in some]
            receipt = intake.accept_decoded(*batches, alongside=partial(self._move, rows))
            self._report.add(receipt, refusals)
            if self._stopping():
                raise Stopped

    def _decoded(self, context: Context, pages: Iterable[Page]) -> Iterator[tuple[Page, Batch]]:
        """Each page with what it was decoded into, which may be some pages behind what has been read."""
        ahead: deque[Page] = deque()

        def records() -> Iterator[list[RawRecord]]:
            for page in pages:
                ahead.append(page)
                yield [RawRecord(at, at, row.raw) for at, row in enumerate(page) if row.ended]

        for batch in decoded(records(), context, self._decoder, self._ledger.keyring):
            yield ahead.popleft(), batch

    def _again(self, started: int) -> Iterator[Page]:
        """Rows that had not ended when an earlier pass read them. Those that are gone are waited for no longer."""
        after = ""
        while True:
            with self._ledger.reading() as connection:
                keys = cursors.waiting(
                    connection, self.name, seen_before=started, after=after, limit=_ASKED_AGAIN
                )
            if not keys:
                return
            page = self._store.rows(self._table, keys)
            there = {row.key for row in page}
            if gone := [key for key in keys if key not in there]:
                with self._ledger.writing() as connection:
                    cursors.settle(connection, self.name, gone)
            yield page
            after = keys[-1]

    def _move(self, rows: Page, connection: sa.Connection) -> None:
        """Move the cursor over these rows. A row from the future does not take it past the present."""
        moment = now()
        newest_at = max((row.at for row in rows if row.at is not None), default=None)
        cursors.move(connection, self.name, None if newest_at is None else min(newest_at, moment), moment)
        cursors.settle(connection, self.name, [row.key for row in rows if row.ended])
        cursors.wait_for(connection, self.name, [row.key for row in rows if not row.ended], moment)

    def _look(self) -> None:
        """Bring the report up to what the ledger knows of the table."""
        with self._ledger.reading() as connection:
            self._report.newest_at = cursors.newest(connection, self.name)
            self._report.waiting = cursors.count_waiting(connection, self.name)


def _beginning(newest_at: int | None, options: Options) -> int | None:
    """Where a pass begins: `since` reaches further back and leaves nothing out that would be read without it."""
    if newest_at is None:
        return options.since
    usual = newest_at - options.look_back
    return usual if options.since is None else min(usual, options.since)


def _refusals(page: Page, batch: Batch) -> list[Refusal]:
    """The rows that were refused: the line of a rejection is the place of its row in the page."""
    return [Refusal(page[one.line].key, one) for one in batch.rejections]


def _without_lines(batch: Batch) -> Batch:
    """The batch as it is kept: a row has no line, and the same refusal of the same row is kept once."""
    rejections = [msgspec.structs.replace(one, line=0) for one in batch.rejections]
    return msgspec.structs.replace(batch, rejections=rejections) if rejections else batch


def _in_fours(pages: Iterator[tuple[Page, Batch]]) -> Iterator[list[tuple[Page, Batch]]]:
    while some := list(islice(pages, _TOGETHER)):
        yield some
