"""The second price list that ships with a release: LiteLLM's price map, as price points.

The file, which `make prices` writes, holds facts of a map that LiteLLM publishes under the MIT licence
(`NOTICE`). It holds editions, each with its release date. The first price of a unit is valid always; a price
that a later edition changed is valid from the release of that edition on.
"""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

import msgspec

from ingest.pricing.point import PricePoint
from ingest.pricing.source_prices import SourcePrices
from ingest.pricing.terms import Term

SOURCE: Final = "litellm"
FILE: Final = "litellm.json.gz"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS: Final = 1_000_000


class Edition(msgspec.Struct, frozen=True):
    """A release of LiteLLM, whose day (UTC) is the day of its prices."""

    version: str
    released: date

    @property
    def at(self) -> int:
        """The first instant of the day of the release (microseconds UTC)."""
        return day_start(self.released)

    @property
    def origin(self) -> str:
        """The edition as prices name it."""
        return f"{SOURCE} {self.version}"


class _Price(msgspec.Struct, frozen=True, array_like=True):
    meter: str
    price: str
    per: int
    service_tier: str
    above: int
    hours: str
    edition: int
    is_change: bool


class _Factor(msgspec.Struct, frozen=True, array_like=True):
    provider: str
    model: str
    region: str
    factor: str
    edition: int
    is_change: bool


class _File(msgspec.Struct, frozen=True):
    editions: tuple[Edition, ...]
    prices: dict[str, dict[str, list[_Price]]]
    """By provider and model."""
    terms: list[_Factor]


@dataclass(frozen=True, eq=False)
class LitellmSnapshot:
    """The editions, the oldest first, and the prices and regional factors of all of them."""

    editions: tuple[Edition, ...] = ()
    points: tuple[PricePoint, ...] = ()
    terms: tuple[Term, ...] = ()

    @property
    def origin(self) -> str:
        """The newest edition; empty without prices."""
        return self.editions[-1].origin if self.editions else ""

    @cached_property
    def prices(self) -> SourcePrices:
        """The points, looked up by model name."""
        return SourcePrices(SOURCE, self.points)

    def released_after(self, day: date) -> int | None:
        """The instant of the first edition that is younger than a day, or None."""
        return next((edition.at for edition in self.editions if edition.released > day), None)


EMPTY: Final = LitellmSnapshot()
"""No second price list."""


@cache
def litellm_snapshot() -> LitellmSnapshot:
    """The list that ships, read once per process."""
    return decoded(files("ingest.pricing").joinpath(FILE).read_bytes())


def day_start(day: date) -> int:
    """The first instant of a day (microseconds UTC)."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH).total_seconds()) * _MICROSECONDS


def decoded(raw: bytes) -> LitellmSnapshot:
    """The list in the bytes of a file."""
    content = msgspec.json.decode(gzip.decompress(raw), type=_File)
    points = [
        PricePoint(
            source=SOURCE,
            provider=provider,
            model=model,
            meter=row.meter,
            price=Decimal(row.price),
            per=row.per,
            service_tier=row.service_tier,
            above=row.above,
            hours=row.hours,
            **_validity(content.editions, row),
        )
        for provider, models in content.prices.items()
        for model, rows in models.items()
        for row in rows
    ]
    terms = [
        Term(
            kind="region",
            factor=Decimal(row.factor),
            provider=row.provider,
            model=row.model,
            region=row.region,
            **_validity(content.editions, row),
        )
        for row in content.terms
    ]
    return LitellmSnapshot(content.editions, tuple(points), tuple(terms))


def encoded(snapshot: LitellmSnapshot) -> bytes:
    """The bytes of a list's file: the same list always gives the same bytes."""
    editions = {edition.origin: number for number, edition in enumerate(snapshot.editions)}
    prices: dict[str, dict[str, list[_Price]]] = {}
    for point in _sorted(snapshot.points):
        row = _Price(
            point.meter,
            f"{point.price:f}",
            point.per,
            point.service_tier,
            point.above,
            point.hours,
            editions[point.origin],
            point.valid_from is not None,
        )
        prices.setdefault(point.provider, {}).setdefault(point.model, []).append(row)
    terms = [
        _Factor(
            term.provider,
            term.model,
            term.region or "",
            f"{term.factor:f}",
            editions[term.origin],
            term.valid_from is not None,
        )
        for term in snapshot.terms
    ]
    content = _File(snapshot.editions, prices, terms)
    return gzip.compress(msgspec.json.encode(content), mtime=0)


def _validity(editions: Sequence[Edition], row: _Price | _Factor) -> dict[str, Any]:
    """The edition of a price and its validity; points of the first edition have no instant of addition."""
    edition = editions[row.edition]
    return {
        "origin": edition.origin,
        "added_at": edition.at if row.edition else 0,
        "valid_from": edition.at if row.is_change else None,
    }


def _sorted(points: Iterable[PricePoint]) -> list[PricePoint]:
    return sorted(
        points,
        key=lambda p: (p.provider, p.model, p.service_tier, p.above, p.hours, p.meter, p.added_at),
    )
