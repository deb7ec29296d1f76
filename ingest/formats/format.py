"""A format: a wire shape, how it is recognised, and how one record of it becomes a usage event.

A format does no I/O and knows no price and no database. To add a format, write a module with a `Format`,
list it in `ingest.formats.FORMATS`, and add a folder of samples under `tests/formats/`. Exactly one format
recognises a record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

Fields = Mapping[str, msgspec.Raw]
"""The top level of a JSON object: field names, with values that are not decoded yet."""

_NULL: Final = msgspec.Raw(b"null")
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def marks(raw: bytes) -> Fields:
    """The fields by which a record is recognised: those that have a value. A null is no mark of any format.

    Raises:
        msgspec.DecodeError: the record is not JSON, or not an object (`msgspec.ValidationError`).
    """
    fields = _decode_fields(raw)
    if _NULL not in fields.values():
        return fields
    return {name: value for name, value in fields.items() if value != _NULL}


@dataclass(frozen=True, slots=True)
class Format:
    """One wire shape."""

    name: str
    """The name in `--format` and `POST /v1/ingest/{format}`."""
    title: str
    """One line of description for users."""
    recognises: Callable[[Fields], bool]
    """Whether a JSON object with these fields has this shape."""
    read: Callable[[bytes], UsageEvent]
    """Read one record.

    Raises:
        ingest.model.rejection.Refused: the record is not a valid event.
        msgspec.ValidationError: a field has the wrong type; the caller turns it into a refusal.
    """
    unpack: Callable[[Fields], Sequence[msgspec.Raw | Refused]] | None = None
    """The records of a page of many records, and a refusal for each that cannot be taken from the page.

    Each record is recognised by itself.
    """
    redact: Callable[[bytes], bytes | None] | None = None
    """The part of a refused record that may be stored; None for the field names that `redaction` allows."""
