"""Splitting: bytes that arrive in any pieces become raw records, in constant memory.

JSON lines, one JSON document or several, an array of any size, or server-sent events; all give the same records
however the bytes were cut into pieces. Nothing here knows what a record means.
"""

from typing import Final, Literal

from ingest.splitting.lines import Lines
from ingest.splitting.record import MAX_RECORD_BYTES, RawRecord, Record, RefusedRecord
from ingest.splitting.streams import Assemble, Streams
from ingest.splitting.values import Values

__all__ = ["MAX_RECORD_BYTES", "Kind", "RawRecord", "Record", "RefusedRecord", "Splitter"]

Kind = Literal["auto", "lines", "json", "sse"]

_BOM: Final = b"\xef\xbb\xbf"
_SSE_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_HEAD: Final = 2**20
"""How far the first line is looked at before it is taken for JSON without lines."""


class Splitter:
    """Cuts pushed bytes into raw records.

    `auto` finds the kind out from the first line: an array, server-sent events, a document over several lines, or
    else JSON lines. `assemble` makes one record of the chunks of one server-sent stream.
    """

    def __init__(
        self, kind: Kind = "auto", *, assemble: Assemble, max_record_bytes: int = MAX_RECORD_BYTES
    ) -> None:
        self._kind: Kind = kind
        self._assemble = assemble
        self._limit = max_record_bytes
        self._head = b""
        self._records: Lines | Values | Streams | None = None

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
            return self._records.feed(chunk)
        self._head += chunk
        return self._begin(ended=False)

    def finish(self) -> list[Record]:
        """The records that the end of the input ends; one that was cut comes back refused."""
        found = self._begin(ended=True) if self._records is None else []
        return found + self._records.finish() if self._records else found

    def _begin(self, *, ended: bool) -> list[Record]:
        if _BOM.startswith(self._head) and not ended:
            return []
        head = self._head.removeprefix(_BOM)
        kind = _recognise(head[:_HEAD], ended=ended) if self._kind == "auto" else self._kind
        if kind is None:
            return []
        self._head = b""
        self._records = self._make(kind)
        return self._records.feed(head)

    def _make(self, kind: Kind) -> Lines | Values | Streams:
        if kind == "sse":
            return Streams(self._limit, self._assemble)
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
