"""JSON values one after another, pretty-printed or not; also the elements of an array at the top level.

Only brackets, quotes and commas are scanned. An array of any size is split in constant memory, and a
malformed value becomes a record as a whole, which is refused when it is decoded. A raw line feed ends a
string (JSON allows no line feed in a string), so that a missing quote does not consume the rest. Between
values at the top level, commas and record separators count as blanks. Text there that is not an object or
array is a record up to the end of its line.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, cast

from ingest.framing.record import (
    RawRecord,
    Record,
    RecordBuffer,
    RefusedRecord,
    incomplete_refusal,
    last_record,
    too_large_refusal,
)

_Run = Callable[[bytes, int], re.Match[bytes]]


def _run(pattern: bytes) -> _Run:
    return cast(_Run, re.compile(pattern).match)


# Each pattern skips bytes without structure, complete strings included. It stops before a structural byte,
# before an incomplete string or at the end of the chunk, and always matches. No backtracking: possessive.
_TEXT: Final = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_STRING: Final = rb'"' + _TEXT + rb'(?:"|(?=\n))'
_in_string: Final = _run(_TEXT)
_in_nested: Final = _run(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+')
_in_element: Final = _run(rb'[^"\[\]{},]*+(?:' + _STRING + rb'[^"\[\]{},]*+)*+')
_at_top: Final = _run(rb'[^"\[{\n]*+(?:' + _STRING + rb'[^"\[{\n]*+)*+')
_blanks: Final = _run(rb"[ \t\r\n]*+")
_blanks_at_top: Final = _run(rb"[ \t\r\n,\x1e]*+")

_QUOTE, _BACKSLASH, _LINE_FEED, _COMMA, _ARRAY, _OBJECT, _ARRAY_END = b'"\\\n,[{]'
_STEPS: Final = tuple(1 if byte in b"[{" else -1 if byte in b"]}" else 0 for byte in range(256))


class ValueSplitter:
    """Splits bytes into JSON values. Every byte is scanned once, whatever the chunks are."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self._buffer = RecordBuffer(limit)
        self._in_array = False  # whether values are elements of an array at the top level
        self._expects_element = False  # after the start of an array, or after a comma
        self._start_line: int | None = None  # the line of the current value, if there is one
        self._depth = 0  # the number of its open brackets
        self._in_string = False
        self._escaped = False  # whether the last chunk ended with a backslash in a string
        # positions in the current chunk
        self._start = 0  # the start of the current value
        self._counted = 0  # the end of the bytes whose line feeds are in `line`

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._buffer.held

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The values that end in `chunk`."""
        records: list[Record] = []
        self._start = self._counted = at = 0
        while at < len(chunk):
            if self._in_string:
                at = self._string(chunk, at)
            elif self._start_line is None:
                at = self._between(chunk, at)
            elif self._depth:
                at = self._nested(chunk, at, records)
            elif self._in_array:
                at = self._element(chunk, at, records)
            else:
                at = self._top(chunk, at, records)
            if records:
                yield records.pop()
        if self._start_line is not None:
            self._buffer.add(chunk[self._start :])
        self._count_lines(chunk, len(chunk))

    def finish(self) -> Iterator[Record]:
        """The last value, if it has no end."""
        if self._start_line is None and not self._expects_element:
            return
        self.records += 1
        at = self.records - 1
        if self._start_line is None:
            yield RefusedRecord(at, self.line, incomplete_refusal())
        elif (raw := self._buffer.take()) is None:
            yield RefusedRecord(at, self._start_line, too_large_refusal(self._buffer.limit))
        else:
            yield last_record(at, self._start_line, raw.rstrip())

    def _string(self, chunk: bytes, at: int) -> int:
        """Skip a string that began before. It ends with a quote, or before a line feed."""
        if self._escaped:
            self._escaped = False
            at += chunk[at] != _LINE_FEED
        at = _in_string(chunk, at).end()
        if at == len(chunk):
            return at
        if chunk[at] == _BACKSLASH and at + 1 == len(chunk):
            self._escaped = True
            return at + 1
        self._in_string = False
        return at + (chunk[at] != _LINE_FEED)

    def _between(self, chunk: bytes, at: int) -> int:
        """Skip blanks, commas and brackets of an array at the top level, up to the first byte of a value."""
        at = (_blanks if self._in_array else _blanks_at_top)(chunk, at).end()
        if at == len(chunk):
            return at
        if chunk[at] == (_COMMA if self._in_array else _ARRAY):
            self._in_array = self._expects_element = True
            return at + 1
        self._expects_element = False
        if chunk[at] == _ARRAY_END and self._in_array:
            self._in_array = False
            return at + 1
        self._count_lines(chunk, at)
        self._start_line = self.line
        self._start = at
        return at

    def _nested(self, chunk: bytes, at: int, records: list[Record]) -> int:
        """Skip nested brackets in a value, up to the last closing bracket."""
        size, run, steps = len(chunk), _in_nested, _STEPS
        depth = self._depth
        while depth:
            at = run(chunk, at).end()
            if at == size:
                break
            step = steps[chunk[at]]
            at += 1
            if not step:
                self._in_string = True
                break
            depth += step
        self._depth = depth
        if not depth and not self._in_array:
            self._end(chunk, at, records)
        return at

    def _element(self, chunk: bytes, at: int, records: list[Record]) -> int:
        """Skip the part of an element outside brackets, up to a comma or the end of the array."""
        at = _in_element(chunk, at).end()
        if at == len(chunk):
            return at
        byte = chunk[at]
        if byte in (_COMMA, _ARRAY_END):
            self._end(chunk, at, records)
            return at  # `_between` handles the byte
        self._depth = int(byte in (_OBJECT, _ARRAY))
        self._in_string = byte == _QUOTE
        return at + 1

    def _top(self, chunk: bytes, at: int, records: list[Record]) -> int:
        """Skip text at the top level outside brackets, up to a line feed, an object or an array."""
        at = _at_top(chunk, at).end()
        if at == len(chunk):
            return at
        if chunk[at] == _QUOTE:
            self._in_string = True
            return at + 1
        if chunk[at] == _LINE_FEED or at > self._start or self._buffer:
            self._end(chunk, at, records)
            return at
        self._depth = 1
        return at + 1

    def _end(self, chunk: bytes, at: int, records: list[Record]) -> None:
        """End the current value before `at`."""
        assert self._start_line is not None, "only a value that has begun can end"
        self._buffer.add(chunk[self._start : at])
        raw = self._buffer.take()
        if raw is None:
            records.append(
                RefusedRecord(self.records, self._start_line, too_large_refusal(self._buffer.limit))
            )
        else:
            records.append(RawRecord(self.records, self._start_line, raw.rstrip()))
        self.records += 1
        self._start_line = None

    def _count_lines(self, chunk: bytes, at: int) -> None:
        self.line += chunk.count(b"\n", self._counted, at)
        self._counted = at
