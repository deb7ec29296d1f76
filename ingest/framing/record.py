"""The raw record: the bytes of one record and its position, before they are decoded."""

from typing import Final

import msgspec

from ingest.model.rejection import Refused

MAX_RECORD_BYTES: Final = 16 * 2**20
"""A larger record is refused. Usage records are far smaller, and a record is kept in memory as a whole."""


_MOST_PARTS: Final = 1_024
"""Parts of a record that are kept apart."""


class RawRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record as it arrived, without blanks around it."""

    index: int
    """Its position among the records of the body or file, from 0."""
    line: int
    """The line of the body or file where it starts, from 1."""
    raw: bytes


class RefusedRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that could not be separated from the bytes around it."""

    index: int
    line: int
    refused: Refused


Record = RawRecord | RefusedRecord


def last_record(index: int, line: int, raw: bytes) -> Record:
    """The last record of the input; refused if it was cut."""
    return RefusedRecord(index, line, incomplete_refusal()) if is_cut(raw) else RawRecord(index, line, raw)


def is_cut(raw: bytes) -> bool:
    """Whether `raw` is only the beginning of a JSON value."""
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (UnicodeDecodeError, RecursionError):
        return False
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    return False


def incomplete_refusal() -> Refused:
    """The refusal of a record that was cut."""
    return Refused("incomplete", "the body ends in the middle of this record: send it again whole")


def too_large_refusal(limit: int) -> Refused:
    """The refusal of a record over the limit."""
    return Refused(
        "too_large", f"the record is larger than {limit} bytes: leave out its content and send it again"
    )


class RecordBuffer:
    """Collects one record at a time. It stores at most `limit` bytes, and only counts the rest.

    It holds little more than these bytes, however small the parts are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._joined = bytearray()  # the parts before
        self._size = 0

    def __bool__(self) -> bool:
        return self._size > 0

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._size if self._size <= self.limit else 0

    def add(self, part: bytes) -> None:
        """Add `part`, or discard all parts when the record is over the limit."""
        self._size += len(part)
        if self._size > self.limit:
            self._parts.clear()
            self._joined.clear()
        elif part:
            self._parts.append(part)
            if len(self._parts) > _MOST_PARTS:
                self._joined += b"".join(self._parts)
                self._parts.clear()

    def take(self) -> bytes | None:
        """Return the record and empty the buffer; None for a record over the limit."""
        whole = None if self._size > self.limit else b"".join((self._joined, *self._parts))
        self._parts.clear()
        self._joined.clear()
        self._size = 0
        return whole
