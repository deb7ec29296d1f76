"""OpenTelemetry: the spans of calls that instrumented programs, frameworks and gateways record.

A trace request (`page`, `protobuf`) is taken apart into span records (`span`), of which those that are calls of a model
count (`calls`); each is read into an event (`reading`). Both encodings and both ways in, a live request and a
collector's file, give the same records, so the same span meets itself.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from ingest.event import UsageEvent
from ingest.formats.format import Fields, Format
from ingest.formats.otel import calls, page, reading, span
from ingest.refusal import Refused

PAGE_MARK: Final = b'"resourceSpans"'
_decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


class Taken(NamedTuple):
    """What a trace request holds."""

    records: list[bytes]
    """The span record of each call."""
    repeated: int
    """Spans of calls that another span stands for."""
    others: int
    """Spans that are no calls of a model."""


def take(raw: bytes, drafts: Callable[[bytes], Sequence[span.Draft]]) -> Taken:
    """The records of a request, whose encoding `drafts` takes apart.

    Raises:
        Refused: it cannot be decoded.
    """
    found = calls.sort(drafts(raw))
    return Taken([span.encode(one) for one in found.calls], found.repeated, found.others)


def _recognises(fields: Fields) -> bool:
    return "resourceSpans" in fields or span.recognises(fields)


def _read(raw: bytes) -> UsageEvent:
    if PAGE_MARK in raw and "resourceSpans" in _decode_fields(raw):
        raise Refused("page", "this is a page of many spans, not one record: send it as a whole body or file")
    return reading.read(raw)


def _unpack(fields: Fields) -> Sequence[Raw]:
    if "resourceSpans" not in fields:
        return [Raw(span.encode(fields))]
    raw = b'{"resourceSpans":' + bytes(fields["resourceSpans"]) + b"}"
    return [Raw(record) for record in take(raw, page.drafts).records]


FORMAT: Final = Format(
    name="otel",
    title="spans of OpenTelemetry: a trace request in JSON, as a collector's file exporter writes it",
    recognises=_recognises,
    read=_read,
    unpack=_unpack,
)
