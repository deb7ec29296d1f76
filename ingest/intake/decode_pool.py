"""Decoders at work: decoding in this process for a few records, in other processes for many.

The writer needs one core and the order of the records; decoding needs no order and no database. So batches of raw
records are decoded ahead by a pool, a bounded number at a time, and come back in the order they were handed in.
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
"""One writer keeps up with no more of them."""

AHEAD: Final = 4
"""So many batches a worker has before it, so that it has work while a commit is flushed."""

ALONE: Final = 4
"""So many batches are decoded in this process before others are started: starting one takes as long."""

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
    """Each batch decoded, in order; positions of rejections count from 0 within each batch.

    `mapped` is the mapping that `context.format` belongs to, if it is one: it is no format that others know by name.
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
    """Get a worker process ready. An interrupt is for the process that started it."""
    global _worker, _mapped
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker, _mapped = Decoder(keyring, Book(stored)), mapped


def _end_with_parent() -> None:
    """A worker of a process that was killed would wait for work for ever, holding its standard output open."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _work(records: list[Record], context: Context, format_name: str | None) -> bytes:
    if _mapped is not None:
        chosen: Format | None = _mapped.format
    else:
        chosen = formats.by_name(format_name) if format_name else None
    return _encode(_worker.decode(records, replace(context, format=chosen)))
