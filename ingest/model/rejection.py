"""Refusals: why a record could not become an event. A rejection is a value that ends up in the receipt."""

import msgspec


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
