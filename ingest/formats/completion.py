"""The completion response: of the gateway, in every family and version, or of a provider that speaks the same shape.

An error body is the same shape with `error` in place of an answer; a gateway cache hit is the same shape with the
usage of the call that it replays, which is not used again: it goes to the `replayed` fields.
"""

from decimal import Decimal
from typing import Final

import msgspec

from ingest.event import ReportedCost, UsageEvent
from ingest.formats import family, fault, provider
from ingest.formats.answer import answer, length
from ingest.formats.body import NULL, Body, CacheDebug, ExtraFields, KeyAlias, RoutingInfo
from ingest.formats.cost import Cost, UpstreamCosts, reported, upstream
from ingest.formats.format import Fields, Format
from ingest.formats.inclusion import inclusive
from ingest.formats.instant import instant
from ingest.formats.outcome import outcome
from ingest.formats.picture import pictured
from ingest.formats.usage import NOT_STATED, NOTHING_NEW, Meters, Usage, meters, milliseconds
from ingest.refusal import Refused

GATEWAY: Final = "bifrost"

_MARKS: Final = frozenset({"usage_info", "is_bifrost_error"})
_WITH_USAGE: Final = frozenset({"model", "object", "type", "text", "data", "results"})
_BILLS: Final = frozenset({"total_cost", "generation_id", "byok_usage_inference"})
"""Marks of OpenRouter's records, whose `usage` is money."""
_BATCH: Final = frozenset({"custom_id", "recordId"})
"""Marks of a batch's line, which has an error of its own."""
_SUMS: Final = frozenset({"batch", "page", "bucket"})
"""Objects that sum up many calls, besides the results of usage reports."""

_NO_EXTRA: Final = ExtraFields()
_NO_ROUTING: Final = RoutingInfo()
_NO_ALIAS: Final = KeyAlias()
_NO_CACHE: Final = CacheDebug()
_NO_USAGE: Final = Usage()
_NO_DETAILS: Final = UpstreamCosts()

_decode = msgspec.json.Decoder(Body).decode


def recognises(fields: Fields) -> bool:
    """Whether these are the fields of a completion response or an error body."""
    if "response" in fields:
        return False
    if "extra_fields" in fields or "choices" in fields:
        return True
    if "timestamp" in fields and "status" in fields:
        return False
    if "usage" in fields:
        return not _WITH_USAGE.isdisjoint(fields) and _BILLS.isdisjoint(fields)
    return _is_known_without_usage(fields)


def _is_known_without_usage(fields: Fields) -> bool:
    if not _MARKS.isdisjoint(fields) or ("object" in fields and ("model" in fields or "results" in fields)):
        return True
    if ("created" in fields and "data" in fields) or ("duration" in fields and "text" in fields):
        return True  # images and transcripts of the older models
    return _BATCH.isdisjoint(fields) and "error" in fields and bytes(fields["error"])[:1] == b"{"


def read(raw: bytes) -> UsageEvent:
    """One completion response."""
    return to_event(_decode(raw))


def to_event(body: Body) -> UsageEvent:
    """The event of a decoded response."""
    extra = body.extra_fields or _NO_EXTRA
    routing = extra.routing_info or _NO_ROUTING
    cache = extra.cache_debug or _NO_CACHE
    gateway = body.extra_fields is not None or body.is_bifrost_error is not None
    if not gateway and body.object is not None:
        _refuse_sum(body.object)
    requested = (
        extra.model_requested or extra.original_model_requested or routing.primary_model or routing.model
    )
    deployment = (
        extra.model_deployment
        or extra.resolved_model_used
        or (routing.resolved_key_alias or _NO_ALIAS).model_id
    )
    billed = body.model or deployment or requested
    named, model = provider.named(_stated_provider(body, extra, routing), billed, requested)
    request_type = family.request_type(extra.request_type) if extra.request_type else family.inferred(body)
    ended = outcome(body, extra)
    usage = body.usage or extra.billed_usage
    stated_usage = usage or _NO_USAGE
    measured = meters(inclusive(usage, named, request_type, gateway=gateway)) if usage else NOT_STATED
    hit = bool(cache.cache_hit)
    used = NOTHING_NEW if hit else measured
    answered = answer(body)
    created = body.created or body.created_at
    stream = _streamed(request_type, body.object)
    event = UsageEvent(
        source=GATEWAY if gateway else named,
        source_event_id=_key(named, body.id or body.request_id, extra.request_id, hit=hit),
        attempt=1 if routing.is_fallback else None,
        occurred_at=None if hit or not created else instant(created, "created"),
        request_type=request_type,
        object=body.object or None,
        provider=named,
        model=model,
        model_requested=requested or None,
        model_deployment=deployment or None,
        provider_key=routing.key or None,
        service_tier=_tier(body, stated_usage),
        region=_region(extra.inference_geo or body.inference_geo or stated_usage.inference_geo),
        system_fingerprint=body.system_fingerprint or None,
        stream=stream,
        chunk_count=extra.chunk_index + 1 if stream and extra.chunk_index is not None else None,
        choices=answered.choices,
        tool_calls=answered.tool_calls,
        url_citations=answered.url_citations,
        finish_reason=answered.finish_reason,
        status=ended.status,
        error_type=ended.error_type,
        error_code=ended.error_code,
        latency_us=_latency(extra, cache),
        upstream_latency_us=microseconds(extra.upstream_latency),
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
        characters=used.characters,
        search_units=used.search_units,
        audio_ms=None if hit else _audio(body, used, request_type),
        video_ms=None if hit else milliseconds(body.seconds, "seconds"),
        images=None if hit else _images(body, request_type),
        pages=None if hit else _pages(body, request_type),
        currency=_currency(stated_usage),
        reported=None if hit or usage is None else _reported(usage, gateway=gateway),
    )
    if event.images:
        event = pictured(event, body.size, body.quality)
    return event if cache is _NO_CACHE else _cached(event, cache, measured if hit else NOT_STATED)


def _cached(event: UsageEvent, cache: CacheDebug, replayed: Meters) -> UsageEvent:
    """`event` with what the gateway's cache did for it. Most calls see no cache, so this is a step of its own."""
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
    """A duration in milliseconds as whole microseconds."""
    return None if milliseconds is None else round(milliseconds * 1000)


def hit_key(named: str, ident: str | int, moment: str | int) -> str:
    """The key of a cache hit: that of the response which it replays, and what tells this call from others."""
    return f"{named}:{ident}:hit:{moment}"


def _key(named: str, ident: str | int | None, request_id: str | None, *, hit: bool) -> str | None:
    """A hit replays the id, time and headers of the first call; without a request id it has no key of its own."""
    if ident is None or ident == "":
        return None
    if hit:
        return hit_key(named, ident, request_id) if request_id else None
    return f"{named}:{ident}"


def _stated_provider(body: Body, extra: ExtraFields, routing: RoutingInfo) -> str | None:
    stated = extra.provider or routing.provider or provider.of_id(body.id)
    if stated is None and body.prompt_filter_results is not NULL:
        return "azure"
    if stated is None and body.x_groq is not NULL:
        return "groq"
    if stated is None and body.type == "error" and (body.request_id or "").startswith("req_"):
        return "anthropic"
    return stated


def _refuse_sum(called: str) -> None:
    if called in _SUMS or called.startswith("organization."):
        raise Refused(
            "aggregate",
            f"{fault.shown(called)} is the object of a sum over many calls, not of a call: "
            "import the calls, or the output file of the batch",
            "object",
        )


def _streamed(request_type: str, called: str | None) -> bool | None:
    if called is not None and called.endswith(".chunk"):
        return True
    return None if request_type == family.UNKNOWN else request_type.endswith("_stream")


def _tier(body: Body, usage: Usage) -> str | None:
    """The service tier. Anthropic's fast mode is priced like a tier, so it is one here."""
    tier = body.service_tier or usage.service_tier
    if "fast" in {body.speed, usage.speed} and tier in {None, "", "standard", "default", "auto"}:
        return "fast"
    return tier or None


def _region(stated: str | None) -> str | None:
    return None if stated == "not_available" else stated or None


def _currency(usage: Usage) -> str:
    stated = usage.cost.currency if isinstance(usage.cost, Cost) else None
    return stated.upper() if stated else "USD"


def _reported(usage: Usage, *, gateway: bool) -> ReportedCost | None:
    if not gateway and isinstance(usage.cost, Decimal) and (usage.is_byok or usage.cost_details):
        return upstream(usage.cost, usage.cost_details or _NO_DETAILS, "usage.cost", byok=bool(usage.is_byok))
    return reported(usage.cost, usage.cost_in_usd_ticks)


def _latency(extra: ExtraFields, cache: CacheDebug) -> int | None:
    """A hit may repeat the latency of the first call; where the cache states its own, that is the call's."""
    return microseconds(cache.cache_hit_latency if cache.cache_hit_latency is not None else extra.latency)


def _audio(body: Body, used: Meters, request_type: str) -> int | None:
    if used.audio_ms is None and request_type.startswith("transcription"):
        return milliseconds(body.duration, "duration")
    return used.audio_ms


def _images(body: Body, request_type: str) -> int | None:
    return length(body.data) if request_type.startswith("image_") else None


def _pages(body: Body, request_type: str) -> int | None:
    if body.usage_info is not None and body.usage_info.pages_processed is not None:
        return body.usage_info.pages_processed
    return length(body.pages) if request_type == "ocr" else None


FORMAT: Final = Format(
    name="completion",
    title="a completion response of the gateway, or of a provider with the same shape",
    recognises=recognises,
    read=read,
)
