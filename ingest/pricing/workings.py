"""The workings of a computed cost: each quantity, its price and their product, which add up to what `computed` charges.

`computed` sums as it goes, because it prices every call that comes in. This says the same again line by line, for one
call that somebody asks about; a property of the tests holds the two together. Every line is exclusive of the others, and
nothing is rounded before a component is summed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Final, NamedTuple

from ingest.event import UsageEvent
from ingest.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.computed import MEASURES, STEPPED, tokens_of
from ingest.pricing.rates import HELD_BY, OF_REGIONS, MissingPrice, PriceSet, Rate

ONE: Final = Fraction(1)


class Line(NamedTuple):
    """So many units of a meter at a price, as part of a component."""

    component: str
    meter: str
    charged_as: str
    """The meter whose price it has: its own, or of what holds it."""
    quantity: int
    rate: Rate
    region: Fraction = ONE
    """What the region makes of the price."""
    instead_of: Rate | None = None
    """For a marginal price: the price that the same units have in the lines before, and which comes off."""
    above: int = 0
    """Where a marginal price begins."""
    counted: int | None = None
    """What the call counts, where it is billed for more: prices may have a least quantity."""

    @property
    def product(self) -> Fraction:
        """Quantity times price in units of the currency, exactly."""
        price = _unit(self.rate) - (_unit(self.instead_of) if self.instead_of else 0)
        return self.quantity * price * self.region


class Sum(NamedTuple):
    """A component: its lines' products summed exactly, then each price of it rounded once, in pico-units."""

    component: str
    exact: Fraction
    """At list prices, in units of the currency."""
    charged: Fraction
    """What the contract makes of it, before rounding."""
    listed_pico: int
    contracted_pico: int
    charged_pico: int


@dataclass(frozen=True)
class Workings:
    """The lines of a calculation and what they add up to, in pico-units."""

    lines: tuple[Line, ...]
    sums: tuple[Sum, ...]

    @property
    def list_total(self) -> int:
        """At list prices."""
        return sum(one.listed_pico for one in self.sums)

    @property
    def contracted_total(self) -> int:
        """After a discount."""
        return sum(one.contracted_pico for one in self.sums)

    @property
    def total(self) -> int:
        """After a discount and a mark-up: what the call is charged."""
        return sum(one.charged_pico for one in self.sums)


def work_out(event: UsageEvent, prices: PriceSet) -> Workings:
    """What a call costs at `prices`, line by line. A cache look-up is a call of its own and not in it.

    Raises:
        MissingPrice: the call counts something that has no price.
    """
    lines = sorted(_lines(event, prices), key=lambda line: COMPONENTS.index(line.component))
    by_component = groupby(lines, key=lambda line: line.component)
    return Workings(tuple(lines), tuple(_sum(name, list(some), prices) for name, some in by_component))


def rounded(amount: Fraction) -> int:
    """An exact amount in pico-units, half to even."""
    pico = amount * PICO_PER_UNIT
    return divide_half_even(pico.numerator, pico.denominator)


def _sum(component: str, lines: Sequence[Line], prices: PriceSet) -> Sum:
    exact = sum((line.product for line in lines), Fraction())
    contracted = exact * prices.factor("discount")
    charged = contracted * prices.factor("markup")
    return Sum(component, exact, charged, rounded(exact), rounded(contracted), rounded(charged))


def _lines(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
    measures = list(_measures(event, prices))
    yield from measures
    if not measures or "input" in prices.by_meter or "output" in prices.by_meter:
        yield from _input(event, prices)
        yield from _output(event, prices)
    yield from _fees(event, prices)
    yield from _steps(event, prices)


def _fees(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
    if event.search_queries:
        yield _line(prices, "search_cost", "search", event.search_queries)
    if "request" in prices.by_meter:
        yield _line(prices, "request_cost", "request", 1)
    if event.tool_calls and "tool_call" in prices.by_meter:
        yield _line(prices, "tool_cost", "tool_call", event.tool_calls)


def _measures(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
    counts = [(getattr(event, name) or 0, name, meters, same) for name, meters, same in MEASURES]
    if not any(count for count, *_ in counts) and event.total_tokens and not tokens_of(event):
        raise MissingPrice("total_tokens")
    for count, name, meters, same_content in counts:
        meter = next((one for one in meters if one in prices.by_meter), None)
        if count and meter is not None:
            billed = max(count, prices.by_meter[meter].least)
            line = _line(prices, meters[meter], meter, billed)
            yield line._replace(counted=count if billed != count else None)
        elif count and not same_content(event):
            raise MissingPrice(name)


def _input(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
    tokens = event.input_tokens
    if not tokens:
        return
    reads, writes = event.cache_read_tokens or 0, event.cache_write_tokens or 0
    for_an_hour = (event.cache_write_1h_tokens or 0) if writes else 0
    plain = tokens - reads - writes
    audio = min(event.input_audio_tokens or 0, plain)
    images = min(event.input_image_tokens or 0, plain - audio)
    _line(prices, "input_cost", "input", 0)  # without a price of input, there is none of what it holds
    yield from _some(
        prices,
        ("input_cost", "input", plain - audio - images),
        ("input_cost", "input_audio", audio),
        ("input_cost", "input_image", images),
        ("cache_read_cost", "cache_read", reads),
        ("cache_write_cost", "cache_write", writes - for_an_hour),
        ("cache_write_cost", "cache_write_1h", for_an_hour),
    )


def _output(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
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
    yield from _some(
        prices,
        ("output_cost", "output", left - citations),
        ("output_cost", "output_audio", audio),
        ("output_cost", "output_image", images),
        ("reasoning_cost", "reasoning", reasoning),
        ("citation_cost", "citation", citations),
    )


def _steps(event: UsageEvent, prices: PriceSet) -> Iterator[Line]:
    before: dict[str, Rate] = {}
    for step in prices.steps:
        component, count = STEPPED[step.meter]
        beyond = (count(event) or 0) - step.above
        if beyond > 0:
            lower = before.get(step.meter) or _line(prices, component, step.meter, 0).rate
            yield Line(
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


def _some(prices: PriceSet, *counts: tuple[str, str, int]) -> Iterator[Line]:
    for component, meter, count in counts:
        if count:
            yield _line(prices, component, meter, count)


def _line(prices: PriceSet, component: str, meter: str, quantity: int) -> Line:
    """A line at the price of the meter, or of what holds it."""
    holder: str | None = meter
    while holder is not None and holder not in prices.by_meter:
        holder = HELD_BY[holder]
    if holder is None:
        raise MissingPrice(meter)
    rate = prices.by_meter[holder]
    return Line(component, meter, holder, quantity, rate, _region(prices, holder))


def _region(prices: PriceSet, meter: str) -> Fraction:
    return prices.factor("region") if meter in OF_REGIONS else ONE


def _unit(rate: Rate) -> Fraction:
    return Fraction(rate.price) / rate.per
