"""Conflicts: where two sources of prices say something else about the same unit at an instant.

Each source is asked for every model that any of them names, in its own words: so different spellings of a model meet.
What is the same of a name and of what is left of it without a date or a region is told once, of the shorter. Prices are compared per unit and within a currency. Terms, marginal
prices and patterns are not compared: they are one's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.pricing.book import Book
from ingest.pricing.matching import names
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import METERS, PriceSet, Rate, Unpriced

THRESHOLD: Final = Decimal("0.01")
"""Prices that differ by more than this part of the higher one are a conflict: below lies the rounding of list makers."""

_DIGITS: Final = Decimal("0.0001")


class Conflict(NamedTuple):
    """What two or more sources say about one meter of a model, the most trusted first."""

    provider: str
    model: str
    service_tier: str
    meter: str
    above: int
    """The context band: calls with more input tokens than this."""
    prices: Mapping[str, Rate]
    """By source."""
    spread: Decimal
    """How much less the lowest is than the highest, as a part of the highest: from 0 to 1."""


_Said = Mapping[str, Fraction]
"""The price of one unit by source."""


class _Named(NamedTuple):
    provider: str
    model: str
    service_tier: str


def conflicts(book: Book, at: int, threshold: Decimal = THRESHOLD) -> list[Conflict]:
    """Every conflict at an instant (microseconds UTC), by provider, model, tier, band and meter."""
    if len(book.shelves) < 2:  # noqa: PLR2004 - nobody to disagree with
        return []
    points = [*book.snapshot.points(at), *book.stored.points]
    bands = sorted({0, *(point.above for point in points if not point.marginal)})
    told: dict[tuple[object, ...], _Said] = {}
    found = []
    for name in _names(points):
        for conflict in _of_model(book, name, at, bands, threshold):
            said = {source: Fraction(rate.price) / rate.per for source, rate in conflict.prices.items()}
            about = conflict[2:5]
            if all(told.get((*other[:2], *about)) != said for other in names(name.provider, name.model)):
                found.append(conflict)
            told[*name[:2], *about] = said
    return sorted(found, key=lambda one: one[:5])


def _names(points: Iterable[PricePoint]) -> list[_Named]:
    """Models and tiers that points name outright, a short name before a longer one that may be the same model."""
    named = {
        _Named(point.provider, point.model, point.service_tier)
        for point in points
        if point.provider != ANY and ANY not in point.model
    }
    return sorted(named, key=lambda one: (len(one.model), one))


def _of_model(
    book: Book, name: _Named, at: int, bands: Iterable[int], threshold: Decimal
) -> Iterator[Conflict]:
    """The conflicts of one name."""
    asked = {shelf.source: shelf.find(*name) for shelf in book.shelves}
    dated = {
        source: one for source, one in asked.items() if one is not None and not isinstance(one, Unpriced)
    }
    if len(dated) < 2:  # noqa: PLR2004 - as above
        return
    below: dict[str, Mapping[str, Rate]] = {}
    for above in bands:
        sets = {source: one.at(at, above + 1) for source, one in dated.items()}
        priced = {source: one for source, one in sets.items() if isinstance(one, PriceSet)}
        for meter in METERS:
            rates = {source: one.by_meter[meter] for source, one in priced.items() if meter in one.by_meter}
            if below.get(meter) == rates:
                continue
            below[meter] = rates
            for currency in sorted({one.currency for one in priced.values()}):
                said = {source: rate for source, rate in rates.items() if priced[source].currency == currency}
                spread = _spread(said.values())
                if spread > Fraction(threshold):
                    shown = Decimal(round(spread / Fraction(_DIGITS))) * _DIGITS
                    yield Conflict(*name, meter, above, said, shown)


def _spread(rates: Iterable[Rate]) -> Fraction:
    units = [Fraction(rate.price) / rate.per for rate in rates]
    highest = max(units, default=Fraction(0))
    return (highest - min(units)) / highest if highest else Fraction(0)
