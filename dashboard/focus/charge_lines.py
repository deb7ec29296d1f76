"""Charge lines of a group of calls: each is a quantity at a SKU price, or an amount without a price.

The lines of a group add up to its cost in the ledger, to the last pico-unit. The largest line of a component
takes the rounding. A reported cost stands as it was reported, divided among lines at list prices. A cost that
no price explains (a reported cost without known prices, a cache look-up) is a line without a SKU price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Final

from dashboard.focus.priced_quantities import Counts, Quantities, Quantity, SkuPriceKey
from dashboard.focus.sku_prices import SkuPrice
from dashboard.query.apportion import apportioned
from ingest.model.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.rates import PriceSet

Costs = Mapping[str, int]
"""Pico-units by component."""


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """A quantity of a meter at a SKU price; without a SKU price, the amount that a meter costs."""

    meter: str
    cost: int
    """In pico-units."""
    counted: int
    is_tokens: bool = True
    """Without a SKU price: whether `counted` is tokens; otherwise it is calls."""
    sku_price: SkuPrice | None = None
    billed: int = 0


METER_OF: Final[Mapping[str, str]] = {
    "input_cost": "input",
    "output_cost": "output",
    "reasoning_cost": "reasoning",
    "citation_cost": "citation",
    "search_cost": "search",
    "request_cost": "request",
    "cache_read_cost": "cache_read",
    "cache_write_cost": "cache_write",
    "tool_cost": "tool",
    "other_cost": "other",
}
"""The meter of each component's cost, for lines without a SKU price."""


def reported_lines(counts: Counts, costs: Costs) -> list[ChargeLine]:
    """The components of a cost that sources reported, each with its tokens.

    Tokens of a kind without a cost are counted with the kind that contains them: reasoning tokens with output
    tokens, and input and output tokens with the other cost if only a total is reported.
    """
    tokens = {meter: counts[column] for meter, column in _TOKEN_COLUMNS.items()}
    tokens["input"] -= tokens["cache_read"] + tokens["cache_write"]
    tokens["output"] -= tokens["reasoning"] + tokens["citation"]
    for meter, container in _CONTAINERS:
        if not costs[_COMPONENT_OF[meter]]:
            tokens[container] = tokens.get(container, 0) + tokens.pop(meter)
    return [_reported_line(name, costs[name], tokens, counts) for name in COMPONENTS if costs[name]]


_TOKEN_COLUMNS: Final = {
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "citation": "citation_tokens",
    "input": "input_tokens",
    "output": "output_tokens",
}
_CONTAINERS: Final = (
    ("cache_read", "input"),
    ("cache_write", "input"),
    ("reasoning", "output"),
    ("citation", "output"),
    ("input", "other"),
    ("output", "other"),
)
_COMPONENT_OF: Final = {meter: component for component, meter in METER_OF.items()}


def _reported_line(component: str, cost: int, tokens: Mapping[str, int], counts: Counts) -> ChargeLine:
    meter = METER_OF[component]
    if count := tokens.get(meter, 0):
        return ChargeLine(meter, cost, count)
    calls = counts["search_queries"] if meter == "search" else 0
    return ChargeLine(meter, cost, calls or counts["requests"], is_tokens=False)


def reported_lines_at_prices(
    quantities: Quantities, sku_prices: Mapping[SkuPriceKey, SkuPrice], costs: Costs, counts: Counts
) -> list[ChargeLine]:
    """The lines of a reported cost whose kinds of usage have list prices.

    The cost of a component is divided among its lines in proportion to their list cost, and so is a cost
    without components among all lines. What no line can bear is an amount.
    """
    ordered = sorted(quantities, key=lambda key: (COMPONENTS.index(key.component), key))
    is_lump = not any(costs[name] for name in COMPONENTS if name != "other_cost")
    charged: list[ChargeLine] = []
    for component in COMPONENTS:
        keys = [key for key in ordered if ("other_cost" if is_lump else key.component) == component]
        lines = [_line(sku_prices[key], quantities[key]) for key in keys]
        listed = [line.billed * sku_prices[key].exact for key, line in zip(keys, lines, strict=True)]
        cost, whole = costs[component], sum(listed, Fraction())
        if whole > 0:
            parts = apportioned([cost * part / whole for part in listed], cost)
            charged += [replace(line, cost=part) for line, part in zip(lines, parts, strict=True)]
        else:
            charged += [*lines, *_amount(METER_OF[component], cost, counts["requests"])]
    return charged


def computed_lines(
    quantities: Quantities, sku_prices: Mapping[SkuPriceKey, SkuPrice], costs: Costs, counts: Counts
) -> list[ChargeLine] | None:
    """The lines at SKU prices; None if they do not add up to the costs in the ledger.

    Only other costs may exceed the lines at SKU prices: a cache look-up is charged beside a call.
    """
    calls = counts["requests"]
    charged: list[ChargeLine] = []
    ordered = sorted(quantities.items(), key=lambda item: (COMPONENTS.index(item[0].component), item[0]))
    by_component: dict[str, list[tuple[SkuPriceKey, Quantity]]] = {
        component: list(items) for component, items in groupby(ordered, key=lambda item: item[0].component)
    }
    for component in COMPONENTS:
        lines = [_line(sku_prices[key], quantity) for key, quantity in by_component.get(component, ())]
        exact = [_charged(line) for line in lines]
        difference = costs[component] - sum(exact, Fraction())
        if lines and abs(difference) <= calls:
            charged += _rounded(lines, exact, costs[component])
        elif component == "other_cost":
            priced = _pico(sum(exact, Fraction()))
            charged += [*_rounded(lines, exact, priced), *_amount("other", costs[component] - priced, calls)]
        elif difference:
            return None
    return charged


def _amount(meter: str, cost: int, calls: int) -> list[ChargeLine]:
    """The line of a cost that no price explains; empty for no cost."""
    return [ChargeLine(meter, cost, calls, is_tokens=False)] if cost else []


def unexplained_lines(costs: Costs, counts: Counts) -> list[ChargeLine]:
    """Computed costs that no price explains, as amounts."""
    amounts = (_amount(METER_OF[name], costs[name], counts["requests"]) for name in COMPONENTS)
    return [line for lines in amounts for line in lines]


def contracted_lines(
    lines: Sequence[ChargeLine], prices: PriceSet | None, total: int, calls: int
) -> list[ChargeLine]:
    """The lines at contracted prices, without mark-up; `total` is the contracted cost in the ledger."""
    if prices is None or prices.factor("markup") == 1:
        return list(lines)
    discount = prices.factor("discount")
    priced = [line for line in lines if line.sku_price is not None]
    exact = [
        line.billed * line.sku_price.exact * discount * PICO_PER_UNIT for line in priced if line.sku_price
    ]
    difference = total - sum(exact, Fraction())
    if priced and abs(difference) <= calls * len(COMPONENTS):
        return _rounded(priced, exact, total)
    priced_cost = _pico(sum(exact, Fraction()))
    return [*_rounded(priced, exact, priced_cost), *_amount("other", total - priced_cost, calls)]


def _line(sku_price: SkuPrice, quantity: Quantity) -> ChargeLine:
    return ChargeLine(sku_price.meter, 0, quantity.counted, sku_price=sku_price, billed=quantity.billed)


def _charged(line: ChargeLine) -> Fraction:
    """The cost of a line after discount and mark-up, in pico-units, not rounded."""
    assert line.sku_price is not None
    prices = line.sku_price.prices
    charged: Fraction = (
        line.sku_price.exact
        * prices.factor("discount")
        * prices.factor("markup")
        * line.billed
        * PICO_PER_UNIT
    )
    return charged


def _rounded(lines: Sequence[ChargeLine], exact: Sequence[Fraction], whole: int) -> list[ChargeLine]:
    """The lines with costs in pico-units that add up to `whole`; the largest line takes the rounding."""
    if not lines:
        return []
    costs = [_pico(cost) for cost in exact]
    largest = max(range(len(costs)), key=lambda at: abs(costs[at]))
    costs[largest] += whole - sum(costs)
    return [replace(line, cost=cost) for line, cost in zip(lines, costs, strict=True)]


def _pico(exact: Fraction) -> int:
    return divide_half_even(exact.numerator, exact.denominator)
