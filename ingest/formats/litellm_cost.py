"""LiteLLM's cost of a call, as exclusive parts of what it charges.

Its breakdown says what the model cost. What it adds or takes off (guardrails, flat fees, discounts, margins) is the
rest of the total, which pricing books to `other`, so that the parts add up whatever LiteLLM adds next.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from ingest.event import ReportedCost
from ingest.formats.cost import pico

_ROUNDING: Final = 8
"""Parts were floats and are rounded one by one: together they may pass their total by as many pico-units."""


class CostBreakdown(Struct, gc=False):
    """`cost_breakdown`. The tier and the places are what the prices were taken for, not what was asked for."""

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


def reported(total: Decimal, breakdown: CostBreakdown | None, at: str) -> ReportedCost:
    """The charge of a call; its parts only where they fit the total that LiteLLM charges. `at` names the total.

    Raises:
        Refused: an amount is not one, or is larger than one event can cost.
    """
    charged = pico(total, at) or 0
    if not charged or breakdown is None:
        return ReportedCost(total=charged)
    return _parts(breakdown, charged) or ReportedCost(total=charged)


def _parts(breakdown: CostBreakdown, total: int) -> ReportedCost | None:
    """The parts; None where they are of another total. `reasoning_cost` is inside `output_cost`."""
    at = "cost_breakdown"
    plain = pico(breakdown.input_cost, at, "input_cost")
    read = pico(breakdown.cache_read_cost, at, "cache_read_cost")
    write = pico(breakdown.cache_creation_cost, at, "cache_creation_cost")
    output = pico(breakdown.output_cost, at, "output_cost")
    reasoning = pico(breakdown.reasoning_cost, at, "reasoning_cost")
    tool = pico(breakdown.tool_usage_cost, at, "tool_usage_cost")
    cached = (read or 0) + (write or 0)
    outside = (output or 0) + (tool or 0)
    room = total + (pico(breakdown.discount_amount, at, "discount_amount") or 0) + _ROUNDING
    if (plain or 0) + cached + outside > room:
        if not cached <= (plain or 0) <= room - outside:
            return None
        plain = (plain or 0) - cached  # versions that counted the cache inside the input
    if (reasoning or 0) > (output or 0):
        return None
    return ReportedCost(
        input=plain,
        output=None if output is None else output - (reasoning or 0),
        reasoning=reasoning,
        cache_read=read,
        cache_write=write,
        tool=tool or None,
        total=total,
    )
