"""Usage of a span: its counts in the inclusive convention of the ledger, and what it says the call cost.

The conventions have always wanted totals that include their parts, and the known instrumentations of Anthropic's SDK
have added the cache to the input for as long as they have told of a cache at all. Programs that hand a provider's own
counts on do not. A count is taken for exclusive where it cannot be otherwise: the cache is larger than the input, the
reasoning is larger than the output, or the stated total is the sum of everything.
"""

from msgspec.structs import replace

from ingest.event import ReportedCost
from ingest.formats.cost import AdditionalCosts, Cost, InputCosts, OutputCosts, reported_cost
from ingest.formats.inclusion import inclusive_usage
from ingest.formats.otel import names
from ingest.formats.otel.attributes import Attributes
from ingest.formats.usage import CacheWrites, InputDetails, Meters, OutputDetails, Usage, meters


def used(said: Attributes, provider: str, request_type: str) -> Meters:
    """What the call used.

    Raises:
        Refused: a count is none.
    """
    inputs = InputDetails(
        text_tokens=said.count(names.INPUT_TEXT),
        audio_tokens=said.count(names.INPUT_AUDIO),
        image_tokens=said.count(names.INPUT_IMAGE),
        cached_read_tokens=said.count(names.CACHE_READ),
        cached_write_tokens=said.count(names.CACHE_WRITE),
        cached_write_token_details=CacheWrites(
            cached_write_tokens_5m=said.count(names.CACHE_WRITE_5M),
            cached_write_tokens_1h=said.count(names.CACHE_WRITE_1H),
        ),
    )
    outputs = OutputDetails(
        text_tokens=said.count(names.OUTPUT_TEXT),
        audio_tokens=said.count(names.OUTPUT_AUDIO),
        image_tokens=said.count(names.OUTPUT_IMAGE),
        reasoning_tokens=said.count(names.REASONING),
        citation_tokens=said.count(names.CITATION),
        accepted_prediction_tokens=said.count(names.ACCEPTED),
        rejected_prediction_tokens=said.count(names.REJECTED),
        num_search_queries=said.count(names.SEARCHES),
    )
    stated = Usage(
        prompt_tokens=said.count(names.INPUT_TOKENS),
        prompt_tokens_details=inputs,
        completion_tokens=said.count(names.OUTPUT_TOKENS),
        completion_tokens_details=outputs,
        total_tokens=said.count(names.TOTAL_TOKENS),
    )
    return meters(inclusive_usage(_whole(stated, inputs, outputs), provider, request_type, gateway=False))


def _whole(stated: Usage, inputs: InputDetails, outputs: OutputDetails) -> Usage:
    """`stated` with the cache and the reasoning inside, where they can only have stood outside."""
    tokens_in, tokens_out = stated.prompt_tokens, stated.completion_tokens
    cached = (inputs.cached_read_tokens or 0) + (inputs.cached_write_tokens or 0)
    reasoning = outputs.reasoning_tokens or 0
    everything = (tokens_in or 0) + (tokens_out or 0) + cached
    if tokens_in is not None and cached and (cached > tokens_in or stated.total_tokens == everything):
        stated = replace(stated, prompt_tokens=tokens_in + cached, total_tokens=None)
    if tokens_out is not None and reasoning > tokens_out:
        stated = replace(stated, completion_tokens=tokens_out + reasoning, total_tokens=None)
    return stated


def cost(said: Attributes) -> ReportedCost | None:
    """What the span says the call cost, None where it says nothing.

    Raises:
        Refused: an amount is none, or larger than one call can cost.
    """
    inputs = InputCosts(
        cached_read_cost=said.amount(names.COST_CACHE_READ),
        cached_write_cost=said.amount(names.COST_CACHE_WRITE),
        request_cost=said.amount(names.COST_REQUEST),
    )
    outputs = OutputCosts(
        reasoning_cost=said.amount(names.COST_REASONING),
        citation_cost=said.amount(names.COST_CITATION),
        search_queries_cost=said.amount(names.COST_SEARCH),
    )
    additions = AdditionalCosts(
        guardrail_cost=said.amount(names.COST_GUARDRAIL),
        mcp_cost=said.amount(names.COST_TOOL),
        semantic_cache_cost=said.amount(names.COST_SEMANTIC_CACHE),
        routing_cost=said.amount(names.COST_ROUTING),
    )
    stated = Cost(
        total_cost=said.amount(names.COST),
        input_cost=said.amount(names.COST_INPUT),
        input_cost_details=inputs,
        output_cost=said.amount(names.COST_OUTPUT),
        output_cost_details=outputs,
        additional_cost=said.amount(names.COST_ADDITIONAL),
        additional_cost_details=additions,
    )
    return reported_cost(stated, at="attributes")
