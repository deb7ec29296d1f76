"""The raw record: the bytes of one record and where they stood, before anybody has looked into them."""

from typing import Final

import msgspec

from ingest.refusal import Refused

MAX_RECORD_BYTES: Final = 16 * 2**20
"""A larger record is refused: no usage record is near it, and one record is held in memory as a whole."""


class RawRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One record as it came, without the blanks around it."""

    index: int
    """Position among the records of the body or file, from 0."""
    line: int
    """Line of the body or file where it starts, from 1."""
    raw: bytes


class RefusedRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A record that could not even be cut out."""

    index: int
    line: int
    refused: Refused


Record = RawRecord | RefusedRecord


def last_record(index: int, line: int, raw: bytes) -> Record:
    """The record at the very end of the input, which may have been cut."""
    return RefusedRecord(index, line, incomplete()) if is_cut(raw) else RawRecord(index, line, raw)


def is_cut(raw: bytes) -> bool:
    """Whether `raw` is the beginning of a JSON value and not the whole of it."""
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (UnicodeDecodeError, RecursionError):
        return False
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    return False


def incomplete() -> Refused:
    """Why a record that was cut is refused."""
    return Refused("incomplete", "the body ends in the middle of this record: send it again whole")


def too_large(limit: int) -> Refused:
    """Why a record over the limit is refused."""
    return Refused(
        "too_large", f"the record is larger than {limit} bytes: leave out its content and send it again"
    )
