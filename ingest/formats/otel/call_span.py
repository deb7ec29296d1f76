"""What a span says that tells its call from others, and how much of the call it knows.

The more complete of two spans of a call stands: first the one that knows the usage, then the one that states
more parts of it, then the one that states a cost, then the one with more facts altogether.
"""

from typing import Final

import msgspec

from ingest.formats.completion.response_id import is_id
from ingest.formats.otel import names
from ingest.formats.otel.attributes import Attributes
from ingest.formats.otel.span import Span
from ingest.model.call_span import CallSpan
from ingest.model.event import UsageEvent, billable_units

_NANOSECONDS_PER_MICROSECOND: Final = 1_000
_MOST: Final = 256
"""More than an event has fields."""

_DEFAULTS: Final = tuple(
    None if field.required else field.default for field in msgspec.structs.fields(UsageEvent)
)
_COUNTS: Final = tuple(
    index for index, name in enumerate(UsageEvent.__struct_fields__) if name.endswith("_tokens")
)


def call_span(span: Span, attributes: Attributes, event: UsageEvent) -> CallSpan | None:
    """What tells the call of this span from others; None without a start and an end to compare."""
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if start is None or end is None or end < start:
        return None
    assert event.trace_id is not None
    return CallSpan(
        trace_id=event.trace_id,
        span_id=span.span_id.lower(),
        parent_span_id=span.parent_span_id.lower() if span.parent_span_id else None,
        scope=span.scope or "",
        response_id=_response_id(attributes),
        started_at=start // _NANOSECONDS_PER_MICROSECOND,
        ended_at=end // _NANOSECONDS_PER_MICROSECOND,
        model=event.model,
        model_requested=event.model_requested,
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        succeeded=event.status == "success",
        completeness=_completeness(event),
    )


def _response_id(attributes: Attributes) -> str | None:
    """The id that the provider gave to the response."""
    stated = attributes.text(names.RESPONSE_ID)
    return stated if stated and is_id(stated) and not stated.startswith(names.INVENTED_IDS) else None


def _completeness(event: UsageEvent) -> int:
    values = msgspec.structs.astuple(event)
    parts = sum(1 for index in _COUNTS if values[index])
    facts = sum(1 for value, default in zip(values, _DEFAULTS, strict=True) if value and value != default)
    knows_usage, knows_cost = int(billable_units(event) > 0), int(event.reported is not None)
    return ((knows_usage * _MOST + parts) * 2 + knows_cost) * _MOST + facts
