"""Token conventions: counts of each provider, converted to the inclusive convention of the ledger.

The gateway converts the counts of its own responses and log rows. Most rules here are therefore for
providers' bodies that did not pass a gateway. Each rule depends on fields and counts that no other
convention has, never on a name alone.
"""

from typing import Final

from msgspec.structs import replace

from ingest.formats.completion.usage import (
    CacheWrites,
    InputDetails,
    OutputDetails,
    Usage,
    input_details,
    output_details,
)

_INPUT_ONLY: Final = frozenset({"embedding", "rerank"})
_ADDITIVE_IN_OLD_GATEWAY: Final = frozenset({"anthropic", "bedrock"})
"""Providers whose cache tokens were not part of `prompt_tokens` in old versions of the gateway."""
_THOUGHTS_OUTSIDE: Final = frozenset({"gemini", "vertex"})
"""Providers whose thoughts are in the total only, where they answer in OpenAI's shape."""


def inclusive_usage(usage: Usage, provider: str, request_type: str, *, gateway: bool) -> Usage:
    """`usage` with cache tokens in its input and reasoning in its output; unchanged where it had them."""
    usage = _from_gateway(usage, provider) if gateway else _from_provider(usage, provider)
    if request_type in _INPUT_ONLY and usage.prompt_tokens is None and usage.input_tokens is None:
        return replace(usage, prompt_tokens=usage.total_tokens)
    return usage


def _from_gateway(usage: Usage, provider: str) -> Usage:
    if provider in _ADDITIVE_IN_OLD_GATEWAY:
        return _old_gateway_cache(usage)
    if provider == "perplexity":
        return _perplexity_through_gateway(usage)
    return usage


def _old_gateway_cache(usage: Usage) -> Usage:
    """Usage of Anthropic from an old gateway: no cache in the input, cache writes in the output.

    Later versions always write `cached_read_tokens`, `cached_write_tokens` or `cache_write_tokens` with a
    cache count. A usage with `cached_tokens` alone is therefore of an old version.
    """
    inputs, outputs = input_details(usage), output_details(usage)
    later_fields = (inputs.cached_read_tokens, inputs.cached_write_tokens, inputs.cache_write_tokens)
    cached = (inputs.cached_tokens or 0) + (outputs.cached_tokens or 0)
    if cached <= 0 or later_fields != (None, None, None):
        return usage
    return _add_outside(usage, more_input=cached)


def _perplexity_through_gateway(usage: Usage) -> Usage:
    """Perplexity's usage through a gateway, with reasoning and citations outside `completion_tokens`."""
    details = usage.completion_tokens_details
    if details is None or (details.reasoning_tokens or 0) <= (usage.completion_tokens or 0):
        return usage
    return _add_outside(usage, more_output=(details.reasoning_tokens or 0) + (details.citation_tokens or 0))


def _from_provider(usage: Usage, provider: str) -> Usage:
    searches = _count_searches(usage)
    if searches is not None:
        usage = _with_searches(usage, searches)
    if usage.cache_read_input_tokens is not None or usage.cache_creation_input_tokens is not None:
        return _anthropic(usage)
    if provider == "perplexity" or usage.citation_tokens is not None or usage.num_search_queries is not None:
        return _perplexity(usage)
    return _reach_total(_with_reasoning(usage), provider)


def _add_counts(first: int | None, second: int | None) -> int | None:
    return first if second is None else (first or 0) + second


def _count_searches(usage: Usage) -> int | None:
    """The number of web searches, from the fields of the providers that bill each search."""
    tools = usage.server_tool_use or usage.server_tool_use_details or usage.server_side_tool_usage_details
    if tools is None:
        by_name = usage.tool_calls_details
        return by_name.web_search.invocation if by_name and by_name.web_search else None
    return _add_counts(_add_counts(tools.web_search_requests, tools.web_search_calls), tools.x_search_calls)


def _with_searches(usage: Usage, searches: int) -> Usage:
    name = "output_tokens_details" if usage.prompt_tokens is None else "completion_tokens_details"
    details: OutputDetails = getattr(usage, name) or OutputDetails()
    return replace(usage, **{name: replace(details, num_search_queries=searches)})


def _anthropic(usage: Usage) -> Usage:
    """Anthropic's own body: `input_tokens` excludes the cache.

    Beside `prompt_tokens` the cache counts are copies of parts, unless the total holds them too.
    """
    read, write = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    if usage.input_tokens is None or usage.prompt_tokens is not None:
        tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
        is_outside = read + write > 0 and usage.total_tokens == tokens + read + write
        return _add_outside(usage, more_input=read + write) if is_outside else usage
    cache_writes = usage.cache_creation or CacheWrites()
    details = InputDetails(
        cached_read_tokens=read,
        cached_write_tokens=write,
        cached_write_token_details=CacheWrites(
            cache_writes.ephemeral_5m_input_tokens, cache_writes.ephemeral_1h_input_tokens
        ),
    )
    return replace(
        usage, input_tokens=usage.input_tokens + read + write, input_tokens_details=details, total_tokens=None
    )


def _perplexity(usage: Usage) -> Usage:
    """Perplexity's own body: reasoning, citations and searches are outside `completion_tokens`."""
    reasoning, citation = usage.reasoning_tokens, usage.citation_tokens
    if (reasoning, citation, usage.num_search_queries) == (None, None, None):
        return usage
    details = OutputDetails(
        reasoning_tokens=reasoning, citation_tokens=citation, num_search_queries=usage.num_search_queries
    )
    return _add_outside(
        replace(usage, completion_tokens_details=details),
        more_output=max(reasoning or 0, 0) + (citation or 0),
    )


def _with_reasoning(usage: Usage) -> Usage:
    """`usage` with a reasoning count that stands beside the totals among the details of the output."""
    reasoning = usage.reasoning_output_tokens if usage.reasoning_tokens is None else usage.reasoning_tokens
    if reasoning is None:
        return usage
    details = output_details(usage)
    if details.reasoning_tokens is not None:
        return usage
    name = "output_tokens_details" if usage.prompt_tokens is None else "completion_tokens_details"
    return replace(usage, **{name: replace(details, reasoning_tokens=reasoning)})


def _reach_total(usage: Usage, provider: str) -> Usage:
    """Counts that are outside the input or the output: the stated total shows it (119 + 9 + 98 = 226).

    Reasoning may be outside the output (xAI's chat body) and audio outside the input (Mistral's). Google's
    thoughts are in the total alone. Without a total, reasoning is outside where it is larger than the output.
    """
    tokens_in = usage.input_tokens if usage.prompt_tokens is None else usage.prompt_tokens
    tokens_out = usage.output_tokens if usage.completion_tokens is None else usage.completion_tokens
    gap = usage.total_tokens - (tokens_in or 0) - (tokens_out or 0) if usage.total_tokens else None
    if gap is not None and gap <= 0:
        return usage
    reasoning = max(output_details(usage).reasoning_tokens or 0, 0)
    if gap is None:
        return _add_outside(usage, more_output=reasoning) if reasoning > (tokens_out or 0) else usage
    if gap == reasoning:
        return _add_outside(usage, more_output=reasoning)
    if None in {tokens_in, tokens_out}:
        return usage  # the missing count follows from the total
    audio = max(input_details(usage).audio_tokens or 0, 0)
    if gap in {audio, audio + reasoning}:
        return _add_outside(usage, more_input=audio, more_output=gap - audio)
    return _add_outside(usage, more_output=gap) if provider in _THOUGHTS_OUTSIDE else usage


def _add_outside(usage: Usage, more_input: int = 0, more_output: int = 0) -> Usage:
    """`usage` with larger input and output. The total is unset, so that it is computed again."""
    if usage.prompt_tokens is None and usage.input_tokens is not None:
        with_input = replace(usage, input_tokens=usage.input_tokens + more_input)
        return replace(with_input, output_tokens=(usage.output_tokens or 0) + more_output, total_tokens=None)
    return replace(
        usage,
        prompt_tokens=(usage.prompt_tokens or 0) + more_input,
        completion_tokens=(usage.completion_tokens or 0) + more_output,
        total_tokens=None,
    )
