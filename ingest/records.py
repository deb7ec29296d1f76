"""Records of a file: its bytes, unpacked and split, or its rows, in batches.

Memory stays constant whatever the size of a file. A file that grows while it is read is read to where it was, and a
last line that is not whole yet is left for the next time.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from ingest import parquet
from ingest.files import Rejoined, Source, spooled
from ingest.formats import stream
from ingest.refusal import Refused
from ingest.splitting import RawRecord, Record, RefusedRecord, Splitter
from ingest.unpacking import Unpacker, Unreadable

PIECE: Final = 1 << 20
_FINGERPRINTED: Final = 1 << 16
_UNFINISHED: Final = frozenset({"incomplete", "ragged_row"})

Heard = Callable[[int], None]
"""Told of bytes read."""
Fits = Callable[[Sequence[str]], None]
"""Told of the columns of a table before its rows are read; raises `Refused` if they are not those that it wants."""


class Reading:
    """Reads one file. Use it as a context manager, and `batches` once."""

    def __init__(self, source: Source, fits: Fits | None = None) -> None:
        self._source = source
        self._fits = fits
        self._file: BinaryIO | None = None
        self._failed: Unreadable | None = None
        self._head = b""
        self._left: int | None = None
        self.unfinished: int | None = None
        """The line that was not whole yet and was left, once everything has been read."""
        self.columns: Sequence[str] | None = None
        """The columns of a table, once they are known."""

    def __enter__(self) -> Self:
        try:
            self._file = self._source.open()
            if self._source.growing:
                self._left = os.fstat(self._file.fileno()).st_size
            self._head = self._read(_FINGERPRINTED)
        except (OSError, Unreadable) as error:
            self._failed = _unreadable(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._source.named:
            with suppress(OSError):
                self._file.close()

    def fingerprint(self, about: str = "") -> str | None:
        """What the file is known by when it is read again in the same way: its first 64 KiB, and `about` that way."""
        if not self._source.named or self._failed:
            return None
        return hashlib.blake2b(self._head, digest_size=16, key=about.encode()[:64]).hexdigest()

    def batches(self, size: int, heard: Heard) -> Iterator[list[Record]]:
        """The records in lists of `size` and a shorter last one.

        What cannot be read ends the file with one refused record; what came before it is kept.
        """
        waiting: list[Record] = []
        for records in self._records(heard):
            waiting.extend(records)
            while len(waiting) >= size:
                yield waiting[:size]
                del waiting[:size]
        if waiting:
            yield waiting

    def _records(self, heard: Heard) -> Iterator[list[Record]]:
        if self._failed:
            yield [RefusedRecord(0, 1, Refused("unreadable", str(self._failed)))]
        elif self._head.startswith(parquet.MAGIC):
            yield from self._rows(heard)
        else:
            yield from self._split(heard)

    def _split(self, heard: Heard) -> Iterator[list[Record]]:
        unpacker = Unpacker.sniffed()
        splitter = Splitter("any", assemble=stream.assemble)
        last = b""
        try:
            for piece in self._pieces(heard):
                for plain in unpacker.feed(piece):
                    last = self._counted(plain)
                    yield self._checked(splitter.feed(plain), splitter)
            for plain in unpacker.finish():
                last = self._counted(plain)
                yield self._checked(splitter.feed(plain), splitter)
        except (OSError, Unreadable) as error:
            yield splitter.finish()
            yield [
                RefusedRecord(splitter.records, splitter.line, Refused("unreadable", str(_unreadable(error))))
            ]
        except Refused as refused:
            yield [RefusedRecord(0, 1, refused)]
        else:
            yield from self._last(splitter, whole=last.endswith(b"\n") or unpacker.is_packed)

    def _last(self, splitter: Splitter, *, whole: bool) -> Iterator[list[Record]]:
        try:
            found = self._checked(splitter.finish(), splitter)
        except Refused as refused:
            yield [RefusedRecord(0, 1, refused)]
            return
        if (
            found
            and not whole
            and self._source.growing
            and splitter.by_line
            and self._is_unfinished(found[-1])
        ):
            self.unfinished = found.pop().line
        yield found

    def _is_unfinished(self, last: Record) -> bool:
        """Whether the last line, which no line feed ends, is only the beginning of one."""
        if isinstance(last, RefusedRecord):
            return last.refused.code in _UNFINISHED
        return self.columns is not None and self._has_grown()

    def _has_grown(self) -> bool:
        """Whether somebody wrote while this was read. A row of a table does not show that it is cut."""
        assert self._file is not None, "what was read is open"
        return os.fstat(self._file.fileno()).st_size > self._file.tell()

    def _checked(self, found: list[Record], splitter: Splitter) -> list[Record]:
        if self.columns is None and splitter.columns is not None:
            self._know(splitter.columns)
        return found

    def _know(self, columns: Sequence[str]) -> None:
        self.columns = columns
        if self._fits is not None:
            self._fits(columns)

    def _rows(self, heard: Heard) -> Iterator[list[Record]]:
        """The rows of a Parquet file; their line is their number."""
        records = 0
        try:
            with closing(self._anywhere()) as file:
                for rows in parquet.rows(file, self._know):
                    yield [RawRecord(at, at + 1, raw) for at, raw in enumerate(rows, start=records)]
                    records += len(rows)
        except (OSError, Unreadable) as error:
            yield [RefusedRecord(records, records + 1, Refused("unreadable", str(_unreadable(error))))]
        except Refused as refused:
            yield [RefusedRecord(0, 1, refused)]
        heard(self._source.size or 0)

    def _anywhere(self) -> BinaryIO:
        """The file, to be read in any order."""
        assert self._file is not None, "the head was read from it"
        if self._source.seekable:
            self._file.seek(0)
            return self._file
        return spooled(cast(BinaryIO, Rejoined(self._head, self._file)))

    def _pieces(self, heard: Heard) -> Iterator[bytes]:
        head, self._head = self._head, b""
        while head:
            heard(len(head))
            yield head
            head = self._read(PIECE)

    def _read(self, size: int) -> bytes:
        assert self._file is not None, "only an open file is read"
        if self._left is None:
            return self._file.read(size)
        found = self._file.read(min(size, self._left))
        self._left -= len(found)
        return found

    def _counted(self, plain: bytes) -> bytes:
        if self._source.allowance is not None:
            self._source.allowance.take(len(plain))
        return plain[-1:]


def _unreadable(error: Exception) -> Unreadable:
    if isinstance(error, Unreadable):
        return error
    said = error.strerror if isinstance(error, OSError) else None
    return Unreadable(f"reading stopped here: {said or error}")
