"""OpenTelemetry: the spans of model calls that instrumented programs, frameworks and gateways record.

A trace request (`page`, `protobuf`) is split into span records (`span`). The spans of model calls are
selected (`calls`), and each becomes an event (`reading`). Both encodings, and both channels (a live request
and a collector's file), give the same records, so a span that arrives twice is one event. Two spans of one
call are joined in the ledger (`ingest.ledger.call_spans`), which sees all spans of a trace.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw

from ingest.formats.format import Fields, Format
from ingest.formats.otel import calls, page, reading, span
from ingest.model.event import UsageEvent
from ingest.model.rejection import SURPRISES, Refused, unreadable

PAGE_MARK: Final = b'"resourceSpans"'
Drafts = Callable[[bytes], Iterable[span.Draft | Refused]]
"""Decodes a request into its spans, and a refusal for each span that violates the encoding."""
MOST_SPANS: Final = 50_000
"""Spans of a page that is one record of a body or file."""
_decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


class TraceCalls(NamedTuple):
    """The calls of a trace request."""

    records: list[bytes]
    """The span records of the calls."""
    others: int
    """The number of spans that are not model calls."""
    refused: Sequence[Refused] = ()
    """A refusal for each span that cannot be decoded."""


def extract_calls(raw: bytes, drafts: Drafts) -> TraceCalls:
    """The calls of a request, which `drafts` decodes.

    Raises:
        Refused: the request cannot be decoded, or none of its spans can.
    """
    spans = list(islice(each_call(raw, drafts), MOST_SPANS + 1))
    if len(spans) > MOST_SPANS:
        raise Refused("too_many_spans", f"a page has at most {MOST_SPANS} spans")
    refused = [call for call in spans if isinstance(call, Refused)]
    if refused and len(refused) == len(spans):
        raise refused[0]
    records = [call for call in spans if isinstance(call, bytes)]
    return TraceCalls(records, spans.count(None), refused)


def each_call(raw: bytes, drafts: Drafts) -> Iterator[bytes | Refused | None]:
    """The spans of a request, one by one: a record, a refusal, or None for a span that is no model call.

    Raises:
        Refused: the request cannot be decoded.
    """
    for draft in drafts(raw):
        yield draft if isinstance(draft, Refused) else _record(draft)


def _record(draft: span.Draft) -> bytes | Refused | None:
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
    taken = extract_calls(raw, page.each_draft)
    return [*taken.refused, *map(Raw, taken.records)]


FORMAT: Final = Format(
    name="otel",
    title="spans of OpenTelemetry: a trace request in JSON, as a collector's file exporter writes it",
    recognises=_recognises,
    read=_read,
    unpack=_unpack,
)
