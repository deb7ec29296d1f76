"""Protobuf: a trace request in OTLP's binary encoding, taken apart into the same drafts as the JSON one.

Only a server that receives spans needs the library; nothing else imports this module.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from ingest.formats.otel import names
from ingest.formats.otel.span import Draft, kept, number
from ingest.refusal import Refused


def drafts(raw: bytes) -> list[Draft]:
    """The spans of a request.

    Raises:
        Refused: it is no such message.
    """
    try:
        request = ExportTraceServiceRequest.FromString(raw)
    except DecodeError:
        raise Refused("not_protobuf", "this is not an ExportTraceServiceRequest in protobuf") from None
    found = []
    for group in request.resource_spans:
        resource, labels = kept(_pairs(group.resource.attributes), _plain)
        for scope in group.scope_spans:
            found += [_draft(span, resource, labels) for span in scope.spans]
    return found


def _draft(span: Message, resource: dict[str, Any], inherited: dict[str, Any]) -> Draft:
    attributes, labels = kept(_pairs(span.attributes), _plain)
    first_token, exception = _told(span.events)
    return Draft(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() or None,
        kind=span.kind or None,
        start_time_unix_nano=span.start_time_unix_nano or None,
        end_time_unix_nano=span.end_time_unix_nano or None,
        first_token_time_unix_nano=first_token,
        status_code=int(span.status.code) or None,
        exception_type=exception,
        attributes=attributes,
        resource=resource,
        labels=inherited | labels,
    )


def _told(events: Iterable[Message.Event]) -> tuple[int | None, Any]:
    """What the span's events tell: when its first token came, and which exception ended it."""
    first_token, exception = None, None
    for event in events:
        if first_token is None and event.name in names.FIRST_CHUNK_EVENTS:
            first_token = event.time_unix_nano or None
        elif event.name == names.EXCEPTION_EVENT:
            said, _ = kept(_pairs(event.attributes), _plain)
            exception = said.get(names.EXCEPTION_TYPE, exception)
    return first_token, exception


def _pairs(attributes: Iterable[KeyValue]) -> Iterable[tuple[str, AnyValue]]:
    return ((one.key, one.value) for one in attributes)


def _plain(value: AnyValue) -> Any:
    """An attribute's value; None where it has none that the ledger knows."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return number(value.double_value)
        case "bool_value":
            return value.bool_value
        case "array_value":
            return [_plain(one) for one in value.array_value.values]
    return None
