"""Reading: a span record becomes a usage event. A call is known by its trace and its span."""

import re
from decimal import Decimal
from typing import Final

from ingest.event import Status, UsageEvent
from ingest.formats import family
from ingest.formats.envelope import text_labels
from ingest.formats.fault import safe_repr
from ingest.formats.otel import calls, names, providers, usage
from ingest.formats.otel.attributes import Attributes
from ingest.formats.otel.names import Spellings
from ingest.formats.otel.span import ERROR, LONGEST_LABEL, Label, Span, decode
from ingest.formats.provider import provider_and_model
from ingest.refusal import Refused

SOURCE: Final = "otel"

_TRACE_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0+$)[0-9a-f]{16}")
_CODE: Final = re.compile(r"(?!sk-)[A-Za-z0-9_.:/+-]{1,120}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NO_SERVICE: Final = "unknown_service"
_NANOSECONDS: Final = 1_000
"""Nanoseconds in a microsecond."""
_CANCELLED: Final = "499"
_UNDECIDED_TIERS: Final = frozenset({None, "auto"})


def read(raw: bytes) -> UsageEvent:
    """The event of one span.

    Raises:
        Refused: it is no call of a model, has no identity, or counts what cannot be.
    """
    span = decode(raw)
    said = Attributes(span.attributes)
    request_type = calls.request_type(span.attributes)
    if request_type is None:
        raise Refused("not_a_call", "this span is no call of a model: it counts only inside those that are")
    stream = _streamed(span, said)
    provider, model, requested = _served(said)
    used = usage.used(said, provider, request_type)
    status, error_type, error_code = _ended(span, said)
    latency = _between(span.start_time_unix_nano, span.end_time_unix_nano)
    resource = Attributes(span.resource, "resource")
    return UsageEvent(
        source=SOURCE,
        source_event_id=_key(_trace(span), span.span_id, "spanId"),
        parent_id=_key(_trace(span), span.parent_span_id, "parentSpanId") if span.parent_span_id else None,
        trace_id=_trace(span),
        attempt=said.count(names.ATTEMPT),
        occurred_at=_microseconds(span.start_time_unix_nano),
        request_type=family.streamed_request_type(request_type) if stream else request_type,
        provider=provider,
        model=model,
        model_requested=requested,
        provider_key=said.text(names.PROVIDER_KEY),
        service_tier=_tier(said),
        system_fingerprint=said.text(names.FINGERPRINT),
        stream=stream,
        chunk_count=said.count(names.CHUNKS),
        finish_reason=said.word(names.FINISH_REASON),
        status=status,
        error_type=error_type,
        error_code=error_code,
        virtual_key=said.text(names.VIRTUAL_KEY),
        virtual_key_name=said.text(names.VIRTUAL_KEY_NAME),
        team=_either(said, resource, names.TEAM),
        team_name=said.text(names.TEAM_NAME),
        customer=_either(said, resource, names.CUSTOMER),
        customer_name=said.text(names.CUSTOMER_NAME),
        business_unit=said.text(names.BUSINESS_UNIT),
        business_unit_name=said.text(names.BUSINESS_UNIT_NAME),
        project=_either(said, resource, names.PROJECT),
        environment=_either(said, resource, names.ENVIRONMENT),
        application=said.text(names.APP) or _service(resource),
        user=said.text(names.USER),
        end_user=_either(said, resource, names.END_USER),
        labels=_labels(span, said, resource),
        latency_us=latency,
        time_to_first_token_us=_first_token(span, said, latency),
        retries=said.count(names.RETRIES),
        input_tokens=used.input_tokens,
        input_text_tokens=used.input_text_tokens,
        input_audio_tokens=used.input_audio_tokens,
        input_image_tokens=used.input_image_tokens,
        cache_read_tokens=used.cache_read_tokens,
        cache_write_tokens=used.cache_write_tokens,
        cache_write_5m_tokens=used.cache_write_5m_tokens,
        cache_write_1h_tokens=used.cache_write_1h_tokens,
        output_tokens=used.output_tokens,
        output_text_tokens=used.output_text_tokens,
        output_audio_tokens=used.output_audio_tokens,
        output_image_tokens=used.output_image_tokens,
        reasoning_tokens=used.reasoning_tokens,
        citation_tokens=used.citation_tokens,
        accepted_prediction_tokens=used.accepted_prediction_tokens,
        rejected_prediction_tokens=used.rejected_prediction_tokens,
        total_tokens=used.total_tokens,
        search_queries=used.search_queries,
        currency=_currency(said),
        reported=usage.cost(said),
    )


def _trace(span: Span) -> str:
    return _identifier(span.trace_id, "traceId", _TRACE_ID)


def _key(trace: str, span_id: str, field: str) -> str:
    return f"{trace}:{_identifier(span_id, field, _SPAN_ID)}"


def _identifier(text: str, field: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text.lower()):
        digits = 32 if pattern is _TRACE_ID else 16
        reason = f"{field} is {safe_repr(text)}: {digits} hexadecimal digits, not all zero, are expected"
        raise Refused("bad_id", reason, field)
    return text.lower()


def _served(said: Attributes) -> tuple[str, str, str | None]:
    """Provider, the model that is billed, and the model that was asked for."""
    requested = said.text(names.REQUEST_MODEL)
    stated = providers.provider(said.text(names.PROVIDER), said.text(names.VENDOR))
    provider, model = provider_and_model(stated, said.text(names.RESPONSE_MODEL) or requested, requested)
    return provider, model, said.text(names.ALIAS) or requested


def _ended(span: Span, said: Attributes) -> tuple[Status, str | None, str | None]:
    """How the call ended. The convention has an `error.type` only on a call that failed."""
    error_type = _code(said.text(names.ERROR_TYPE))
    if span.status_code != ERROR and error_type is None:
        return "success", None, None
    error_type = error_type or _code(span.exception_type)
    error_code = _code(said.text(names.ERROR_CODE))
    cancelled = "cancel" in f"{error_type} {error_code}".lower() or _CANCELLED in {error_type, error_code}
    return "cancelled" if cancelled else "error", error_type, error_code


def _code(text: str | None) -> str | None:
    """An error's type or code. What does not look like one may be a message, which may quote a prompt."""
    return text if text and _CODE.fullmatch(text) else None


def _streamed(span: Span, said: Attributes) -> bool | None:
    """Whether the answer came in chunks: as the span says, or as what only such a call has tells."""
    stated = said.flag(names.STREAM)
    if stated is not None:
        return stated
    told = (said.text(names.GATEWAY_REQUEST_TYPE) or "").endswith("_stream")
    return True if told or names.STREAMED in span.attributes or span.first_token_time_unix_nano else None


def _first_token(span: Span, said: Attributes, latency: int | None) -> int | None:
    for meaning, unit in ((names.FIRST_CHUNK_SECONDS, 1_000_000), (names.FIRST_CHUNK_MILLISECONDS, 1_000)):
        if (stated := said.seconds(meaning)) is not None:
            return _duration(stated * unit)
    if (stated := said.seconds(names.FIRST_CHUNK)) is not None:
        return _of_unknown_unit(stated, latency)
    return _between(span.start_time_unix_nano, span.first_token_time_unix_nano)


def _of_unknown_unit(stated: Decimal, latency: int | None) -> int | None:
    """In the largest unit that fits into the call; no first token takes so little that the next smaller would do."""
    if latency is None:
        return None
    units = (Decimal(1_000_000), Decimal(1_000), Decimal("0.001"))
    return next((_duration(stated * unit) for unit in units if stated * unit <= latency), None)


def _duration(microseconds: Decimal) -> int | None:
    return round(microseconds) if microseconds.adjusted() < 18 else None  # noqa: PLR2004 - what a column holds


def _between(start: int | None, end: int | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return (end - start) // _NANOSECONDS


def _microseconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // _NANOSECONDS


def _tier(said: Attributes) -> str | None:
    """The tier of the response; what was asked for, where the response does not tell and no choice was left open."""
    asked = said.text(names.ASKED_TIER)
    return said.text(names.SERVICE_TIER) or (None if asked in _UNDECIDED_TIERS else asked)


def _currency(said: Attributes) -> str:
    stated = said.text(names.CURRENCY)
    if stated is None:
        return "USD"
    if not _CURRENCY.fullmatch(stated):
        name = names.CURRENCY[0]
        reason = f"{name} is {safe_repr(stated)}: three capital letters are expected"
        raise Refused("bad_currency", reason, f"attributes.{name}")
    return stated


def _either(said: Attributes, resource: Attributes, meaning: Spellings) -> str | None:
    return said.text(meaning) or resource.text(meaning)


def _service(resource: Attributes) -> str | None:
    name = resource.text(names.SERVICE)
    return None if name is None or name.startswith(_NO_SERVICE) else name


def _labels(span: Span, said: Attributes, resource: Attributes) -> dict[str, str] | None:
    """The labels that attributes make, and those that the program gave, whose names it chose itself."""
    labels: dict[str, Label] = {
        name: found for name, meaning in names.LABELS.items() if (found := _either(said, resource, meaning))
    }
    labels |= span.labels
    return text_labels({name: value for name, value in labels.items() if len(str(value)) <= LONGEST_LABEL})
