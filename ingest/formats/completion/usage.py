"""Usage: all its shapes in responses, and its meters under the names of the ledger.

One struct has the fields of all request types (chat, text, Responses API, embeddings, rerank, speech,
transcription, images), because no field has two meanings among them. Versions of the gateway wrote cached
tokens in three ways:

* `cached_read_tokens` and `cached_write_tokens` (middle and new versions) are unambiguous and come first;
* `cached_tokens` was read + write in middle versions and is read only in new versions, so it counts only
  where neither of the unambiguous fields has a value; new versions repeat writes as `cache_write_tokens`;
* old versions have `cached_tokens` alone, and cache *creation* in the details of the output.

`meters` promises inclusive totals only for inclusive input: `token_conventions` converts usage first.
"""

from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Final

from msgspec import Meta, Struct

from ingest.formats.completion.cost import Cost, Ticks, UpstreamCosts
from ingest.model.event import MAX_COUNT
from ingest.model.rejection import Refused

Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Detail = Annotated[int, Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
"""A part of a whole. A negative part is decoded, because the whole may be certain: see `doubtful_parts`."""


class CacheWrites(Struct, gc=False, omit_defaults=True):
    """Cache writes by time to live."""

    cached_write_tokens_5m: Detail | None = None
    cached_write_tokens_1h: Detail | None = None
    ephemeral_5m_input_tokens: Detail | None = None
    ephemeral_1h_input_tokens: Detail | None = None


class CachedParts(Struct, gc=False, omit_defaults=True):
    """Parts of the cached input by modality."""

    audio_tokens: Count | None = None
    image_tokens: Count | None = None


class InputDetails(Struct, gc=False, omit_defaults=True):
    """Parts of the input: `prompt_tokens_details` and its other spellings in `Usage`."""

    text_tokens: Detail | None = None
    audio_tokens: Detail | None = None
    image_tokens: Detail | None = None
    cached_read_tokens: Detail | None = None
    cached_write_tokens: Detail | None = None
    cached_write_token_details: CacheWrites | None = None
    cached_tokens: Detail | None = None
    cached_tokens_details: CachedParts | None = None
    cache_write_tokens: Detail | None = None
    cache_read_input_tokens: Detail | None = None
    cache_creation_input_tokens: Detail | None = None
    cache_read_tokens: Detail | None = None
    cache_creation_tokens: Detail | None = None
    grok_tokens: Detail | None = None


class OutputDetails(Struct, gc=False, omit_defaults=True):
    """Parts of the output: `completion_tokens_details` and its other spellings in `Usage`."""

    text_tokens: Detail | None = None
    accepted_prediction_tokens: Detail | None = None
    audio_tokens: Detail | None = None
    citation_tokens: Detail | None = None
    num_search_queries: Count | None = None
    reasoning_tokens: Detail | None = None
    image_tokens: Detail | None = None
    rejected_prediction_tokens: Detail | None = None
    cached_tokens: Detail | None = None
    thinking_tokens: Detail | None = None


class ServerTools(Struct, gc=False, omit_defaults=True):
    """Uses of a provider's server tools. Only searches are billed one by one."""

    web_search_requests: Count | None = None
    web_search_calls: Count | None = None
    x_search_calls: Count | None = None


class ToolCalls(Struct, gc=False, omit_defaults=True):
    """The number of calls of a tool of Perplexity's agent."""

    invocation: Count | None = None


class ToolCallsByName(Struct, gc=False, omit_defaults=True):
    """`tool_calls_details`. Only searches are billed one by one."""

    web_search: ToolCalls | None = None


class Iteration(Struct, gc=False, omit_defaults=True):
    """An iteration inside a call of Anthropic; see `ingest.formats.completion.anthropic_iterations`."""

    type: str | None = None
    model: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: CacheWrites | None = None


class Unset(Struct, gc=False):
    """An empty object, as Mistral's library writes a count that is not set."""


class Usage(Struct, gc=False, omit_defaults=True):
    """`usage` of any request type."""

    prompt_tokens: Count | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens: Count | None = None
    completion_tokens_details: OutputDetails | None = None
    total_tokens: Count | None = None
    input_tokens: Count | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None
    input_token_details: InputDetails | None = None
    output_token_details: OutputDetails | None = None
    prompt_token_details: InputDetails | None = None
    completion_token_details: OutputDetails | None = None
    cost: Cost | Decimal | None = None
    cost_in_usd_ticks: Ticks | None = None
    input_chars: Count | None = None
    seconds: Decimal | None = None
    audio_seconds: Decimal | None = None
    search_units: Count | None = None
    # only in bodies of providers; used in `inclusion`
    citation_tokens: Count | None = None
    num_search_queries: Count | None = None
    reasoning_tokens: Detail | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: CacheWrites | None = None
    prompt_cache_hit_tokens: Detail | None = None
    prompt_cache_miss_tokens: Count | None = None
    num_cached_tokens: Detail | None = None
    cached_tokens: Detail | None = None
    cached_input_tokens: Detail | None = None
    cached_prompt_tokens: Detail | None = None
    cached_prompt_text_tokens: Detail | None = None
    cache_read_tokens: Detail | None = None
    cache_write_tokens: Detail | None = None
    prompt_text_tokens: Detail | None = None
    prompt_image_tokens: Detail | None = None
    reasoning_output_tokens: Detail | None = None
    prompt_audio_seconds: Decimal | Unset | None = None
    iterations: list[Iteration] | None = None
    server_tool_use: ServerTools | None = None
    server_tool_use_details: ServerTools | None = None
    server_side_tool_usage_details: ServerTools | None = None
    tool_calls_details: ToolCallsByName | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    is_byok: bool | None = None
    cost_details: UpstreamCosts | None = None


class Meters(Struct, gc=False, frozen=True):
    """The counts of a call, under the names of `UsageEvent`."""

    input_tokens: int | None = None
    input_text_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    output_text_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    reasoning_tokens: int | None = None
    citation_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None
    total_tokens: int | None = None
    search_queries: int | None = None
    audio_ms: int | None = None
    characters: int | None = None
    search_units: int | None = None
    cache_read_audio_tokens: int | None = None
    cache_read_image_tokens: int | None = None


NOT_STATED: Final = Meters()
NOTHING_NEW: Final = Meters(input_tokens=0, output_tokens=0, total_tokens=0)
"""The meters of a cache hit, which uses no model. Replayed usage is counted separately."""

_NO_INPUT_DETAILS: Final = InputDetails()
_NO_OUTPUT_DETAILS: Final = OutputDetails()
_NO_WRITES: Final = CacheWrites()
_NO_CACHED_PARTS: Final = CachedParts()


def meters(usage: Usage) -> Meters:
    """The meters of an inclusive usage."""
    inputs, outputs = input_details(usage), output_details(usage)
    writes = inputs.cached_write_token_details or _NO_WRITES
    cached = inputs.cached_tokens_details or _NO_CACHED_PARTS
    cache_read, cache_write = _cache_tokens(usage, inputs, outputs)
    tokens_in, tokens_out, total = _totals(usage)
    return Meters(
        input_tokens=tokens_in,
        input_text_tokens=usage.prompt_text_tokens if inputs.text_tokens is None else inputs.text_tokens,
        input_audio_tokens=inputs.audio_tokens,
        input_image_tokens=usage.prompt_image_tokens if inputs.image_tokens is None else inputs.image_tokens,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_5m_tokens=writes.cached_write_tokens_5m,
        cache_write_1h_tokens=writes.cached_write_tokens_1h,
        output_tokens=tokens_out,
        output_text_tokens=outputs.text_tokens,
        output_audio_tokens=outputs.audio_tokens,
        output_image_tokens=outputs.image_tokens,
        reasoning_tokens=outputs.reasoning_tokens
        if outputs.reasoning_tokens is not None
        else outputs.thinking_tokens,
        citation_tokens=outputs.citation_tokens,
        accepted_prediction_tokens=outputs.accepted_prediction_tokens,
        rejected_prediction_tokens=outputs.rejected_prediction_tokens,
        total_tokens=total,
        search_queries=outputs.num_search_queries,
        audio_ms=_audio_ms(usage),
        characters=usage.input_chars,
        search_units=usage.search_units,
        cache_read_audio_tokens=cached_part(cached.audio_tokens, inputs.audio_tokens, cache_read),
        cache_read_image_tokens=cached_part(cached.image_tokens, inputs.image_tokens, cache_read),
    )


def cached_part(count: int | None, of_modality: int | None, cached: int | None) -> int | None:
    """The cached tokens of a modality, at most all of the modality and all that are cached; None for none."""
    return min(count, of_modality or 0, cached or 0) or None if count else None


def input_details(usage: Usage) -> InputDetails:
    """The details of the input, by the first spelling that says something."""
    for details in (
        usage.prompt_tokens_details,
        usage.input_tokens_details,
        usage.input_token_details,
        usage.prompt_token_details,
    ):
        if details is not None and details != _NO_INPUT_DETAILS:
            return details
    return _NO_INPUT_DETAILS


def output_details(usage: Usage) -> OutputDetails:
    """The details of the output, by the first spelling that says something."""
    for details in (
        usage.completion_tokens_details,
        usage.output_tokens_details,
        usage.output_token_details,
        usage.completion_token_details,
    ):
        if details is not None and details != _NO_OUTPUT_DETAILS:
            return details
    return _NO_OUTPUT_DETAILS


_cache_read_names = attrgetter(
    *("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cached_input_tokens"),
    *("cached_prompt_tokens", "cached_prompt_text_tokens", "cache_read_tokens", "cache_read_input_tokens"),
)
_cache_write_names = attrgetter("cache_write_tokens", "cache_creation_input_tokens")
"""Names of cached tokens beside the totals. Each is part of the input, as the details are."""


def _cache_tokens(
    usage: Usage, inputs: InputDetails, outputs: OutputDetails
) -> tuple[int | None, int | None]:
    """Cache reads and writes under any name. The gateway leaves out zeros, so a count comes before a 0."""
    write = inputs.cached_write_tokens
    read = _first_count(
        inputs.cached_read_tokens,
        inputs.cache_read_input_tokens,
        inputs.cache_read_tokens,
        None if write else inputs.cached_tokens,
        *_cache_read_names(usage),
    )
    if not write:
        write = _first_count(
            inputs.cache_write_tokens,
            inputs.cache_creation_input_tokens,
            inputs.cache_creation_tokens,
            outputs.cached_tokens or None,
            _cache_writes_by_ttl(inputs) or None,
            write,
            *_cache_write_names(usage),
        )
    return read, write


def _first_count(*counts: int | None) -> int | None:
    """The first count that is not 0; 0 where there are only zeros, None where there is no count."""
    if not any(counts):
        return 0 if 0 in counts else None
    return next(filter(None, counts))


def _cache_writes_by_ttl(inputs: InputDetails) -> int:
    writes = inputs.cached_write_token_details
    if writes is None:
        return 0
    return (writes.cached_write_tokens_5m or 0) + (writes.cached_write_tokens_1h or 0)


def _totals(usage: Usage) -> tuple[int | None, int | None, int | None]:
    """Input, output and total. The gateway leaves out zeros, so a missing count follows from the others."""
    tokens_in = usage.prompt_tokens if usage.prompt_tokens is not None else usage.input_tokens
    tokens_out = usage.completion_tokens if usage.completion_tokens is not None else usage.output_tokens
    total = usage.total_tokens
    if tokens_in is None and tokens_out is None:
        return None, None, total
    if not total:
        return tokens_in, tokens_out, (tokens_in or 0) + (tokens_out or 0)
    if tokens_in is None and tokens_out is not None and total >= tokens_out:
        tokens_in = total - tokens_out
    elif tokens_out is None and tokens_in is not None and total >= tokens_in:
        tokens_out = total - tokens_in
    return tokens_in, tokens_out, total


def _audio_ms(usage: Usage) -> int | None:
    if usage.audio_seconds is not None:
        return milliseconds(usage.audio_seconds, "usage.audio_seconds")
    if isinstance(usage.prompt_audio_seconds, Decimal):
        return milliseconds(usage.prompt_audio_seconds, "usage.prompt_audio_seconds")
    return milliseconds(usage.seconds, "usage.seconds")


def milliseconds(seconds: Decimal | None, field: str) -> int | None:
    """A duration in seconds, number or text, as whole milliseconds.

    Raises:
        Refused: the duration is negative, not finite, or larger than a count of the ledger.
    """
    if seconds is None:
        return None
    if not seconds.is_finite() or not 0 <= seconds <= MAX_COUNT // 1000:
        raise Refused("impossible_count", f"{field} is {seconds:.4E}: no call takes so many seconds", field)
    return round(seconds * 1000)
