"""SKU prices: the unit prices of one meter by a price set, as on a price list.

The unit is the price list's unit; for tokens it is always a million. The list price includes the regional
surcharge, and the contracted price has the discount taken off. Neither includes a mark-up, which is not the
provider's price. A price with more than `PRICE_SCALE` decimals is rounded there, and costs are exact products
of the rounded price.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final

from dashboard.focus.decimals import (
    CONVERTED_PRICE_SCALE,
    MONEY_SCALE,
    PRICE_SCALE,
    QUANTITY_SCALE,
    decimal_of,
    decimals,
)
from dashboard.focus.meters import METERS, TOKENS, Meter
from ingest.pricing.rates import REGIONAL_METERS, PriceSet, Rate

MILLION: Final = 1_000_000
_TIMES: Final = ((3_600_000, "Hours"), (60_000, "Minutes"), (1_000, "Seconds"))


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """The unit prices of a SKU price in a billing currency."""

    listed: Decimal
    contracted: Decimal

    @property
    def scale(self) -> int:
        """How many decimals a quantity may have so that its costs fit `MONEY_SCALE`."""
        return min(QUANTITY_SCALE, MONEY_SCALE - max(decimals(self.listed), decimals(self.contracted)))


@dataclass(frozen=True, eq=False)
class SkuPrice:
    """The price of a meter in a price set, or the marginal price above a number of units in a call."""

    prices: PriceSet
    meter: str
    rate: Rate
    charged_as: str
    """The meter whose price applies: the meter itself, or a meter that contains it."""
    above: int = 0
    """The number of units in a call above which a marginal price applies."""

    @cached_property
    def kind(self) -> Meter:
        """The meter's names and units."""
        return METERS[self.meter]

    @cached_property
    def exact(self) -> Fraction:
        """The list price of one of the ledger's units, not rounded."""
        region = self.prices.factor("region") if self.charged_as in REGIONAL_METERS else Fraction(1)
        return Fraction(self.rate.price) / self.rate.per * region

    @cached_property
    def block(self) -> int:
        """How many of the ledger's units the unit price is for."""
        if self.kind.unit == TOKENS:
            return MILLION
        if self.kind.per == 1:
            return self.rate.per
        return next((length for length, _ in _TIMES if self.rate.per == length), self.kind.per)

    @cached_property
    def unit(self) -> str:
        """The pricing unit, such as `1000000 Tokens`."""
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
    def own(self) -> UnitPrices:
        """The unit prices in the currency of the price list."""
        return UnitPrices(self.list_price, self.contracted_price)

    def converted(self, rate: Fraction) -> UnitPrices:
        """The unit prices in a currency of which one unit of the price list's currency is worth `rate`."""
        if rate == 1:
            return self.own
        listed = self.exact * self.block * rate
        discounted = listed * self.prices.factor("discount")
        return UnitPrices(
            decimal_of(listed, CONVERTED_PRICE_SCALE), decimal_of(discounted, CONVERTED_PRICE_SCALE)
        )

    @cached_property
    def price_point(self) -> str:
        """What tells this price from the SKU's other prices: tier, context band and region."""
        prices = self.prices
        parts = [prices.service_tier or "standard"]
        if prices.above_input_tokens:
            parts.append(f"over-{prices.above_input_tokens}")
        if self.above:
            parts.append(f"marginal-over-{self.above}")
        regions = [term.region for term in prices.terms if term.kind == "region" and term.region]
        return "/".join([*parts, *regions])
