"""Tables of text (CSV): the first row names the columns, and each row after it becomes a JSON object of texts.

Quotes may hold delimiters and line feeds. A row that does not fit its header is refused by itself; one that a missing
quote has made endless is refused at the limit, and reading goes on with the next line. Blank rows are passed over.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from ingest.refusal import Refused
from ingest.splitting import cells
from ingest.splitting.record import RawRecord, Record, RefusedRecord, too_large

_UNHURRIED: Final = 2**16
"""From this size a row that is not whole yet is looked at again only when its bytes have doubled."""


class Tables:
    """Makes a record of each row but the first."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self.names: tuple[str, ...] | None = None
        """The columns, once they are known."""
        self._limit = limit
        self._held = bytearray()
        self._enough = 0
        self._skipping = False  # to the next line feed, after a row over the limit
        self._delimiter = b""  # none that is announced
        self._refused = False

    def feed(self, chunk: bytes) -> list[Record]:
        """The records that end in `chunk`."""
        self._held += chunk
        if len(self._held) < self._enough:
            return []
        found = self._rows(bytes(self._held))
        size = len(self._held)
        self._enough = 2 * size if size > _UNHURRIED else 0
        return found

    def finish(self) -> list[Record]:
        """The last row, if no line feed has ended it. One whose quote is still open has been cut."""
        found = self._rows(bytes(self._held))
        if last := bytes(self._held):
            ended = self._rows(last + b"\n")
            cut = not ended and bool(self._held)
            found += [self._refuse(self.line, incomplete())] if cut else ended
            self._held.clear()
        return found

    def _rows(self, data: bytes) -> list[Record]:
        """The records of the whole rows of `data`; the rest is held."""
        found: list[Record] = []
        at, size = 0, len(data)
        while at < size:
            if self._refused:
                end = size
            elif self._skipping:
                end = data.find(b"\n", at) + 1
                self._skipping = not end
                end = end or size
            elif self.names is None:
                end = self._head(data, at, found)
            else:
                end = self._row(data, at, found)
            if end == at:
                break
            self.line += data.count(b"\n", at, end)
            at = end
        self._held = bytearray(data[at:])
        return found

    def _head(self, data: bytes, at: int, found: list[Record]) -> int:
        """Over the first line, which names the columns; `at` as long as it is not whole."""
        end = data.find(b"\n", at, at + self._limit) + 1
        if not end and len(data) - at < self._limit:
            return at
        is_whole = bool(end)
        end = end or at + self._limit
        line = data[at:end].rstrip(b"\r\n")
        if not line.strip():
            return end
        if delimiter := cells.announced(line):
            self._delimiter = delimiter
            return end
        recognised = columns(line, self._delimiter) if is_whole else None
        if recognised is None:
            self._refused = True
            found.append(self._refuse(self.line, _no_header()))
        else:
            self.names, self._delimiter = recognised
        return end

    def _row(self, data: bytes, at: int, found: list[Record]) -> int:
        """Over one row; `at` as long as it is not whole."""
        assert self.names is not None, "rows come after the header"
        whole = _whole(self._delimiter)(data, at, at + self._limit)
        if whole is None:
            if len(data) - at < self._limit:
                return at
            found.append(self._refuse(self.line, too_large(self._limit)))
            self._skipping = True
            return at + self._limit - 1  # whose line feed may be the last byte of these
        try:
            raw = cells.record(self.names, data[at : whole.end()].rstrip(b"\r\n"), self._delimiter)
        except Refused as refused:
            found.append(self._refuse(self.line, refused))
        else:
            if raw is not None:
                found.append(RawRecord(self.records, self.line, raw))
                self.records += 1
        return whole.end()

    def _refuse(self, line: int, refused: Refused) -> Record:
        self.records += 1
        return RefusedRecord(self.records - 1, line, refused)


def columns(line: bytes, delimiter: bytes = b"") -> tuple[tuple[str, ...], bytes] | None:
    """The columns that a line names, and what separates them: `delimiter`, or that which makes most columns."""
    candidates = (delimiter,) if delimiter else cells.DELIMITERS
    named = [(names, one) for one in candidates if (names := cells.header(line, one))]
    return max(named, key=lambda found: len(found[0]), default=None)


def incomplete() -> Refused:
    """Why a row that was cut is refused."""
    return Refused("incomplete", "the table ends in the middle of this row: a quote is still open")


def _no_header() -> Refused:
    reason = "the first line names no columns, so nothing of this table is read: put a header row on top"
    return Refused("no_header", reason)


@cache
def _whole(delimiter: bytes) -> Callable[[bytes, int, int], re.Match[bytes] | None]:
    """Matches one row up to its line feed. Possessive: nothing is tried twice."""
    d = re.escape(delimiter)
    bare = rb"[^" + d + rb"\n]*+"
    cell = rb'(?: *+"[^"]*+(?:""[^"]*+)*+"' + bare + rb'|(?! *")' + bare + rb")"
    return re.compile(cell + rb"(?:" + d + cell + rb")*+\n").match
