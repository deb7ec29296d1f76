"""Splitting: bytes that arrive in any pieces become raw records, in constant memory.

JSON lines, one JSON document or several, an array of any size, server-sent events, or a table of text (CSV); all give
the same records however the bytes were cut into pieces. Nothing here knows what a record means.
"""

import codecs
from typing import Final, Literal

from ingest.splitting.cells import announced
from ingest.splitting.lines import Lines
from ingest.splitting.record import MAX_RECORD_BYTES, RawRecord, Record, RefusedRecord
from ingest.splitting.streams import Assemble, Streams
from ingest.splitting.tables import Tables, columns
from ingest.splitting.values import Values

__all__ = ["MAX_RECORD_BYTES", "Kind", "RawRecord", "Record", "RefusedRecord", "Splitter"]

Kind = Literal["any", "auto", "lines", "json", "sse", "csv"]

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOMS: Final = (_BOM, *_UTF16)
_SSE_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_HEAD: Final = 2**20
"""How far the first line is looked at before it is taken for JSON without lines."""


class Splitter:
    """Cuts pushed bytes into raw records.

    `auto` finds the kind out from the first line: an array, server-sent events, a document over several lines, or
    else JSON lines. `any` is the same, and a table where the first line is a row of names. `assemble` makes one record
    of the chunks of one server-sent stream. UTF-16 with a byte order mark, as Windows writes it, is read as well.
    """

    def __init__(
        self, kind: Kind = "auto", *, assemble: Assemble, max_record_bytes: int = MAX_RECORD_BYTES
    ) -> None:
        self._kind: Kind = kind
        self._assemble = assemble
        self._limit = max_record_bytes
        self._head = b""
        self._recode: codecs.IncrementalDecoder | None = None
        self._records: Lines | Values | Streams | Tables | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of a table, once they are known."""
        return self._records.names if isinstance(self._records, Tables) else None

    @property
    def by_line(self) -> bool:
        """Whether records end with lines, so that a writer may still be writing the last one."""
        return isinstance(self._records, Lines | Tables)

    @property
    def records(self) -> int:
        """How many records have been found."""
        return self._records.records if self._records else 0

    @property
    def line(self) -> int:
        """The line that has been reached, from 1."""
        return self._records.line if self._records else 1

    def feed(self, chunk: bytes) -> list[Record]:
        """The records that end in `chunk`."""
        if self._records:
            return self._records.feed(self._utf8(chunk))
        self._head += self._utf8(chunk)
        return self._begin(ended=False)

    def finish(self) -> list[Record]:
        """The records that the end of the input ends; one that was cut comes back refused."""
        found = self._begin(ended=True) if self._records is None else []
        return found + self._records.finish() if self._records else found

    def _utf8(self, chunk: bytes) -> bytes:
        return self._recode.decode(chunk).encode() if self._recode else chunk

    def _begin(self, *, ended: bool) -> list[Record]:
        if any(bom.startswith(self._head) for bom in _BOMS) and not ended:
            return []
        if self._recode is None and self._head.startswith(_UTF16):
            self._recode = codecs.getincrementaldecoder("utf-16")("replace")
            self._head = self._utf8(self._head)
        head = self._head.removeprefix(_BOM)
        kind = self._kind if self._kind not in {"any", "auto"} else self._recognised(head, ended=ended)
        if kind is None:
            return []
        self._head = b""
        self._records = self._make(kind)
        return self._records.feed(head)

    def _recognised(self, head: bytes, *, ended: bool) -> Kind | None:
        kind = _recognise(head[:_HEAD], ended=ended)
        if kind != "lines" or self._kind != "any":
            return kind
        return _lines_or_table(head[:_HEAD], ended=ended)

    def _make(self, kind: Kind) -> Lines | Values | Streams | Tables:
        if kind == "sse":
            return Streams(self._limit, self._assemble)
        if kind == "csv":
            return Tables(self._limit)
        return Values(self._limit) if kind == "json" else Lines(self._limit)


def _recognise(head: bytes, *, ended: bool) -> Kind | None:
    """What `head` is the beginning of; None when more of it must be seen."""
    more = not ended and len(head) < _HEAD
    text = head.lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first_line, line_feed, _ = text.partition(b"\n")
        if line_feed:
            return "lines" if first_line.rstrip().endswith(b"}") else "json"
        return None if more else "json"
    if text.startswith(_SSE_FIELDS):
        return "sse"
    return None if more and any(field.startswith(text) for field in _SSE_FIELDS) else "lines"


def _lines_or_table(head: bytes, *, ended: bool) -> Kind | None:
    """Whether the first line of `head` names the columns of a table; None when more of it must be seen."""
    text = head.lstrip()
    if text.startswith(b"{"):
        return "lines"
    first_line, line_feed, _ = text.partition(b"\n")
    if not line_feed and not ended and len(head) < _HEAD:
        return None
    first_line = first_line.rstrip(b"\r")
    return "csv" if announced(first_line) or columns(first_line) else "lines"
