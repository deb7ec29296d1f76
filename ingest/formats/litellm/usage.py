"""LiteLLM's usage of a call, as meters of the ledger.

Cache counts are in up to three places, which are used in this order: `prompt_tokens_details` (the cache of
every provider, which LiteLLM fills from the provider's counts), Anthropic's names beside the totals (alone
where LiteLLM passed a body on unchanged), and, in rows of the table, `additional_usage_values`, a copy of
both. Any count comes before a 0.
"""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from ingest.formats.completion.usage import NOT_STATED, Count, Meters, milliseconds
from ingest.model.event import MAX_COUNT

Detail = Annotated[int, Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
"""A part of a whole. LiteLLM works some parts out and may come below 0 (text = text - cached)."""


class CacheWrites(Struct, gc=False):
    """Cache writes by time to live."""

    ephemeral_5m_input_tokens: Detail | None = None
    ephemeral_1h_input_tokens: Detail | None = None


class InputDetails(Struct, gc=False):
    """Parts of the input."""

    text_tokens: Detail | None = None
    audio_tokens: Detail | None = None
    image_tokens: Detail | None = None
    cached_tokens: Detail | None = None
    cache_write_tokens: Detail | None = None
    cache_creation_tokens: Detail | None = None
    cache_creation_token_details: CacheWrites | None = None
    web_search_requests: Count | None = None


class OutputDetails(Struct, gc=False):
    """Parts of the output."""

    text_tokens: Detail | None = None
    audio_tokens: Detail | None = None
    image_tokens: Detail | None = None
    reasoning_tokens: Detail | None = None
    accepted_prediction_tokens: Detail | None = None
    rejected_prediction_tokens: Detail | None = None


class ServerTools(Struct, gc=False):
    """Uses of a provider's server tools."""

    web_search_requests: Count | None = None


class Usage(Struct, gc=False):
    """`usage_object`: LiteLLM's own usage, or the usage of a provider, passed on unchanged."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    cache_read_input_tokens: Detail | None = None
    cache_creation_input_tokens: Detail | None = None
    cache_creation: CacheWrites | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerTools | None = None
    output_image_count: Count | None = None
    seconds: Decimal | None = None
    service_tier: str | None = None
    inference_geo: str | None = None


_EXCLUDE_CACHE: Final = frozenset({"anthropic", "bedrock"})
_NO_INPUT: Final = InputDetails()
_NO_OUTPUT: Final = OutputDetails()
_NO_WRITES: Final = CacheWrites()
_NO_TOOLS: Final = ServerTools()


def with_totals(usage: Usage | None, prompt: int | None, completion: int | None, total: int | None) -> Usage:
    """`usage`, with the payload's totals where it has no totals itself. Three zeros mean "unknown"."""
    usage = usage or Usage()
    stated = (usage.prompt_tokens, usage.completion_tokens, usage.input_tokens, usage.output_tokens)
    if stated != (None, None, None, None) or not (prompt or completion or total):
        return usage
    return replace(usage, prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)


def meters(usage: Usage, provider: str, model: str = "") -> Meters:
    """The meters of a usage. LiteLLM writes zeros for an unknown usage."""
    usage = _inclusive_usage(usage, provider, model)
    if not (usage.prompt_tokens or usage.completion_tokens or usage.total_tokens):
        return replace(NOT_STATED, audio_ms=milliseconds(usage.seconds, "usage_object.seconds"))
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _NO_INPUT
    outputs = usage.completion_tokens_details or usage.output_tokens_details or _NO_OUTPUT
    tools = usage.server_tool_use or _NO_TOOLS
    writes = inputs.cache_creation_token_details or usage.cache_creation or _NO_WRITES
    return Meters(
        input_tokens=usage.prompt_tokens,
        input_text_tokens=inputs.text_tokens,
        input_audio_tokens=inputs.audio_tokens,
        input_image_tokens=inputs.image_tokens,
        cache_read_tokens=_cache_read(usage),
        cache_write_tokens=_cache_write(usage),
        cache_write_5m_tokens=writes.ephemeral_5m_input_tokens,
        cache_write_1h_tokens=writes.ephemeral_1h_input_tokens,
        output_tokens=usage.completion_tokens,
        output_text_tokens=outputs.text_tokens,
        output_audio_tokens=outputs.audio_tokens,
        output_image_tokens=outputs.image_tokens,
        reasoning_tokens=outputs.reasoning_tokens,
        accepted_prediction_tokens=outputs.accepted_prediction_tokens,
        rejected_prediction_tokens=outputs.rejected_prediction_tokens,
        total_tokens=usage.total_tokens or (usage.prompt_tokens or 0) + (usage.completion_tokens or 0),
        search_queries=_first_count(tools.web_search_requests, inputs.web_search_requests),
        audio_ms=milliseconds(usage.seconds, "usage_object.seconds"),
    )


def _cache_read(usage: Usage) -> int | None:
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _NO_INPUT
    return _first_count(inputs.cached_tokens, usage.cache_read_input_tokens)


def _cache_write(usage: Usage) -> int | None:
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _NO_INPUT
    stated = _first_count(inputs.cache_write_tokens, inputs.cache_creation_tokens)
    return _first_count(stated, usage.cache_creation_input_tokens)


def _first_count(count: int | None, fallback: int | None) -> int | None:
    """The first count above 0; 0 where there is only a 0, None where there is no count."""
    return count or fallback or (count if fallback is None else fallback)


def _inclusive_usage(usage: Usage, provider: str, model: str) -> Usage:
    """`usage` with cache and audio in its input and reasoning in its output, LiteLLM's present convention."""
    read, write = max(_cache_read(usage) or 0, 0), max(_cache_write(usage) or 0, 0)
    prompt, completion, total = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    if prompt is None and usage.input_tokens is not None:
        # a body that was passed on; Anthropic's body has no details and excludes the cache
        is_additive = usage.input_tokens_details is None and usage.cache_read_input_tokens is not None
        prompt, completion = usage.input_tokens + (read + write if is_additive else 0), usage.output_tokens
        total = None if is_additive else total
    elif _is_cache_outside(usage, read, write, excludes=_excludes_cache(usage, provider, model)):
        prompt, total = (prompt or 0) + read + write, None
    elif _is_audio_outside(usage):
        prompt = (prompt or 0) + _audio(usage)
    reasoning = _reasoning(usage)
    stated_total = (prompt or 0) + (completion or 0)
    is_outside = total == stated_total + reasoning or (
        provider == "perplexity" and reasoning > (completion or 0)
    )
    if reasoning > 0 and is_outside:
        completion, total = (completion or 0) + reasoning, None
    if prompt == usage.prompt_tokens and completion == usage.completion_tokens:
        return usage
    return replace(usage, prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)


def _excludes_cache(usage: Usage, provider: str, model: str) -> bool:
    """Whether some versions of LiteLLM handed on this input without its cache, as Anthropic counts it."""
    is_anthropic = provider in _EXCLUDE_CACHE or (provider == "vertex" and "claude" in model)
    return is_anthropic or usage.prompt_tokens_details is None


def _is_cache_outside(usage: Usage, read: int, write: int, *, excludes: bool) -> bool:
    """Whether the input does not hold its cache, which is then larger.

    The total tells: where it is input and output alone, caches that are larger together overlap.
    """
    prompt, tokens = usage.prompt_tokens or 0, (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
    if read + write <= prompt:
        return False
    return excludes or not usage.total_tokens or usage.total_tokens != tokens


def _is_audio_outside(usage: Usage) -> bool:
    """Whether the total says that the input does not hold its audio (Mistral: 9 + 375 + 248 = 632)."""
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return _audio(usage) > prompt and usage.total_tokens == prompt + completion + _audio(usage)


def _audio(usage: Usage) -> int:
    return (usage.prompt_tokens_details or _NO_INPUT).audio_tokens or 0


def _reasoning(usage: Usage) -> int:
    outputs = usage.completion_tokens_details or usage.output_tokens_details or _NO_OUTPUT
    return outputs.reasoning_tokens or 0
