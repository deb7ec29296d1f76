"""Reading: a span record becomes a usage event. A call is identified by its trace id and span id."""

import re
from decimal import Decimal
from typing import Final

from msgspec import structs

from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.provider import provider_and_model
from ingest.formats.completion.request_type import streamed_request_type
from ingest.formats.envelope import text_labels
from ingest.formats.json.decode_errors import safe_repr
from ingest.formats.otel import calls, names, providers, usage
from ingest.formats.otel.attributes import Attributes
from ingest.formats.otel.call_span import call_span
from ingest.formats.otel.names import Spellings
from ingest.formats.otel.span import ERROR, LONGEST_LABEL, Label, Span, decode
from ingest.model.event import Status, UsageEvent
from ingest.model.rejection import Refused
from ingest.model.reported_cost import is_believed
from ingest.parse.currency import is_currency

SOURCE: Final = "otel"

_TRACE_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{16}")
_CODE: Final = re.compile(r"(?!sk-)[A-Za-z0-9_.:/+-]{1,120}")
_UNKNOWN_SERVICE: Final = "unknown_service"
_NANOSECONDS_PER_MICROSECOND: Final = 1_000
_CANCELLED: Final = "499"
_UNDECIDED_TIERS: Final = frozenset({None, "auto"})


def read(raw: bytes) -> UsageEvent:
    """The event of one span.

    Raises:
        Refused: the span is not a model call, has no valid id, or has an invalid count.
    """
    span = decode(raw)
    attributes = Attributes(span.attributes)
    request_type = calls.request_type(span.attributes)
    if request_type is None:
        raise Refused("not_a_call", "this span is no call of a model: it counts only inside those that are")
    usage.refuse_unknown_counts(span.attributes)
    stream = _is_streamed(span, attributes)
    provider, model, requested = _provider_and_models(attributes)
    cost = usage.span_cost(attributes)
    stated, total = (
        usage.span_meters(attributes, provider, request_type),
        attributes.count(names.TOTAL_TOKENS),
    )
    meters, doubts = settle(stated, total, "attributes", billed=is_believed(cost))
    status, error_type, error_code = _outcome(span, attributes)
    latency = _elapsed(span.start_time_unix_nano, span.end_time_unix_nano) or None
    resource = Attributes(span.resource, "resource")
    event = UsageEvent(
        source=SOURCE,
        source_event_id=_event_key(_trace(span), span.span_id, "spanId"),
        parent_id=_event_key(_trace(span), span.parent_span_id, "parentSpanId")
        if span.parent_span_id
        else None,
        trace_id=_trace(span),
        attempt=attributes.count(names.ATTEMPT),
        occurred_at=_microseconds(span.start_time_unix_nano),
        request_type=streamed_request_type(request_type) if stream else request_type,
        provider=provider,
        model=model,
        model_requested=requested,
        provider_key=attributes.text(names.PROVIDER_KEY),
        service_tier=_service_tier(attributes),
        system_fingerprint=attributes.text(names.FINGERPRINT),
        stream=stream,
        chunk_count=attributes.count(names.CHUNKS),
        finish_reason=attributes.first_text(names.FINISH_REASON),
        status=status,
        error_type=error_type,
        error_code=error_code,
        virtual_key=attributes.text(names.VIRTUAL_KEY),
        virtual_key_name=attributes.text(names.VIRTUAL_KEY_NAME),
        team=_span_or_resource(attributes, resource, names.TEAM),
        team_name=attributes.text(names.TEAM_NAME),
        customer=_span_or_resource(attributes, resource, names.CUSTOMER),
        customer_name=attributes.text(names.CUSTOMER_NAME),
        business_unit=attributes.text(names.BUSINESS_UNIT),
        business_unit_name=attributes.text(names.BUSINESS_UNIT_NAME),
        project=_span_or_resource(attributes, resource, names.PROJECT),
        environment=_span_or_resource(attributes, resource, names.ENVIRONMENT),
        application=attributes.text(names.APP) or _service(resource),
        user=attributes.text(names.USER),
        end_user=_span_or_resource(attributes, resource, names.END_USER),
        labels=_labels(span, attributes, resource),
        latency_us=latency,
        time_to_first_token_us=_first_token(span, attributes, latency),
        retries=attributes.count(names.RETRIES),
        input_tokens=meters.input_tokens,
        input_text_tokens=meters.input_text_tokens,
        input_audio_tokens=meters.input_audio_tokens,
        input_image_tokens=meters.input_image_tokens,
        cache_read_tokens=meters.cache_read_tokens,
        cache_write_tokens=meters.cache_write_tokens,
        cache_write_5m_tokens=meters.cache_write_5m_tokens,
        cache_write_1h_tokens=meters.cache_write_1h_tokens,
        output_tokens=meters.output_tokens,
        output_text_tokens=meters.output_text_tokens,
        output_audio_tokens=meters.output_audio_tokens,
        output_image_tokens=meters.output_image_tokens,
        reasoning_tokens=meters.reasoning_tokens,
        citation_tokens=meters.citation_tokens,
        accepted_prediction_tokens=meters.accepted_prediction_tokens,
        rejected_prediction_tokens=meters.rejected_prediction_tokens,
        total_tokens=meters.total_tokens,
        search_queries=meters.search_queries,
        currency=_currency(attributes),
        reported=cost,
        flags=doubts or None,
        session=_span_or_resource(attributes, resource, names.SESSION),
        agent=_span_or_resource(attributes, resource, names.AGENT),
        workflow=_span_or_resource(attributes, resource, names.WORKFLOW),
    )
    return structs.replace(event, span=call_span(span, attributes, event))


def _trace(span: Span) -> str:
    return _identifier(span.trace_id, "traceId", _TRACE_ID)


def _event_key(trace: str, span_id: str, field: str) -> str:
    return f"{trace}:{_identifier(span_id, field, _SPAN_ID)}"


def _identifier(text: str, field: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text.lower()):
        digits = 32 if pattern is _TRACE_ID else 16
        reason = f"{field} is {safe_repr(text)}: {digits} hexadecimal digits, not all zero, are expected"
        raise Refused("bad_id", reason, field)
    return text.lower()


def _provider_and_models(attributes: Attributes) -> tuple[str, str, str | None]:
    """The provider, the billed model and the requested model."""
    requested = attributes.text(names.REQUEST_MODEL)
    stated = providers.provider(attributes.text(names.PROVIDER), attributes.text(names.VENDOR))
    provider, model = provider_and_model(
        stated, attributes.text(names.RESPONSE_MODEL) or requested, requested
    )
    return provider, model, attributes.text(names.ALIAS) or requested


def _outcome(span: Span, attributes: Attributes) -> tuple[Status, str | None, str | None]:
    """Status and error of the call. By the convention only a failed call has an `error.type`."""
    error_type = _code(attributes.text(names.ERROR_TYPE))
    if span.status_code != ERROR and error_type is None:
        return "success", None, None
    error_type = error_type or _code(span.exception_type)
    error_code = _code(attributes.text(names.ERROR_CODE))
    cancelled = "cancel" in f"{error_type} {error_code}".lower() or _CANCELLED in {error_type, error_code}
    return "cancelled" if cancelled else "error", error_type, error_code


def _code(text: str | None) -> str | None:
    """The type or code of an error; None for other texts, which may be a message that quotes a prompt."""
    return text if text and _CODE.fullmatch(text) else None


def _is_streamed(span: Span, attributes: Attributes) -> bool | None:
    """Whether the response was streamed: as stated, or by an attribute that only a streamed call has."""
    stated = attributes.flag(names.STREAM)
    if stated is not None:
        return stated
    is_stream_type = (attributes.text(names.GATEWAY_REQUEST_TYPE) or "").endswith("_stream")
    return (
        True
        if is_stream_type or names.STREAMED in span.attributes or span.first_token_time_unix_nano
        else None
    )


def _first_token(span: Span, attributes: Attributes, latency: int | None) -> int | None:
    for meaning, unit in ((names.FIRST_CHUNK_SECONDS, 1_000_000), (names.FIRST_CHUNK_MILLISECONDS, 1_000)):
        if (stated := attributes.seconds(meaning)) is not None:
            return _duration(stated * unit)
    if (stated := attributes.seconds(names.FIRST_CHUNK)) is not None:
        return _with_inferred_unit(stated, latency)
    return _elapsed(span.start_time_unix_nano, span.first_token_time_unix_nano)


def _with_inferred_unit(value: Decimal, latency: int | None) -> int | None:
    """Microseconds of a value without a unit: in the largest unit that fits into the latency of the call."""
    if latency is None:
        return None
    units = (Decimal(1_000_000), Decimal(1_000), Decimal("0.001"))
    return next((_duration(value * unit) for unit in units if value * unit <= latency), None)


def _duration(microseconds: Decimal) -> int | None:
    return round(microseconds) if microseconds.adjusted() < 18 else None  # noqa: PLR2004 - limit of a column


def _elapsed(start: int | None, end: int | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return (end - start) // _NANOSECONDS_PER_MICROSECOND


def _microseconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // _NANOSECONDS_PER_MICROSECOND


def _service_tier(attributes: Attributes) -> str | None:
    """The tier of the response; without one, the requested tier, unless the request left the choice open."""
    requested = attributes.text(names.REQUESTED_TIER)
    return attributes.text(names.SERVICE_TIER) or (None if requested in _UNDECIDED_TIERS else requested)


def _currency(attributes: Attributes) -> str:
    currency = attributes.text(names.CURRENCY)
    if currency is None:
        return "USD"
    if not is_currency(currency):
        name = names.CURRENCY[0]
        reason = f"{name} is {safe_repr(currency)}: three capital letters are expected"
        raise Refused("bad_currency", reason, f"attributes.{name}")
    return currency


def _span_or_resource(attributes: Attributes, resource: Attributes, meaning: Spellings) -> str | None:
    return attributes.text(meaning) or resource.text(meaning)


def _service(resource: Attributes) -> str | None:
    name = resource.text(names.SERVICE)
    return None if name is None or name.startswith(_UNKNOWN_SERVICE) else name


def _labels(span: Span, attributes: Attributes, resource: Attributes) -> dict[str, str] | None:
    """Labels from known attributes, and labels that the program set under its own names."""
    labels: dict[str, Label] = {
        name: text
        for name, meaning in names.LABELS.items()
        if (text := _span_or_resource(attributes, resource, meaning))
    }
    labels |= span.labels
    return text_labels({name: value for name, value in labels.items() if len(str(value)) <= LONGEST_LABEL})
