"""Price sets: the prices that apply to a call, published per so many units, compiled to exact integer arithmetic.

A rate is kept as it is published: so much per 1,000,000 tokens, per 1,000 searches, per 3,600 seconds. Compiled, all
rates of a set are integers over one common denominator, so a component made of several meters is summed exactly and
rounded once, half to even. That is the same result as Decimal arithmetic of unlimited precision, at integer speed.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.money import PICO_PER_UNIT, divide_half_even

METERS: Final = (
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
    "search",
    "request",
    "character",
    "audio_ms",
    "page",
    "search_unit",
)
"""What can have a price. Tokens of a kind without a price of its own are charged as the kind that holds them."""


class Rate(NamedTuple):
    """A published price: `price` currency units for `per` units of the meter."""

    price: Decimal
    per: int

    def __str__(self) -> str:
        return f"{self.price} per {self.per}"


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
    _numerators: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        exact = {
            meter: Fraction(rate.price) * PICO_PER_UNIT / rate.per for meter, rate in self.by_meter.items()
        }
        denominator = math.lcm(*(one.denominator for one in exact.values()), 1)
        numerators = {meter: int(one * denominator) for meter, one in exact.items()}
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
        for name, value in (("denominator", denominator), ("_numerators", numerators), ("digest", digest)):
            object.__setattr__(self, name, value)

    @property
    def rates(self) -> dict[str, str]:
        """Each meter's published price as text, for the ledger and for people."""
        return {meter: str(rate) for meter, rate in self.by_meter.items()}

    def rate(self, meter: str) -> int | None:
        """Pico-units of one unit of `meter`, times `denominator`; None where it has no price."""
        return self._numerators.get(meter)

    def rounded(self, numerator: int) -> int:
        """A sum of counts times rates as pico-units: the one rounding of a component."""
        return numerator if self.denominator == 1 else divide_half_even(numerator, self.denominator)
