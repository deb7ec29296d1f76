"""How much of each price point a group of calls was charged: from their sums where those tell, else call by call.

Sums tell where a count of a group is the sum of what its calls were charged. They do not where a call is charged for more than it
counts or for part of it: least quantities, marginal prices, audio or images beside cached tokens, look-ups of a cache; nor of tool
calls, which are summed nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.focus.sku_prices import Offer
from ingest.model.event import UsageEvent
from ingest.pricing import gateway_cache
from ingest.pricing.breakdown import break_down
from ingest.pricing.compute import MEASURES
from ingest.pricing.rates import CONTAINED_IN, PriceSet, Rate

Counts = Mapping[str, int]
"""Counts of a group of calls, by the columns of events; and how many `requests` there are."""


class Priced(NamedTuple):
    """What a quantity was charged as: the component of the cost, the meter, the meter whose price it has, from where on."""

    component: str
    meter: str
    charged_as: str
    above: int = 0


class Quantity(NamedTuple):
    """So much of a meter: counted by the calls, and billed."""

    counted: int
    billed: int

    def plus(self, other: "Quantity") -> "Quantity":
        """Both together."""
        return Quantity(self.counted + other.counted, self.billed + other.billed)


Quantities = dict[Priced, Quantity]

NOTHING: Final = Quantity(0, 0)


def of_sums(counts: Counts, prices: PriceSet) -> Quantities | None:
    """What calls with these counts together were charged at `prices`; None where their sums do not tell."""
    parts = (
        _measures(counts, prices),
        _input(counts, prices),
        _output(counts, prices),
        _fees(counts, prices),
    )
    if prices.steps or "tool_call" in prices.by_meter or any(part is None for part in parts):
        return None
    return {
        Priced(component, meter, _holder(prices, meter)): Quantity(count, count)
        for part in parts
        for component, meter, count in part or ()
        if count
    }


def of_call(event: UsageEvent, prices: PriceSet) -> Quantities:
    """What one call was charged at `prices`, or the look-up that answered it."""
    priced = gateway_cache.lookup_call(event) if event.cache_hit else event
    found: Quantities = {}
    if priced is None:
        return found
    starts = _starts(prices)
    for line in break_down(priced, prices).lines:
        counted = line.quantity if line.counted is None else line.counted
        here = Quantity(counted, line.quantity)
        if line.instead_of is not None:
            before = Priced(line.component, line.meter, line.charged_as, starts[line.meter, line.above])
            if not before.above:
                before = before._replace(charged_as=_holder(prices, line.meter))
            less = Quantity(-line.quantity, -line.quantity)
            found[before] = found.get(before, NOTHING).plus(less)
        key = Priced(line.component, line.meter, line.charged_as, line.above)
        found[key] = found.get(key, NOTHING).plus(here)
    return found


def added(many: Iterable[Quantities]) -> Quantities:
    """All of them together."""
    found: Quantities = {}
    for one in many:
        for key, quantity in one.items():
            found[key] = found.get(key, NOTHING).plus(quantity)
    return found


def offer(priced: Priced, prices: PriceSet) -> Offer:
    """The price point that a quantity was charged at."""
    return Offer(prices, priced.meter, _rate(priced, prices), priced.charged_as, priced.above)


def _rate(priced: Priced, prices: PriceSet) -> Rate:
    if not priced.above:
        return prices.by_meter[priced.charged_as]
    steps = (one for one in prices.steps if (one.meter, one.above) == (priced.meter, priced.above))
    return next(steps).rate


def _starts(prices: PriceSet) -> dict[tuple[str, int], int]:
    """Where the price begins that stands before each marginal price."""
    found: dict[tuple[str, int], int] = {}
    last: dict[str, int] = {}
    for step in prices.steps:
        found[step.meter, step.above] = last.get(step.meter, 0)
        last[step.meter] = step.above
    return found


def _holder(prices: PriceSet, meter: str) -> str:
    """The meter whose price this one has."""
    holder: str | None = meter
    while holder is not None and holder not in prices.by_meter:
        holder = CONTAINED_IN[holder]
    return holder or meter


Charged = Sequence[tuple[str, str, int]]
"""Components, meters, counts."""


def _measures(counts: Counts, prices: PriceSet) -> Charged | None:
    found = []
    for name, meters, _ in MEASURES:
        meter = next((one for one in meters if one in prices.by_meter), None)
        if counts[name] and meter is not None:
            if prices.by_meter[meter].least:
                return None
            found.append((meters[meter], meter, counts[name]))
    return found


def _fees(counts: Counts, prices: PriceSet) -> Charged:
    calls = counts["requests"] if "request" in prices.by_meter else 0
    return ("search_cost", "search", counts["search_queries"]), ("request_cost", "request", calls)


def _counts_tokens(prices: PriceSet) -> bool:
    """Whether tokens are charged; else they pass because the model is sold by another measure."""
    return "input" in prices.by_meter or "output" in prices.by_meter


def _input(counts: Counts, prices: PriceSet) -> Charged | None:
    if not _counts_tokens(prices):
        return ()
    reads, writes = counts["cache_read_tokens"], counts["cache_write_tokens"]
    hours = counts["cache_write_1h_tokens"]
    audio, images = counts["input_audio_tokens"], counts["input_image_tokens"]
    if (audio or images) and (reads or writes or (audio and images)):
        return None
    return (
        ("input_cost", "input", counts["input_tokens"] - reads - writes - audio - images),
        ("input_cost", "input_audio", audio),
        ("input_cost", "input_image", images),
        ("cache_read_cost", "cache_read", reads),
        ("cache_write_cost", "cache_write", writes - hours),
        ("cache_write_cost", "cache_write_1h", hours),
    )


def _output(counts: Counts, prices: PriceSet) -> Charged | None:
    if not _counts_tokens(prices):
        return ()
    apart = [
        (component, meter, count)
        for component, meter, count in (
            ("output_cost", "output_audio", counts["output_audio_tokens"]),
            ("output_cost", "output_image", counts["output_image_tokens"]),
            ("reasoning_cost", "reasoning", counts["reasoning_tokens"]),
            ("citation_cost", "citation", counts["citation_tokens"]),
        )
        if count and (component == "output_cost" or meter in prices.by_meter)
    ]
    if len(apart) > 1:
        return None
    return (("output_cost", "output", counts["output_tokens"] - sum(count for *_, count in apart)), *apart)
