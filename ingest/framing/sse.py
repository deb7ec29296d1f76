"""Server-sent events: the chunks of one streamed response become one record.

A stream ends with `[DONE]`, with a chunk of another response, or with the body. A line with an envelope holds
for the streams after it, up to the next such line. Other lines without `data:` have no usage and are skipped.

Some servers give each chunk an id of its own. Where no id has come twice, a chunk with another id is of
another response only if the stream before it has ended.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from ingest.framing.json_lines import LineBuffer
from ingest.framing.record import (
    RawRecord,
    Record,
    RecordBuffer,
    RefusedRecord,
    incomplete_refusal,
    is_cut,
    too_large_refusal,
)
from ingest.model.rejection import SURPRISES, Refused, unreadable

Assemble = Callable[[Sequence[bytes]], bytes]
"""Makes one record of the chunks of a stream."""
Enclose = Callable[[bytes, int], bytes]
"""Puts a record into an envelope. The number counts the streams of the envelope, from 1."""
OpenEnvelope = Callable[[bytes], Enclose]
"""Opens the envelope of a line; raises `Refused` for a line that is none."""

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
_STREAM_FACTOR: Final = 4
"""A stream repeats its envelope in every chunk, so its limit is this many times the limit of a record."""
_CHUNK_OVERHEAD: Final = 64
"""Bytes that a chunk counts beyond its own, for what it takes to hold it: chunks may be of one byte."""


class _ChunkIds(msgspec.Struct, rename="camel", gc=False):
    """The fields of a chunk that may have the id of its response."""

    id: Any = None
    response_id: Any = None
    message: Any = None
    response: Any = None
    interaction: Any = None
    object: Any = None
    run_id: Any = msgspec.field(default=None, name="run_id")


class _Choice(msgspec.Struct, gc=False):
    """A choice of a chunk, of which only the end is decoded."""

    finish_reason: Any = None


class _Progress(msgspec.Struct, gc=False):
    """The fields of a chunk that show how far its stream is."""

    choices: list[_Choice] | None = None
    usage: Any = None
    x_groq: Any = None


_decode_ids: Final = msgspec.json.Decoder(_ChunkIds).decode
_decode_progress: Final = msgspec.json.Decoder(_Progress).decode
_RUN: Final = "thread.run"


class StreamSplitter:
    """Splits bytes into records, one for each stream."""

    def __init__(self, limit: int, assemble: Assemble, open_envelope: OpenEnvelope | None = None) -> None:
        self.records = 0
        self.line = 1
        self._limit = limit * _STREAM_FACTOR
        self._assemble = assemble
        self._open_envelope = open_envelope
        self._enclose: Enclose | None = None
        self._enclosed = 0  # streams of the envelope so far
        self._wrong_envelope: Refused | None = None  # of the first line
        self._lines = LineBuffer(limit)
        self._event = RecordBuffer(limit)
        self._single_line: bytes | None = None  # of the current event, if it has one line
        self._chunks: list[bytes] = []  # of the current stream, like all fields below
        self._size = 0
        self._start_line: int | None = None
        self._response: str | None = None
        self._is_repeated = False  # whether the id of the response has come twice
        self._refused: Refused | None = None

    @property
    def held(self) -> int:
        """Bytes in memory, with what each chunk costs beside its bytes."""
        return self._lines.held + self._event.held + (self._size if self._chunks else 0)

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The records of the streams that end in `chunk`."""
        records: list[Record] = []
        for line in self._lines.feed(chunk):
            self._add_line(line, records)
            if records:
                yield from records
                records.clear()
            self.line += 1

    def finish(self) -> Iterator[Record]:
        """The record of the stream that ends with the body."""
        records: list[Record] = []
        for line in self._lines.finish():
            self._add_line(line, records)
        self._end_event(records, last=True)
        self._end_stream(records)
        yield from records

    def _add_line(self, line: bytes | None, records: list[Record]) -> None:
        if line is None:
            self._note_start()
            self._refused = too_large_refusal(self._event.limit)
        elif line.startswith(_DATA):
            # Some writers send no blank line at the end of an event.
            if self._single_line is not None and not is_cut(self._single_line):
                self._end_event(records)
            self._note_start()
            data = line[len(_DATA) :].strip()
            self._single_line = None if self._event else data
            self._event.add(b"\n" + data if self._event else data)
        elif not line.rstrip(b"\r"):
            self._end_event(records)
        elif line.startswith(b"{") and self._open_envelope is not None:
            self._add_envelope(line.strip(), self._open_envelope, records)

    def _add_envelope(self, line: bytes, open_envelope: OpenEnvelope, records: list[Record]) -> None:
        """End the stream before an envelope. A line that is none matters only before the first stream."""
        try:
            enclose = open_envelope(line)
        except Refused as refused:
            if not self.records and self._start_line is None:
                self._wrong_envelope = refused
            return
        self._end_event(records)
        self._end_stream(records)
        self._enclose, self._enclosed, self._wrong_envelope = enclose, 0, None

    def _note_start(self) -> None:
        self._start_line = self._start_line or self.line

    def _end_event(self, records: list[Record], *, last: bool = False) -> None:
        data = self._event.take()
        self._single_line = None
        if data is None:
            self._refused = too_large_refusal(self._event.limit)
        elif data == _DONE:
            self._end_stream(records)
        elif data and last and is_cut(data):
            self._refused = self._refused or incomplete_refusal()
        elif data:
            self._add_chunk(data, records)

    def _add_chunk(self, data: bytes, records: list[Record]) -> None:
        response = _response_id(data)
        if response and self._response:
            if response == self._response:
                self._is_repeated = True
            elif self._is_repeated or not self._chunks or not _goes_on(self._chunks[-1], data):
                self._end_stream(records)
                self._note_start()
        self._response = response or self._response
        self._refused, self._wrong_envelope = self._refused or self._wrong_envelope, None
        self._size += len(data) + _CHUNK_OVERHEAD
        if self._size > self._limit:
            self._refused = self._refused or too_large_refusal(self._limit)
        if self._refused:
            self._chunks.clear()
        else:
            self._chunks.append(data)

    def _end_stream(self, records: list[Record]) -> None:
        if self._chunks or self._refused:
            records.append(self._record(self._start_line or self.line))
            self.records += 1
        self._chunks.clear()
        self._size = 0
        self._start_line = self._response = self._refused = None
        self._is_repeated = False

    def _record(self, line: int) -> Record:
        if self._refused:
            return RefusedRecord(self.records, line, self._refused)
        try:
            record = self._assemble(self._chunks)
            if self._enclose is not None:
                self._enclosed += 1
                record = self._enclose(record, self._enclosed)
            return RawRecord(self.records, line, record)
        except Refused as refused:
            return RefusedRecord(self.records, line, refused)
        except SURPRISES as error:
            return RefusedRecord(self.records, line, unreadable(error))


def _response_id(data: bytes) -> str | None:
    """The id of the response of a chunk; None where the chunk has none."""
    try:
        chunk = _decode_ids(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(chunk.object, str) and chunk.object.startswith("thread"):
        # the steps and messages of an assistant's run have ids of their own
        run_id = chunk.id if chunk.object == _RUN else chunk.run_id
        return str(run_id) if run_id else None
    for part in (chunk.message, chunk.response, chunk.interaction):
        if isinstance(part, dict) and part.get("id"):
            return str(part["id"])
    response_id = chunk.id or chunk.response_id
    return str(response_id) if response_id else None


def _goes_on(last: bytes, data: bytes) -> bool:
    """Whether `data`, with another id than `last`, is a chunk of the same completion."""
    try:
        before, after = _decode_progress(last), _decode_progress(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if before.choices is None or after.choices is None or before.usage or _usage_of_groq(before):
        return False
    return not after.choices or not any(choice.finish_reason for choice in before.choices)


def _usage_of_groq(chunk: _Progress) -> bool:
    return isinstance(chunk.x_groq, dict) and bool(chunk.x_groq.get("usage"))
