"""The span record: one span as the ledger reads it, made of either encoding of a trace and the same from both.

It holds the attributes that `names` knows and nothing else, so a span's content ends where a span is taken apart. The
record is JSON, so that a refused one can be kept, shown and read again like a record of any other format.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from ingest.formats.format import Fields
from ingest.formats.otel import names

V = TypeVar("V")

MAX_LABELS: Final = 16
LONGEST_LABEL: Final = 255
ERROR: Final = 2
"""The span status of a call that failed."""
_LONGEST_INT: Final = 40

Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Label = str | int | float | bool | None


class Span(Struct, rename="camel", gc=False):
    """One span, typed as the record must be."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    start_time_unix_nano: Nanoseconds | None = None
    end_time_unix_nano: Nanoseconds | None = None
    first_token_time_unix_nano: Nanoseconds | None = None
    status_code: int | None = None
    exception_type: str | None = None
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    labels: dict[str, Label] = {}


class Draft(Struct, rename="camel", omit_defaults=True):
    """One span as it was sent: nothing is checked yet, so that a fault is found where records are read."""

    trace_id: Any
    span_id: Any
    attributes: dict[str, Any]
    parent_span_id: Any = None
    kind: Any = None
    start_time_unix_nano: Any = None
    end_time_unix_nano: Any = None
    first_token_time_unix_nano: Any = None
    status_code: Any = None
    exception_type: Any = None
    resource: dict[str, Any] = {}
    labels: dict[str, Any] = {}


class _Asked(Struct, gc=False):
    """The parameters of a call, as far as they are read."""

    model: str | None = None


_decode_asked: Final = msgspec.json.Decoder(_Asked).decode
decode: Final = msgspec.json.Decoder(Span, float_hook=Decimal).decode
encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a span record."""
    return "spanId" in fields and "traceId" in fields and "attributes" in fields


def kept(pairs: Iterable[tuple[str, V]], plain: Callable[[V], Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes that are known, and the labels; `plain` takes the value of an attribute out of its encoding."""
    attributes: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    asked_for: str | None = None
    for name, value in pairs:
        if name in names.KNOWN:
            attributes[name] = plain(value)
        elif name in names.PARAMETERS:
            asked_for = _model(plain(value))
        elif name.startswith(names.LABEL_PREFIXES):
            _label(labels, name, plain(value))
    if asked_for:
        attributes.setdefault(names.REQUESTED, asked_for)
    return attributes, labels


def number(value: float | Decimal) -> int | str | Decimal:
    """A floating-point number as a record holds it: by its shortest text, whole numbers without a point."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not exact.is_finite():
        return str(exact)
    if exact.adjusted() < _LONGEST_INT and exact == exact.to_integral_value():
        return int(exact)
    return exact


def _model(parameters: Any) -> str | None:
    try:
        return _decode_asked(parameters).model if isinstance(parameters, str) else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _label(labels: dict[str, Any], name: str, value: Any) -> None:
    label = name.removeprefix(next(one for one in names.LABEL_PREFIXES if name.startswith(one)))
    short = not isinstance(value, str) or len(value) <= LONGEST_LABEL
    if label and short and isinstance(value, str | int | Decimal) and len(labels) < MAX_LABELS:
        labels[label] = value
