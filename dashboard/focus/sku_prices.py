"""Offers: what one kind of usage costs by a price set, as a price list would say it.

The unit is that of the price list, a million tokens whatever a list counts them in. A unit price is the published one with the
surcharge of its region, and the contracted one has the discount taken off. Neither knows a mark-up, which is no price of
the provider. A price that has no end within `PRICE_SCALE` decimals is rounded there, and what it is multiplied to is
exact by that price.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final

from dashboard.focus.decimals import MONEY_SCALE, PRICE_SCALE, QUANTITY_SCALE, decimal_of, decimals
from dashboard.focus.meters import METERS, TOKENS, Meter
from ingest.pricing.rates import REGIONAL_METERS, PriceSet, Rate

MILLION: Final = 1_000_000
_TIMES: Final = ((3_600_000, "Hours"), (60_000, "Minutes"), (1_000, "Seconds"))


@dataclass(frozen=True, eq=False)
class Offer:
    """One price point of a price set: of a meter, from so many units in a call on."""

    prices: PriceSet
    meter: str
    rate: Rate
    charged_as: str
    """The meter whose price it is: its own, or of what holds it."""
    above: int = 0
    """Where a marginal price begins."""

    @cached_property
    def kind(self) -> Meter:
        """What the meter is called."""
        return METERS[self.meter]

    @cached_property
    def exact(self) -> Fraction:
        """The list price of one of what the ledger counts."""
        region = self.prices.factor("region") if self.charged_as in REGIONAL_METERS else Fraction(1)
        return Fraction(self.rate.price) / self.rate.per * region

    @cached_property
    def block(self) -> int:
        """So many of what the ledger counts have the unit price."""
        if self.kind.unit == TOKENS:
            return MILLION
        if self.kind.per == 1:
            return self.rate.per
        return next((length for length, _ in _TIMES if self.rate.per == length), self.kind.per)

    @cached_property
    def unit(self) -> str:
        """What the unit price is for."""
        if self.kind.per != 1:
            return dict(_TIMES)[self.block]
        return self.kind.unit if self.block == 1 else f"{self.block} {self.kind.unit}"

    @cached_property
    def list_price(self) -> Decimal:
        """The published unit price."""
        return decimal_of(self.exact * self.block, PRICE_SCALE)

    @cached_property
    def contracted_price(self) -> Decimal:
        """The unit price after a discount."""
        return decimal_of(self.exact * self.block * self.prices.factor("discount"), PRICE_SCALE)

    @cached_property
    def scale(self) -> int:
        """How many decimals a quantity may have, so that its products have no more than an amount has."""
        longest = max(decimals(self.list_price), decimals(self.contracted_price))
        return min(QUANTITY_SCALE, MONEY_SCALE - longest)

    @cached_property
    def price_point(self) -> str:
        """What tells this price from others of the same SKU: tier, context band, region. No amount and no date."""
        prices = self.prices
        parts = [prices.service_tier or "standard"]
        if prices.above_input_tokens:
            parts.append(f"over-{prices.above_input_tokens}")
        if self.above:
            parts.append(f"marginal-over-{self.above}")
        regions = [one.region for one in prices.terms if one.kind == "region" and one.region]
        return "/".join([*parts, *regions])
