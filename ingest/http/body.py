"""The delivery: one request body on its way into the ledger, unpacked, split and committed batch by batch.

What is committed stays, whatever happens to the rest of the body. Memory is bounded by a batch and a record.
"""

from collections.abc import AsyncIterator
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
"""Bytes that are gathered from the network before a thread works on them."""

_OPENING: Final = b"\xef\xbb\xbf \t\r\n"


class Delivery:
    """Takes in one body that is pushed in, from one thread at a time."""

    def __init__(self, intake: Intake, unpacker: Decompressor, kind: Framing, limit: int) -> None:
        """`limit` bounds the body as it is sent; the unpacker has a limit of its own."""
        self.receipt = Receipt()
        self._intake = intake
        self._unpacker = unpacker
        self._kind = kind
        self._splitter = Splitter(kind, assemble=stream.assemble)
        self._limit = limit
        self._received = 0
        self._waiting: list[Record] = []
        self._size = 0
        self._is_json = False  # whether anything so far was JSON
        self._first = b""  # the first byte that is not blank

    def take(self, data: bytes) -> None:
        """Take in the next piece of the body as it was sent.

        Raises:
            TooLarge: the body has grown past the limit, packed or unpacked.
            Unreadable: it is damaged here, or no JSON at all.
        """
        try:
            for piece in self._unpacker.feed(self._within_limit(data)):
                self._split(piece)
            self._check_limit()
        except (TooLarge, Unreadable):
            self._commit()
            raise

    def end(self, data: bytes) -> None:
        """Take in the last piece of the body, and commit what has not been.

        Raises:
            TooLarge: the body has grown past the limit.
            Unreadable: it ends too early, is empty, or no JSON at all.
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

    def _add(self, records: list[Record]) -> None:
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
    """Whether a record is JSON or was meant to be."""
    if not isinstance(record, RawRecord) or record.raw[:1] in (b"{", b"["):
        return True
    try:
        msgspec.json.decode(record.raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


class Taker(Protocol):
    """Takes in a body piece by piece, as `Delivery` does."""

    receipt: Receipt

    def take(self, data: bytes) -> None:
        """Take in the next piece."""

    def end(self, data: bytes) -> None:
        """Take in the last piece, and commit what has not been."""


async def pour(body: AsyncIterator[bytes], delivery: Taker, threads: CapacityLimiter) -> None:
    """Push a body into a delivery, a block at a time, in a worker thread.

    Raises:
        TooLarge, Unreadable: as `Delivery` does.
        ClientDisconnect: the connection was cut; what was committed stays.
    """
    block: list[bytes] = []
    size = 0
    async for chunk in body:
        block.append(chunk)
        size += len(chunk)
        if size >= BLOCK:
            await to_thread.run_sync(delivery.take, b"".join(block), limiter=threads)
            block, size = [], 0
    await to_thread.run_sync(delivery.end, b"".join(block), limiter=threads)
