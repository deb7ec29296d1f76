"""The decoder pool: a few batches are decoded in this process, more in worker processes.

The writer uses one core and needs the records in order; decoding needs neither order nor
database. A pool decodes a bounded number of batches ahead and returns them in their order.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Final

import msgspec

from ingest import formats
from ingest.formats.format import Format
from ingest.framing import Record
from ingest.intake.decode import Context, Decoder
from ingest.ledger.entry import Batch
from ingest.ledger.key_hashes import KeyRing
from ingest.pricing.book import Book, StoredPrices

if TYPE_CHECKING:
    from ingest.mapping import TableMapping  # slow to load, and most imports have none

MOST_WORKERS: Final = 3
"""The most worker processes: a single writer cannot keep up with more."""

AHEAD: Final = 4
"""Batches queued per worker, so that it has work while a commit is flushed."""

ALONE: Final = 4
"""Batches decoded in this process before workers are started: starting a worker takes as long."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode
_worker: Decoder
_mapped: "TableMapping | None" = None


def decoded(
    batches: Iterable[Sequence[Record]],
    context: Context,
    decoder: Decoder,
    keyring: KeyRing,
    mapped: "TableMapping | None" = None,
) -> Iterator[Batch]:
    """The decoded batches, in order; positions of rejections count from 0 within each batch.

    `mapped` is the mapping of `context.format`, if it has one: workers cannot
    find the format of a mapping by name.
    """
    rest = iter(batches)
    for records in islice(rest, ALONE):
        yield decoder.decode(records, context)
    following = next(rest, None)
    if following is None:
        return
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_start,
        initargs=(keyring, decoder.book.stored, mapped),
    ) as pool:
        yield from _ahead(pool, following, rest, context, ahead=AHEAD * workers)


def _ahead(
    pool: ProcessPoolExecutor,
    first: Sequence[Record],
    rest: Iterator[Sequence[Record]],
    context: Context,
    ahead: int,
) -> Iterator[Batch]:
    name = context.format.name if context.format else None
    bare = replace(context, format=None)
    waiting: deque[Future[bytes]] = deque([pool.submit(_work, list(first), bare, name)])
    try:
        while waiting:
            for records in islice(rest, ahead - len(waiting)):
                waiting.append(pool.submit(_work, list(records), bare, name))
            yield _decode(waiting.popleft().result())
    finally:
        for future in waiting:
            future.cancel()


def _start(keyring: KeyRing, stored: StoredPrices, mapped: "TableMapping | None") -> None:
    """Prepare a worker process. It ignores interrupts, which its parent handles."""
    global _worker, _mapped
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker, _mapped = Decoder(keyring, Book(stored)), mapped


def _end_with_parent() -> None:
    """Exit when the parent process ends: else the worker would wait forever and keep standard output open."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(records: list[Record], context: Context, format_name: str | None) -> bytes:
    if _mapped is not None:
        form: Format | None = _mapped.format
    else:
        form = formats.by_name(format_name) if format_name else None
    return _encode(_worker.decode(records, replace(context, format=form)))
