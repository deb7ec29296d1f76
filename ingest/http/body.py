"""The body of a request on its way into the ledger: unpacked, split into records, committed in batches.

The work on a body is a row of small steps, and a turn takes as many steps as its limits allow. A committed
batch stays, even if the rest of the body is refused. Memory is bounded by a block, a record and a batch.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final

import msgspec

from ingest.formats import stream
from ingest.framing import Framing, RawRecord, Record, Splitter
from ingest.framing.decompression import HTTP_WINDOW, Decompressor, TooLarge, Unreadable
from ingest.http import limits
from ingest.intake.intake import Intake
from ingest.model.receipt import Receipt

_OPENING: Final = b"\xef\xbb\xbf \t\r\n"


class TooManyRejections(ValueError):
    """Nearly all records of the body are rejected."""


class Body(ABC):
    """A body that is taken in block by block. `turn` and `keep` run in a worker thread, one at a time."""

    def __init__(
        self,
        intake: Intake,
        unpacker: Decompressor,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        """`limit` bounds the body as sent; `unpacker` has its own limit for the unpacked body."""
        self.receipt = Receipt()
        self.unpacked = 0
        """Bytes after unpacking, so far."""
        self._intake = intake
        self._unpacker = unpacker
        self._limit = limit
        self._clock = clock
        self._processor = processor
        self._batch = limits.BATCH_RECORDS
        self._received = 0
        self._has_committed = False  # in this turn
        self._in_work = 0  # bytes of the block and of the piece that are worked on
        self._steps: Generator[int] = _nothing()
        self._decoding = intake.begin()
        self._size = 0  # bytes of the records since the last commit

    @property
    @abstractmethod
    def collected(self) -> int:
        """Bytes that are kept until a record, or the body, has ended."""

    @abstractmethod
    def _split(self, piece: bytes) -> Iterator[int]:
        """Work on an unpacked piece. Yields the bytes that each step has cost."""

    @abstractmethod
    def _finish(self) -> Iterator[int]:
        """Work on what is left at the end of the body."""

    @property
    def held(self) -> int:
        """Bytes that the body holds in memory."""
        pending = self._size + limits.CALL_BYTES * self._decoding.pending
        window = min(self.unpacked, HTTP_WINDOW) + self._unpacker.held if self._unpacker.is_compressed else 0
        return self._in_work + window + self.collected + pending

    def put(self, block: bytes, *, is_last: bool) -> None:
        """Give the next block of the body as sent; the one before is used up."""
        self._in_work = len(block)
        self._steps = self._work_on(block, is_last=is_last)

    def turn(self) -> bool:
        """Work on the block for a turn; True when the block is used up, and at the end all is committed.

        Raises:
            TooLarge: the body exceeds the limit, compressed or decompressed.
            Unreadable: the body is damaged, ends too early, is empty, or is not JSON.
            TooManyRejections: nearly all of its records are rejected.
        """
        end, left = self._clock() + limits.TURN_SECONDS, limits.TURN_BYTES
        self._has_committed = False
        clock = self._clock
        try:
            for size in self._steps:
                left -= size
                if left < 0 or self._has_committed or clock() >= end:
                    return False
        except (TooLarge, Unreadable):
            self.keep()
            raise
        self._in_work = 0
        return True

    def keep(self) -> None:
        """Commit the records that were read and are not committed yet."""
        self._size = 0
        if not self._decoding.pending:
            return
        self._has_committed = True
        began = self._processor()
        self.receipt.add(self._intake.commit(self._decoding.take()))
        if self._processor() - began > limits.COMMIT_SECONDS:
            self._batch = max(limits.LEAST_BATCH, self._batch // 2)

    def close(self) -> None:
        """Drop the work that is left: it refers to the body, and keeps it in memory."""
        self._steps.close()

    def drop(self) -> None:
        """Free what the body holds, at once. It is refused, and only its receipt is wanted."""
        self.close()
        self._steps, self._in_work, self._size = _nothing(), 0, 0
        self._unpacker = Decompressor.for_encoding("")
        self._decoding = self._intake.begin()
        self._drop_collected()

    @abstractmethod
    def _drop_collected(self) -> None:
        """Free what is collected."""

    def _work_on(self, block: bytes, *, is_last: bool) -> Generator[int]:
        yield from self._unpack(self._unpacker.feed(self._within_limit(block)))
        if self._received > self._limit:
            raise TooLarge(f"the body is larger than {self._limit} bytes")
        if is_last:
            yield from self._unpack(self._unpacker.finish())
            yield from self._finish()
            self.keep()

    def _within_limit(self, block: bytes) -> bytes:
        room = max(0, self._limit - self._received)
        self._received += len(block)
        return block[:room]

    def _unpack(self, pieces: Iterable[bytes]) -> Iterator[int]:
        for piece in pieces:
            extra = len(piece) if self._unpacker.is_compressed else 0  # else it is the block itself
            self._in_work += extra
            for start in range(0, len(piece), limits.PIECE_BYTES):
                part = piece[start : start + limits.PIECE_BYTES]
                self.unpacked += len(part)
                yield len(part)
                yield from self._split(part)
            self._in_work -= extra

    def _decode(self, records: Iterable[Record]) -> Iterator[int]:
        """Decode records, also those of a page one by one, and commit when a batch is full."""
        decoding = self._decoding
        for _ in decoding.read(self._weighed(records)):
            if decoding.pending >= self._batch or self._size >= limits.BATCH_BYTES:
                self.keep()
                self._check_rejections()
            yield 0

    def _weighed(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            self._size += _size(record)
            yield record

    def _check_rejections(self) -> None:
        rejected, records = self.receipt.rejected, self.receipt.records
        if rejected >= limits.MOST_REJECTIONS and rejected * 10 > records * 9:
            raise TooManyRejections(
                f"{rejected} of the first {records} records are rejected, so the rest is not read: "
                "the first rejections say why"
            )


class RecordsBody(Body):
    """A body of records."""

    def __init__(
        self,
        intake: Intake,
        unpacker: Decompressor,
        kind: Framing,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        super().__init__(intake, unpacker, limit, clock, processor)
        self._kind = kind
        self._splitter = _splitter(kind)
        self._first = b""  # the first byte that is not blank
        self._is_json = False  # whether anything so far was JSON
        self._doubtful: list[Record] = []  # the records before that
        self._doubtful_size = 0

    @property
    def collected(self) -> int:
        """Bytes of records that have not ended, or that are not known to be JSON."""
        return self._splitter.held + self._doubtful_size

    def _drop_collected(self) -> None:
        self._splitter = _splitter(self._kind)
        self._doubtful, self._doubtful_size = [], 0

    def _split(self, piece: bytes) -> Iterator[int]:
        self._first = self._first or piece.lstrip(_OPENING)[:1]
        yield from self._decode(self._certain(self._splitter.feed(piece)))

    def _finish(self) -> Iterator[int]:
        yield from self._decode(self._certain(self._splitter.finish()))
        if self._doubtful:
            raise Unreadable("this is not JSON")
        if not self._splitter.records and (self._first != b"[" or self._kind == "sse"):
            raise Unreadable("there is no record in it" if self._first else "the body is empty")

    def _certain(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, once one is JSON.

        Raises:
            Unreadable: none of many is.
        """
        for record in records:
            if self._is_json:
                yield record
                continue
            self._doubtful.append(record)
            self._doubtful_size += _size(record)
            self._is_json = _looks_like_json(record)
            if self._is_json:
                first, self._doubtful, self._doubtful_size = self._doubtful, [], 0
                yield from first
            elif len(self._doubtful) >= limits.BATCH_RECORDS or self._doubtful_size >= limits.BATCH_BYTES:
                raise Unreadable("this is not JSON")


def _splitter(kind: Framing) -> Splitter:
    return Splitter(
        kind,
        assemble=stream.assemble,
        open_envelope=stream.open_envelope,
        max_record_bytes=limits.RECORD_BYTES,
    )


def _nothing() -> Generator[int]:
    yield from ()


def _size(record: Record) -> int:
    return len(record.raw) if isinstance(record, RawRecord) else 0


def _looks_like_json(record: Record) -> bool:
    """Whether a record is JSON, or starts like JSON."""
    if not isinstance(record, RawRecord) or record.raw[:1] in (b"{", b"["):
        return True
    try:
        msgspec.json.decode(record.raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
