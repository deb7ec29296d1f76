"""The breakdown of a computed cost: quantities, prices and products, adding up to the charge of `computed`.

`computed` sums at once, because it prices every call on arrival. This module calculates the same line by
line, to explain a single call; a property test checks that both agree. The lines exclude each other, and
nothing is rounded before a component is summed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Final, NamedTuple

from ingest.model.event import UsageEvent
from ingest.model.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.compute import MEASURES, STEPPED, meter_without_price, tokens_of
from ingest.pricing.rates import CONTAINED_IN, REGIONAL_METERS, MissingPrice, PriceSet, Rate

ONE: Final = Fraction(1)


class CostLine(NamedTuple):
    """A quantity of a meter at a price, as part of a component."""

    component: str
    meter: str
    charged_as: str
    """The meter whose price applies: its own, or the meter that contains it."""
    quantity: int
    rate: Rate
    region: Fraction = ONE
    """The regional factor on the price."""
    instead_of: Rate | None = None
    """For a marginal price: the price of the same units in earlier lines, which is subtracted."""
    above: int = 0
    """Where a marginal price begins."""
    counted: int | None = None
    """The quantity of the call, where a least quantity makes it billed for more; else None."""

    @property
    def product(self) -> Fraction:
        """Quantity times price in units of the currency, exactly."""
        price = _unit(self.rate) - (_unit(self.instead_of) if self.instead_of else 0)
        return self.quantity * price * self.region


class ComponentSum(NamedTuple):
    """A component: the exact sum of its lines, and its three prices, each rounded once, in pico-units."""

    component: str
    exact: Fraction
    """At list prices, in units of the currency."""
    charged: Fraction
    """At the prices charged under contract terms, before rounding."""
    listed_pico: int
    contracted_pico: int
    charged_pico: int


@dataclass(frozen=True)
class CostBreakdown:
    """The lines of a calculation and their sums by component. Totals are in pico-units."""

    lines: tuple[CostLine, ...]
    sums: tuple[ComponentSum, ...]
    missing: tuple[str, ...] = ()
    """The meters that the call counts and that have no price: they are in no line."""

    @property
    def list_total(self) -> int:
        """At list prices."""
        return sum(part.listed_pico for part in self.sums)

    @property
    def contracted_total(self) -> int:
        """After a discount."""
        return sum(part.contracted_pico for part in self.sums)

    @property
    def total(self) -> int:
        """After a discount and a mark-up: the charge of the call."""
        return sum(part.charged_pico for part in self.sums)


def break_down(event: UsageEvent, prices: PriceSet) -> CostBreakdown:
    """The cost of a call at `prices`, line by line, without its cache look-up, which is a call of its own."""
    missing: dict[str, None] = {}
    lines = sorted(_lines(event, prices, missing), key=lambda line: COMPONENTS.index(line.component))
    by_component = groupby(lines, key=lambda line: line.component)
    return CostBreakdown(
        tuple(lines),
        tuple(_sum(component, list(component_lines), prices) for component, component_lines in by_component),
        tuple(missing),
    )


def rounded(amount: Fraction) -> int:
    """An exact amount in pico-units, half to even."""
    pico = amount * PICO_PER_UNIT
    return divide_half_even(pico.numerator, pico.denominator)


def _sum(component: str, lines: Sequence[CostLine], prices: PriceSet) -> ComponentSum:
    exact = sum((line.product for line in lines), Fraction())
    contracted = exact * prices.factor("discount")
    charged = contracted * prices.factor("markup")
    return ComponentSum(component, exact, charged, rounded(exact), rounded(contracted), rounded(charged))


def _lines(event: UsageEvent, prices: PriceSet, missing: dict[str, None]) -> Iterator[CostLine]:
    """The lines of every count that has a price; `missing` gets the meters of the others."""
    measures = list(_lines_of_measures(event, prices, missing))
    yield from measures
    if not measures or "input" in prices.by_meter or "output" in prices.by_meter:
        yield from _unless_missing(_lines_of_input(event, prices), missing)
        yield from _unless_missing(_lines_of_output(event, prices), missing)
    searches = _priced_lines(prices, ("search_cost", "search", event.search_queries or 0))
    yield from _unless_missing(searches, missing)
    yield from _lines_of_fees(event, prices)
    yield from _lines_of_steps(event, prices, missing)


def _unless_missing(lines: Iterator[CostLine], missing: dict[str, None]) -> Iterator[CostLine]:
    """The lines, which raise before the first line if their price is missing."""
    try:
        yield from lines
    except MissingPrice as meter:
        missing[str(meter)] = None


def _lines_of_fees(event: UsageEvent, prices: PriceSet) -> Iterator[CostLine]:
    if "request" in prices.by_meter:
        yield _line(prices, "request_cost", "request", 1)
    if event.tool_calls and "tool_call" in prices.by_meter:
        yield _line(prices, "tool_cost", "tool_call", event.tool_calls)


def _lines_of_measures(event: UsageEvent, prices: PriceSet, missing: dict[str, None]) -> Iterator[CostLine]:
    counts = [(getattr(event, name) or 0, meters, same) for name, meters, same in MEASURES]
    if not any(count for count, *_ in counts) and event.total_tokens and not tokens_of(event):
        missing["total_tokens"] = None
    for count, meters, same_content in counts:
        meter = next((candidate for candidate in meters if candidate in prices.by_meter), None)
        if count and meter is not None:
            billed = max(count, prices.by_meter[meter].least)
            line = _line(prices, meters[meter], meter, billed)
            yield line._replace(counted=count if billed != count else None)
        elif count and not same_content(event):
            missing[meter_without_price(meters)] = None


def _lines_of_input(event: UsageEvent, prices: PriceSet) -> Iterator[CostLine]:
    tokens = event.input_tokens
    if not tokens:
        return
    reads, writes = event.cache_read_tokens or 0, event.cache_write_tokens or 0
    for_1h = (event.cache_write_1h_tokens or 0) if writes else 0
    for_12h = (event.cache_write_12h_tokens or 0) if writes else 0
    audio_read = (event.cache_read_audio_tokens or 0) if reads else 0
    images_read = (event.cache_read_image_tokens or 0) if reads else 0
    plain = tokens - reads - writes
    audio = min(max((event.input_audio_tokens or 0) - audio_read, 0), plain)
    images = min(max((event.input_image_tokens or 0) - images_read, 0), plain - audio)
    _line(prices, "input_cost", "input", 0)  # raises: input tokens of any kind need a price of input
    yield from _priced_lines(
        prices,
        ("input_cost", "input", plain - audio - images),
        ("input_cost", "input_audio", audio),
        ("input_cost", "input_image", images),
        ("cache_read_cost", "cache_read", reads - audio_read - images_read),
        ("cache_read_cost", "cache_read_audio", audio_read),
        ("cache_read_cost", "cache_read_image", images_read),
        ("cache_write_cost", "cache_write", writes - for_1h - for_12h),
        ("cache_write_cost", "cache_write_1h", for_1h),
        ("cache_write_cost", "cache_write_12h", for_12h),
    )


def _lines_of_output(event: UsageEvent, prices: PriceSet) -> Iterator[CostLine]:
    tokens = event.output_tokens
    if not tokens:
        return
    audio = min(event.output_audio_tokens or 0, tokens)
    images = min(event.output_image_tokens or 0, tokens - audio)
    left = tokens - audio - images
    reasoning = min(event.reasoning_tokens or 0, left) if "reasoning" in prices.by_meter else 0
    left -= reasoning
    citations = min(event.citation_tokens or 0, left) if "citation" in prices.by_meter else 0
    _line(prices, "output_cost", "output", 0)
    yield from _priced_lines(
        prices,
        ("output_cost", "output", left - citations),
        ("output_cost", "output_audio", audio),
        ("output_cost", "output_image", images),
        ("reasoning_cost", "reasoning", reasoning),
        ("citation_cost", "citation", citations),
    )


def _lines_of_steps(event: UsageEvent, prices: PriceSet, missing: dict[str, None]) -> Iterator[CostLine]:
    before: dict[str, Rate] = {}
    for step in prices.steps:
        component, count = STEPPED[step.meter]
        beyond = (count(event) or 0) - step.above
        needed = CONTAINED_IN[step.meter] or step.meter
        if beyond > 0 and needed not in prices.numerators:
            missing[needed] = None
        elif beyond > 0:
            lower = before.get(step.meter) or _line(prices, component, step.meter, 0).rate
            yield CostLine(
                component,
                step.meter,
                step.meter,
                beyond,
                step.rate,
                _region(prices, step.meter),
                lower,
                step.above,
            )
        before[step.meter] = step.rate


def _priced_lines(prices: PriceSet, *counts: tuple[str, str, int]) -> Iterator[CostLine]:
    for component, meter, count in counts:
        if count:
            yield _line(prices, component, meter, count)


def _line(prices: PriceSet, component: str, meter: str, quantity: int) -> CostLine:
    """A line at the price of the meter, or of the meter that contains it."""
    priced_meter: str | None = meter
    while priced_meter is not None and priced_meter not in prices.by_meter:
        priced_meter = CONTAINED_IN[priced_meter]
    if priced_meter is None:
        raise MissingPrice(meter)
    rate = prices.by_meter[priced_meter]
    return CostLine(component, meter, priced_meter, quantity, rate, _region(prices, priced_meter))


def _region(prices: PriceSet, meter: str) -> Fraction:
    return prices.factor("region") if meter in REGIONAL_METERS else ONE


def _unit(rate: Rate) -> Fraction:
    return Fraction(rate.price) / rate.per
