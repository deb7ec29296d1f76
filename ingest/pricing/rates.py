"""Price sets: the prices that apply to a call, published per so many units, compiled to exact integer arithmetic.

A rate is kept as it is published: so much per 1,000,000 tokens, per 1,000 searches, per 3,600,000 milliseconds (one
unit of that has no exact decimal price). Compiled, all rates of a set are integers over one common denominator, so a
component made of several meters is summed exactly and rounded once, half to even. That is the same result as Decimal
arithmetic of unlimited precision, at integer speed.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.money import PICO_PER_UNIT, divide_half_even

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
    "character": None,
    "page": None,
    "audio_ms": None,
    "input_audio_ms": None,
    "video_ms": None,
    "image": None,
    "search_unit": None,
}
"""What can have a price, and the meter that holds it. A meter without a price is charged as the one that holds it."""


class Rate(NamedTuple):
    """A published price: `price` currency units for `per` units of the meter, at least `least` of them each call."""

    price: Decimal
    per: int
    least: int = 0

    def __str__(self) -> str:
        least = f", at least {self.least}" if self.least else ""
        return f"{self.price:f} per {self.per}{least}"


class NoRate(LookupError):
    """A meter has no rate and nothing that holds it has one; the text is the meter."""


class Numerators(dict[str, int]):
    """Rates by meter in pico-units of one unit, times the set's denominator."""

    def __missing__(self, meter: str) -> int:
        raise NoRate(meter)


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
    digest: str = field(init=False)
    denominator: int = field(init=False)
    numerators: Numerators = field(init=False)

    def __post_init__(self) -> None:
        exact = {
            meter: Fraction(rate.price) * PICO_PER_UNIT / rate.per for meter, rate in self.by_meter.items()
        }
        denominator = math.lcm(*(one.denominator for one in exact.values()))
        numerators = Numerators()
        for meter, holder in HELD_BY.items():  # a holder stands before what it holds
            if meter in exact:
                numerators[meter] = int(exact[meter] * denominator)
            elif holder is not None and holder in numerators:
                numerators[meter] = numerators[holder]
        facts = (
            self.provider,
            self.model,
            self.service_tier,
            self.above_input_tokens,
            self.currency,
            self.origin,
            sorted(self.rates.items()),
        )
        digest = hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
        for name, value in (("denominator", denominator), ("numerators", numerators), ("digest", digest)):
            object.__setattr__(self, name, value)

    @property
    def rates(self) -> dict[str, str]:
        """Each meter's published price as text, for the ledger and for people."""
        return {meter: str(rate) for meter, rate in self.by_meter.items()}

    def rounded(self, numerator: int) -> int:
        """A sum of counts times numerators as pico-units: the one rounding of a component."""
        return numerator if self.denominator == 1 else divide_half_even(numerator, self.denominator)
