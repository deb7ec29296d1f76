"""Records of a file: its bytes, decompressed and split, or its rows, in batches.

Memory is constant for any size of file. A file that grows while it is read is read up to its size at the
start, and an incomplete last line is left for the next import.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from ingest.files import parquet
from ingest.files.paths import PrefixedStream, Source, spool_to_file
from ingest.formats import stream
from ingest.framing import RawRecord, Record, RefusedRecord, Splitter
from ingest.framing.decompression import Decompressor, Unreadable
from ingest.model.rejection import Refused

PIECE: Final = 1 << 20
_FINGERPRINT_BYTES: Final = 1 << 16
_UNFINISHED_CODES: Final = frozenset({"incomplete", "ragged_row"})

OnBytesRead = Callable[[int], None]
"""Called with the number of bytes that were read."""
CheckColumns = Callable[[Sequence[str]], None]
"""Called with the columns of a table before its rows are read; raises `Refused` for other columns."""


class FileReader:
    """Reads one file. Use it as a context manager, and call `batches` once."""

    def __init__(self, source: Source, check_columns: CheckColumns | None = None) -> None:
        self._source = source
        self._check_columns = check_columns
        self._file: BinaryIO | None = None
        self._failed: Unreadable | None = None
        self._head = b""
        self._remaining: int | None = None
        self.unfinished: int | None = None
        """The incomplete last line, which was not read; set at the end of the file."""
        self.columns: Sequence[str] | None = None
        """The columns of a table; None before they are read."""

    def __enter__(self) -> Self:
        try:
            self._file = self._source.open()
            if self._source.growing:
                self._remaining = os.fstat(self._file.fileno()).st_size
            self._head = self._read(_FINGERPRINT_BYTES)
        except (OSError, Unreadable) as error:
            self._failed = _unreadable(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None and self._source.identifiable:
            with suppress(OSError):
                self._file.close()

    def fingerprint(self, discriminator: str = "") -> str | None:
        """The digest of the first 64 KiB and `discriminator`, by which the file is recognised later."""
        if not self._source.identifiable or self._failed:
            return None
        return hashlib.blake2b(self._head, digest_size=16, key=discriminator.encode()[:64]).hexdigest()

    def batches(self, size: int, on_bytes_read: OnBytesRead) -> Iterator[list[Record]]:
        """The records in lists of `size`; the last list may be shorter.

        Unreadable bytes end the file with one refused record. Records before them are valid.
        """
        records = self._records(on_bytes_read)
        while batch := list(islice(records, size)):
            yield batch

    def _records(self, on_bytes_read: OnBytesRead) -> Iterator[Record]:
        if self._failed:
            yield RefusedRecord(0, 1, Refused("unreadable", str(self._failed)))
        elif self._head.startswith(parquet.MAGIC):
            yield from self._rows(on_bytes_read)
        else:
            yield from self._split(on_bytes_read)

    def _split(self, on_bytes_read: OnBytesRead) -> Iterator[Record]:
        decompressor = Decompressor.detecting()
        splitter = Splitter("any", assemble=stream.assemble, open_envelope=stream.open_envelope)
        last_byte = b""
        try:
            for piece in self._pieces(on_bytes_read):
                for data in decompressor.feed(piece):
                    self._spend_budget(data)
                    last_byte = data[-1:]
                    yield from self._with_columns(splitter.feed(data), splitter)
            for data in decompressor.finish():
                self._spend_budget(data)
                last_byte = data[-1:]
                yield from self._with_columns(splitter.feed(data), splitter)
        except (OSError, Unreadable) as error:
            yield from splitter.finish()
            reason = str(_unreadable(error))
            yield RefusedRecord(splitter.records, splitter.line, Refused("unreadable", reason))
        except Refused as refused:
            yield RefusedRecord(0, 1, refused)
        else:
            yield from self._last(splitter, whole=last_byte.endswith(b"\n") or decompressor.is_compressed)

    def _last(self, splitter: Splitter, *, whole: bool) -> Iterator[Record]:
        try:
            for record, is_last in _with_last(self._with_columns(splitter.finish(), splitter)):
                may_grow = is_last and not whole and self._source.growing and splitter.by_line
                if may_grow and self._is_unfinished(record):
                    self.unfinished = record.line
                else:
                    yield record
        except Refused as refused:
            yield RefusedRecord(0, 1, refused)

    def _is_unfinished(self, last: Record) -> bool:
        """Whether the last line, which has no line feed, is incomplete."""
        if isinstance(last, RefusedRecord):
            return last.refused.code in _UNFINISHED_CODES
        return self.columns is not None and self._has_grown()

    def _has_grown(self) -> bool:
        """Whether the file has grown while it was read. A cut row of a table may look complete."""
        assert self._file is not None, "what was read is open"
        return os.fstat(self._file.fileno()).st_size > self._file.tell()

    def _with_columns(self, records: Iterator[Record], splitter: Splitter) -> Iterator[Record]:
        """The records of a piece; the columns of a table are checked before its first row."""
        if self.columns is not None:
            yield from records
            return
        for record in records:
            self._check(splitter)
            yield record
        self._check(splitter)

    def _check(self, splitter: Splitter) -> None:
        if self.columns is None and splitter.columns is not None:
            self._set_columns(splitter.columns)

    def _set_columns(self, columns: Sequence[str]) -> None:
        self.columns = columns
        if self._check_columns is not None:
            self._check_columns(columns)

    def _rows(self, on_bytes_read: OnBytesRead) -> Iterator[Record]:
        """The rows of a Parquet file, with their number as the line."""
        records = 0
        try:
            with closing(self._seekable_file()) as file:
                for rows in parquet.rows(file, self._set_columns):
                    yield from (_row_record(at, row) for at, row in enumerate(rows, start=records))
                    records += len(rows)
        except (OSError, Unreadable) as error:
            yield RefusedRecord(records, records + 1, Refused("unreadable", str(_unreadable(error))))
        except Refused as refused:
            yield RefusedRecord(0, 1, refused)
        on_bytes_read(self._source.size or 0)

    def _seekable_file(self) -> BinaryIO:
        """The file as a stream that can be read in any order."""
        assert self._file is not None, "the head was read from it"
        if self._source.seekable:
            self._file.seek(0)
            return self._file
        return spool_to_file(cast(BinaryIO, PrefixedStream(self._head, self._file)))

    def _pieces(self, on_bytes_read: OnBytesRead) -> Iterator[bytes]:
        head, self._head = self._head, b""
        while head:
            on_bytes_read(len(head))
            yield head
            head = self._read(PIECE)

    def _read(self, size: int) -> bytes:
        assert self._file is not None, "only an open file is read"
        if self._remaining is None:
            return self._file.read(size)
        data = self._file.read(min(size, self._remaining))
        self._remaining -= len(data)
        return data

    def _spend_budget(self, data: bytes) -> None:
        if self._source.budget is not None:
            self._source.budget.spend(len(data))


def _row_record(at: int, row: bytes | Refused) -> Record:
    return RefusedRecord(at, at + 1, row) if isinstance(row, Refused) else RawRecord(at, at + 1, row)


def _with_last(records: Iterator[Record]) -> Iterator[tuple[Record, bool]]:
    """The records, each with whether it is the last."""
    previous = next(records, None)
    if previous is None:
        return
    for record in records:
        yield previous, False
        previous = record
    yield previous, True


def _unreadable(error: Exception) -> Unreadable:
    if isinstance(error, Unreadable):
        return error
    reason = error.strerror if isinstance(error, OSError) else None
    return Unreadable(f"reading stopped here: {reason or error}")
