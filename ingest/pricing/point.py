"""Price points: dated, published prices of one meter of one model, with their origin and who added them.

Points are only ever added. Of one source's points that cover an instant, the point added last is the price. A
correction is a later point over the same time. A point without a price withdraws an earlier point.
"""

from decimal import Decimal
from typing import Final

import msgspec

OWN: Final = "own"
"""The source of prices that people set by hand."""
SNAPSHOT: Final = "genai-prices"
"""The source of the prices that ship with a release."""
TRUSTED: Final = (OWN, SNAPSHOT, "litellm", "bifrost")
"""The default order of trust. Sources missing from it come last, by name."""
ANY: Final = "*"
"""Stands for any provider. In a model name it stands for any characters."""


class PricePoint(msgspec.Struct, frozen=True, kw_only=True):
    """`price` currency units for `per` units of `meter` (see `ingest.pricing.rates.METERS`).

    Names of providers and models are in lower case. `number` is the row in the ledger, 0 for a point outside
    of it.
    """

    source: str
    provider: str
    model: str
    meter: str
    price: Decimal | None
    per: int
    least: int = 0
    """The least number of units that a call is billed."""
    currency: str = "USD"
    service_tier: str = "standard"
    above: int = 0
    """Calls with more input tokens than this, where no higher band applies."""
    marginal: bool = False
    """Whether this price applies only to the units above `above`, and not to the whole call."""
    hours: str = ""
    """The hours of the week in which it applies (`ingest.pricing.hours`); empty for always."""
    valid_from: int | None = None
    valid_to: int | None = None
    """Microseconds UTC, the start included and the end not; None for open."""
    origin: str = ""
    """The edition of the source: a package's version, a file's name, a contract."""
    added_at: int = 0
    added_by: str = ""
    number: int = 0

    def covers(self, at: int) -> bool:
        """Whether an instant lies in the point's validity. Hours of the week are not considered."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )
