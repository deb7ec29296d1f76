"""Price sets: the published prices that apply to a call, compiled to exact integer arithmetic.

A rate is stored as published: a price per 1,000,000 tokens, per 1,000 searches, per 3,600,000 milliseconds (a
price per millisecond has no exact decimal). Compiled, all rates of a set are integers over one common
denominator, so that a component of several meters is summed exactly and rounded once, half to even. The
result is the same as with Decimal arithmetic of unlimited precision, at integer speed.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.model.money import PICO_PER_UNIT, divide_half_even
from ingest.pricing.point import SNAPSHOT
from ingest.pricing.terms import Term, TermKind

CONTAINED_IN: Final[Mapping[str, str | None]] = {
    "input": None,
    "input_audio": "input",
    "input_image": "input",
    "cache_read": "input",
    "cache_read_audio": "cache_read",
    "cache_read_image": "cache_read",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "cache_write_12h": "cache_write_1h",
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
"""Every meter, and the meter that contains it. A meter without a price has the price of its container."""

METERS: Final = tuple(CONTAINED_IN)

REGIONAL_METERS: Final = frozenset(
    [
        "input",
        "input_audio",
        "input_image",
        "cache_read",
        "cache_read_audio",
        "cache_read_image",
        "cache_write",
        "cache_write_1h",
        "cache_write_12h",
        "output",
        "output_audio",
        "output_image",
        "reasoning",
        "citation",
    ]
)
"""Meters with regional surcharges: tokens, and not searches or other fees (Anthropic's rule for
`inference_geo`)."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The answer where a call has no price."""

    reason: str
    """A plain sentence from a small set, so that calls can be grouped by it."""


class Rate(NamedTuple):
    """A published price: `price` currency units for `per` units of the meter."""

    price: Decimal
    per: int
    least: int = 0
    """The least number of units that a call is billed."""
    row: str = ""
    """The price point of the rate, as `source#number`; empty where it is no row of the ledger."""

    def __str__(self) -> str:
        least = f", at least {self.least}" if self.least else ""
        return f"{self.price:f} per {self.per}{least}"


class Step(NamedTuple):
    """A marginal price: it applies only to the units of a meter beyond `above` in one call."""

    meter: str
    above: int
    rate: Rate


class Ratio(NamedTuple):
    """An exact factor for integers."""

    numerator: int
    denominator: int

    def of(self, number: int) -> int:
        """The product of the factor and an integer, rounded once, half to even."""
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
    """The prices of one provider, model, service tier, context band and validity.

    Its `digest` identifies it.
    """

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
    """The rule that matched the model (`ingest.pricing.matching`)."""
    steps: tuple[Step, ...] = ()
    """Marginal prices, the lowest start first. Above its start, a step replaces the meter's rate."""
    terms: tuple[Term, ...] = ()
    """The terms that change these prices, at most one of each kind."""
    digest: str = field(init=False)
    denominator: int = field(init=False)
    numerators: Numerators = field(init=False)
    step_numerators: tuple[int, ...] = field(init=False)
    contracted: Ratio = field(init=False)
    """The factor from list price to contracted price, over the denominator."""
    charged: Ratio = field(init=False)
    """The factor from list price to the price charged, over the denominator."""

    def __post_init__(self) -> None:
        exact = {meter: self._exact(meter, rate) for meter, rate in self.by_meter.items()}
        stepped = [self._exact(step.meter, step.rate) for step in self.steps]
        denominator = math.lcm(*(price.denominator for price in (*exact.values(), *stepped)))
        numerators = Numerators()
        for meter, parent in CONTAINED_IN.items():  # a container comes before the meters in it
            if meter in exact:
                numerators[meter] = int(exact[meter] * denominator)
            elif parent is not None and parent in numerators:
                numerators[meter] = numerators[parent]
        contracted = self.factor("discount")
        compiled = {
            "denominator": denominator,
            "numerators": numerators,
            "step_numerators": tuple(int(numerator * denominator) for numerator in stepped),
            "contracted": _over(denominator, contracted),
            "charged": _over(denominator, contracted * self.factor("markup")),
            "digest": hashlib.blake2b(repr(self._facts()).encode(), digest_size=12).hexdigest(),
        }
        for name, value in compiled.items():
            object.__setattr__(self, name, value)

    def _exact(self, meter: str, rate: Rate) -> Fraction:
        """The list price of one unit in pico-units."""
        regional = self.factor("region") if meter in REGIONAL_METERS else Fraction(1)
        return Fraction(rate.price) * Fraction(PICO_PER_UNIT, rate.per) * regional

    def _facts(self) -> tuple[object, ...]:
        """The facts that identify a price set, hashed into its digest. Their order must never change."""
        identity = (self.provider, self.model, self.service_tier, self.above_input_tokens, self.currency)
        origin_and_rates = (self.origin, sorted(self.rates.items()))
        if not (self.rows or self.steps or self.terms or self.rule != "snapshot"):
            return (*identity, *origin_and_rates)
        steps = [(step.meter, step.above, str(step.rate)) for step in self.steps]
        terms = [(term.kind, str(term.factor), term.number) for term in self.terms]
        return (*identity, *origin_and_rates, self.rule, sorted(self.rows.items()), steps, terms)

    def factor(self, kind: TermKind) -> Fraction:
        """The factor of the term of that kind, 1 where there is none."""
        for term in self.terms:
            if term.kind == kind:
                return Fraction(term.factor)
        return Fraction(1)

    @property
    def rows(self) -> dict[str, str]:
        """The price point of each meter, as `source#number`.

        Rates that are no row of the ledger are left out.
        """
        return {meter: rate.row for meter, rate in self.by_meter.items() if rate.row}

    @property
    def rates(self) -> dict[str, str]:
        """Each meter's published price as text, for storage and display."""
        return {meter: str(rate) for meter, rate in self.by_meter.items()}

    def listed(self, numerators: Iterable[int]) -> int:
        """The list price of components in pico-units.

        Each is a sum of counts times numerators and is rounded once.
        """
        if self.denominator == 1:
            return sum(numerators)
        return sum([divide_half_even(amount, self.denominator) for amount in numerators])
