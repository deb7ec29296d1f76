"""Price sets: the prices that apply to a call, published per so many units, compiled to exact integer arithmetic.

A rate is kept as it is published: so much per 1,000,000 tokens, per 1,000 searches, per 3,600,000 milliseconds (one
unit of that has no exact decimal price). Compiled, all rates of a set are integers over one common denominator, so a
component made of several meters is summed exactly and rounded once, half to even. That is the same result as Decimal
arithmetic of unlimited precision, at integer speed.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.point import SNAPSHOT
from ingest.pricing.terms import Term, TermKind

HELD_BY: Final[Mapping[str, str | None]] = {
    "input": None,
    "input_audio": "input",
    "input_image": "input",
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "output": None,
    "output_audio": "output",
    "output_image": "output",
    "reasoning": "output",
    "citation": "output",
    "search": None,
    "request": None,
    "tool_call": None,
    "character": None,
    "page": None,
    "audio_ms": None,
    "input_audio_ms": None,
    "video_ms": None,
    "image": None,
    "search_unit": None,
}
"""What can have a price, and the meter that holds it. A meter without a price is charged as the one that holds it."""

METERS: Final = tuple(HELD_BY)

OF_REGIONS: Final = frozenset(
    [
        "input",
        "input_audio",
        "input_image",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "output",
        "output_audio",
        "output_image",
        "reasoning",
        "citation",
    ]
)
"""Meters that a region's factor concerns: tokens, and not searches or other fees (Anthropic's rule for `inference_geo`)."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """There is no price, and why: one plain sentence, of which there are few."""

    reason: str


class Rate(NamedTuple):
    """A published price: `price` currency units for `per` units of the meter, at least `least` of them each call."""

    price: Decimal
    per: int
    least: int = 0
    row: str = ""
    """The price point it is, as `source#number`; empty where it is in no ledger."""

    def __str__(self) -> str:
        least = f", at least {self.least}" if self.least else ""
        return f"{self.price:f} per {self.per}{least}"


class Step(NamedTuple):
    """A price of only those units of a meter that lie above so many in one call."""

    meter: str
    above: int
    rate: Rate


class Ratio(NamedTuple):
    """An exact factor, ready for whole numbers."""

    numerator: int
    denominator: int

    def of(self, number: int) -> int:
        """So much of a whole number, rounded once, half to even."""
        return divide_half_even(number * self.numerator, self.denominator)


def _over(denominator: int, factor: Fraction) -> Ratio:
    exact = factor / denominator
    return Ratio(exact.numerator, exact.denominator)


class MissingPrice(LookupError):
    """A meter has no price, and no meter that includes it has one; the text is the meter."""


class Numerators(dict[str, int]):
    """Rates by meter in pico-units of one unit, times the set's denominator."""

    def __missing__(self, meter: str) -> int:
        raise MissingPrice(meter)


@dataclass(frozen=True, eq=False, slots=True)
class PriceSet:
    """The prices of one provider, model, service tier, context band and validity. Known by its `digest`."""

    provider: str
    model: str
    service_tier: str
    above_input_tokens: int
    """The context band: the set applies to calls with more input tokens than this."""
    currency: str
    origin: str
    by_meter: Mapping[str, Rate]
    source: str = SNAPSHOT
    """The most trusted source of these prices."""
    rule: str = "snapshot"
    """How the model was found (`ingest.pricing.matching`)."""
    steps: tuple[Step, ...] = ()
    """Marginal prices, the lower first. They stand in for the meter's rate above their start."""
    terms: tuple[Term, ...] = ()
    """What changes these prices, at most one of a kind."""
    digest: str = field(init=False)
    denominator: int = field(init=False)
    numerators: Numerators = field(init=False)
    step_numerators: tuple[int, ...] = field(init=False)
    contracted: Ratio = field(init=False)
    """What a discount leaves of the list price, over the denominator."""
    charged: Ratio = field(init=False)
    """What a discount and a mark-up make of the list price, over the denominator."""

    def __post_init__(self) -> None:
        exact = {meter: self._exact(meter, rate) for meter, rate in self.by_meter.items()}
        stepped = [self._exact(step.meter, step.rate) for step in self.steps]
        denominator = math.lcm(*(one.denominator for one in (*exact.values(), *stepped)))
        numerators = Numerators()
        for meter, holder in HELD_BY.items():  # a holder stands before what it holds
            if meter in exact:
                numerators[meter] = int(exact[meter] * denominator)
            elif holder is not None and holder in numerators:
                numerators[meter] = numerators[holder]
        contracted = self.factor("discount")
        made = {
            "denominator": denominator,
            "numerators": numerators,
            "step_numerators": tuple(int(one * denominator) for one in stepped),
            "contracted": _over(denominator, contracted),
            "charged": _over(denominator, contracted * self.factor("markup")),
            "digest": hashlib.blake2b(repr(self._facts()).encode(), digest_size=12).hexdigest(),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def _exact(self, meter: str, rate: Rate) -> Fraction:
        """The list price of one unit in pico-units."""
        regional = self.factor("region") if meter in OF_REGIONS else Fraction(1)
        return Fraction(rate.price) * Fraction(PICO_PER_UNIT, rate.per) * regional

    def _facts(self) -> tuple[object, ...]:
        """What tells two price sets apart."""
        known = (self.provider, self.model, self.service_tier, self.above_input_tokens, self.currency)
        told = (self.origin, sorted(self.rates.items()))
        if not (self.rows or self.steps or self.terms or self.rule != "snapshot"):
            return (*known, *told)
        steps = [(step.meter, step.above, str(step.rate)) for step in self.steps]
        terms = [(term.kind, str(term.factor), term.number) for term in self.terms]
        return (*known, *told, self.rule, sorted(self.rows.items()), steps, terms)

    def factor(self, kind: TermKind) -> Fraction:
        """The factor of the term of that kind, 1 where there is none."""
        for term in self.terms:
            if term.kind == kind:
                return Fraction(term.factor)
        return Fraction(1)

    @property
    def rows(self) -> dict[str, str]:
        """The price point of each meter, as `source#number`, of those that are rows of a ledger."""
        return {meter: rate.row for meter, rate in self.by_meter.items() if rate.row}

    @property
    def rates(self) -> dict[str, str]:
        """Each meter's published price as text, for the ledger and for people."""
        return {meter: str(rate) for meter, rate in self.by_meter.items()}

    def listed(self, numerators: Iterable[int]) -> int:
        """Components, each a sum of counts times numerators, as pico-units at the list price: each is rounded once."""
        if self.denominator == 1:
            return sum(numerators)
        return sum([divide_half_even(one, self.denominator) for one in numerators])
