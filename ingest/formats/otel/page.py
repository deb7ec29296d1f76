"""The page: a trace request in OTLP's JSON encoding, as a client posts it or a collector's file exporter writes it.

What the encoding forbids makes the whole page unreadable, as it is to every receiver. What it allows and no call can
have (text for a count, an id of the wrong length) is found when the span's record is read, and refuses that span alone.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.formats import mending
from ingest.formats.fault import safe_repr
from ingest.formats.otel import names
from ingest.formats.otel.span import ERROR, Draft, kept, number
from ingest.refusal import Refused

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode


def drafts(raw: bytes) -> list[Draft]:
    """The spans of a page.

    Raises:
        Refused: it is not JSON, or not of this encoding; the refusal names the field.
    """
    try:
        page = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = mending.loads(raw)
    if not isinstance(page, dict):
        raise Refused("not_an_object", "the record is not a JSON object")
    return list(_spans(page))


def _spans(page: dict[str, Any]) -> Iterator[Draft]:
    for at_group, group in _objects(page, "resourceSpans"):
        owner = _object(group, "resource", at_group)
        resource, labels = kept(_pairs(owner, f"{at_group}.resource"), _plain)
        for at_scope, scope in _objects(group, "scopeSpans", at_group):
            for at, span in _objects(scope, "spans", at_scope):
                yield _draft(span, at, resource, labels)


def _draft(span: dict[str, Any], at: str, resource: dict[str, Any], inherited: dict[str, Any]) -> Draft:
    attributes, labels = kept(_pairs(span, at), _plain)
    first_token, exception = _told(span, at)
    return Draft(
        trace_id=span.get("traceId"),
        span_id=span.get("spanId"),
        parent_span_id=span.get("parentSpanId") or None,
        kind=span.get("kind") or None,
        start_time_unix_nano=_integer(span.get("startTimeUnixNano")) or None,
        end_time_unix_nano=_integer(span.get("endTimeUnixNano")) or None,
        first_token_time_unix_nano=first_token,
        status_code=_status(_object(span, "status", at).get("code")),
        exception_type=exception,
        attributes=attributes,
        resource=resource,
        labels=inherited | labels,
    )


def _status(code: Any) -> Any:
    """A status; the encoding wants its number, some write its name."""
    return ERROR if code == "STATUS_CODE_ERROR" else None if isinstance(code, str) else code or None


def _told(span: dict[str, Any], at: str) -> tuple[Any, Any]:
    """What the span's events tell: when its first token came, and which exception ended it."""
    first_token, exception = None, None
    for where, event in _objects(span, "events", at):
        name = _name(event, "name")
        if first_token is None and name in names.FIRST_CHUNK_EVENTS:
            first_token = _integer(event.get("timeUnixNano")) or None
        elif name == names.EXCEPTION_EVENT:
            said, _ = kept(_pairs(event, where), _plain)
            exception = said.get(names.EXCEPTION_TYPE, exception)
    return first_token, exception


def _pairs(holder: dict[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    """The attributes of something: names, with their values as they are encoded."""
    for index, pair in enumerate(_list(holder, "attributes", at)):
        if not isinstance(pair, dict):
            raise _wrong(f"{at}.attributes[{index}]", pair, "an object")
        yield _name(pair, "key"), pair.get("value")


def _name(holder: dict[str, Any], field: str) -> str:
    held = holder.get(field)
    return held if isinstance(held, str) else ""


def _plain(value: Any) -> Any:
    """An attribute's value; None where it has none that the ledger knows."""
    if not isinstance(value, dict):
        return value
    for kind, held in value.items():
        if kind == "intValue":
            return _integer(held)
        if kind == "doubleValue":
            return _double(held)
        if kind in {"stringValue", "boolValue"}:
            return held
        if kind == "arrayValue":
            return _items(held)
    return None


def _items(held: Any) -> list[Any] | None:
    values = held.get("values") if isinstance(held, dict) else None
    return [_plain(one) for one in values] if isinstance(values, list) else None


def _integer(value: Any) -> Any:
    """A 64-bit integer, which JSON may have as text; anything else is left for the record's reader to refuse."""
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < len(str(2**64)):
        return int(value)
    return number(value) if isinstance(value, Decimal) else value


def _double(value: Any) -> Any:
    """A floating-point number, which JSON may have as text: it has no other way to write NaN."""
    if isinstance(value, str):
        try:
            return number(Decimal(value))
        except ArithmeticError:
            return value
    return number(value) if isinstance(value, Decimal) else value


def _objects(holder: dict[str, Any], name: str, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a list, each with its path."""
    path = f"{at}.{name}" if at else name
    for index, one in enumerate(_list(holder, name, at)):
        where = f"{path}[{index}]"
        if not isinstance(one, dict):
            raise _wrong(where, one, "an object")
        yield where, one


def _list(holder: dict[str, Any], name: str, at: str) -> list[Any]:
    held = holder.get(name)
    if held is None:
        return []
    if not isinstance(held, list):
        raise _wrong(f"{at}.{name}" if at else name, held, "a list")
    return held


def _object(holder: dict[str, Any], name: str, at: str) -> dict[str, Any]:
    held = holder.get(name)
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise _wrong(f"{at}.{name}", held, "an object")
    return held


def _wrong(path: str, found: Any, wanted: str) -> Refused:
    return Refused("wrong_type", f"{path} is {safe_repr(found)}, {wanted} is expected", path)
