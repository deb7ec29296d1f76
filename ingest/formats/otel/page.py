"""The page: a trace request in OTLP's JSON encoding, of a client or of a collector's file exporter.

A violation of the encoding outside of a span makes the whole page unreadable, as for every receiver; inside
of a span it refuses only that span, as long as another can be read. A valid value that no call can have (text
for a count, an id of the wrong length) is found when the span's record is read, and refuses only that span
too.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.formats.json import lenient
from ingest.formats.json.decode_errors import safe_repr
from ingest.formats.json.numbers import bounded, exact_or_text
from ingest.formats.otel import names
from ingest.formats.otel.span import ERROR, LONGEST_SCOPE, Draft, known_attributes, number
from ingest.model.rejection import SURPRISES, Refused, unreadable

_decode: Final = msgspec.json.Decoder(float_hook=exact_or_text).decode


def drafts(raw: bytes) -> list[Draft | Refused]:
    """The spans of a page, and a refusal for each span that violates the encoding.

    Raises:
        Refused: the page is not JSON, or violates the encoding; the refusal names the field.
    """
    return list(each_draft(raw))


def each_draft(raw: bytes) -> Iterator[Draft | Refused]:
    """The spans of a page, one by one, and a refusal for each span that violates the encoding.

    Raises:
        Refused: the page is not JSON, or violates the encoding; the refusal names the field.
    """
    try:
        page = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = lenient.loads(raw, odd_number=str)
    if not isinstance(page, dict):
        raise Refused("not_an_object", "the record is not a JSON object")
    return _spans(page)


def _spans(page: dict[str, Any]) -> Iterator[Draft | Refused]:
    for group_path, group in _objects(page, "resourceSpans"):
        resource_object = _object(group, "resource", group_path)
        resource, labels = known_attributes(
            _pairs(resource_object, f"{group_path}.resource"), _attribute_value
        )
        for scope_path, scope in _objects(group, "scopeSpans", group_path):
            name = _text_field(_object(scope, "scope", scope_path), "name")[:LONGEST_SCOPE] or None
            for index, span in enumerate(_list(scope, "spans", scope_path)):
                yield _draft_or_refusal(span, f"{scope_path}.spans[{index}]", name, resource, labels)


def _draft_or_refusal(
    span: Any, path: str, scope: str | None, resource: dict[str, Any], inherited: dict[str, Any]
) -> Draft | Refused:
    if not isinstance(span, dict):
        return _wrong_type(path, span, "an object")
    try:
        return _draft(span, path, scope, resource, inherited)
    except Refused as refused:
        return refused
    except SURPRISES as error:
        return unreadable(error)


def _draft(
    span: dict[str, Any], path: str, scope: str | None, resource: dict[str, Any], inherited: dict[str, Any]
) -> Draft:
    attributes, labels = known_attributes(_pairs(span, path), _attribute_value)
    first_token, exception = _first_token_and_exception(span, path)
    return Draft(
        trace_id=span.get("traceId"),
        span_id=span.get("spanId"),
        parent_span_id=span.get("parentSpanId") or None,
        scope=scope,
        kind=span.get("kind") or None,
        start_time_unix_nano=_integer(span.get("startTimeUnixNano")) or None,
        end_time_unix_nano=_integer(span.get("endTimeUnixNano")) or None,
        first_token_time_unix_nano=first_token,
        status_code=_status(_object(span, "status", path).get("code")),
        exception_type=exception,
        attributes=attributes,
        resource=resource,
        labels=inherited | labels,
    )


def _status(code: Any) -> Any:
    """A status code. The encoding requires its number, but some writers send its name."""
    return ERROR if code == "STATUS_CODE_ERROR" else None if isinstance(code, str) else code or None


def _first_token_and_exception(span: dict[str, Any], path: str) -> tuple[Any, Any]:
    """The time of the first token, and the type of the exception that ended the span, from its events."""
    first_token, exception = None, None
    for event_path, event in _objects(span, "events", path):
        name = _text_field(event, "name")
        if first_token is None and name in names.FIRST_CHUNK_EVENTS:
            first_token = _integer(event.get("timeUnixNano")) or None
        elif name == names.EXCEPTION_EVENT:
            attributes, _ = known_attributes(_pairs(event, event_path), _attribute_value)
            exception = attributes.get(names.EXCEPTION_TYPE, exception)
    return first_token, exception


def _pairs(holder: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The attributes of an object: names, with encoded values."""
    for index, pair in enumerate(_list(holder, "attributes", path)):
        if not isinstance(pair, dict):
            raise _wrong_type(f"{path}.attributes[{index}]", pair, "an object")
        yield _text_field(pair, "key"), pair.get("value")


def _text_field(holder: dict[str, Any], field: str) -> str:
    value = holder.get(field)
    return value if isinstance(value, str) else ""


def _attribute_value(value: Any) -> Any:
    """The decoded value of an attribute; None for a value of an unsupported type."""
    if not isinstance(value, dict):
        return value
    for kind, content in value.items():
        if kind == "intValue":
            return _integer(content)
        if kind == "doubleValue":
            return _double(content)
        if kind in {"stringValue", "boolValue"}:
            return content
        if kind == "arrayValue":
            return _array(content)
    return None


def _array(array: Any) -> list[Any] | None:
    values = array.get("values") if isinstance(array, dict) else None
    return [_attribute_value(item) for item in values] if isinstance(values, list) else None


def _integer(value: Any) -> Any:
    """A 64-bit integer, which may be text in JSON. Other values are refused when the record is read."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < len(str(2**64)):
        return int(value)
    return number(value) if isinstance(value, Decimal) else value


def _double(value: Any) -> Any:
    """A floating-point number, which may be text in JSON, for NaN and infinity."""
    if isinstance(value, str):
        exact = bounded(value)
        return value if exact is None else number(exact)
    return number(value) if isinstance(value, Decimal) else value


def _objects(holder: dict[str, Any], name: str, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its path."""
    path = f"{at}.{name}" if at else name
    for index, item in enumerate(_list(holder, name, at)):
        item_path = f"{path}[{index}]"
        if not isinstance(item, dict):
            raise _wrong_type(item_path, item, "an object")
        yield item_path, item


def _list(holder: dict[str, Any], name: str, at: str) -> list[Any]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong_type(f"{at}.{name}" if at else name, value, "a list")
    return value


def _object(holder: dict[str, Any], name: str, at: str) -> dict[str, Any]:
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_type(f"{at}.{name}", value, "an object")
    return value


def _wrong_type(path: str, value: Any, expected: str) -> Refused:
    return Refused("wrong_type", f"{path} is {safe_repr(value)}, {expected} is expected", path)
