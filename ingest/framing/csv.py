"""Tables of text (CSV): the first row is a header, and each row after it becomes a JSON object of texts.

Quoted cells may have delimiters and line feeds. A row that does not fit the header is refused alone. A row
that a missing quote has made endless is refused at the limit, and reading continues at the next line. Blank
rows are skipped. Where a thousand rows in a row do not fit, nothing more of the table is read.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from ingest.framing import csv_cells
from ingest.framing.record import RawRecord, Record, RefusedRecord, too_large_refusal
from ingest.model.rejection import Refused

MOST_MISFITS: Final = 1_000
"""Rows in a row that do not fit the header, after which nothing more of the table is read."""
_RESCAN_SIZE: Final = 2**16
"""Bytes. An incomplete row above this size is scanned again only when its size has doubled."""


class TableSplitter:
    """Splits bytes into records, one for each row after the header."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self.names: tuple[str, ...] | None = None
        """The column names; None before the header is read."""
        self._limit = limit
        self._buffer = bytearray()
        self._next_scan_size = 0
        self._skipping = False  # up to the next line feed, after a row over the limit
        self._delimiter = b""  # empty: not announced
        self._refused = False
        self._misfits = 0  # rows in a row that do not fit the header
        self._first_misfit = 0  # the line of the first

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The records that end in `chunk`."""
        self._buffer += chunk
        if len(self._buffer) < self._next_scan_size:
            return
        yield from self._rows(bytes(self._buffer))
        size = len(self._buffer)
        self._next_scan_size = 2 * size if size > _RESCAN_SIZE else 0

    def finish(self) -> Iterator[Record]:
        """The last row, if it has no line feed. A row with an open quote was cut, and is refused."""
        yield from self._rows(bytes(self._buffer))
        if last := bytes(self._buffer):
            ended = False
            for record in self._rows(last + b"\n"):
                ended = True
                yield record
            if not ended and self._buffer:
                yield self._refuse(self.line, incomplete())
            self._buffer.clear()

    def _rows(self, data: bytes) -> Iterator[Record]:
        """The records of the complete rows of `data`; the rest goes to the buffer."""
        records: list[Record] = []
        at, size = 0, len(data)
        while at < size:
            if self._refused:
                end = size
            elif self._skipping:
                end = data.find(b"\n", at) + 1
                self._skipping = not end
                end = end or size
            elif self.names is None:
                end = self._head(data, at, records)
            else:
                end = self._row(data, at, records)
            if end == at:
                break
            yield from records
            records.clear()
            self.line += data.count(b"\n", at, end)
            at = end
        self._buffer = bytearray(data[at:])

    def _head(self, data: bytes, at: int, records: list[Record]) -> int:
        """Read the first line, the header. The end of the line; `at` if the line is incomplete."""
        end = data.find(b"\n", at, at + self._limit) + 1
        if not end and len(data) - at < self._limit:
            return at
        is_whole = bool(end)
        end = end or at + self._limit
        line = data[at:end].rstrip(b"\r\n")
        if not line.strip():
            return end
        if delimiter := csv_cells.announced_delimiter(line):
            self._delimiter = delimiter
            return end
        try:
            header = header_columns(line, self._delimiter)
            if header is None or not is_whole:
                raise _no_header()
            self.names, self._delimiter = header
        except Refused as refused:
            self._refused = True
            records.append(self._refuse(self.line, refused))
        return end

    def _row(self, data: bytes, at: int, records: list[Record]) -> int:
        """Read one row. The end of the row; `at` if the row is incomplete."""
        assert self.names is not None, "rows come after the header"
        match = _row_matcher(self._delimiter)(data, at, at + self._limit)
        if match is None:
            if len(data) - at < self._limit:
                return at
            records.append(self._refuse(self.line, too_large_refusal(self._limit)))
            self._skipping = True
            return at + self._limit - 1  # the last byte may be the line feed
        try:
            raw = csv_cells.row_as_json(self.names, data[at : match.end()].rstrip(b"\r\n"), self._delimiter)
        except Refused as refused:
            records.append(self._refuse(self.line, refused))
            self._note_misfit(records)
        else:
            if raw is not None:
                self._misfits = 0
                records.append(RawRecord(self.records, self.line, raw))
                self.records += 1
        return match.end()

    def _note_misfit(self, records: list[Record]) -> None:
        """Stop reading where nothing fits any more: a quote that is open turns all rows into nonsense."""
        self._first_misfit = self._first_misfit if self._misfits else self.line
        self._misfits += 1
        if self._misfits >= MOST_MISFITS:
            self._refused = True
            records.append(self._refuse(self.line, _no_table(self._first_misfit)))

    def _refuse(self, line: int, refused: Refused) -> Record:
        self.records += 1
        return RefusedRecord(self.records - 1, line, refused)


def header_columns(line: bytes, delimiter: bytes = b"") -> tuple[tuple[str, ...], bytes] | None:
    """The column names in a line, and their delimiter: the given one, or the one with most columns.

    Raises:
        Refused: it has more columns than are read.
    """
    candidates = (delimiter,) if delimiter else csv_cells.DELIMITERS
    headers = [(names, candidate) for candidate in candidates if (names := csv_cells.header(line, candidate))]
    return max(headers, key=lambda header: len(header[0]), default=None)


def incomplete() -> Refused:
    """The refusal of a row that was cut."""
    return Refused("incomplete", "the table ends in the middle of this row: a quote is still open")


def _no_table(line: int) -> Refused:
    reason = (
        f"{MOST_MISFITS:,} rows in a row, from line {line} on, do not fit the header: is a quote before them "
        "not closed? Nothing more of this table is read"
    )
    return Refused("ragged_table", reason)


def _no_header() -> Refused:
    reason = "the first line names no columns, so nothing of this table is read: put a header row on top"
    return Refused("no_header", reason)


@cache
def _row_matcher(delimiter: bytes) -> Callable[[bytes, int, int], re.Match[bytes] | None]:
    """Matches one row up to its line feed. The quantifiers are possessive: no backtracking."""
    escaped = re.escape(delimiter)
    rest_of_cell = rb"[^" + escaped + rb"\n]*+"
    cell = rb'(?: *+"[^"]*+(?:""[^"]*+)*+"' + rest_of_cell + rb'|(?! *")' + rest_of_cell + rb")"
    return re.compile(cell + rb"(?:" + escaped + cell + rb")*+\n").match
