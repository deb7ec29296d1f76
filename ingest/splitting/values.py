"""JSON values one after another, pretty-printed or not; an array at the top counts as the values in it.

Only brackets, quotes and commas are looked at: an array of any size is cut in constant memory, and a malformed value
is cut out whole, for its reader to refuse. A raw line feed ends a string (JSON allows none in it), so that a missing
quote cannot swallow the rest. Between values at the top, commas and record separators count as blanks, and whatever
stands there that is no object or array is a record up to the end of its line.
"""

import re
from collections.abc import Callable
from typing import Final, cast

from ingest.splitting.parts import Parts
from ingest.splitting.record import RawRecord, Record, RefusedRecord, incomplete, last_record, too_large

_Run = Callable[[bytes, int], re.Match[bytes]]


def _run(pattern: bytes) -> _Run:
    return cast(_Run, re.compile(pattern).match)


# Each of these runs over what cannot matter, whole strings included. It stops before a byte that matters, before a
# string that does not end here, or at the end of the chunk, and always matches. Possessive: nothing is tried twice.
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


class Values:
    """Cuts bytes into JSON values. Every byte is scanned once, however the bytes are cut into chunks."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self._held = Parts(limit)
        self._in_array = False  # whether values are elements of an array at the top
        self._announced = (
            False  # whether the array has just begun or a comma has come: an element must follow
        )
        self._begun_on: int | None = None  # the line of the present value, if one has begun
        self._depth = 0  # how many brackets are open in it
        self._in_string = False
        self._escaped = False  # whether the last chunk ended with a backslash in a string
        # of the present chunk
        self._start = 0  # where the present value's bytes begin
        self._counted = 0  # how far its line feeds are in `line`

    def feed(self, chunk: bytes) -> list[Record]:
        """The values that end in `chunk`."""
        found: list[Record] = []
        self._start = self._counted = at = 0
        while at < len(chunk):
            if self._in_string:
                at = self._string(chunk, at)
            elif self._begun_on is None:
                at = self._between(chunk, at)
            elif self._depth:
                at = self._nested(chunk, at, found)
            elif self._in_array:
                at = self._element(chunk, at, found)
            else:
                at = self._top(chunk, at, found)
        if self._begun_on is not None:
            self._held.add(chunk[self._start :])
        self._count_lines(chunk, len(chunk))
        return found

    def finish(self) -> list[Record]:
        """The value that nothing has ended."""
        found: list[Record] = []
        if self._begun_on is not None:
            raw = self._held.take()
            if raw is None:
                found.append(RefusedRecord(self.records, self._begun_on, too_large(self._held.limit)))
            else:
                found.append(last_record(self.records, self._begun_on, raw.rstrip()))
        elif self._announced:
            found.append(RefusedRecord(self.records, self.line, incomplete()))
        self.records += len(found)
        return found

    def _string(self, chunk: bytes, at: int) -> int:
        """Through a string that began before; its end is a quote, or a line feed that is no part of it."""
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
        """Over blanks, commas and the brackets of an array at the top, up to the first byte of a value."""
        at = (_blanks if self._in_array else _blanks_at_top)(chunk, at).end()
        if at == len(chunk):
            return at
        if chunk[at] == (_COMMA if self._in_array else _ARRAY):
            self._in_array = self._announced = True
            return at + 1
        self._announced = False
        if chunk[at] == _ARRAY_END and self._in_array:
            self._in_array = False
            return at + 1
        self._count_lines(chunk, at)
        self._begun_on = self.line
        self._start = at
        return at

    def _nested(self, chunk: bytes, at: int, found: list[Record]) -> int:
        """Through brackets in a value, up to the last that closes."""
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
            self._end(chunk, at, found)
        return at

    def _element(self, chunk: bytes, at: int, found: list[Record]) -> int:
        """Through what of an element is not in brackets. Its end is a comma or the end of the array."""
        at = _in_element(chunk, at).end()
        if at == len(chunk):
            return at
        byte = chunk[at]
        if byte in (_COMMA, _ARRAY_END):
            self._end(chunk, at, found)
            return at  # `_between` sees what it is
        self._depth = int(byte in (_OBJECT, _ARRAY))
        self._in_string = byte == _QUOTE
        return at + 1

    def _top(self, chunk: bytes, at: int, found: list[Record]) -> int:
        """Through what is in no bracket at all. A line feed ends it, and so does an object or array."""
        at = _at_top(chunk, at).end()
        if at == len(chunk):
            return at
        if chunk[at] == _QUOTE:
            self._in_string = True
            return at + 1
        if chunk[at] == _LINE_FEED or at > self._start or self._held:
            self._end(chunk, at, found)
            return at
        self._depth = 1
        return at + 1

    def _end(self, chunk: bytes, at: int, found: list[Record]) -> None:
        """The present value ends before `at`."""
        assert self._begun_on is not None, "only a value that has begun can end"
        self._held.add(chunk[self._start : at])
        raw = self._held.take()
        if raw is None:
            found.append(RefusedRecord(self.records, self._begun_on, too_large(self._held.limit)))
        else:
            found.append(RawRecord(self.records, self._begun_on, raw.rstrip()))
        self.records += 1
        self._begun_on = None

    def _count_lines(self, chunk: bytes, at: int) -> None:
        self.line += chunk.count(b"\n", self._counted, at)
        self._counted = at
