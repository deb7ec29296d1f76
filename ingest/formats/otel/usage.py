"""Usage of a span: its counts in the inclusive convention of the ledger, and its stated cost.

The conventions have always required totals that include their parts, and the known instrumentations of
Anthropic's SDK have added the cache to the input since they first stated cache counts. Programs that pass a
provider's own counts on do not. A count is taken for exclusive only where it cannot be inclusive: the cache
is larger than the input, the reasoning is larger than the output, or the stated total is the sum of all
parts. What else a stated total has beyond input and output is output, too: thoughts that the instrumentation
left out.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ingest.formats.completion.cost import AdditionalCosts, Cost, InputCosts, OutputCosts, reported_cost
from ingest.formats.completion.token_conventions import inclusive_usage
from ingest.formats.completion.usage import CacheWrites, InputDetails, Meters, OutputDetails, Usage, meters
from ingest.formats.json.unknown_numbers import refusal
from ingest.formats.otel import names
from ingest.formats.otel.attributes import Attributes
from ingest.model.event import ReportedCost


def span_meters(attributes: Attributes, provider: str, request_type: str) -> Meters:
    """The meters of the call.

    Raises:
        Refused: a count is invalid.
    """
    inputs = InputDetails(
        text_tokens=attributes.count(names.INPUT_TEXT),
        audio_tokens=attributes.count(names.INPUT_AUDIO),
        image_tokens=attributes.count(names.INPUT_IMAGE),
        cached_read_tokens=attributes.count(names.CACHE_READ),
        cached_write_tokens=attributes.count(names.CACHE_WRITE),
        cached_write_token_details=CacheWrites(
            cached_write_tokens_5m=attributes.count(names.CACHE_WRITE_5M),
            cached_write_tokens_1h=attributes.count(names.CACHE_WRITE_1H),
        ),
    )
    outputs = OutputDetails(
        text_tokens=attributes.count(names.OUTPUT_TEXT),
        audio_tokens=attributes.count(names.OUTPUT_AUDIO),
        image_tokens=attributes.count(names.OUTPUT_IMAGE),
        reasoning_tokens=attributes.count(names.REASONING),
        citation_tokens=attributes.count(names.CITATION),
        accepted_prediction_tokens=attributes.count(names.ACCEPTED),
        rejected_prediction_tokens=attributes.count(names.REJECTED),
        num_search_queries=attributes.count(names.SEARCHES),
    )
    stated = Usage(
        prompt_tokens=attributes.count(names.INPUT_TOKENS),
        prompt_tokens_details=inputs,
        completion_tokens=attributes.count(names.OUTPUT_TOKENS),
        completion_tokens_details=outputs,
        total_tokens=attributes.count(names.TOTAL_TOKENS),
    )
    return meters(inclusive_usage(_inclusive(stated, inputs, outputs), provider, request_type, gateway=False))


def _inclusive(stated: Usage, inputs: InputDetails, outputs: OutputDetails) -> Usage:
    """`stated` with what its input and output leave out: cache, reasoning, and the rest of the total."""
    tokens_in, tokens_out = stated.prompt_tokens, stated.completion_tokens
    cached = (inputs.cached_read_tokens or 0) + (inputs.cached_write_tokens or 0)
    reasoning = outputs.reasoning_tokens or 0
    sum_of_all = (tokens_in or 0) + (tokens_out or 0) + cached
    if tokens_in is not None and cached and (cached > tokens_in or stated.total_tokens == sum_of_all):
        stated = replace(stated, prompt_tokens=tokens_in + cached, total_tokens=None)
    if tokens_out is None:
        return stated
    if tokens_in is not None and (stated.total_tokens or 0) >= tokens_in + max(tokens_out + 1, reasoning):
        return replace(stated, completion_tokens=(stated.total_tokens or 0) - tokens_in)
    if reasoning > tokens_out:
        return replace(stated, completion_tokens=tokens_out + reasoning, total_tokens=None)
    return stated


def refuse_unknown_counts(attributes: Mapping[str, Any]) -> None:
    """Refuse a span that states numbers of a usage, of which none is a known count or cost.

    Raises:
        Refused: it does; the refusal has the names of the numbers.
    """
    unknown = [
        name for name in attributes if name.startswith(names.USAGE_PREFIXES) and name not in names.KNOWN
    ]
    if unknown and not any(name in names.USAGE or name in names.COST for name in attributes):
        raise refusal(sorted(unknown), "attributes")


def span_cost(attributes: Attributes) -> ReportedCost | None:
    """The stated cost of the call, None where the span states none.

    Raises:
        Refused: an amount is invalid, or larger than one call can cost.
    """
    inputs = InputCosts(
        cached_read_cost=attributes.amount(names.COST_CACHE_READ),
        cached_write_cost=attributes.amount(names.COST_CACHE_WRITE),
        request_cost=attributes.amount(names.COST_REQUEST),
    )
    outputs = OutputCosts(
        reasoning_cost=attributes.amount(names.COST_REASONING),
        citation_cost=attributes.amount(names.COST_CITATION),
        search_queries_cost=attributes.amount(names.COST_SEARCH),
    )
    additions = AdditionalCosts(
        guardrail_cost=attributes.amount(names.COST_GUARDRAIL),
        mcp_cost=attributes.amount(names.COST_TOOL),
        semantic_cache_cost=attributes.amount(names.COST_SEMANTIC_CACHE),
        routing_cost=attributes.amount(names.COST_ROUTING),
    )
    stated = Cost(
        total_cost=attributes.amount(names.COST),
        input_cost=attributes.amount(names.COST_INPUT),
        input_cost_details=inputs,
        output_cost=attributes.amount(names.COST_OUTPUT),
        output_cost_details=outputs,
        additional_cost=attributes.amount(names.COST_ADDITIONAL),
        additional_cost_details=additions,
    )
    return reported_cost(stated, at="attributes")
