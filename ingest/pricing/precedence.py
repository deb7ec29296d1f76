"""Which of the two price lists that ship stands first: genai-prices, or a later and simpler price of LiteLLM.

genai-prices stands first. A price of LiteLLM's map stands instead where both are flat (no service tiers,
hours, dates or context bands), a meter that both price differs by more than 1%, and the map was released
later. It does so from the release of the map on: earlier calls have the oldest price that is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from importlib.metadata import version
from typing import Final

from ingest.pricing.matching import model_names
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.snapshot import PublishedPrices
from ingest.pricing.source_prices import DatedPrices, SourcePrices

RELEASES: Final[Mapping[str, date]] = {"0.2.3": date(2026, 11, 10)}
"""The days (UTC) on which releases of genai-prices were published. Others are younger than the map."""

_TOLERANCE: Final = Fraction(1, 100)
_OWN_NAMES: Final = frozenset(["as written", "provider before the model"])


def genai_release() -> date:
    """The day on which the installed genai-prices was published; the latest day for an unknown release."""
    return RELEASES.get(version("genai-prices"), date.max)


def later_prices(
    published: DatedPrices | Unpriced | None,
    litellm: SourcePrices,
    name: tuple[str, str, str],
    since: int | None,
) -> DatedPrices | None:
    """The prices of LiteLLM's map that stand instead of genai-prices' from the instant `since` on, or None.

    `name` is provider, model and service tier of the call.
    """
    if since is None or not isinstance(published, PublishedPrices) or not published.is_flat:
        return None
    later = litellm.find(*name)
    if later is None or not _is_flat(litellm, name):
        return None
    prices, replacement = published.at(since, 0), later.at(since, 0)
    if isinstance(prices, Unpriced) or isinstance(replacement, Unpriced):
        return None
    return later if differs(prices, replacement) else None


def _is_flat(litellm: SourcePrices, name: tuple[str, str, str]) -> bool:
    """Whether the map has the model under its own name, with one price of each meter."""
    provider, model, _ = name
    for candidate in model_names(provider, model):
        if points := litellm.points_of(candidate[:2]):
            return candidate.rule in _OWN_NAMES and all(
                point.service_tier == "standard" and not (point.above or point.marginal or point.hours)
                for point in points
            )
    return False


def differs(first: PriceSet, second: PriceSet) -> bool:
    """Whether a meter that both price differs by more than 1% of the higher price."""
    if first.currency != second.currency:
        return False
    common = first.by_meter.keys() & second.by_meter.keys()
    return any(_differ(first.by_meter[meter], second.by_meter[meter]) for meter in common)


def _differ(first: Rate, second: Rate) -> bool:
    low, high = sorted(Fraction(rate.price) / rate.per for rate in (first, second))
    return high - low > high * _TOLERANCE


@dataclass(slots=True)
class Switch:
    """The prices of one list up to an instant, and of the other from it on."""

    before: DatedPrices
    after: DatedPrices
    since: int
    """Microseconds UTC."""

    @property
    def edges(self) -> Sequence[int]:
        """See `DatedPrices`."""
        return sorted({self.since, *self.before.edges, *self.after.edges})

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        return (self.before if at < self.since else self.after).at(at, input_tokens)
