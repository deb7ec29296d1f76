"""The structs of a completion response, of the gateway's extra fields and of an error body.

A field that is not declared is never decoded: this keeps prompts, completions, tool arguments and raw
bodies out. Fields of type `Raw` are content that is only counted, and never leaves this package.
"""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from ingest.formats.completion.usage import Count, Usage

Milliseconds = Annotated[float, Meta(ge=0, le=10**12)]

NULL: Final = Raw(b"null")


def is_present(raw: Raw) -> bool:
    """Whether a field of type `Raw` has a value. A null says as little as a missing field."""
    return raw is not NULL and raw != NULL


class Empty(Struct, gc=False):
    """An object that is only counted."""


class Annotation(Struct, gc=False, omit_defaults=True):
    """An annotation of a text, such as `url_citation`."""

    type: str | None = None


class Message(Struct, gc=False, omit_defaults=True):
    """The parts of a message that are counted."""

    tool_calls: list[Empty] | None = None
    annotations: list[Annotation] | None = None


class Choice(Struct, gc=False, omit_defaults=True):
    """One choice of a response."""

    finish_reason: str | None = None
    message: Message | None = None


class IncompleteDetails(Struct, gc=False, omit_defaults=True):
    """The reason why a response of the Responses API ended early."""

    reason: str | None = None


class CacheDebug(Struct, gc=False, omit_defaults=True):
    """The result of the gateway's semantic cache."""

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
    """The provider's model behind an alias."""

    model_id: str | None = None


class RoutingInfo(Struct, gc=False, omit_defaults=True):
    """The provider and model that the gateway chose, in its newest version."""

    provider: str | None = None
    model: str | None = None
    key: str | None = None
    resolved_key_alias: KeyAlias | None = None
    is_fallback: bool | None = None
    primary_model: str | None = None


class ExtraFields(Struct, gc=False, omit_defaults=True):
    """The fields that the gateway adds to a response, in all its versions."""

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


class ErrorObject(Struct, gc=False, omit_defaults=True):
    """An error. Its message may quote the prompt and is not decoded. Google calls the type `status`."""

    type: str | None = None
    code: str | int | float | bool | None = None
    status: str | int | None = None


class UsageInfo(Struct, gc=False, omit_defaults=True):
    """`usage_info` of an OCR response."""

    pages_processed: Count | None = None


class XGroq(Struct, gc=False, omit_defaults=True):
    """`x_groq` of Groq: the id of the call, and in the last chunk of a stream its usage."""

    id: str | None = None
    usage: Usage | None = None


class Body(Struct, gc=False, omit_defaults=True):
    """A completion response of any request type, or an error body in its place."""

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
    usage_info: UsageInfo | None = None
    seconds: Decimal | None = None
    duration: Decimal | None = None
    speed: str | None = None
    inference_geo: str | None = None
    error: ErrorObject | str | None = None
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
    x_groq: XGroq | None = None
    # only their presence is used: they are marks of Azure
    prompt_filter_results: Raw = NULL
    content_filters: Raw = NULL
