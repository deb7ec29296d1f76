"""The export: one trace request on its way into the ledger.

A trace request can only be decoded whole, so its body is held in memory, unpacked, until it has arrived. How much is
held for all requests together is bounded by a `Room`.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from ingest.formats import otel
from ingest.formats.otel import page
from ingest.formats.otel.span import Draft
from ingest.framing import RawRecord
from ingest.framing.decompression import Decompressor, TooLarge, Unreadable
from ingest.http.otlp.responses import JSON
from ingest.intake.intake import Intake
from ingest.model.receipt import Receipt
from ingest.model.rejection import Refused

BATCH_RECORDS: Final = 1_000


class Crowded(Exception):
    """There is no room now for another body."""


class Room:
    """Room for so many bytes of bodies that have not arrived whole."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self._lock = Lock()

    def enter(self, size: int) -> None:
        """Hold so many bytes more.

        Raises:
            Crowded: they would be too many.
        """
        with self._lock:
            if self._held + size > self._size:
                raise Crowded
            self._held += size

    def leave(self, size: int) -> None:
        """Hold so many bytes less."""
        with self._lock:
            self._held -= size


class Export:
    """Takes in one trace request that is pushed in, from one thread at a time. Close it when it is done."""

    def __init__(self, intake: Intake, unpacker: Decompressor, media: str, limit: int, room: Room) -> None:
        """`limit` bounds the body as it is sent; the unpacker has a limit of its own."""
        self.receipt = Receipt()
        self.repeated = 0
        """Spans of calls that another span stood for."""
        self.others = 0
        """Spans that were no calls of a model."""
        self._intake = intake
        self._unpacker = unpacker
        self._drafts = _drafts_of(media)
        self._limit = limit
        self._room = room
        self._received = 0
        self._body = bytearray()

    def take(self, data: bytes) -> None:
        """Take in the next piece of the body as it was sent.

        Raises:
            TooLarge: the body has grown past the limit, packed or unpacked.
            Unreadable: it is damaged here.
            Crowded: too much is held for others.
        """
        self._received += len(data)
        if self._received > self._limit:
            raise TooLarge(f"the body is larger than {self._limit} bytes")
        for piece in self._unpacker.feed(data):
            self._hold(piece)

    def end(self, data: bytes) -> None:
        """Take in the last piece of the body, and commit the calls in it.

        Raises:
            TooLarge: the body has grown past the limit.
            Unreadable: it ends too early, or cannot be decoded.
            Crowded: too much is held for others.
        """
        self.take(data)
        for piece in self._unpacker.finish():
            self._hold(piece)
        try:
            taken = otel.extract_calls(bytes(self._body), self._drafts)
        except Refused as refused:
            raise Unreadable(refused.reason) from None
        self.repeated, self.others = taken.repeated, taken.others
        records = [RawRecord(index, 1, raw) for index, raw in enumerate(taken.records)]
        for start in range(0, len(records), BATCH_RECORDS):
            self.receipt.add(self._intake.accept(records[start : start + BATCH_RECORDS]))

    def close(self) -> None:
        """Let go of the body."""
        self._room.leave(len(self._body))
        self._body = bytearray()

    def _hold(self, piece: bytes) -> None:
        self._room.enter(len(piece))
        self._body += piece


def _drafts_of(media: str) -> Callable[[bytes], Sequence[Draft]]:
    if media == JSON:
        return page.drafts
    from ingest.formats.otel import protobuf

    return protobuf.drafts
