"""Refusals: why a record could not become an event. A rejection is a value that ends up in the receipt."""

from pathlib import PurePath
from traceback import walk_tb
from typing import Final

import msgspec

SURPRISES: Final = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
    *(RecursionError, msgspec.MsgspecError),
)
"""What the reading of a single record may raise that no reader has foreseen: it costs this record alone."""
LONGEST_REASON: Final = 1_000
"""Characters of a reason that are kept."""
UNREADABLE: Final = "unreadable_record"
_ROOT: Final = "ingest"


class Refused(ValueError):
    """A record cannot become an event.

    `code` is stable and short (`wrong_type`, `impossible_count`, `unknown_format` ...). `field`
    is the path of the field at fault, if any. The message says what was found and what to do.
    """

    def __init__(self, code: str, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.field = field

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str, str | None]]:
        return Refused, (self.code, self.reason, self.field)


def unreadable(error: BaseException) -> Refused:
    """The refusal of a record whose reading has failed by surprise. It has no content of the record."""
    return Refused(
        UNREADABLE,
        f"reading this record failed ({surprise_at(error)}): the record is not kept; please report it",
    )


def surprise_at(error: BaseException) -> str:
    """The class of an error and the place in this program where it was raised."""
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        parts = PurePath(frame.f_code.co_filename).parts
        if _ROOT in parts:
            at = len(parts) - 1 - parts[::-1].index(_ROOT)
            place = f" at {'/'.join(parts[at:])}:{line}"
    return f"{type(error).__name__}{place}"


class PassedOver(Exception):
    """A row that the mapping of its table says is no record; it is only counted."""


class Rejection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A refused record as the ledger stores it.

    `record` is its JSON without prompts and completions, or None.
    """

    index: int
    """Position among the records of the body or file, from 0."""
    line: int
    """Line of the file or body where the record starts, from 1."""
    code: str
    reason: str
    field: str | None = None
    record: str | None = None
