"""Rows of the price book for lists: the points of every source, which are in effect, and which calls pay."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ingest.parse.dates import written
from ingest.pricing import hours
from ingest.pricing.book import Book
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.pricing.units import unit_of


class PriceRow(NamedTuple):
    """A price point, and whether calls are charged by it."""

    point: PricePoint
    counts: bool | None
    """None if unknown: the price of a pattern is of many models."""


class PriceFilter(NamedTuple):
    """The provider, model (a glob) and source of the points to list; None for any."""

    provider: str | None = None
    model: str | None = None
    source: str | None = None

    def matches(self, point: PricePoint) -> bool:
        """Whether the filter selects the point."""
        return (
            (self.provider is None or point.provider in (ANY, provider_of(self.provider)))
            and (self.model is None or fnmatchcase(point.model, self.model.strip().lower()))
            and (self.source is None or point.source == self.source.strip().lower())
        )


def points_in_effect(book: Book, price_filter: PriceFilter, at: int) -> list[PricePoint]:
    """The points in effect at an instant (microseconds UTC), at any hour: the last of a source and kind."""
    latest: dict[tuple[object, ...], PricePoint] = {}
    for point in all_points(book, price_filter, at):
        if point.covers(at):
            latest[_kind(point)] = point
    return sorted((point for point in latest.values() if point.price is not None), key=_place)


def all_points(book: Book, price_filter: PriceFilter, at: int) -> Iterator[PricePoint]:
    """The points that ship at an instant, then every row of the ledger in the order it was added."""
    yield from filter(price_filter.matches, book.shipped_points(at))
    rows: Iterable[PricePoint] = sorted(book.stored.points, key=lambda point: (point.added_at, point.number))
    yield from filter(price_filter.matches, rows)


def with_counts(book: Book, points: Iterable[PricePoint], at: int) -> list[PriceRow]:
    """The points, each with whether a call of exactly its model, tier and band is charged by it."""
    return [PriceRow(point, _counts(book, point, at)) for point in points]


def source_of(prices: PriceSet, rate: Rate) -> str:
    """The source of one rate of a price set."""
    return rate.row.partition("#")[0].partition(" ")[0] or prices.source


def _counts(book: Book, point: PricePoint, at: int) -> bool | None:
    if point.provider == ANY or ANY in point.model:
        return None
    priced_at = hours.next_within(point.hours, at)
    prices = book.find(
        point.provider, point.model, point.service_tier, priced_at, point.above and point.above + 1
    )
    if not isinstance(prices, PriceSet):
        return False
    if point.marginal:
        return any(
            (step.meter, step.above, step.rate.price) == (point.meter, point.above, point.price)
            for step in prices.steps
        )
    rate = prices.by_meter.get(point.meter)
    if rate is None or source_of(prices, rate) != point.source:
        return False
    return not point.number or rate.row == f"{point.source}#{point.number}"


def _kind(point: PricePoint) -> tuple[object, ...]:
    """What a point prices: of points with the same key, the last added is in effect."""
    return (*_place(point)[:4], point.source, point.meter, point.above, point.hours)


def _place(point: PricePoint) -> tuple[object, ...]:
    return (
        point.provider,
        point.model,
        point.service_tier != "standard",
        point.service_tier,
        point.source,
        point.above,
        point.hours,
        point.meter,
    )


def row_object(row: PriceRow) -> dict[str, Any]:
    """A row as JSON and CSV show it."""
    point = row.point
    return {
        "row": f"{point.source}#{point.number}" if point.number else None,
        "source": point.source,
        "provider": point.provider,
        "model": point.model,
        "service_tier": point.service_tier,
        "meter": point.meter,
        "price": None if point.price is None else f"{point.price:f}",
        "per": point.per,
        "at_least": point.least,
        "unit": unit_of(point.meter, point.per),
        "currency": point.currency,
        "above_input_tokens": point.above,
        "marginal": point.marginal,
        "hours": point.hours,
        "valid_from": None if point.valid_from is None else written(point.valid_from),
        "valid_to": None if point.valid_to is None else written(point.valid_to),
        "origin": point.origin,
        "added_at": written(point.added_at) if point.added_at else None,
        "added_by": point.added_by or None,
        "counts": row.counts,
    }
