"""Protobuf: a trace request in OTLP's binary encoding, as the same drafts as the JSON encoding.

Only a server that receives spans needs the library; nothing else imports this module.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from ingest.formats.otel import names
from ingest.formats.otel.span import LONGEST_SCOPE, Draft, known_attributes, number
from ingest.model.rejection import SURPRISES, Refused, unreadable


def drafts(raw: bytes) -> list[Draft | Refused]:
    """The spans of a request, and a refusal for each span that cannot be decoded.

    Raises:
        Refused: the request is not an ExportTraceServiceRequest.
    """
    return list(each_draft(raw))


def each_draft(raw: bytes) -> Iterator[Draft | Refused]:
    """The spans of a request, and a refusal for each span that cannot be decoded, one by one.

    Raises:
        Refused: the request is not an ExportTraceServiceRequest.
    """
    try:
        request = ExportTraceServiceRequest.FromString(raw)
    except DecodeError:
        raise Refused("not_protobuf", "this is not an ExportTraceServiceRequest in protobuf") from None
    for group in request.resource_spans:
        resource, labels = known_attributes(_pairs(group.resource.attributes), _attribute_value)
        for scope in group.scope_spans:
            name = scope.scope.name[:LONGEST_SCOPE] or None
            for span in scope.spans:
                yield _draft_or_refusal(span, name, resource, labels)


def _draft_or_refusal(
    span: Message, scope: str | None, resource: dict[str, Any], inherited: dict[str, Any]
) -> Draft | Refused:
    try:
        return _draft(span, scope, resource, inherited)
    except SURPRISES as error:
        return unreadable(error)


def _draft(span: Message, scope: str | None, resource: dict[str, Any], inherited: dict[str, Any]) -> Draft:
    attributes, labels = known_attributes(_pairs(span.attributes), _attribute_value)
    first_token, exception = _first_token_and_exception(span.events)
    return Draft(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() or None,
        scope=scope,
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


def _first_token_and_exception(events: Iterable[Message.Event]) -> tuple[int | None, Any]:
    """The time of the first token, and the type of the exception that ended the span, from its events."""
    first_token, exception = None, None
    for event in events:
        if first_token is None and event.name in names.FIRST_CHUNK_EVENTS:
            first_token = event.time_unix_nano or None
        elif event.name == names.EXCEPTION_EVENT:
            attributes, _ = known_attributes(_pairs(event.attributes), _attribute_value)
            exception = attributes.get(names.EXCEPTION_TYPE, exception)
    return first_token, exception


def _pairs(attributes: Iterable[KeyValue]) -> Iterable[tuple[str, AnyValue]]:
    return ((attribute.key, attribute.value) for attribute in attributes)


def _attribute_value(value: AnyValue) -> Any:
    """The decoded value of an attribute; None for a value of an unsupported type."""
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
            return [_attribute_value(item) for item in value.array_value.values]
    return None
