"""The span record: a span as the ledger stores and reads it, the same from both encodings of a trace.

It has only the attributes in `names`, so content is dropped when a trace is split into spans. The record is
JSON, so that a refused record can be stored, shown and read again like a record of any other format.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from ingest.formats.format import Fields
from ingest.formats.json.numbers import exact
from ingest.formats.otel import names

V = TypeVar("V")

MAX_LABELS: Final = 16
MAX_ATTRIBUTES: Final = 128
"""Attributes of a span after which no number with an unknown name is kept any more."""
LONGEST_LABEL: Final = 255
LONGEST_SCOPE: Final = 255
ERROR: Final = 2
"""The span status of a call that failed."""
_LONGEST_INT: Final = 40

Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Label = str | int | float | bool | None


class Span(Struct, rename="camel", gc=False):
    """One span, with the types of a valid record."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    scope: str | None = None
    start_time_unix_nano: Nanoseconds | None = None
    end_time_unix_nano: Nanoseconds | None = None
    first_token_time_unix_nano: Nanoseconds | None = None
    status_code: int | None = None
    exception_type: str | None = None
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    labels: dict[str, Label] = {}


class Draft(Struct, rename="camel", omit_defaults=True):
    """One span as it was sent. Its types are not checked yet: they are checked when the record is read."""

    trace_id: Any
    span_id: Any
    attributes: dict[str, Any]
    parent_span_id: Any = None
    scope: str | None = None
    """The name of the instrumentation that made the span."""
    kind: Any = None
    start_time_unix_nano: Any = None
    end_time_unix_nano: Any = None
    first_token_time_unix_nano: Any = None
    status_code: Any = None
    exception_type: Any = None
    resource: dict[str, Any] = {}
    labels: dict[str, Any] = {}


class _RequestParameters(Struct, gc=False):
    """The parameters of a call, of which only the model is decoded."""

    model: str | None = None


_decode_parameters: Final = msgspec.json.Decoder(_RequestParameters).decode
decode: Final = msgspec.json.Decoder(Span, float_hook=exact).decode
encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a span record."""
    return "attributes" in fields and ("traceId" in fields or "spanId" in fields)


def known_attributes(
    pairs: Iterable[tuple[str, V]], decode_value: Callable[[V], Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The known attributes, and the labels. `decode_value` decodes the value of an attribute."""
    attributes: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    requested_model: str | None = None
    for name, value in pairs:
        if name in names.KNOWN:
            attributes[name] = decode_value(value)
        elif name in names.PARAMETERS:
            requested_model = _model_of_parameters(decode_value(value))
        elif name.startswith(names.LABEL_PREFIXES):
            _add_label(labels, name, decode_value(value))
        elif name.startswith(names.USAGE_PREFIXES):
            _add_unknown_count(attributes, name, decode_value(value))
    if requested_model:
        attributes.setdefault(names.REQUESTED, requested_model)
    return attributes, labels


def number(value: float | Decimal) -> int | str | Decimal:
    """A floating-point number for a record: exact by its shortest text, whole numbers as int."""
    decimal = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not decimal.is_finite():
        return str(decimal)
    if decimal.adjusted() < _LONGEST_INT and decimal == decimal.to_integral_value():
        return int(decimal)
    return decimal


def _model_of_parameters(parameters: Any) -> str | None:
    try:
        return _decode_parameters(parameters).model if isinstance(parameters, str) else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _add_unknown_count(attributes: dict[str, Any], name: str, value: Any) -> None:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if is_number and value and len(name) <= LONGEST_LABEL and len(attributes) < MAX_ATTRIBUTES:
        attributes[name] = value


def _add_label(labels: dict[str, Any], name: str, value: Any) -> None:
    label = name.removeprefix(next(prefix for prefix in names.LABEL_PREFIXES if name.startswith(prefix)))
    is_short = not isinstance(value, str) or len(value) <= LONGEST_LABEL
    if label and is_short and isinstance(value, str | int | Decimal) and len(labels) < MAX_LABELS:
        labels[label] = value
