"""The charge: what one call costs, in exclusive components that add up to its total."""

from typing import Final, Literal

import msgspec

CostSource = Literal["reported", "computed", "unpriced", "free"]

COMPONENTS: Final = (
    "input_cost",
    "output_cost",
    "reasoning_cost",
    "citation_cost",
    "search_cost",
    "request_cost",
    "cache_read_cost",
    "cache_write_cost",
    "tool_cost",
    "other_cost",
)
"""The parts of a total. They exclude each other: `input_cost`, for example, is uncached input only."""


class Charge(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """The money of one call in pico-units. The fields are columns of `usage_event`, in this order.

    The components add up to `total_cost`. An unpriced call has `total_cost` None, never 0, and a reason. A
    computed call with a reason is partly priced: the total is what is known, and the reason names the rest.
    `reported_total` and `computed_total` are kept beside it, whichever of the two counts. The price set is of
    the computed cost, also where a reported cost counts. `list_total` and `contracted_total` are the cost at
    list prices and after contract terms. `saved_cost` is the cost that caching saved: the avoided call of a
    gateway cache hit, or the provider's cheaper cached input less the surcharge for writing the cache.
    """

    cost_source: CostSource
    unpriced_reason: str | None = None
    price_set: str | None = None
    input_cost: int | None = None
    output_cost: int | None = None
    reasoning_cost: int | None = None
    citation_cost: int | None = None
    search_cost: int | None = None
    request_cost: int | None = None
    cache_read_cost: int | None = None
    cache_write_cost: int | None = None
    tool_cost: int | None = None
    other_cost: int | None = None
    total_cost: int | None = None
    reported_total: int | None = None
    computed_total: int | None = None
    list_total: int | None = None
    contracted_total: int | None = None
    saved_cost: int | None = None

    @property
    def is_partly_priced(self) -> bool:
        """Whether the computed total leaves out usage that has no price."""
        return self.cost_source == "computed" and self.unpriced_reason is not None


MONEY: Final = (
    *COMPONENTS,
    "total_cost",
    "reported_total",
    "computed_total",
    "list_total",
    "contracted_total",
    "saved_cost",
)
"""Every money column of an event."""
