"""OpenTelemetry: the spans of model calls that instrumented programs, frameworks and gateways record.

A trace request (`page`, `protobuf`) is split into span records (`span`). The spans of model calls are
selected (`calls`), and each becomes an event (`reading`). Both encodings, and both channels (a live request
and a collector's file), give the same records, so a span that arrives twice is one event. Two spans of one
call are joined in the ledger (`ingest.ledger.call_spans`), which sees all spans of a trace.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from ingest.formats.format import Fields, Format
from ingest.formats.otel import calls, page, reading, span
from ingest.model.event import UsageEvent
from ingest.model.rejection import SURPRISES, Refused, unreadable

PAGE_MARK: Final = b'"resourceSpans"'
_decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


class TraceCalls(NamedTuple):
    """The calls of a trace request."""

    records: list[bytes]
    """The span records of the calls."""
    others: int
    """The number of spans that are not model calls."""
    refused: Sequence[Refused] = ()
    """A refusal for each span that cannot be decoded."""


def extract_calls(raw: bytes, drafts: Callable[[bytes], Sequence[span.Draft | Refused]]) -> TraceCalls:
    """The calls of a request, which `drafts` decodes.

    Raises:
        Refused: the request cannot be decoded.
    """
    spans = drafts(raw)
    records = [record for draft in spans if (record := _record(draft)) is not None]
    refused = [record for record in records if isinstance(record, Refused)]
    read = [record for record in records if not isinstance(record, Refused)]
    return TraceCalls(read, len(spans) - len(records), refused)


def _record(draft: span.Draft | Refused) -> bytes | Refused | None:
    """The record of a span; None for a span that is no call of a model."""
    if isinstance(draft, Refused):
        return draft
    try:
        is_call = calls.request_type(draft.attributes, draft.kind) is not None
        return span.encode(draft) if is_call else None
    except SURPRISES as error:
        return unreadable(error)


def _recognises(fields: Fields) -> bool:
    return "resourceSpans" in fields or span.recognises(fields)


def _read(raw: bytes) -> UsageEvent:
    if PAGE_MARK in raw and "resourceSpans" in _decode_fields(raw):
        raise Refused("page", "this is a page of many spans, not one record: send it as a whole body or file")
    return reading.read(raw)


def _unpack(fields: Fields) -> Sequence[Raw | Refused]:
    if "resourceSpans" not in fields:
        return [Raw(span.encode(fields))]
    raw = b'{"resourceSpans":' + bytes(fields["resourceSpans"]) + b"}"
    taken = extract_calls(raw, page.drafts)
    return [*taken.refused, *map(Raw, taken.records)]


FORMAT: Final = Format(
    name="otel",
    title="spans of OpenTelemetry: a trace request in JSON, as a collector's file exporter writes it",
    recognises=_recognises,
    read=_read,
    unpack=_unpack,
)
