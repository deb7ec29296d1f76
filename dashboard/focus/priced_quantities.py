"""The quantities that a group of calls was charged at each SKU price: from the group's sums, or call by call.

Sums are enough if every call is charged for exactly what it counts. They are not enough for minimum
quantities, marginal prices, audio or images beside cached tokens, and cache look-ups, where a call is charged
for more or less than it counts; nor for tool calls, which have no sum.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.focus.sku_prices import SkuPrice
from ingest.model.event import UsageEvent
from ingest.pricing import gateway_cache
from ingest.pricing.breakdown import break_down
from ingest.pricing.compute import MEASURES
from ingest.pricing.rates import CONTAINED_IN, PriceSet, Rate

Counts = Mapping[str, int]
"""The counts of a group of calls by the columns of events, and the number of `requests`."""


class SkuPriceKey(NamedTuple):
    """The key of a SKU price: component, meter, the meter whose price applies, start of a marginal price."""

    component: str
    meter: str
    charged_as: str
    above: int = 0


class Quantity(NamedTuple):
    """The quantity of a meter that calls counted, and the quantity that was billed."""

    counted: int
    billed: int

    def plus(self, other: "Quantity") -> "Quantity":
        """The sum of both."""
        return Quantity(self.counted + other.counted, self.billed + other.billed)


Quantities = dict[SkuPriceKey, Quantity]

NOTHING: Final = Quantity(0, 0)


def quantities_of_sums(counts: Counts, prices: PriceSet) -> Quantities | None:
    """What calls with these total counts were charged at `prices`; None if the sums are not enough."""
    parts = (
        _measures(counts, prices),
        _input(counts, prices),
        _output(counts, prices),
        _fees(counts, prices),
    )
    if prices.steps or "tool_call" in prices.by_meter or any(part is None for part in parts):
        return None
    return {
        SkuPriceKey(component, meter, _priced_meter(prices, meter)): Quantity(count, count)
        for part in parts
        for component, meter, count in part or ()
        if count and meter in prices.numerators  # else the calls are partly priced
    }


def quantities_of_call(event: UsageEvent, prices: PriceSet) -> Quantities:
    """What one call was charged at `prices`; for a cache hit, what its look-up was charged."""
    priced = gateway_cache.lookup_call(event) if event.cache_hit else event
    quantities: Quantities = {}
    if priced is None:
        return quantities
    starts = _starts(prices)
    for line in break_down(priced, prices).lines:
        counted = line.quantity if line.counted is None else line.counted
        quantity = Quantity(counted, line.quantity)
        if line.instead_of is not None:
            before = SkuPriceKey(line.component, line.meter, line.charged_as, starts[line.meter, line.above])
            if not before.above:
                before = before._replace(charged_as=_priced_meter(prices, line.meter))
            negative = Quantity(-line.quantity, -line.quantity)
            quantities[before] = quantities.get(before, NOTHING).plus(negative)
        key = SkuPriceKey(line.component, line.meter, line.charged_as, line.above)
        quantities[key] = quantities.get(key, NOTHING).plus(quantity)
    return quantities


def add_quantities(many: Iterable[Quantities]) -> Quantities:
    """The sum of all quantities by key."""
    total: Quantities = {}
    for quantities in many:
        for key, quantity in quantities.items():
            total[key] = total.get(key, NOTHING).plus(quantity)
    return total


def sku_price_of(key: SkuPriceKey, prices: PriceSet) -> SkuPrice:
    """The SKU price with this key."""
    return SkuPrice(prices, key.meter, _rate(key, prices), key.charged_as, key.above)


def _rate(key: SkuPriceKey, prices: PriceSet) -> Rate:
    if not key.above:
        return prices.by_meter[key.charged_as]
    steps = (step for step in prices.steps if (step.meter, step.above) == (key.meter, key.above))
    return next(steps).rate


def _starts(prices: PriceSet) -> dict[tuple[str, int], int]:
    """Where the price before each marginal price begins."""
    starts: dict[tuple[str, int], int] = {}
    last_start: dict[str, int] = {}
    for step in prices.steps:
        starts[step.meter, step.above] = last_start.get(step.meter, 0)
        last_start[step.meter] = step.above
    return starts


def _priced_meter(prices: PriceSet, meter: str) -> str:
    """The meter whose price applies to a meter: its own, or the next containing meter that has a price."""
    holder: str | None = meter
    while holder is not None and holder not in prices.by_meter:
        holder = CONTAINED_IN[holder]
    return holder or meter


Charged = Sequence[tuple[str, str, int]]
"""Cost components, meters and counts."""


def _measures(counts: Counts, prices: PriceSet) -> Charged | None:
    charged = []
    for name, meters, _ in MEASURES:
        meter = next((candidate for candidate in meters if candidate in prices.by_meter), None)
        if counts[name] and meter is not None:
            if prices.by_meter[meter].least:
                return None
            charged.append((meters[meter], meter, counts[name]))
    return charged


def _fees(counts: Counts, prices: PriceSet) -> Charged:
    calls = counts["requests"] if "request" in prices.by_meter else 0
    return ("search_cost", "search", counts["search_queries"]), ("request_cost", "request", calls)


def _counts_tokens(prices: PriceSet) -> bool:
    """Whether tokens are charged; if not, the model is sold by another measure."""
    return "input" in prices.by_meter or "output" in prices.by_meter


def _input(counts: Counts, prices: PriceSet) -> Charged | None:
    if not _counts_tokens(prices):
        return ()
    reads, writes = counts["cache_read_tokens"], counts["cache_write_tokens"]
    hours = counts["cache_write_1h_tokens"]
    audio, images = counts["input_audio_tokens"], counts["input_image_tokens"]
    if (audio or images) and (reads or writes or (audio and images)):
        return None
    if writes and "cache_write_12h" in prices.by_meter:  # has no sum
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
