"""What a format is: a wire shape, how to know it, and how to read one record of it into a usage event.

A format does no I/O and knows no price and no database. To add one, write a module with a `Format`, list it in
`ingest.formats.FORMATS`, and add a folder of samples under `tests/formats/`. Exactly one format recognises a record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ingest.event import UsageEvent

Fields = Mapping[str, msgspec.Raw]
"""The top level of a JSON object: names, with their values still as bytes."""


@dataclass(frozen=True, slots=True)
class Format:
    """One wire shape."""

    name: str
    """What `--format` and `POST /v1/ingest/{format}` call it."""
    title: str
    """One line for people."""
    recognises: Callable[[Fields], bool]
    """Whether a JSON object with these fields is of this shape."""
    read: Callable[[bytes], UsageEvent]
    """Read one record.

    Raises:
        ingest.refusal.Refused: the record cannot be an event.
        msgspec.ValidationError: a field has the wrong type; the caller names the field in a refusal.
    """
    unpack: Callable[[Fields], Sequence[msgspec.Raw]] | None = None
    """For a shape that holds many records (a page): those records, each to be recognised by itself."""
    keep: Callable[[bytes], bytes | None] | None = None
    """What may be kept of a refused record, where the known names do not tell (`ingest.formats.stripping`)."""
