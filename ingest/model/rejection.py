"""Refusals: why a record could not become an event. A refusal is a value that travels to the receipt."""

import msgspec


class Refused(ValueError):
    """One record cannot be an event.

    `code` is stable and short (`wrong_type`, `impossible_count`, `unknown_format` ...), `field` is the path of the
    field at fault where there is one, and the message says what was found and what to do.
    """

    def __init__(self, code: str, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.field = field

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str, str | None]]:
        return Refused, (self.code, self.reason, self.field)


class PassedOver(Exception):
    """A row that is no record, as whoever described its table said: it is counted and nothing else."""


class Rejection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A refused record as the ledger keeps it. `record` is its JSON with all content taken out, or None."""

    index: int
    """Position among the records of the body or file, from 0."""
    line: int
    """Line of the file or body where the record starts, from 1."""
    code: str
    reason: str
    field: str | None = None
    record: str | None = None
