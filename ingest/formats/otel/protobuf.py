"""Protobuf: a trace request in OTLP's binary encoding, as the same drafts as the JSON encoding.

Only a server that receives spans needs the library; nothing else imports this module.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as AnyMessage
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

from ingest.formats.otel import names
from ingest.formats.otel.span import LONGEST_SCOPE, Draft, known_attributes, number
from ingest.model.rejection import SURPRISES, Refused, unreadable

MOST_MESSAGES: Final = 100_000
"""Spans, scopes and resources of a request."""
LARGEST_MESSAGE: Final = 4 * 2**20
"""Bytes of a span, a scope or a resource."""
_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SCOPE, _SPANS = 1, 1, 2, 1, 2
"""Field numbers of OTLP: of groups in a request, of what is in a group, and of what is in a scope."""
_VARINT, _BYTES = 0, 2
_FIXED: Final = {1: 8, 5: 4}
"""Sizes by wire type."""
_LONGEST_VARINT: Final = 10
_Part = tuple[int, int, int]
"""Field number, start and end of a message in the request."""
_M = TypeVar("_M", bound=AnyMessage)


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
    walk = _Walk(raw)
    for _, *place in walk.messages(0, len(raw), _RESOURCE_SPANS):
        group = list(walk.messages(*place, _RESOURCE, _SCOPE_SPANS))
        resource, labels = known_attributes(
            _pairs(walk.read(Resource, group, _RESOURCE).attributes), _attribute_value
        )
        for number_, *scope_place in group:
            if number_ != _SCOPE_SPANS:
                continue
            scope = list(walk.messages(*scope_place, _SCOPE, _SPANS))
            name = walk.read(InstrumentationScope, scope, _SCOPE).name[:LONGEST_SCOPE] or None
            for part in scope:
                if part[0] == _SPANS:
                    yield _draft_or_refusal(walk, part, name, resource, labels)


def _draft_or_refusal(
    walk: "_Walk", part: "_Part", scope: str | None, resource: dict[str, Any], inherited: dict[str, Any]
) -> Draft | Refused:
    try:
        return _draft(walk.read(Message, [part], _SPANS), scope, resource, inherited)
    except Refused as refused:
        return refused
    except SURPRISES as error:
        return unreadable(error)


class _Walk:
    """Finds the spans of a request, so that each is decoded alone: whole, a request may fill the memory."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._left = MOST_MESSAGES

    def messages(self, at: int, end: int, *wanted: int) -> Iterator[_Part]:
        """The messages with these field numbers in the message at a place.

        Raises:
            Refused: it is no message, or there are too many.
        """
        while at < end:
            tag, at = self._varint(at, end)
            number_, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                _, at = self._varint(at, end)
                continue
            if kind == _BYTES:
                size, at = self._varint(at, end)
            elif kind in _FIXED:
                size = _FIXED[kind]
            else:
                raise _no_request()
            if size > end - at:
                raise _no_request()
            if kind == _BYTES and number_ in wanted:
                self._count()
                yield number_, at, at + size
            at += size

    def read(self, kind: type[_M], parts: Iterable[_Part], wanted: int) -> _M:
        """A message decoded from its parts with a field number, of which there should be one.

        Raises:
            Refused: it is damaged, or too large.
        """
        message: _M = kind()
        for number_, start, end in parts:
            if number_ != wanted:
                continue
            if end - start > LARGEST_MESSAGE:
                raise Refused("too_large", "a span or resource of the request is larger than 4 MiB")
            try:
                message.MergeFromString(self._raw[start:end])
            except DecodeError:
                raise _no_request() from None
        return message

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """A number, and the place after it."""
        value = shift = 0
        for place in range(at, min(end, at + _LONGEST_VARINT)):
            byte = self._raw[place]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the mark that more bytes follow
                return value, place + 1
            shift += 7
        raise _no_request()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Refused("too_many_spans", f"a request has at most {MOST_MESSAGES} spans")


def _no_request() -> Refused:
    return Refused("not_protobuf", "this is not an ExportTraceServiceRequest in protobuf")


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
