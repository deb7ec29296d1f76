"""What a group of calls was charged, line by line: a quantity and its price point, or an amount that has none.

Lines add up to what the ledger holds of the group, to the last pico-unit: rounding goes to the largest line of a component,
and what no price explains (a reported cost, the look-up of a cache) is a line without a price point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Final

from dashboard.focus.priced_quantities import Counts, Priced, Quantities, Quantity
from dashboard.focus.sku_prices import Offer
from ingest.model.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.rates import PriceSet

Costs = Mapping[str, int]
"""Pico-units by component."""


@dataclass(frozen=True, slots=True)
class Line:
    """So much of a meter at a price point; or what a meter costs, where there is no price point."""

    meter: str
    cost: int
    """In pico-units."""
    counted: int
    is_tokens: bool = True
    """Whether `counted` is tokens where there is no price point; else it is calls."""
    offer: Offer | None = None
    billed: int = 0


OF_COMPONENT: Final[Mapping[str, str]] = {
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
"""The meter that a component's cost is of, where no price says it."""


def of_reported(counts: Counts, costs: Costs) -> list[Line]:
    """The parts of a cost that sources reported, each with the tokens that it is for.

    Tokens of a kind that has no cost of its own are counted with the kind that holds them, and those of a cost without
    parts with the whole.
    """
    held = {meter: counts[column] for meter, column in _TOKENS.items()}
    held["input"] -= held["cache_read"] + held["cache_write"]
    held["output"] -= held["reasoning"] + held["citation"]
    for meter, holder in _HELD_BY:
        if not costs[_COSTS[meter]]:
            held[holder] = held.get(holder, 0) + held.pop(meter)
    return [_lump(name, costs[name], held, counts) for name in COMPONENTS if costs[name]]


_TOKENS: Final = {
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
    "citation": "citation_tokens",
    "input": "input_tokens",
    "output": "output_tokens",
}
_HELD_BY: Final = (
    ("cache_read", "input"),
    ("cache_write", "input"),
    ("reasoning", "output"),
    ("citation", "output"),
    ("input", "other"),
    ("output", "other"),
)
_COSTS: Final = {meter: component for component, meter in OF_COMPONENT.items()}


def _lump(component: str, cost: int, held: Mapping[str, int], counts: Counts) -> Line:
    meter = OF_COMPONENT[component]
    if tokens := held.get(meter, 0):
        return Line(meter, cost, tokens)
    calls = counts["search_queries"] if meter == "search" else 0
    return Line(meter, cost, calls or counts["requests"], is_tokens=False)


def of_computed(
    quantities: Quantities, offers: Mapping[Priced, Offer], costs: Costs, counts: Counts
) -> list[Line] | None:
    """What was charged at price points; None where that is not what the ledger holds.

    Other costs may be more than price points explain: the look-up of a cache is charged beside a call.
    """
    calls = counts["requests"]
    found: list[Line] = []
    ordered = sorted(quantities.items(), key=lambda item: (COMPONENTS.index(item[0].component), item[0]))
    explained: dict[str, list[tuple[Priced, Quantity]]] = {
        component: list(some) for component, some in groupby(ordered, key=lambda item: item[0].component)
    }
    for component in COMPONENTS:
        lines = [_line(offers[key], quantity) for key, quantity in explained.get(component, ())]
        exact = [_charged(line) for line in lines]
        beyond = costs[component] - sum(exact, Fraction())
        if lines and abs(beyond) <= calls:
            found += _rounded(lines, exact, costs[component])
        elif component == "other_cost":
            mine = _pico(sum(exact, Fraction()))
            found += [*_rounded(lines, exact, mine), *_amount("other", costs[component] - mine, calls)]
        elif beyond:
            return None
    return found


def _amount(meter: str, cost: int, calls: int) -> list[Line]:
    """A cost that no price explains; none where there is none."""
    return [Line(meter, cost, calls, is_tokens=False)] if cost else []


def unexplained(costs: Costs, counts: Counts) -> list[Line]:
    """Costs that are computed and that no price explains, as amounts."""
    amounts = (_amount(OF_COMPONENT[name], costs[name], counts["requests"]) for name in COMPONENTS)
    return [line for some in amounts for line in some]


def contracted(lines: Sequence[Line], prices: PriceSet | None, total: int, calls: int) -> list[Line]:
    """The same lines at what contracts make of them, without the mark-up of the platform; `total` is the ledger's."""
    if prices is None or prices.factor("markup") == 1:
        return list(lines)
    discount = prices.factor("discount")
    priced = [line for line in lines if line.offer is not None]
    exact = [line.billed * line.offer.exact * discount * PICO_PER_UNIT for line in priced if line.offer]
    beyond = total - sum(exact, Fraction())
    if priced and abs(beyond) <= calls * len(COMPONENTS):
        return _rounded(priced, exact, total)
    mine = _pico(sum(exact, Fraction()))
    return [*_rounded(priced, exact, mine), *_amount("other", total - mine, calls)]


def _line(offer: Offer, quantity: Quantity) -> Line:
    return Line(offer.meter, 0, quantity.counted, offer=offer, billed=quantity.billed)


def _charged(line: Line) -> Fraction:
    """What contract and mark-up make of a line, in pico-units, not rounded."""
    assert line.offer is not None
    prices = line.offer.prices
    charged: Fraction = (
        line.offer.exact * prices.factor("discount") * prices.factor("markup") * line.billed * PICO_PER_UNIT
    )
    return charged


def _rounded(lines: Sequence[Line], exact: Sequence[Fraction], whole: int) -> list[Line]:
    """The lines with their costs in whole pico-units that add up to `whole`; the largest takes what rounding leaves."""
    if not lines:
        return []
    costs = [_pico(one) for one in exact]
    largest = max(range(len(costs)), key=lambda at: abs(costs[at]))
    costs[largest] += whole - sum(costs)
    return [replace(line, cost=cost) for line, cost in zip(lines, costs, strict=True)]


def _pico(exact: Fraction) -> int:
    return divide_half_even(exact.numerator, exact.denominator)
