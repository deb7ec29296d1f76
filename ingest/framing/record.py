"""The raw record: the bytes of one record and its position, before they are decoded."""

from typing import Final

import msgspec

from ingest.model.rejection import Refused

MAX_RECORD_BYTES: Final = 16 * 2**20
"""A larger record is refused. Usage records are far smaller, and a record is kept in memory as a whole."""


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
