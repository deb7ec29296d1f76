"""The body of a request on its way into the ledger: decompressed, split into records, committed in batches.

A committed batch stays, even if the rest of the body is refused. Memory is bounded by a batch and a record.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Final, Protocol

import msgspec
from anyio import CapacityLimiter, to_thread

from ingest.formats import stream
from ingest.framing import Framing, RawRecord, Record, Splitter
from ingest.framing.decompression import Decompressor, TooLarge, Unreadable
from ingest.intake.intake import Intake
from ingest.model.receipt import Receipt

BATCH_RECORDS: Final = 1_000
BATCH_BYTES: Final = 4 * 2**20
BLOCK: Final = 2**20
"""Bytes that are collected from the network before a worker thread takes them."""

_OPENING: Final = b"\xef\xbb\xbf \t\r\n"


class RecordsBody:
    """A body of records, pushed in piece by piece, from one thread at a time."""

    def __init__(self, intake: Intake, unpacker: Decompressor, kind: Framing, limit: int) -> None:
        """`limit` bounds the body as sent; `unpacker` has its own limit for the decompressed body."""
        self.receipt = Receipt()
        self._intake = intake
        self._unpacker = unpacker
        self._kind = kind
        self._splitter = Splitter(kind, assemble=stream.assemble, open_envelope=stream.open_envelope)
        self._limit = limit
        self._received = 0
        self._waiting: list[Record] = []
        self._size = 0
        self._is_json = False  # whether anything so far was JSON
        self._first = b""  # the first byte that is not blank

    def take(self, data: bytes) -> None:
        """Take in the next piece of the body as sent.

        Raises:
            TooLarge: the body exceeds the limit, compressed or decompressed.
            Unreadable: the body is damaged, or is not JSON.
        """
        try:
            for piece in self._unpacker.feed(self._within_limit(data)):
                self._split(piece)
            self._check_limit()
        except (TooLarge, Unreadable):
            self._commit()
            raise

    def end(self, data: bytes) -> None:
        """Take in the last piece of the body, and commit the remaining records.

        Raises:
            TooLarge: the body exceeds the limit.
            Unreadable: the body ends too early, is empty, or is not JSON.
        """
        self.take(data)
        try:
            for piece in self._unpacker.finish():
                self._split(piece)
            self._add(self._splitter.finish())
        finally:
            self._commit()
        if not self._splitter.records and (self._first != b"[" or self._kind == "sse"):
            raise Unreadable("there is no record in it" if self._first else "the body is empty")

    def _within_limit(self, data: bytes) -> bytes:
        room = max(0, self._limit - self._received)
        self._received += len(data)
        return data[:room]

    def _check_limit(self) -> None:
        if self._received > self._limit:
            raise TooLarge(f"the body is larger than {self._limit} bytes")

    def _split(self, piece: bytes) -> None:
        self._first = self._first or piece.lstrip(_OPENING)[:1]
        self._add(self._splitter.feed(piece))

    def _add(self, records: Iterable[Record]) -> None:
        for record in records:
            self._waiting.append(record)
            self._size += len(record.raw) if isinstance(record, RawRecord) else 0
            if len(self._waiting) >= BATCH_RECORDS or self._size >= BATCH_BYTES:
                self._commit()

    def _commit(self) -> None:
        batch, self._waiting, self._size = self._waiting, [], 0
        if not batch:
            return
        self._is_json = self._is_json or any(_looks_like_json(record) for record in batch)
        if not self._is_json:
            raise Unreadable("this is not JSON")
        self.receipt.add(self._intake.accept(batch))


def _looks_like_json(record: Record) -> bool:
    """Whether a record is JSON, or starts like JSON."""
    if not isinstance(record, RawRecord) or record.raw[:1] in (b"{", b"["):
        return True
    try:
        msgspec.json.decode(record.raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


class Body(Protocol):
    """A body that is pushed in piece by piece: `RecordsBody`, or the body of a trace request."""

    receipt: Receipt

    def take(self, data: bytes) -> None:
        """Take in the next piece."""

    def end(self, data: bytes) -> None:
        """Take in the last piece, and commit the remaining records."""


async def push(chunks: AsyncIterator[bytes], body: Body, threads: CapacityLimiter) -> None:
    """Push the chunks of a request into `body`, a block at a time, in a worker thread.

    Raises:
        TooLarge, Unreadable: the body is refused.
        ClientDisconnect: the client has closed the connection; committed records stay.
    """
    block: list[bytes] = []
    size = 0
    async for chunk in chunks:
        block.append(chunk)
        size += len(chunk)
        if size >= BLOCK:
            await to_thread.run_sync(body.take, b"".join(block), limiter=threads)
            block, size = [], 0
    await to_thread.run_sync(body.end, b"".join(block), limiter=threads)
