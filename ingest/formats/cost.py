"""Cost as sources state it: a bare number, the older flat object, or the nested one, as exclusive parts.

Each stated amount is rounded to pico-units once; parts that a source states inside one another are taken apart by
exact integer subtraction. What the total holds beyond its parts is not computed here: pricing books it to `other`.
"""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Struct

from ingest.event import ReportedCost
from ingest.money import LARGEST, MoneyError, to_pico
from ingest.refusal import Refused

PICO_PER_TICK: Final = 100
"""xAI counts in ticks: 10^10 of them are one dollar."""

Ticks = Annotated[int, Meta(ge=-(10**16), le=10**16)]


class InputCosts(Struct, gc=False, omit_defaults=True):
    """`input_cost_details`: parts of `input_cost`; text, audio and image stay together in the ledger's input cost."""

    cached_read_cost: Decimal | None = None
    cached_write_cost: Decimal | None = None
    request_cost: Decimal | None = None


class OutputCosts(Struct, gc=False, omit_defaults=True):
    """`output_cost_details`: parts of `output_cost`."""

    reasoning_cost: Decimal | None = None
    citation_cost: Decimal | None = None
    search_queries_cost: Decimal | None = None


class AdditionalCosts(Struct, gc=False, omit_defaults=True):
    """`additional_cost_details`: parts of `additional_cost`."""

    guardrail_cost: Decimal | None = None
    mcp_cost: Decimal | None = None
    semantic_cache_cost: Decimal | None = None
    routing_cost: Decimal | None = None


class UpstreamCosts(Struct, gc=False, omit_defaults=True):
    """`cost_details` of OpenRouter: what the provider behind it asks."""

    upstream_inference_cost: Decimal | None = None
    upstream_inference_prompt_cost: Decimal | None = None
    upstream_inference_completions_cost: Decimal | None = None


class Cost(Struct, gc=False, omit_defaults=True):
    """A cost object of any shape; the names do not overlap but for the total and the sums of input and output."""

    total_cost: Decimal | None = None
    currency: str | None = None
    # flat: the parts are exclusive, but for cache reads, which are inside the input
    input_tokens_cost: Decimal | None = None
    output_tokens_cost: Decimal | None = None
    reasoning_tokens_cost: Decimal | None = None
    citation_tokens_cost: Decimal | None = None
    search_queries_cost: Decimal | None = None
    request_cost: Decimal | None = None
    cache_read_tokens_cost: Decimal | None = None
    # nested: the details are inside their sum
    input_cost: Decimal | None = None
    input_cost_details: InputCosts | None = None
    output_cost: Decimal | None = None
    output_cost_details: OutputCosts | None = None
    additional_cost: Decimal | None = None
    additional_cost_details: AdditionalCosts | None = None
    # Perplexity's agent: beside the sums of input and output
    cache_creation_cost: Decimal | None = None
    cache_read_cost: Decimal | None = None
    tool_calls_cost: Decimal | None = None


def reported(
    cost: Cost | Decimal | None, ticks: int | None = None, at: str = "usage.cost"
) -> ReportedCost | None:
    """The reported cost, or None where the source states none. `at` is the path of `cost`, for refusals.

    Raises:
        Refused: an amount is not one, or is larger than one event can cost.
    """
    if cost is None:
        return None if ticks is None else ReportedCost(total=ticks * PICO_PER_TICK)
    if isinstance(cost, Decimal):
        return ReportedCost(total=pico(cost, at))
    beside = (cost.cache_creation_cost, cost.cache_read_cost, cost.tool_calls_cost)
    nested = (cost.input_cost, cost.input_cost_details, cost.output_cost, cost.output_cost_details)
    if beside != _NOT_BESIDE:
        parts = _beside(cost, at)
    elif nested == _NOTHING and cost.additional_cost is None:
        parts = _flat(cost, at)
    else:
        parts = _nested(cost, at)
    return None if parts == _UNSTATED else parts


_NOTHING: Final = (None, None, None, None)
_NOT_BESIDE: Final = (None, None, None)
_UNSTATED: Final = ReportedCost()


def _flat(cost: Cost, at: str) -> ReportedCost:
    cache_read = pico(cost.cache_read_tokens_cost, at, "cache_read_tokens_cost")
    return ReportedCost(
        input=_less(pico(cost.input_tokens_cost, at, "input_tokens_cost"), at, cache_read),
        output=pico(cost.output_tokens_cost, at, "output_tokens_cost"),
        reasoning=pico(cost.reasoning_tokens_cost, at, "reasoning_tokens_cost"),
        citation=pico(cost.citation_tokens_cost, at, "citation_tokens_cost"),
        search=pico(cost.search_queries_cost, at, "search_queries_cost"),
        request=pico(cost.request_cost, at, "request_cost"),
        cache_read=cache_read,
        total=pico(cost.total_cost, at, "total_cost"),
    )


def _beside(cost: Cost, at: str) -> ReportedCost:
    """The cache and the tools beside input and output; the total tells where the input holds the cache's part."""
    whole = pico(cost.input_cost, at, "input_cost")
    output = pico(cost.output_cost, at, "output_cost")
    cache_read = pico(cost.cache_read_cost, at, "cache_read_cost")
    cache_write = pico(cost.cache_creation_cost, at, "cache_creation_cost")
    tool = pico(cost.tool_calls_cost, at, "tool_calls_cost")
    total = pico(cost.total_cost, at, "total_cost")
    holds_cache = total is not None and total == sum(filter(None, (whole, output, tool)))
    return ReportedCost(
        input=_less(whole, at, cache_read, cache_write) if holds_cache else whole,
        output=output,
        cache_read=cache_read,
        cache_write=cache_write,
        tool=tool,
        total=total,
    )


def upstream(cost: Decimal | None, details: UpstreamCosts, at: str, *, byok: bool) -> ReportedCost | None:
    """What OpenRouter asks, and with a key of one's own what the provider asks beside it.

    Prompt and completion are stated of the provider's price: they are parts where they add up to it. None where the
    provider bills for itself and its price is not known, for then the fee alone would pass for the whole.

    Raises:
        Refused: an amount is not one, or is larger than one event can cost.
    """
    named = f"{at}_details"
    asked = pico(cost, at)
    billed = pico(details.upstream_inference_cost, named, "upstream_inference_cost")
    prompt = pico(details.upstream_inference_prompt_cost, named, "upstream_inference_prompt_cost")
    completion = pico(
        details.upstream_inference_completions_cost, named, "upstream_inference_completions_cost"
    )
    if asked is None or (byok and billed is None):
        return None
    inference = billed if byok and billed is not None else asked
    total = _less(asked, at, -inference) if byok else asked
    if prompt is None or completion is None or prompt + completion != inference:
        return ReportedCost(total=total)
    return ReportedCost(input=prompt, output=completion, total=total)


def _nested(cost: Cost, at: str) -> ReportedCost:
    inputs = cost.input_cost_details or InputCosts()
    outputs = cost.output_cost_details or OutputCosts()
    cache_read = pico(inputs.cached_read_cost, at, "input_cost_details.cached_read_cost")
    cache_write = pico(inputs.cached_write_cost, at, "input_cost_details.cached_write_cost")
    request = pico(inputs.request_cost, at, "input_cost_details.request_cost")
    reasoning = pico(outputs.reasoning_cost, at, "output_cost_details.reasoning_cost")
    citation = pico(outputs.citation_cost, at, "output_cost_details.citation_cost")
    search = pico(outputs.search_queries_cost, at, "output_cost_details.search_queries_cost")
    tool, other = _additional(cost, at)
    return ReportedCost(
        input=_less(pico(cost.input_cost, at, "input_cost"), at, cache_read, cache_write, request),
        output=_less(pico(cost.output_cost, at, "output_cost"), at, reasoning, citation, search),
        reasoning=reasoning,
        citation=citation,
        search=search,
        request=request,
        cache_read=cache_read,
        cache_write=cache_write,
        tool=tool,
        other=other,
        total=pico(cost.total_cost, at, "total_cost"),
    )


def _additional(cost: Cost, at: str) -> tuple[int | None, int | None]:
    """Tool and other cost: MCP calls, and whatever else was added (guardrails, the semantic cache, routing)."""
    details = cost.additional_cost_details or AdditionalCosts()
    path = f"{at}.additional_cost_details"
    tool = pico(details.mcp_cost, path, "mcp_cost")
    whole = pico(cost.additional_cost, at, "additional_cost")
    if whole is not None:
        return tool, _less(whole, at, tool)
    stated = [
        pico(details.guardrail_cost, path, "guardrail_cost"),
        pico(details.semantic_cache_cost, path, "semantic_cache_cost"),
        pico(details.routing_cost, path, "routing_cost"),
    ]
    known = [amount for amount in stated if amount is not None]
    return tool, sum(known) if known else None


def _less(whole: int | None, at: str, *parts: int | None) -> int | None:
    if whole is None:
        return None
    rest = whole - sum(part for part in parts if part is not None)
    if abs(rest) > LARGEST:
        raise Refused("bad_amount", f"{at} has parts larger than one event can cost", at)
    return rest


def pico(amount: Decimal | None, at: str, name: str = "") -> int | None:
    """`amount` in pico-units, None for None. `at` and `name` are the path of the field.

    Raises:
        Refused: it is not an amount of money, or larger than one event can cost.
    """
    if amount is None:
        return None
    try:
        return to_pico(amount)
    except MoneyError as error:
        field = f"{at}.{name}" if name else at
        raise Refused("bad_amount", f"{field}: {error}", field) from None
