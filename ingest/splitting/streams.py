"""Server-sent events: the chunks of one streamed response become one record.

A stream ends with `[DONE]`, with a chunk that names another response, or with the body. Lines without `data:` say
nothing about use and are passed over.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ingest.refusal import Refused
from ingest.splitting.lines import LineFeeds
from ingest.splitting.parts import Parts
from ingest.splitting.record import RawRecord, Record, RefusedRecord, incomplete, is_cut, too_large

Assemble = Callable[[Sequence[bytes]], bytes]

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
_ROOM: Final = 4
"""A stream repeats its envelope in every chunk, so it may be this many times as large as another record."""


class _Chunk(msgspec.Struct, rename="camel", gc=False):
    """Where the dialects name the response that a chunk belongs to."""

    id: Any = None
    response_id: Any = None
    message: Any = None
    response: Any = None


_read_chunk: Final = msgspec.json.Decoder(_Chunk).decode


class Streams:
    """Makes a record of each stream."""

    def __init__(self, limit: int, assemble: Assemble) -> None:
        self.records = 0
        self.line = 1
        self._limit = limit * _ROOM
        self._assemble = assemble
        self._lines = LineFeeds(limit)
        self._event = Parts(limit)
        self._only_line: bytes | None = None  # of the present event
        self._chunks: list[bytes] = []  # of the present stream, like all that follows
        self._size = 0
        self._begun_on: int | None = None
        self._response: str | None = None
        self._refused: Refused | None = None

    def feed(self, chunk: bytes) -> list[Record]:
        """The streams that end in `chunk`."""
        found: list[Record] = []
        for line in self._lines.feed(chunk):
            self._take(line, found)
            self.line += 1
        return found

    def finish(self) -> list[Record]:
        """The stream that the body ends."""
        found: list[Record] = []
        for line in self._lines.finish():
            self._take(line, found)
        self._end_event(found, last=True)
        self._end_stream(found)
        return found

    def _take(self, line: bytes | None, found: list[Record]) -> None:
        if line is None:
            self._begin()
            self._refused = too_large(self._event.limit)
        elif line.startswith(_DATA):
            # Some writers leave out the blank line that ends an event.
            if self._only_line is not None and not is_cut(self._only_line):
                self._end_event(found)
            self._begin()
            data = line[len(_DATA) :].strip()
            self._only_line = None if self._event else data
            self._event.add(b"\n" + data if self._event else data)
        elif not line.rstrip(b"\r"):
            self._end_event(found)

    def _begin(self) -> None:
        self._begun_on = self._begun_on or self.line

    def _end_event(self, found: list[Record], *, last: bool = False) -> None:
        data = self._event.take()
        self._only_line = None
        if data is None:
            self._refused = too_large(self._event.limit)
        elif data == _DONE:
            self._end_stream(found)
        elif data and last and is_cut(data):
            self._refused = self._refused or incomplete()
        elif data:
            self._add(data, found)

    def _add(self, data: bytes, found: list[Record]) -> None:
        response = _response_of(data)
        if response and self._response and response != self._response:
            self._end_stream(found)
            self._begin()
        self._response = response or self._response
        self._size += len(data)
        if self._size > self._limit:
            self._refused = self._refused or too_large(self._limit)
        if self._refused:
            self._chunks.clear()
        else:
            self._chunks.append(data)

    def _end_stream(self, found: list[Record]) -> None:
        if self._chunks or self._refused:
            found.append(self._record(self._begun_on or self.line))
            self.records += 1
        self._chunks.clear()
        self._size = 0
        self._begun_on = self._response = self._refused = None

    def _record(self, line: int) -> Record:
        if self._refused:
            return RefusedRecord(self.records, line, self._refused)
        try:
            return RawRecord(self.records, line, self._assemble(self._chunks))
        except Refused as refused:
            return RefusedRecord(self.records, line, refused)


def _response_of(data: bytes) -> str | None:
    """The id of the response that a chunk belongs to, where it says so."""
    try:
        chunk = _read_chunk(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for holder in (chunk.message, chunk.response):
        if isinstance(holder, dict) and holder.get("id"):
            return str(holder["id"])
    found = chunk.id or chunk.response_id
    return str(found) if found else None
