"""LiteLLM's usage of a call, in the ledger's words.

Counts of the cache stand in up to three places, read in this order: `prompt_tokens_details` (every provider's cache,
which LiteLLM fills from what the provider said), Anthropic's names beside the totals (alone where LiteLLM passed a
body on as it was), and in rows of the table `additional_usage_values`, a copy of both. A 0 says less than any count.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ingest.formats.usage import NOT_STATED, Count, Meters, milliseconds


class CacheWrites(Struct, gc=False):
    """Cache writes by how long they are kept."""

    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class InputDetails(Struct, gc=False):
    """Parts of the input."""

    text_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    cache_creation_tokens: Count | None = None
    cache_creation_token_details: CacheWrites | None = None
    web_search_requests: Count | None = None


class OutputDetails(Struct, gc=False):
    """Parts of the output."""

    text_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    accepted_prediction_tokens: Count | None = None
    rejected_prediction_tokens: Count | None = None


class ServerTools(Struct, gc=False):
    """Tools that ran at the provider."""

    web_search_requests: Count | None = None


class Usage(Struct, gc=False):
    """`usage_object`: LiteLLM's own usage, or a provider's that was passed on."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
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


_NO_INPUT: Final = InputDetails()
_NO_OUTPUT: Final = OutputDetails()
_NO_WRITES: Final = CacheWrites()
_NO_TOOLS: Final = ServerTools()


def complete(usage: Usage | None, prompt: int | None, completion: int | None, total: int | None) -> Usage:
    """`usage` with the totals that stand beside it, where it has none itself. Three zeros there mean "not known"."""
    usage = usage or Usage()
    stated = (usage.prompt_tokens, usage.completion_tokens, usage.input_tokens, usage.output_tokens)
    if stated != (None, None, None, None) or not (prompt or completion or total):
        return usage
    return replace(usage, prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)


def meters(usage: Usage, provider: str) -> Meters:
    """The meters of a usage. Zeros throughout are LiteLLM's word for a usage that it did not get."""
    usage = _inclusive(usage, provider)
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
        cache_read_tokens=_read(usage),
        cache_write_tokens=_written(usage),
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
        search_queries=_larger(tools.web_search_requests, inputs.web_search_requests),
        audio_ms=milliseconds(usage.seconds, "usage_object.seconds"),
    )


def _read(usage: Usage) -> int | None:
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _NO_INPUT
    return _larger(inputs.cached_tokens, usage.cache_read_input_tokens)


def _written(usage: Usage) -> int | None:
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or _NO_INPUT
    stated = _larger(inputs.cache_write_tokens, inputs.cache_creation_tokens)
    return _larger(stated, usage.cache_creation_input_tokens)


def _larger(first: int | None, then: int | None) -> int | None:
    """The first count that is one; 0 only where no place says more, None where none says anything."""
    return first or then or (first if then is None else then)


def _inclusive(usage: Usage, provider: str) -> Usage:
    """`usage` with input that includes the cache and output that includes reasoning, as LiteLLM means it today."""
    cached = (_read(usage) or 0) + (_written(usage) or 0)
    prompt, completion, total = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    if prompt is None and usage.input_tokens is not None:
        # a body that was passed on; Anthropic's, which knows no details, counts its cache apart
        additive = usage.input_tokens_details is None and usage.cache_read_input_tokens is not None
        prompt, completion = usage.input_tokens + (cached if additive else 0), usage.output_tokens
        total = None if additive else total
    elif cached > (prompt or 0):
        prompt, total = (
            (prompt or 0) + cached,
            None,
        )  # versions that passed Anthropic's input on without its cache
    reasoning = _reasoning(usage)
    spoken = (prompt or 0) + (completion or 0)
    outside = total == spoken + reasoning or (provider == "perplexity" and reasoning > (completion or 0))
    if reasoning and outside:
        completion, total = (completion or 0) + reasoning, None
    if prompt == usage.prompt_tokens and completion == usage.completion_tokens:
        return usage
    return replace(usage, prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)


def _reasoning(usage: Usage) -> int:
    outputs = usage.completion_tokens_details or usage.output_tokens_details or _NO_OUTPUT
    return outputs.reasoning_tokens or 0
