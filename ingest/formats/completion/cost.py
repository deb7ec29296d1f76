"""Reported costs: a bare number, a flat object or a nested object, as parts that exclude each other.

Each amount is rounded to pico-units once. Parts that include other parts are separated by exact integer
subtraction. Parts of the total that no other part accounts for are not computed here: pricing books them to
`other`.
"""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Struct

from ingest.model.event import ReportedCost
from ingest.model.money import LARGEST, MoneyError, to_pico
from ingest.model.rejection import Refused

PICO_PER_TICK: Final = 100
"""xAI states costs in ticks: one dollar is 10^10 ticks."""

Ticks = Annotated[int, Meta(ge=-(10**16), le=10**16)]


class InputCosts(Struct, gc=False, omit_defaults=True):
    """`input_cost_details`: parts of `input_cost`. Text, audio and image are one part in the ledger."""

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
    """`cost_details` of OpenRouter: the price of the provider behind OpenRouter."""

    upstream_inference_cost: Decimal | None = None
    upstream_inference_prompt_cost: Decimal | None = None
    upstream_inference_completions_cost: Decimal | None = None


class Cost(Struct, gc=False, omit_defaults=True):
    """A cost object of any shape. Only the total and the sums of input and output occur in several shapes."""

    total_cost: Decimal | None = None
    currency: str | None = None
    # flat: the parts exclude each other, but the input includes cache reads
    input_tokens_cost: Decimal | None = None
    output_tokens_cost: Decimal | None = None
    reasoning_tokens_cost: Decimal | None = None
    citation_tokens_cost: Decimal | None = None
    search_queries_cost: Decimal | None = None
    request_cost: Decimal | None = None
    cache_read_tokens_cost: Decimal | None = None
    # nested: each sum includes its details
    input_cost: Decimal | None = None
    input_cost_details: InputCosts | None = None
    output_cost: Decimal | None = None
    output_cost_details: OutputCosts | None = None
    additional_cost: Decimal | None = None
    additional_cost_details: AdditionalCosts | None = None
    # Perplexity's agent: outside the sums of input and output
    cache_creation_cost: Decimal | None = None
    cache_read_cost: Decimal | None = None
    tool_calls_cost: Decimal | None = None


def reported_cost(
    cost: Cost | Decimal | None, ticks: int | None = None, at: str = "usage.cost"
) -> ReportedCost | None:
    """The reported cost, or None where the source states none. `at` is the path of `cost`, for refusals.

    Raises:
        Refused: an amount is invalid, or is larger than one event can cost.
    """
    if cost is None:
        return None if ticks is None else ReportedCost(total=ticks * PICO_PER_TICK)
    if isinstance(cost, Decimal):
        return ReportedCost(total=pico(cost, at))
    cache_apart = (cost.cache_creation_cost, cost.cache_read_cost, cost.tool_calls_cost)
    sums = (cost.input_cost, cost.input_cost_details, cost.output_cost, cost.output_cost_details)
    if cache_apart != _NO_CACHE_APART:
        parts = _cost_with_cache_apart(cost, at)
    elif sums == _NO_SUMS and cost.additional_cost is None:
        parts = _flat_cost(cost, at)
    else:
        parts = _nested_cost(cost, at)
    return None if parts == _NO_COST else parts


_NO_SUMS: Final = (None, None, None, None)
_NO_CACHE_APART: Final = (None, None, None)
_NO_COST: Final = ReportedCost()


def _flat_cost(cost: Cost, at: str) -> ReportedCost:
    cache_read = pico(cost.cache_read_tokens_cost, at, "cache_read_tokens_cost")
    return ReportedCost(
        input=_subtract(pico(cost.input_tokens_cost, at, "input_tokens_cost"), at, cache_read),
        output=pico(cost.output_tokens_cost, at, "output_tokens_cost"),
        reasoning=pico(cost.reasoning_tokens_cost, at, "reasoning_tokens_cost"),
        citation=pico(cost.citation_tokens_cost, at, "citation_tokens_cost"),
        search=pico(cost.search_queries_cost, at, "search_queries_cost"),
        request=pico(cost.request_cost, at, "request_cost"),
        cache_read=cache_read,
        total=pico(cost.total_cost, at, "total_cost"),
    )


def _cost_with_cache_apart(cost: Cost, at: str) -> ReportedCost:
    """A cost with cache and tools apart. By the total, `input_cost` includes the cache or does not."""
    input_cost = pico(cost.input_cost, at, "input_cost")
    output = pico(cost.output_cost, at, "output_cost")
    cache_read = pico(cost.cache_read_cost, at, "cache_read_cost")
    cache_write = pico(cost.cache_creation_cost, at, "cache_creation_cost")
    tool = pico(cost.tool_calls_cost, at, "tool_calls_cost")
    total = pico(cost.total_cost, at, "total_cost")
    includes_cache = total is not None and total == sum(filter(None, (input_cost, output, tool)))
    return ReportedCost(
        input=_subtract(input_cost, at, cache_read, cache_write) if includes_cache else input_cost,
        output=output,
        cache_read=cache_read,
        cache_write=cache_write,
        tool=tool,
        total=total,
    )


def openrouter_cost(
    cost: Decimal | None, details: UpstreamCosts, at: str, *, byok: bool
) -> ReportedCost | None:
    """The charge of OpenRouter; with BYOK (the customer's own provider key), plus the charge of the provider.

    Prompt and completion are parts of the provider's price. They are used where they add up to it. With
    BYOK and an unknown price of the provider the cost is None, because OpenRouter's fee alone is not the
    cost of the call.

    Raises:
        Refused: an amount is invalid, or is larger than one event can cost.
    """
    details_path = f"{at}_details"
    charged = pico(cost, at)
    provider_cost = pico(details.upstream_inference_cost, details_path, "upstream_inference_cost")
    prompt = pico(details.upstream_inference_prompt_cost, details_path, "upstream_inference_prompt_cost")
    completion = pico(
        details.upstream_inference_completions_cost, details_path, "upstream_inference_completions_cost"
    )
    if charged is None or (byok and provider_cost is None):
        return None
    inference = provider_cost if byok and provider_cost is not None else charged
    total = _subtract(charged, at, -inference) if byok else charged
    if prompt is None or completion is None or prompt + completion != inference:
        return ReportedCost(total=total)
    return ReportedCost(input=prompt, output=completion, total=total)


def _nested_cost(cost: Cost, at: str) -> ReportedCost:
    inputs = cost.input_cost_details or InputCosts()
    outputs = cost.output_cost_details or OutputCosts()
    cache_read = pico(inputs.cached_read_cost, at, "input_cost_details.cached_read_cost")
    cache_write = pico(inputs.cached_write_cost, at, "input_cost_details.cached_write_cost")
    request = pico(inputs.request_cost, at, "input_cost_details.request_cost")
    reasoning = pico(outputs.reasoning_cost, at, "output_cost_details.reasoning_cost")
    citation = pico(outputs.citation_cost, at, "output_cost_details.citation_cost")
    search = pico(outputs.search_queries_cost, at, "output_cost_details.search_queries_cost")
    tool, other = _additional_cost(cost, at)
    return ReportedCost(
        input=_subtract(pico(cost.input_cost, at, "input_cost"), at, cache_read, cache_write, request),
        output=_subtract(pico(cost.output_cost, at, "output_cost"), at, reasoning, citation, search),
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


def _additional_cost(cost: Cost, at: str) -> tuple[int | None, int | None]:
    """Tool cost (MCP calls) and other cost (guardrails, the semantic cache, routing)."""
    details = cost.additional_cost_details or AdditionalCosts()
    path = f"{at}.additional_cost_details"
    tool = pico(details.mcp_cost, path, "mcp_cost")
    whole = pico(cost.additional_cost, at, "additional_cost")
    if whole is not None:
        return tool, _subtract(whole, at, tool)
    amounts = [
        pico(details.guardrail_cost, path, "guardrail_cost"),
        pico(details.semantic_cache_cost, path, "semantic_cache_cost"),
        pico(details.routing_cost, path, "routing_cost"),
    ]
    stated = [amount for amount in amounts if amount is not None]
    return tool, sum(stated) if stated else None


def _subtract(whole: int | None, at: str, *parts: int | None) -> int | None:
    if whole is None:
        return None
    rest = whole - sum(part for part in parts if part is not None)
    if abs(rest) > LARGEST:
        raise Refused("bad_amount", f"{at} has parts larger than one event can cost", at)
    return rest


def pico(amount: Decimal | None, at: str, name: str = "") -> int | None:
    """`amount` in pico-units, None for None. `at` and `name` are the path of the field.

    Raises:
        Refused: the amount is invalid, or is larger than one event can cost.
    """
    if amount is None:
        return None
    try:
        return to_pico(amount)
    except MoneyError as error:
        field = f"{at}.{name}" if name else at
        raise Refused("bad_amount", f"{field}: {error}", field) from None
