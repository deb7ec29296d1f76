"""One model of the price book: its prices through time and now, and every row that has a say in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dashboard.prices.price_list import bands_of, tiers_of
from ingest.pricing.book import Alias, Book
from ingest.pricing.history import Stretch, history
from ingest.pricing.matching import ModelName, model_names, provider_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.pricing.snapshot import TERMS
from ingest.pricing.terms import Term


@dataclass(frozen=True)
class Band:
    """The prices of a model for calls of one service tier and size."""

    service_tier: str
    above: int
    """Calls with more input tokens than this. Of marginal prices, only the tokens above."""
    marginal: bool
    rates: Mapping[str, Rate]
    prices: PriceSet
    """The set that they are of: with its rule, its terms, its currency."""

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the prices are from: rows of the ledger, or editions."""
        return tuple(dict.fromkeys(rate.row or self.prices.origin for rate in self.rates.values()))


@dataclass(frozen=True)
class PricedModel:
    """What the book says of one model."""

    provider: str
    model: str
    tiers: tuple[str, ...]
    """The service tiers in which it has prices; the usual one where it has none."""
    histories: dict[str, list[Stretch]]
    """By tier."""
    bands: tuple[Band, ...]
    """The prices of now."""
    no_price: str | None
    """Why it has no price in its first tier now; None where it has one."""
    points: tuple[PricePoint, ...]
    """Its rows of the ledger, the newest first."""
    terms: tuple[Term, ...]
    alias: Alias | None
    """What its name means, where somebody said so."""
    other_names: tuple[Alias, ...]
    """Names that mean this model."""


def priced_model(book: Book, provider: str, model: str, at: int) -> PricedModel:
    """What the book says of a model at an instant (microseconds UTC) and through time."""
    alias = book.alias_of(provider, model)
    meant = (alias.target_provider, alias.target_model) if alias else (provider, model)
    known = list(model_names(*meant))
    tiers = tiers_of(book, provider, model, at)
    first = book.find(provider, model, tiers[0], at, 0)
    return PricedModel(
        provider_of(provider),
        model,
        tuple(tiers),
        {tier: history(book, provider, model, tier, at) for tier in tiers},
        tuple(one for tier in tiers for one in _bands(book, provider, model, tier, at)),
        None if isinstance(first, PriceSet) else first.reason,
        tuple(
            sorted(_points(book, known), key=lambda one: (one.added_at, one.number), reverse=True),
        ),
        tuple(_terms(book, known)),
        alias,
        tuple(
            one
            for one in book.stored.aliases
            if _means(one, known) and book.alias_of(one.provider, one.model) == one
        ),
    )


def _bands(book: Book, provider: str, model: str, tier: str, at: int) -> Iterator[Band]:
    """The prices of each context band that has others than the one below, and then the marginal ones."""
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


def _points(book: Book, known: list[ModelName]) -> Iterator[PricePoint]:
    keys = {(name.provider, name.model) for name in known} | {(ANY, name.model) for name in known}
    for one in book.stored.points:
        is_pattern = ANY in one.model and one.provider in (ANY, known[0].provider)
        if (one.provider, one.model) in keys or (is_pattern and fnmatchcase(known[0].model, one.model)):
            yield one


def _terms(book: Book, known: list[ModelName]) -> Iterator[Term]:
    """Terms that concern some calls of the model, whoever makes them and wherever."""
    for one in (*TERMS, *book.stored.terms):
        if any(one.concerns(name.provider, name.model, one.region, one.team, one.customer) for name in known):
            yield one


def _means(alias: Alias, known: list[ModelName]) -> bool:
    return any((alias.target_provider, alias.target_model) == (name.provider, name.model) for name in known)
