"""The body of a trace request on its way into the ledger.

A trace request can only be decoded as a whole, so its decompressed body is
collected in memory. A `MemoryLimit` bounds the bodies of all requests together.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from ingest.formats import otel
from ingest.formats.otel import page
from ingest.formats.otel.span import Draft
from ingest.framing import RawRecord, Record, RefusedRecord
from ingest.framing.decompression import Decompressor, TooLarge, Unreadable
from ingest.http.otlp.responses import JSON
from ingest.intake.intake import Intake
from ingest.model.receipt import Receipt
from ingest.model.rejection import Refused

BATCH_RECORDS: Final = 1_000


class OutOfMemory(Exception):
    """The memory for bodies is used up at the moment."""


class MemoryLimit:
    """A limit of the bytes of all bodies in memory together."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._lock = Lock()

    def acquire(self, size: int) -> None:
        """Use `size` bytes more.

        Raises:
            OutOfMemory: the limit would be exceeded.
        """
        with self._lock:
            if self._used + size > self._size:
                raise OutOfMemory
            self._used += size

    def release(self, size: int) -> None:
        """Use `size` bytes less."""
        with self._lock:
            self._used -= size


class TracesBody:
    """The body of a trace request, pushed in piece by piece, from one thread at a time. Must be closed."""

    def __init__(
        self, intake: Intake, unpacker: Decompressor, media: str, limit: int, memory: MemoryLimit
    ) -> None:
        """`limit` bounds the body as sent; `unpacker` has its own limit for the decompressed body."""
        self.receipt = Receipt()
        self.others = 0
        """Spans that are no calls of a model."""
        self._intake = intake
        self._unpacker = unpacker
        self._drafts = _drafts_of(media)
        self._limit = limit
        self._memory = memory
        self._received = 0
        self._body = bytearray()

    def take(self, data: bytes) -> None:
        """Take in the next piece of the body as sent.

        Raises:
            TooLarge: the body exceeds the limit, compressed or decompressed.
            Unreadable: the body is damaged.
            OutOfMemory: the bodies of other requests use too much memory.
        """
        self._received += len(data)
        if self._received > self._limit:
            raise TooLarge(f"the body is larger than {self._limit} bytes")
        for piece in self._unpacker.feed(data):
            self._collect(piece)

    def end(self, data: bytes) -> None:
        """Take in the last piece of the body, and commit the calls in it.

        Raises:
            TooLarge: the body exceeds the limit.
            Unreadable: the body ends too early, or cannot be decoded.
            OutOfMemory: the bodies of other requests use too much memory.
        """
        self.take(data)
        for piece in self._unpacker.finish():
            self._collect(piece)
        try:
            taken = otel.extract_calls(bytes(self._body), self._drafts)
        except Refused as refused:
            raise Unreadable(refused.reason) from None
        self.others = taken.others
        damaged = [RefusedRecord(index, 1, one) for index, one in enumerate(taken.refused)]
        read = [RawRecord(index, 1, raw) for index, raw in enumerate(taken.records, start=len(damaged))]
        records: list[Record] = [*damaged, *read]
        for start in range(0, len(records), BATCH_RECORDS):
            self.receipt.add(self._intake.accept(records[start : start + BATCH_RECORDS]))

    def close(self) -> None:
        """Release the memory of the body."""
        self._memory.release(len(self._body))
        self._body = bytearray()

    def _collect(self, piece: bytes) -> None:
        self._memory.acquire(len(piece))
        self._body += piece


def _drafts_of(media: str) -> Callable[[bytes], Sequence[Draft | Refused]]:
    if media == JSON:
        return page.drafts
    from ingest.formats.otel import protobuf

    return protobuf.drafts
