"""OpenRouter's billing records: a generation of its API, and a row of the activity export.

Both have the id of the response, so a response and its billing record are one call. With BYOK (the
customer's own provider key) the provider bills separately: the call costs OpenRouter's fee plus the
provider's charge. A total of 0 is believed, because these are the records of the biller.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import asdict

from ingest.formats.completion import provider
from ingest.formats.completion.body import Milliseconds
from ingest.formats.completion.completion import microseconds
from ingest.formats.completion.cost import UpstreamCosts, openrouter_cost, pico
from ingest.formats.completion.doubtful_parts import settle
from ingest.formats.completion.usage import Count, Meters
from ingest.formats.format import Fields, Format
from ingest.formats.json.decoder import decoder
from ingest.formats.json.timestamps import parse_timestamp
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.money import add

PROVIDER: Final = "openrouter"

_REQUEST_TYPES: Final = {
    "completions": "chat_completion",
    "embeddings": "embedding",
    "rerank": "rerank",
    "tts": "speech",
    "stt": "transcription",
    "video": "video_generation",
    "image": "image_generation",
}
_STREAMABLE: Final = frozenset({"chat_completion", "speech", "transcription", "image_generation"})
_STANDARD: Final = frozenset({None, "", "standard"})


class Generation(Struct, gc=False):
    """A generation, as in the response of `GET /api/v1/generation`."""

    id: str | None = None
    total_cost: Decimal | None = None
    created_at: str | float | None = None
    model: str | None = None
    api_type: str | None = None
    is_byok: bool | None = None
    upstream_inference_cost: Decimal | None = None
    tokens_prompt: Count | None = None
    tokens_completion: Count | None = None
    native_tokens_prompt: Count | None = None
    native_tokens_completion: Count | None = None
    native_tokens_reasoning: Count | None = None
    native_tokens_cached: Count | None = None
    native_tokens_completion_images: Count | None = None
    latency: Milliseconds | None = None
    streamed: bool | None = None
    cancelled: bool | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    data_region: str | None = None
    external_user: str | None = None
    session_id: str | None = None
    provider_name: str | None = None
    response_cache_source_id: str | None = None


class GenerationResponse(Struct, gc=False):
    """The response of `GET /api/v1/generation`."""

    data: Generation


class Activity(Struct, gc=False):
    """A row of the activity export."""

    generation_id: str | None = None
    created_at: str | float | None = None
    cost_total: Decimal | None = None
    cost_web_search: Decimal | None = None
    byok_usage_inference: Decimal | None = None
    tokens_prompt: Count | None = None
    tokens_completion: Count | None = None
    tokens_reasoning: Count | None = None
    tokens_cached: Count | None = None
    model_permaslug: str | None = None
    provider_name: str | None = None
    variant: str | None = None
    cancelled: bool | None = None
    streamed: bool | None = None
    user: str | None = None
    finish_reason_normalized: str | None = None
    generation_time_ms: Milliseconds | None = None
    time_to_first_token_ms: Milliseconds | None = None
    api_key_name: str | None = None
    app_name: str | None = None


_decode = decoder(Generation)
_decode_response = decoder(GenerationResponse)
_decode_cells = msgspec.json.Decoder(dict[str, Raw]).decode


def recognises(fields: Fields) -> bool:
    """Whether this is a generation, alone or in the response of the API."""
    if "total_cost" in fields and "native_tokens_prompt" in fields:
        return "id" in fields
    return len(fields) == 1 and b'"native_tokens_prompt"' in bytes(fields.get("data", b""))


def recognises_activity(fields: Fields) -> bool:
    """Whether these are the columns of the activity export."""
    return "generation_id" in fields and "cost_total" in fields


def read(raw: bytes) -> UsageEvent:
    """The event of one generation."""
    generation = _decode_response(raw).data if b'"data"' in raw and _is_wrapped(raw) else _decode(raw)
    request_type = _REQUEST_TYPES.get(
        generation.api_type or "completions", generation.api_type or provider.UNKNOWN
    )
    tokens_in = (
        generation.tokens_prompt
        if generation.native_tokens_prompt is None
        else generation.native_tokens_prompt
    )
    tokens_out = (
        generation.tokens_completion
        if generation.native_tokens_completion is None
        else generation.native_tokens_completion
    )
    meters, doubts = settle(
        Meters(
            input_tokens=tokens_in,
            cache_read_tokens=generation.native_tokens_cached,
            output_tokens=tokens_out,
            output_image_tokens=generation.native_tokens_completion_images,
            reasoning_tokens=generation.native_tokens_reasoning,
            total_tokens=_total_tokens(tokens_in, tokens_out),
        ),
        None,
        "total_tokens",
        billed=generation.total_cost is not None,
    )
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{generation.id}" if generation.id else None,
        occurred_at=parse_timestamp(generation.created_at, "created_at", naive_is_utc=True)
        if generation.created_at
        else None,
        request_type=f"{request_type}_stream"
        if generation.streamed and request_type in _STREAMABLE
        else request_type,
        provider=PROVIDER,
        model=generation.model or provider.UNKNOWN,
        service_tier=generation.service_tier or None,
        region=generation.data_region or None,
        stream=generation.streamed,
        finish_reason=generation.finish_reason or None,
        status="cancelled" if generation.cancelled else "success",
        end_user=generation.external_user or None,
        session=generation.session_id or None,
        labels={"provider_name": generation.provider_name} if generation.provider_name else None,
        latency_us=microseconds(generation.latency),
        flags=doubts or None,
        **asdict(meters),
        reported=_with_believed_zero(
            openrouter_cost(
                generation.total_cost,
                UpstreamCosts(upstream_inference_cost=generation.upstream_inference_cost),
                "total_cost",
                byok=bool(generation.is_byok),
            )
        ),
    )


def read_activity(raw: bytes) -> UsageEvent:
    """The event of one row of the activity export. Empty cells are ignored."""
    cells = {name: cell for name, cell in _decode_cells(raw).items() if bytes(cell) not in {b'""', b"null"}}
    row = msgspec.json.decode(msgspec.json.encode(cells), type=Activity, strict=False)
    variant = "" if row.variant in _STANDARD else f":{row.variant}"
    model = row.model_permaslug or provider.UNKNOWN
    meters, doubts = settle(
        Meters(
            input_tokens=row.tokens_prompt,
            cache_read_tokens=row.tokens_cached,
            output_tokens=row.tokens_completion,
            reasoning_tokens=row.tokens_reasoning,
            total_tokens=_total_tokens(row.tokens_prompt, row.tokens_completion),
        ),
        None,
        "total_tokens",
        billed=row.cost_total is not None,
    )
    return UsageEvent(
        source=PROVIDER,
        source_event_id=f"{PROVIDER}:{row.generation_id}" if row.generation_id else None,
        occurred_at=parse_timestamp(row.created_at, "created_at", naive_is_utc=True)
        if row.created_at
        else None,
        request_type="chat_completion_stream" if row.streamed else "chat_completion",
        provider=PROVIDER,
        model=model if model.endswith(variant) else model + variant,
        stream=row.streamed,
        finish_reason=row.finish_reason_normalized,
        status="cancelled" if row.cancelled else "success",
        virtual_key_name=row.api_key_name,
        application=row.app_name,
        user=row.user,
        labels={"provider_name": row.provider_name} if row.provider_name else None,
        latency_us=microseconds(row.generation_time_ms),
        time_to_first_token_us=microseconds(row.time_to_first_token_ms),
        flags=doubts or None,
        **asdict(meters),
        reported=_activity_cost(row),
    )


def _is_wrapped(raw: bytes) -> bool:
    return "data" in _decode_cells(raw)


def _total_tokens(tokens_in: int | None, tokens_out: int | None) -> int | None:
    return None if tokens_in is None and tokens_out is None else (tokens_in or 0) + (tokens_out or 0)


def _activity_cost(row: Activity) -> ReportedCost | None:
    """The charge of OpenRouter plus, with BYOK, of the provider. Only search is a part of its own."""
    if row.cost_total is None:
        return None
    amounts = {"cost_total": row.cost_total, "byok_usage_inference": row.byok_usage_inference or Decimal(0)}
    for name, amount in amounts.items():
        pico(amount, name)  # refuses what no call can cost, before it is added up
    search = pico(row.cost_web_search, "cost_web_search")
    total = pico(add(*amounts.values()), "cost_total")
    return _with_believed_zero(ReportedCost(search=search or None, total=total))


def _with_believed_zero(cost: ReportedCost | None) -> ReportedCost | None:
    return None if cost is None else msgspec.structs.replace(cost, believed_zero=True)


FORMAT: Final = Format(
    name="openrouter",
    title="a generation of OpenRouter, as GET /api/v1/generation answers",
    recognises=recognises,
    read=read,
)
ACTIVITY: Final = Format(
    name="openrouter-activity",
    title="a row of OpenRouter's activity export",
    recognises=recognises_activity,
    read=read_activity,
)
