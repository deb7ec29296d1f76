"""The seam between pricing and price books: one question, one answer."""

from dataclasses import dataclass
from typing import Protocol

from ingest.pricing.rates import PriceSet


@dataclass(frozen=True, slots=True)
class Unpriced:
    """There is no price, and why: one plain sentence, of which there are few."""

    reason: str


class PriceBook(Protocol):
    """Knows which prices apply to a call."""

    def find(
        self, provider: str, model: str, service_tier: str | None, at: int, input_tokens: int
    ) -> PriceSet | Unpriced:
        """The prices of a call at the instant `at` (microseconds UTC) with so many input tokens."""
        ...
