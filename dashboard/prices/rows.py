"""Rows of the price book for lists: every source's points, which hold at an instant, and which of them count."""

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
    """A point, and whether calls pay it."""

    point: PricePoint
    counts: bool | None
    """None where that cannot be said: a pattern's price is of many models."""


class Wanted(NamedTuple):
    """Which points a list is about."""

    provider: str | None = None
    model: str | None = None
    source: str | None = None

    def matches(self, point: PricePoint) -> bool:
        """Whether the point is one of them."""
        return (
            (self.provider is None or point.provider in (ANY, provider_of(self.provider)))
            and (self.model is None or fnmatchcase(point.model, self.model.strip().lower()))
            and (self.source is None or point.source == self.source.strip().lower())
        )


def current(book: Book, wanted: Wanted, at: int) -> list[PricePoint]:
    """The points that hold at an instant (microseconds UTC), whatever the hour: each source's last of its kind."""
    held: dict[tuple[object, ...], PricePoint] = {}
    for point in every(book, wanted, at):
        if point.covers(at):
            held[_kind(point)] = point
    return sorted((one for one in held.values() if one.price is not None), key=_place)


def every(book: Book, wanted: Wanted, at: int) -> Iterator[PricePoint]:
    """The snapshot's points at an instant, then every row in the order in which they were added."""
    if wanted.source in (None, book.snapshot.source):
        yield from filter(wanted.matches, book.snapshot.points(at))
    rows: Iterable[PricePoint] = sorted(book.stored.points, key=lambda one: (one.added_at, one.number))
    yield from filter(wanted.matches, rows)


def with_counts(book: Book, points: Iterable[PricePoint], at: int) -> list[PriceRow]:
    """Points, each with whether a call of exactly its kind pays it."""
    return [PriceRow(point, _counts(book, point, at)) for point in points]


def source_of(prices: PriceSet, rate: Rate) -> str:
    """The source of one rate of a price set."""
    return rate.row.partition("#")[0].partition(" ")[0] or prices.source


def _counts(book: Book, point: PricePoint, at: int) -> bool | None:
    if point.provider == ANY or ANY in point.model:
        return None
    then = hours.next_within(point.hours, at)
    found = book.find(point.provider, point.model, point.service_tier, then, point.above and point.above + 1)
    if not isinstance(found, PriceSet):
        return False
    if point.marginal:
        return any(
            (one.meter, one.above, one.rate.price) == (point.meter, point.above, point.price)
            for one in found.steps
        )
    rate = found.by_meter.get(point.meter)
    if rate is None or source_of(found, rate) != point.source:
        return False
    return not point.number or rate.row == f"{point.source}#{point.number}"


def _kind(point: PricePoint) -> tuple[object, ...]:
    """Of points that agree in this the last one added is the price."""
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
    """A row as JSON and CSV have it."""
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
