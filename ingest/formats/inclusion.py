"""What a provider means by its counts: dialects of usage, turned into the inclusive convention of the ledger.

The gateway settles this for its own responses and log rows, and its rules win, so most rules here are for providers'
bodies that came without a gateway. Each rule fires on a shape that cannot be mistaken, never on a name alone.
"""

from typing import Final

from msgspec.structs import replace

from ingest.formats.usage import CacheWrites, InputDetails, OutputDetails, ServerTools, Usage

_INPUT_ONLY: Final = frozenset({"embedding", "rerank"})
_ADDITIVE_ONCE: Final = frozenset({"anthropic", "bedrock"})
"""Providers whose cache tokens the old gateway left outside `prompt_tokens`."""


def inclusive(usage: Usage, provider: str, request_type: str, *, gateway: bool) -> Usage:
    """`usage` with input that includes the cache and output that includes reasoning; the same object where it did."""
    usage = _from_gateway(usage, provider) if gateway else _from_provider(usage)
    if request_type in _INPUT_ONLY and usage.prompt_tokens is None and usage.input_tokens is None:
        return replace(usage, prompt_tokens=usage.total_tokens)
    return usage


def _from_gateway(usage: Usage, provider: str) -> Usage:
    if provider in _ADDITIVE_ONCE:
        return _old_gateway_cache(usage)
    if provider == "perplexity":
        return _outside_completion(usage)
    return usage


def _old_gateway_cache(usage: Usage) -> Usage:
    """The old gateway passed Anthropic's input on without its cache, and cache creation beside the output.

    Later eras always write `cached_read_tokens`, `cached_write_tokens` or `cache_write_tokens` where there is a
    cache count, so `cached_tokens` alone tells the era.
    """
    inputs = usage.prompt_tokens_details or usage.input_tokens_details or InputDetails()
    outputs = usage.completion_tokens_details or usage.output_tokens_details or OutputDetails()
    later = (inputs.cached_read_tokens, inputs.cached_write_tokens, inputs.cache_write_tokens)
    cached = (inputs.cached_tokens or 0) + (outputs.cached_tokens or 0)
    if not cached or later != (None, None, None):
        return usage
    return _grown(usage, more_input=cached)


def _outside_completion(usage: Usage) -> Usage:
    """Perplexity's reasoning and citations, where a gateway passed `completion_tokens` on without them."""
    details = usage.completion_tokens_details
    if details is None or (details.reasoning_tokens or 0) <= (usage.completion_tokens or 0):
        return usage
    return _grown(usage, more_output=(details.reasoning_tokens or 0) + (details.citation_tokens or 0))


def _from_provider(usage: Usage) -> Usage:
    searches = _searches(usage)
    if searches is not None:
        usage = _searched(usage, searches)
    if usage.cache_read_input_tokens is not None or usage.cache_creation_input_tokens is not None:
        return _anthropic(usage)
    if (
        usage.reasoning_tokens is not None
        or usage.citation_tokens is not None
        or usage.num_search_queries is not None
    ):
        return _perplexity(usage)
    if usage.prompt_cache_hit_tokens is not None and usage.prompt_tokens_details is None:
        return replace(usage, prompt_tokens_details=InputDetails(cached_tokens=usage.prompt_cache_hit_tokens))
    if usage.input_tokens_details is not None:
        return _agent(usage, usage.input_tokens_details)
    return _xai(usage)


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


def _searches(usage: Usage) -> int | None:
    """How often the provider searched the web for the call, in the spellings of those who sell it by the piece."""
    tools = usage.server_tool_use or usage.server_tool_use_details or usage.server_side_tool_usage_details
    if tools is None and usage.tool_calls_details is not None and usage.tool_calls_details.web_search:
        return usage.tool_calls_details.web_search.invocation
    tools = tools or ServerTools()
    return _sum(_sum(tools.web_search_requests, tools.web_search_calls), tools.x_search_calls)


def _searched(usage: Usage, searches: int) -> Usage:
    name = "output_tokens_details" if usage.prompt_tokens is None else "completion_tokens_details"
    details: OutputDetails = getattr(usage, name) or OutputDetails()
    return replace(usage, **{name: replace(details, num_search_queries=searches)})


def _agent(usage: Usage, details: InputDetails) -> Usage:
    """Perplexity's agent: Anthropic's names in the place, and with the meaning, of OpenAI's details."""
    read, write = details.cache_read_input_tokens, details.cache_creation_input_tokens
    if read is None and write is None:
        return usage
    cached = replace(details, cached_read_tokens=read, cached_write_tokens=write)
    return replace(usage, input_tokens_details=cached)


def _anthropic(usage: Usage) -> Usage:
    """Anthropic's own body: `input_tokens` is what the cache did not hold. Beside `prompt_tokens` it is a repetition."""
    if usage.input_tokens is None or usage.prompt_tokens is not None:
        return usage
    read, write = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    kept = usage.cache_creation or CacheWrites()
    details = InputDetails(
        cached_read_tokens=read,
        cached_write_tokens=write,
        cached_write_token_details=CacheWrites(
            kept.ephemeral_5m_input_tokens, kept.ephemeral_1h_input_tokens
        ),
    )
    return replace(
        usage, input_tokens=usage.input_tokens + read + write, input_tokens_details=details, total_tokens=None
    )


def _perplexity(usage: Usage) -> Usage:
    """Perplexity's own body: reasoning, citations and searches stand beside `completion_tokens`, billed apart."""
    reasoning, citation = usage.reasoning_tokens, usage.citation_tokens
    details = OutputDetails(
        reasoning_tokens=reasoning, citation_tokens=citation, num_search_queries=usage.num_search_queries
    )
    return _grown(
        replace(usage, completion_tokens_details=details), more_output=(reasoning or 0) + (citation or 0)
    )


def _xai(usage: Usage) -> Usage:
    """Reasoning outside `completion_tokens`, as in xAI's chat body; the total tells (119 + 9 + 98 = 226).

    Where there is no total, reasoning that is more than the completion cannot be inside it.
    """
    details = usage.completion_tokens_details
    if details is None or not details.reasoning_tokens:
        return usage
    completion = usage.completion_tokens or 0
    if usage.total_tokens:
        outside = usage.total_tokens == (usage.prompt_tokens or 0) + completion + details.reasoning_tokens
    else:
        outside = details.reasoning_tokens > completion
    if not outside:
        return usage
    return replace(usage, completion_tokens=(usage.completion_tokens or 0) + details.reasoning_tokens)


def _grown(usage: Usage, more_input: int = 0, more_output: int = 0) -> Usage:
    """`usage` with its wholes grown by what stood outside them; the sum is left to follow."""
    if usage.prompt_tokens is None and usage.input_tokens is not None:
        grown = replace(usage, input_tokens=usage.input_tokens + more_input)
        return replace(grown, output_tokens=(usage.output_tokens or 0) + more_output, total_tokens=None)
    return replace(
        usage,
        prompt_tokens=(usage.prompt_tokens or 0) + more_input,
        completion_tokens=(usage.completion_tokens or 0) + more_output,
        total_tokens=None,
    )
