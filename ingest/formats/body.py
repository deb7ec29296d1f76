"""The structs of a completion response, its gateway's extra fields and its error body.

A field that is not declared is skipped unread: that is how prompts, completions, tool arguments and raw bodies stay
out. Fields typed `Raw` are content that is only counted, and never leaves this package.
"""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from ingest.formats.usage import Count, Usage

Milliseconds = Annotated[float, Meta(ge=0, le=10**12)]

NULL: Final = Raw(b"null")


def is_there(raw: Raw) -> bool:
    """Whether a field typed `Raw` holds anything."""
    return bytes(raw) != b"null"


class Empty(Struct, gc=False):
    """Something that is only counted."""


class Annotation(Struct, gc=False, omit_defaults=True):
    """A mark on a text; `url_citation` is one kind."""

    type: str | None = None


class Message(Struct, gc=False, omit_defaults=True):
    """What is countable of a message."""

    tool_calls: list[Empty] | None = None
    annotations: list[Annotation] | None = None


class Choice(Struct, gc=False, omit_defaults=True):
    """One answer."""

    finish_reason: str | None = None
    message: Message | None = None


class IncompleteDetails(Struct, gc=False, omit_defaults=True):
    """Why a response of the Responses API ended early."""

    reason: str | None = None


class CacheDebug(Struct, gc=False, omit_defaults=True):
    """What the gateway's semantic cache did."""

    cache_hit: bool | None = None
    cache_id: str | None = None
    hit_type: str | None = None
    requested_provider: str | None = None
    requested_model: str | None = None
    provider_used: str | None = None
    model_used: str | None = None
    input_tokens: Count | None = None
    threshold: Decimal | None = None
    similarity: Decimal | None = None
    cache_hit_latency: Milliseconds | None = None


class KeyAlias(Struct, gc=False, omit_defaults=True):
    """Which model of the provider an alias stands for."""

    model_id: str | None = None


class RoutingInfo(Struct, gc=False, omit_defaults=True):
    """Where the gateway sent the call; the newest spelling."""

    provider: str | None = None
    model: str | None = None
    key: str | None = None
    resolved_key_alias: KeyAlias | None = None
    is_fallback: bool | None = None
    primary_model: str | None = None


class ExtraFields(Struct, gc=False, omit_defaults=True):
    """What the gateway adds to a response, in all its spellings."""

    request_type: str | None = None
    provider: str | None = None
    original_model_requested: str | None = None
    resolved_model_used: str | None = None
    latency: Milliseconds | None = None
    upstream_latency: Milliseconds | None = None
    chunk_index: Count | None = None
    cache_debug: CacheDebug | None = None
    routing_info: RoutingInfo | None = None
    model_requested: str | None = None
    model_deployment: str | None = None
    request_id: str | None = None
    inference_geo: str | None = None
    billed_usage: Usage | None = None
    error_type: str | None = None


class Fault(Struct, gc=False, omit_defaults=True):
    """An error; its message may quote the prompt and is not read. Google calls the type `status`."""

    type: str | None = None
    code: str | int | float | bool | None = None
    status: str | int | None = None


class Pages(Struct, gc=False, omit_defaults=True):
    """`usage_info` of an OCR response."""

    pages_processed: Count | None = None


class Body(Struct, gc=False, omit_defaults=True):
    """A completion response of any family, or an error body in its place."""

    id: str | int | None = None
    choices: list[Choice] | None = None
    model: str | None = None
    object: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    created: float | str | None = None
    usage: Usage | None = None
    extra_fields: ExtraFields | None = None
    created_at: float | str | None = None
    type: str | None = None
    status: str | int | None = None
    incomplete_details: IncompleteDetails | None = None
    usage_info: Pages | None = None
    seconds: Decimal | None = None
    duration: Decimal | None = None
    speed: str | None = None
    inference_geo: str | None = None
    error: Fault | str | None = None
    is_bifrost_error: bool | None = None
    status_code: int | None = None
    stop_reason: str | None = None
    request_id: str | None = None
    output: Raw = NULL
    content: Raw = NULL
    data: Raw = NULL
    pages: Raw = NULL
    size: Raw = NULL
    quality: Raw = NULL
    citations: Raw = NULL
    text: Raw = NULL
    results: Raw = NULL
    # marks of a provider, looked at for being there
    prompt_filter_results: Raw = NULL
    x_groq: Raw = NULL
