"""Conflicts: units for which two price sources give different prices at an instant.

Each source is asked for every model that any source names, and resolves the name by its own rules, so that
different spellings of a model are compared. A conflict that a name shares with its shorter form (without a
date or a region) is listed once, under the shorter name. Prices are compared per unit and within a currency.
Terms, marginal prices and patterns are not compared: they are the ledger's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.pricing.book import Book
from ingest.pricing.matching import model_names
from ingest.pricing.point import ANY, SNAPSHOT, PricePoint
from ingest.pricing.rates import METERS, PriceSet, Rate, Unpriced
from ingest.pricing.source_prices import DatedPrices

THRESHOLD: Final = Decimal("0.01")
"""Prices that differ by more than this part of the higher price are a conflict; smaller differences are
rounding."""

_DIGITS: Final = Decimal("0.0001")


class Conflict(NamedTuple):
    """The differing prices of two or more sources for one meter of a model, the most trusted source first."""

    provider: str
    model: str
    service_tier: str
    meter: str
    above: int
    """The context band: calls with more input tokens than this."""
    prices: Mapping[str, Rate]
    """By source."""
    spread: Decimal
    """The difference of the highest and the lowest price, as a part of the highest: from 0 to 1."""


_UnitPrices = Mapping[str, Fraction]
"""The price of one unit by source."""


class _ModelAndTier(NamedTuple):
    provider: str
    model: str
    service_tier: str


def conflicts(book: Book, at: int, threshold: Decimal = THRESHOLD) -> list[Conflict]:
    """Every conflict at an instant (microseconds UTC), by provider, model, tier, band and meter."""
    points = list(book.points(at))
    bands = sorted({0, *(point.above for point in points if not point.marginal)})
    listed: dict[tuple[object, ...], _UnitPrices] = {}
    disagreements = []
    for name in _names(points):
        for conflict in _of_model(book, name, at, bands, threshold):
            unit_prices = {
                source: Fraction(rate.price) / rate.per for source, rate in conflict.prices.items()
            }
            unit = conflict[2:5]
            if all(
                listed.get((*other[:2], *unit)) != unit_prices
                for other in model_names(name.provider, name.model)
            ):
                disagreements.append(conflict)
            listed[*name[:2], *unit] = unit_prices
    return sorted(disagreements, key=lambda conflict: conflict[:5])


def _names(points: Iterable[PricePoint]) -> list[_ModelAndTier]:
    """The models and tiers that points name without a pattern, shorter names first."""
    named = {
        _ModelAndTier(point.provider, point.model, point.service_tier)
        for point in points
        if point.provider != ANY and ANY not in point.model
    }
    return sorted(named, key=lambda name: (len(name.model), name))


def _of_model(
    book: Book, name: _ModelAndTier, at: int, bands: Iterable[int], threshold: Decimal
) -> Iterator[Conflict]:
    """The conflicts of one name."""
    answers = {source_prices.source: source_prices.find(*name) for source_prices in book.sources}
    prices_by_source = {
        source: prices
        for source, prices in answers.items()
        if prices is not None and not isinstance(prices, Unpriced)
    }
    if len(prices_by_source) < 2:  # noqa: PLR2004 - as above
        return
    prices_by_source = _counting_first(book, name, at, prices_by_source)
    below: dict[str, Mapping[str, Rate]] = {}
    sets_below: dict[str, PriceSet | Unpriced] = {}
    for above in bands:
        sets = {source: prices.at(at, above + 1) for source, prices in prices_by_source.items()}
        if sets == sets_below:  # each source gives the same object for the same prices
            continue
        sets_below = sets
        priced = {source: prices for source, prices in sets.items() if isinstance(prices, PriceSet)}
        for meter in METERS:
            rates = {
                source: prices.by_meter[meter]
                for source, prices in priced.items()
                if meter in prices.by_meter
            }
            if below.get(meter) == rates:
                continue
            below[meter] = rates
            for currency in sorted({prices.currency for prices in priced.values()}):
                rates_in_currency = {
                    source: rate for source, rate in rates.items() if priced[source].currency == currency
                }
                spread = _spread(rates_in_currency.values())
                if spread > Fraction(threshold):
                    shown = Decimal(round(spread / Fraction(_DIGITS))) * _DIGITS
                    yield Conflict(*name, meter, above, rates_in_currency, shown)


def _counting_first(
    book: Book, name: _ModelAndTier, at: int, prices_by_source: dict[str, DatedPrices]
) -> dict[str, DatedPrices]:
    """The sources in their order of trust, the shipped list that stands for the other first."""
    prices = book.find(*name, at, 0)
    counting = prices.source if isinstance(prices, PriceSet) else ""
    if next(iter(prices_by_source)) != SNAPSHOT or counting not in prices_by_source:
        return prices_by_source
    return {counting: prices_by_source[counting]} | prices_by_source


def _spread(rates: Iterable[Rate]) -> Fraction:
    units = [Fraction(rate.price) / rate.per for rate in rates]
    highest = max(units, default=Fraction(0))
    return (highest - min(units)) / highest if highest else Fraction(0)
