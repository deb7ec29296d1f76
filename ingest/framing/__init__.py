"""Framing: bytes that arrive in pieces of any size become raw records, in constant memory.

The input is JSON lines, one or more JSON documents, an array of any size, server-sent events, or a table of
text (CSV). The records do not depend on the pieces. Nothing here knows the meaning of a record.
"""

import codecs
from collections.abc import Iterator
from typing import Final, Literal

from ingest.framing.csv import TableSplitter, header_columns
from ingest.framing.csv_cells import announced_delimiter
from ingest.framing.json_lines import LineSplitter
from ingest.framing.json_values import ValueSplitter
from ingest.framing.record import MAX_RECORD_BYTES, RawRecord, Record, RefusedRecord
from ingest.framing.sse import Assemble, OpenEnvelope, StreamSplitter
from ingest.model.rejection import Refused

__all__ = ["MAX_RECORD_BYTES", "Framing", "RawRecord", "Record", "RefusedRecord", "Splitter"]

Framing = Literal["any", "auto", "lines", "json", "sse", "csv"]

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOMS: Final = (_BOM, *_UTF16)
_SSE_FIELDS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
_HEAD: Final = 2**20
"""Bytes of the first line that are examined before it is taken for JSON without lines."""
_ALWAYS_EXAMINED: Final = 2**12
"""Bytes of a head that is examined again with each piece, however small the pieces are."""


class Splitter:
    """Splits bytes into raw records.

    `auto` detects the framing from the first line: an array, server-sent events, a document over several
    lines, or else JSON lines. `any` also detects a table, whose first line is a row of names. `assemble`
    makes one record of the chunks of one server-sent stream, `open_envelope` opens the envelope on a line
    before a stream. UTF-16 with a byte order mark (from Windows) is read too.

    Records are cut while they are taken, so that a caller may pause between two of them. All records of a
    piece must be taken before the next piece is fed.
    """

    def __init__(
        self,
        kind: Framing = "auto",
        *,
        assemble: Assemble,
        open_envelope: OpenEnvelope | None = None,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._kind: Framing = kind
        self._assemble = assemble
        self._open_envelope = open_envelope
        self._limit = max_record_bytes
        self._head = bytearray()
        self._next_look = 0  # the size of the head at which it is examined again
        self._utf16_decoder: codecs.IncrementalDecoder | None = None
        self._splitter: LineSplitter | ValueSplitter | StreamSplitter | TableSplitter | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of a table; None before its header is read, and for other input."""
        return self._splitter.names if isinstance(self._splitter, TableSplitter) else None

    @property
    def held(self) -> int:
        """Bytes in memory, of records that have not ended."""
        return len(self._head) + (self._splitter.held if self._splitter else 0)

    @property
    def by_line(self) -> bool:
        """Whether records end with lines, so that a writer may not have finished the last record."""
        return isinstance(self._splitter, LineSplitter | TableSplitter)

    @property
    def records(self) -> int:
        """The number of records so far."""
        return self._splitter.records if self._splitter else 0

    @property
    def line(self) -> int:
        """The current line, from 1."""
        return self._splitter.line if self._splitter else 1

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The records that end in `chunk`."""
        if self._splitter:
            return self._splitter.feed(self._utf8(chunk))
        self._head += self._utf8(chunk)
        if len(self._head) < self._next_look:
            return iter(())
        return self._start(ended=False)

    def finish(self) -> Iterator[Record]:
        """The last records, which end with the input. A record that was cut is refused."""
        if self._splitter is None:
            yield from self._start(ended=True)
        if self._splitter:
            yield from self._splitter.finish()

    def _utf8(self, chunk: bytes) -> bytes:
        return self._utf16_decoder.decode(chunk).encode() if self._utf16_decoder else chunk

    def _start(self, *, ended: bool) -> Iterator[Record]:
        """The first records, once the framing is known. The head is examined as often as its size doubles."""
        if any(bom.startswith(self._head) for bom in _BOMS) and not ended:
            return iter(())
        if self._utf16_decoder is None and self._head.startswith(_UTF16):
            self._utf16_decoder = codecs.getincrementaldecoder("utf-16")("replace")
            self._head = bytearray(self._utf8(bytes(self._head)))
        head = bytes(self._head.removeprefix(_BOM))
        kind = self._kind if self._kind not in {"any", "auto"} else self._detect(head, ended=ended)
        if kind is None:
            self._next_look = 2 * len(self._head) if len(self._head) > _ALWAYS_EXAMINED else 0
            return iter(())
        self._head.clear()
        self._splitter = self._new_splitter(kind)
        return self._splitter.feed(head)

    def _detect(self, head: bytes, *, ended: bool) -> Framing | None:
        kind = _framing_of(head[:_HEAD], ended=ended)
        if kind != "lines" or self._kind != "any":
            return kind
        return _lines_or_table(head[:_HEAD], ended=ended)

    def _new_splitter(self, kind: Framing) -> LineSplitter | ValueSplitter | StreamSplitter | TableSplitter:
        if kind == "sse":
            return StreamSplitter(self._limit, self._assemble, self._open_envelope)
        if kind == "csv":
            return TableSplitter(self._limit)
        return ValueSplitter(self._limit) if kind == "json" else LineSplitter(self._limit)


def _framing_of(head: bytes, *, ended: bool) -> Framing | None:
    """The framing of input that begins with `head`; None if more bytes are needed."""
    more = not ended and len(head) < _HEAD
    text = head.lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first_line, line_feed, following = text.partition(b"\n")
        if not line_feed:
            return None if more else "json"
        return (
            _stream_or_lines(following.lstrip(), more=more) if first_line.rstrip().endswith(b"}") else "json"
        )
    return _stream_or_lines(text, more=more)


def _stream_or_lines(text: bytes, *, more: bool) -> Framing | None:
    """`sse` if `text` begins with a field of an event, else `lines`; None if more bytes are needed."""
    if text.startswith(_SSE_FIELDS):
        return "sse"
    return None if more and any(field.startswith(text) for field in _SSE_FIELDS) else "lines"


def _lines_or_table(head: bytes, *, ended: bool) -> Framing | None:
    """`csv` if the first line of `head` is a header, else `lines`; None if more bytes are needed."""
    text = head.lstrip()
    if text.startswith(b"{"):
        return "lines"
    first_line, line_feed, _ = text.partition(b"\n")
    if not line_feed and not ended and len(head) < _HEAD:
        return None
    first_line = first_line.rstrip(b"\r")
    try:
        return "csv" if announced_delimiter(first_line) or header_columns(first_line) else "lines"
    except Refused:
        return "csv"
