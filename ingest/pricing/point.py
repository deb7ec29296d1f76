"""Price points: one published price of one meter of one model, dated, with where it comes from and who added it.

Points are only ever added. Of those of one source that cover an instant, the one that was added last is the price: a
correction is a later point over the same time, and a point without a price takes an earlier one back.
"""

from decimal import Decimal
from typing import Final

import msgspec

OWN: Final = "own"
"""The source of prices that people set by hand."""
SNAPSHOT: Final = "genai-prices"
"""The source of the prices that ship with a release."""
TRUSTED: Final = (OWN, SNAPSHOT, "litellm", "bifrost")
"""The order of trust where no setting says another. Sources that it leaves out come last, by name."""
ANY: Final = "*"
"""A provider of which any is meant. In a model it stands for any letters."""


class PricePoint(msgspec.Struct, frozen=True, kw_only=True):
    """`price` currency units for `per` units of `meter` (`ingest.pricing.rates.METERS`), and when and for what that holds.

    Names of providers and models are in small letters. `number` is the row in the ledger, 0 for a point that is in none.
    """

    source: str
    provider: str
    model: str
    meter: str
    price: Decimal | None
    per: int
    least: int = 0
    """A call is billed at least so many units."""
    currency: str = "USD"
    service_tier: str = "standard"
    above: int = 0
    """Calls with more input tokens than this, where no higher band applies."""
    marginal: bool = False
    """Whether only the units above `above` have this price, and not the whole call."""
    hours: str = ""
    """When in the week (`ingest.pricing.hours`); empty for always."""
    valid_from: int | None = None
    valid_to: int | None = None
    """Microseconds UTC, the start included and the end not; None for open."""
    origin: str = ""
    """The edition of the source: a package's version, a file's name, a contract."""
    added_at: int = 0
    added_by: str = ""
    number: int = 0

    def covers(self, at: int) -> bool:
        """Whether the point holds at an instant, whatever its hours."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )
