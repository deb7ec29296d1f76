"""LiteLLM's cost of a call, as parts of its charge that exclude each other.

Its breakdown states the cost of the model. Additions and reductions (guardrails, flat fees, discounts,
margins) are the rest of the total, which pricing books to `other`. The parts therefore add up for any new
kind of addition.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from ingest.formats.completion.cost import pico
from ingest.model.event import ReportedCost

_ROUNDING_TOLERANCE: Final = 8
"""Pico-units. The parts are rounded one by one, so their sum may be this much over the total."""


class CostBreakdown(Struct, gc=False):
    """`cost_breakdown`. Tier and regions are those of the applied prices, not of the request."""

    input_cost: Decimal | None = None
    cache_read_cost: Decimal | None = None
    cache_creation_cost: Decimal | None = None
    output_cost: Decimal | None = None
    reasoning_cost: Decimal | None = None
    tool_usage_cost: Decimal | None = None
    discount_amount: Decimal | None = None
    service_tier: str | None = None
    data_residency: str | None = None
    vertex_location: str | None = None


def reported_cost(total: Decimal, breakdown: CostBreakdown | None, at: str) -> ReportedCost:
    """The charge of a call, with its parts where they fit the total. `at` is the field of the total.

    Raises:
        Refused: an amount is invalid, or is larger than one event can cost.
    """
    charged = pico(total, at) or 0
    if not charged or breakdown is None:
        return ReportedCost(total=charged)
    return _parts(breakdown, charged) or ReportedCost(total=charged)


def _parts(breakdown: CostBreakdown, total: int) -> ReportedCost | None:
    """The parts; None where they do not fit the total. `output_cost` includes `reasoning_cost`."""
    at = "cost_breakdown"
    input_cost = pico(breakdown.input_cost, at, "input_cost")
    cache_read = pico(breakdown.cache_read_cost, at, "cache_read_cost")
    cache_write = pico(breakdown.cache_creation_cost, at, "cache_creation_cost")
    output = pico(breakdown.output_cost, at, "output_cost")
    reasoning = pico(breakdown.reasoning_cost, at, "reasoning_cost")
    tool = pico(breakdown.tool_usage_cost, at, "tool_usage_cost")
    cached = (cache_read or 0) + (cache_write or 0)
    other_parts = (output or 0) + (tool or 0)
    limit = total + (pico(breakdown.discount_amount, at, "discount_amount") or 0) + _ROUNDING_TOLERANCE
    if (input_cost or 0) + cached + other_parts > limit:
        if not cached <= (input_cost or 0) <= limit - other_parts:
            return None
        input_cost = (input_cost or 0) - cached  # in some versions the input includes the cache
    if (reasoning or 0) > (output or 0):
        return None
    beyond = total - (input_cost or 0) - cached - other_parts
    return ReportedCost(
        input=input_cost,
        output=None if output is None else output - (reasoning or 0),
        reasoning=reasoning,
        cache_read=cache_read,
        cache_write=cache_write,
        tool=tool or None,
        other=beyond if beyond < 0 else None,
        total=total,
    )
