"""The completion response: of the gateway in every version, or of a provider with the same shape.

An error body is a response with `error` in place of choices. A gateway cache hit is a response with the
usage of the call that it replays. That usage is not consumed again, so it goes to the `replayed` fields.
"""

from decimal import Decimal
from typing import Final

import msgspec

from ingest.formats.completion import provider
from ingest.formats.completion.body import (
    Body,
    CacheDebug,
    ExtraFields,
    KeyAlias,
    RoutingInfo,
    is_present,
)
from ingest.formats.completion.content_counts import content_counts, list_length
from ingest.formats.completion.cost import Cost, UpstreamCosts, openrouter_cost, reported_cost
from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.former import former
from ingest.formats.completion.image_params import with_image_params
from ingest.formats.completion.no_call import refuse_no_call, refuse_request
from ingest.formats.completion.odd_usage import (
    camel_case_usage,
    refuse_unknown_usage,
    stated_usage,
    states_no_tokens,
)
from ingest.formats.completion.outcome import call_outcome
from ingest.formats.completion.request_type import UNKNOWN_TYPE, canonical_request_type, inferred_request_type
from ingest.formats.completion.response_id import first_id, is_drawn, is_id
from ingest.formats.completion.token_conventions import inclusive_usage
from ingest.formats.completion.usage import (
    NOT_STATED,
    NOTHING_NEW,
    Meters,
    Usage,
    input_details,
    meters,
    milliseconds,
)
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import record_time
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.reported_cost import is_believed

GATEWAY: Final = "bifrost"

_OWN_FIELDS: Final = frozenset({"usage_info", "is_bifrost_error"})
_FIELDS_WITH_USAGE: Final = frozenset({"model", "object", "type", "text", "data", "results"})
_OPENROUTER_FIELDS: Final = frozenset({"total_cost", "generation_id", "byok_usage_inference"})
"""Fields of OpenRouter's records, whose `usage` is an amount of money."""
_BATCH_LINE_FIELDS: Final = frozenset({"custom_id", "recordId"})
"""Fields of a batch line, which may also have `usage` and `error`."""
_FIELDS_OF_OTHERS: Final = _OPENROUTER_FIELDS | _BATCH_LINE_FIELDS
_USAGE_OF_OTHERS: Final = (b'"billed_units"', b'"total_input_tokens"')
"""Counts in the `usage` of Cohere and of Gemini's Interactions API."""

_NO_EXTRA: Final = ExtraFields()
_NO_ROUTING: Final = RoutingInfo()
_NO_ALIAS: Final = KeyAlias()
_NO_CACHE: Final = CacheDebug()
_NO_USAGE: Final = Usage()
_NO_DETAILS: Final = UpstreamCosts()

_decode = decoder(Body)


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a completion response or an error body."""
    if "response" in fields:
        return False
    if "extra_fields" in fields or "choices" in fields:
        return True
    if _is_of_others(fields):
        return False
    return not _FIELDS_WITH_USAGE.isdisjoint(fields) if "usage" in fields else _is_known_without_usage(fields)


def _is_of_others(fields: Fields) -> bool:
    """Whether this is the own body of Bedrock, Cohere, Gemini or OpenRouter, a log row or a batch line."""
    if "stopReason" in fields or ("timestamp" in fields and "status" in fields):
        return True
    if bytes(fields.get("object", b"")) == b'"interaction"':
        return True
    usage = bytes(fields.get("usage", b""))
    return any(name in usage for name in _USAGE_OF_OTHERS) or (
        "usage" in fields and not _FIELDS_OF_OTHERS.isdisjoint(fields)
    )


def _is_known_without_usage(fields: Fields) -> bool:
    if not _OWN_FIELDS.isdisjoint(fields) or (
        "object" in fields and ("model" in fields or "results" in fields)
    ):
        return True
    if ("created" in fields and "data" in fields) or ("duration" in fields and "text" in fields):
        return True  # images and transcripts of older models
    return _BATCH_LINE_FIELDS.isdisjoint(fields) and "error" in fields and bytes(fields["error"])[:1] == b"{"


def read(raw: bytes) -> UsageEvent:
    """The event of one completion response.

    Raises:
        Refused: the body is no call, or its counts are unknown or impossible.
    """
    body = _decode(raw)
    if body.extra_fields is not None:
        refuse_request(body.extra_fields.request_type)
    event = to_event(body)
    if (names := former(raw, body, event)) is not None:
        event = msgspec.structs.replace(event, former=names)
    if body.usage is None or not states_no_tokens(event):
        return event
    stated = stated_usage(raw)
    if (usage := camel_case_usage(stated)) is not None:
        return to_event(msgspec.structs.replace(body, usage=usage))
    refuse_unknown_usage(stated, body.usage, event)
    return event


def to_event(body: Body) -> UsageEvent:
    """The event of a decoded response."""
    extra = body.extra_fields or _NO_EXTRA
    routing = extra.routing_info or _NO_ROUTING
    cache = extra.cache_debug or _NO_CACHE
    gateway = body.extra_fields is not None or body.is_bifrost_error is not None
    if not gateway:
        refuse_no_call(body)
    requested = (
        extra.model_requested or extra.original_model_requested or routing.primary_model or routing.model
    )
    deployment = (
        extra.model_deployment
        or extra.resolved_model_used
        or (routing.resolved_key_alias or _NO_ALIAS).model_id
    )
    billed_model = body.model or deployment or requested
    provider_name, model = provider.provider_and_model(
        _stated_provider(body, extra, routing), billed_model, requested
    )
    request_type = (
        canonical_request_type(extra.request_type) if extra.request_type else inferred_request_type(body)
    )
    result = call_outcome(body, extra)
    usage = body.usage or extra.billed_usage
    stated_usage = usage or _NO_USAGE
    hit = bool(cache.cache_hit)
    reported = None if hit or usage is None else _reported_cost(usage, gateway=gateway)
    stated_meters, doubts = (
        _meters(usage, provider_name, request_type, gateway=gateway, billed=hit or is_believed(reported))
        if usage
        else (NOT_STATED, None)
    )
    billed = NOTHING_NEW if hit else stated_meters
    counts = content_counts(body)
    stream = _is_streamed(request_type, body.object)
    event = UsageEvent(
        source=GATEWAY if gateway else provider_name,
        source_event_id=_event_key(
            provider_name, _response_id(body, provider_name), extra.request_id, hit=hit
        ),
        attempt=1 if routing.is_fallback else None,
        occurred_at=None if hit else _time(body),
        request_type=request_type,
        object=body.object or None,
        provider=provider_name,
        model=model,
        model_requested=requested or None,
        model_deployment=deployment or None,
        provider_key=routing.key or None,
        service_tier=_service_tier(body, stated_usage),
        region=_region(extra.inference_geo or body.inference_geo or stated_usage.inference_geo),
        system_fingerprint=body.system_fingerprint or None,
        stream=stream,
        chunk_count=extra.chunk_index + 1 if stream and extra.chunk_index is not None else None,
        choices=counts.choices,
        tool_calls=counts.tool_calls,
        url_citations=counts.url_citations,
        finish_reason=counts.finish_reason,
        status=result.status,
        error_type=result.error_type,
        error_code=result.error_code,
        latency_us=_latency(extra, cache),
        upstream_latency_us=microseconds(extra.upstream_latency),
        # Meters are copied field by field for speed, here and in litellm and otel: `**asdict(...)` is slower.
        input_tokens=billed.input_tokens,
        input_text_tokens=billed.input_text_tokens,
        input_audio_tokens=billed.input_audio_tokens,
        input_image_tokens=billed.input_image_tokens,
        cache_read_tokens=billed.cache_read_tokens,
        cache_write_tokens=billed.cache_write_tokens,
        cache_write_5m_tokens=billed.cache_write_5m_tokens,
        cache_write_1h_tokens=billed.cache_write_1h_tokens,
        cache_read_audio_tokens=billed.cache_read_audio_tokens,
        cache_read_image_tokens=billed.cache_read_image_tokens,
        output_tokens=billed.output_tokens,
        output_text_tokens=billed.output_text_tokens,
        output_audio_tokens=billed.output_audio_tokens,
        output_image_tokens=billed.output_image_tokens,
        reasoning_tokens=billed.reasoning_tokens,
        citation_tokens=billed.citation_tokens,
        accepted_prediction_tokens=billed.accepted_prediction_tokens,
        rejected_prediction_tokens=billed.rejected_prediction_tokens,
        total_tokens=billed.total_tokens,
        search_queries=billed.search_queries,
        characters=billed.characters,
        search_units=billed.search_units,
        audio_ms=None if hit else _audio_ms(body, billed, request_type),
        video_ms=None if hit else milliseconds(body.seconds, "seconds"),
        images=None if hit else _images(body, request_type),
        pages=None if hit else _pages(body, request_type),
        currency=_currency(stated_usage),
        reported=reported,
        flags=doubts,
    )
    if event.images:
        event = with_image_params(event, body.size, body.quality)
    return event if cache is _NO_CACHE else _with_cache(event, cache, stated_meters if hit else NOT_STATED)


def _meters(
    usage: Usage, provider_name: str, request_type: str, *, gateway: bool, billed: bool
) -> tuple[Meters, tuple[str, ...] | None]:
    """The meters of a usage, without doubtful parts, and the flags of the call."""
    stated = meters(inclusive_usage(usage, provider_name, request_type, gateway=gateway))
    settled, doubts = settle(stated, usage.total_tokens, "usage.total_tokens", billed=billed)
    return settled, doubts or None


def _time(body: Body) -> int | None:
    at = None if not body.created else record_time(body.created, "created")
    return at if at is not None or not body.created_at else record_time(body.created_at, "created_at")


def _response_id(body: Body, provider_name: str) -> str | int | None:
    """The id of the call. Groq's is beside the response where the response's own is none."""
    if is_id(body.id) and not is_drawn(body.id, provider_name):
        return body.id
    return first_id(body.request_id, body.x_groq.id if body.x_groq else None)


def _with_cache(event: UsageEvent, cache: CacheDebug, replayed: Meters) -> UsageEvent:
    """`event` with the result of the gateway's cache. Most calls use no cache, so this is a separate step."""
    return msgspec.structs.replace(
        event,
        cache_hit=cache.cache_hit,
        cache_hit_type=cache.hit_type,
        cache_id=cache.cache_id,
        cache_requested_provider=cache.requested_provider,
        cache_requested_model=cache.requested_model,
        cache_used_provider=cache.provider_used,
        cache_used_model=cache.model_used,
        cache_similarity=None if cache.similarity is None else str(cache.similarity),
        cache_threshold=None if cache.threshold is None else str(cache.threshold),
        cache_lookup_tokens=cache.input_tokens,
        replayed_input_tokens=replayed.input_tokens,
        replayed_output_tokens=replayed.output_tokens,
        replayed_cache_read_tokens=replayed.cache_read_tokens,
        replayed_cache_write_tokens=replayed.cache_write_tokens,
        replayed_total_tokens=replayed.total_tokens,
    )


def microseconds(milliseconds: float | None) -> int | None:
    """A duration of so many milliseconds in whole microseconds."""
    return None if milliseconds is None else round(milliseconds * 1000)


def cache_hit_key(provider_name: str, response_id: str | int, discriminator: str | int) -> str:
    """The key of a cache hit: the id of the replayed response, and a request id or time that is unique."""
    return f"{provider_name}:{response_id}:hit:{discriminator}"


def _event_key(
    provider_name: str, response_id: str | int | None, request_id: str | None, *, hit: bool
) -> str | None:
    """The key of the call. A cache hit repeats the response id, so without a request id it has no key."""
    if response_id is None or response_id == "":
        return None
    if hit:
        return cache_hit_key(provider_name, response_id, request_id) if request_id else None
    return f"{provider_name}:{response_id}"


def _stated_provider(body: Body, extra: ExtraFields, routing: RoutingInfo) -> str | None:
    stated = extra.provider or routing.provider or provider.of_response_id(body.id)
    if stated is not None:
        return stated
    if is_present(body.prompt_filter_results) or is_present(body.content_filters):
        return "azure"
    if body.x_groq is not None:
        return "groq"
    if body.model is None and body.usage and input_details(body.usage).grok_tokens is not None:
        return "xai"
    if body.system_fingerprint == "fp_ollama":
        return "ollama"
    is_anthropic_error = body.type == "error" and (body.request_id or "").startswith("req_")
    return "anthropic" if is_anthropic_error else None


def _is_streamed(request_type: str, object_name: str | None) -> bool | None:
    if object_name is not None and object_name.endswith(".chunk"):
        return True
    return None if request_type == UNKNOWN_TYPE else request_type.endswith("_stream")


def _service_tier(body: Body, usage: Usage) -> str | None:
    """The service tier. Anthropic's fast mode has its own price, so it counts as a tier here."""
    tier = body.service_tier or usage.service_tier
    if "fast" in {body.speed, usage.speed} and tier in {None, "", "standard", "default", "auto"}:
        return "fast"
    return tier or None


def _region(region: str | None) -> str | None:
    return None if region == "not_available" else region or None


def _currency(usage: Usage) -> str:
    currency = usage.cost.currency if isinstance(usage.cost, Cost) else None
    return currency.upper() if currency else "USD"


def _reported_cost(usage: Usage, *, gateway: bool) -> ReportedCost | None:
    if not gateway and isinstance(usage.cost, Decimal) and (usage.is_byok or usage.cost_details):
        return openrouter_cost(
            usage.cost, usage.cost_details or _NO_DETAILS, "usage.cost", byok=bool(usage.is_byok)
        )
    return reported_cost(usage.cost, usage.cost_in_usd_ticks)


def _latency(extra: ExtraFields, cache: CacheDebug) -> int | None:
    """The latency. A cache hit may repeat that of the first call, so the cache's own latency comes first."""
    return microseconds(cache.cache_hit_latency if cache.cache_hit_latency is not None else extra.latency)


def _audio_ms(body: Body, billed: Meters, request_type: str) -> int | None:
    if billed.audio_ms is None and request_type.startswith("transcription"):
        return milliseconds(body.duration, "duration")
    return billed.audio_ms


def _images(body: Body, request_type: str) -> int | None:
    return list_length(body.data) if request_type.startswith("image_") else None


def _pages(body: Body, request_type: str) -> int | None:
    if body.usage_info is not None and body.usage_info.pages_processed is not None:
        return body.usage_info.pages_processed
    return list_length(body.pages) if request_type == "ocr" else None


FORMAT: Final = Format(
    name="completion",
    title="a completion response of the gateway, or of a provider with the same shape",
    recognises=recognises,
    read=read,
)
