"""One model of the price book: its price history, its current prices, and their rows, terms and aliases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dashboard.prices.price_list import bands_of, tiers_of
from ingest.pricing.book import Alias, Book
from ingest.pricing.history import Stretch, history
from ingest.pricing.matching import ModelName, model_names, provider_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.pricing.terms import Term


@dataclass(frozen=True)
class Band:
    """The prices of a model for calls of one service tier and size."""

    service_tier: str
    above: int
    """The band is of calls with more input tokens; marginal prices are only for the tokens above."""
    marginal: bool
    rates: Mapping[str, Rate]
    prices: PriceSet
    """The price set that has these rates, with its rule, terms and currency."""

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the prices come from: rows of the ledger, or editions of a source."""
        return tuple(dict.fromkeys(rate.row or self.prices.origin for rate in self.rates.values()))


@dataclass(frozen=True)
class PricedModel:
    """The prices, rows, terms and aliases of one model."""

    provider: str
    model: str
    tiers: tuple[str, ...]
    """The service tiers in which the model has prices; the standard tier if it has none."""
    histories: dict[str, list[Stretch]]
    """The price history of each tier."""
    bands: tuple[Band, ...]
    """The current prices."""
    no_price: str | None
    """Why the first tier has no price now; None if it has a price."""
    points: tuple[PricePoint, ...]
    """The model's price rows in the ledger, the newest first."""
    terms: tuple[Term, ...]
    alias: Alias | None
    """The alias registered for this provider and model, or None."""
    other_names: tuple[Alias, ...]
    """The aliases whose target is this model."""


def priced_model(book: Book, provider: str, model: str, at: int) -> PricedModel:
    """The prices of a model at an instant (microseconds UTC) and through time."""
    alias = book.alias_of(provider, model)
    target = (alias.target_provider, alias.target_model) if alias else (provider, model)
    names = list(model_names(*target))
    tiers = tiers_of(book, provider, model, at)
    first = book.find(provider, model, tiers[0], at, 0)
    return PricedModel(
        provider_of(provider),
        model,
        tuple(tiers),
        {tier: history(book, provider, model, tier, at) for tier in tiers},
        tuple(band for tier in tiers for band in _bands(book, provider, model, tier, at)),
        None if isinstance(first, PriceSet) else first.reason,
        tuple(
            sorted(_points(book, names), key=lambda point: (point.added_at, point.number), reverse=True),
        ),
        tuple(_terms(book, names)),
        alias,
        tuple(
            other
            for other in book.stored.aliases
            if _is_alias_of(other, names) and book.alias_of(other.provider, other.model) == other
        ),
    )


def _bands(book: Book, provider: str, model: str, tier: str, at: int) -> Iterator[Band]:
    """The prices of each context band that differ from the band below, then the marginal prices."""
    below: Mapping[str, Rate] = {}
    steps: dict[int, dict[str, Rate]] = {}
    for above in bands_of(book, at):
        prices = book.find(provider, model, tier, at, above + 1)
        if isinstance(prices, PriceSet) and prices.by_meter != below:
            below = prices.by_meter
            yield Band(tier, above, False, below, prices)
            for step in prices.steps:
                steps.setdefault(step.above, {})[step.meter] = step.rate
    if isinstance(prices, PriceSet):
        for above, rates in sorted(steps.items()):
            yield Band(tier, above, True, rates, prices)


def _points(book: Book, names: list[ModelName]) -> Iterator[PricePoint]:
    keys = {(name.provider, name.model) for name in names} | {(ANY, name.model) for name in names}
    for point in book.stored.points:
        is_pattern = ANY in point.model and point.provider in (ANY, names[0].provider)
        if (point.provider, point.model) in keys or (is_pattern and fnmatchcase(names[0].model, point.model)):
            yield point


def _terms(book: Book, names: list[ModelName]) -> Iterator[Term]:
    """The terms that apply to some calls of the model, in any region, team or customer."""
    for term in book.terms:
        if any(
            term.concerns(name.provider, name.model, term.region, term.team, term.customer) for name in names
        ):
            yield term


def _is_alias_of(alias: Alias, names: list[ModelName]) -> bool:
    return any((alias.target_provider, alias.target_model) == (name.provider, name.model) for name in names)
