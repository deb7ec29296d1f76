"""Conflicts: where two sources of prices say something else about the same unit at an instant.

Each source is asked for every model that any of them names, in its own words: so different spellings of a model meet,
and a model that two names lead to is told once. Prices are compared per unit and within a currency. Terms, marginal
prices and patterns are not compared: they are one's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from ingest.pricing.book import Book
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
    told: set[tuple[object, ...]] = set()
    found = []
    for name in _names(points):
        for conflict, about in _of_model(book, name, at, bands, threshold):
            if about not in told:
                told.add(about)
                found.append(conflict)
    return found


def _names(points: Iterable[PricePoint]) -> list[_Named]:
    """Models and tiers that points name outright, a short name before a longer one of the same model."""
    named = {
        _Named(point.provider, point.model, point.service_tier)
        for point in points
        if point.provider != ANY and ANY not in point.model
    }
    return sorted(named)


def _of_model(
    book: Book, name: _Named, at: int, bands: Iterable[int], threshold: Decimal
) -> Iterator[tuple[Conflict, tuple[object, ...]]]:
    """The conflicts of one name, and what each is about: the same for every name that leads to it."""
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
                    about = tuple((source, priced[source].provider, priced[source].model) for source in said)
                    shown = Decimal(round(spread / Fraction(_DIGITS))) * _DIGITS
                    yield (
                        Conflict(*name, meter, above, said, shown),
                        (*about, name.service_tier, meter, above),
                    )


def _spread(rates: Iterable[Rate]) -> Fraction:
    units = [Fraction(rate.price) / rate.per for rate in rates]
    highest = max(units, default=Fraction(0))
    return (highest - min(units)) / highest if highest else Fraction(0)
