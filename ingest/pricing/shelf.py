"""Shelves: the price points of one source, found by the name of a model and compiled for the instants of calls."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from ingest.pricing import hours
from ingest.pricing.matching import Name, names
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate, Step, Unpriced


class Dated(Protocol):
    """The prices of one model in one service tier."""

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """Those of a call at an instant (microseconds UTC) with so many input tokens."""
        ...

    @property
    def edges(self) -> Sequence[int]:
        """The instants at which prices may change, whatever their hours; in order."""
        ...


class Shelf:
    """The points of one source. A model's own name stands before a pattern, a longer pattern before a shorter."""

    def __init__(self, source: str, points: Iterable[PricePoint]) -> None:
        self.source = source
        self._exact: dict[tuple[str, str], list[PricePoint]] = defaultdict(list)
        for point in points:
            self._exact[point.provider, point.model].append(point)
        patterns = [key for key in self._exact if ANY in key[1]]
        self._patterns = sorted(patterns, key=lambda key: (-len(key[1]), key))

    def find(self, provider: str, model: str, service_tier: str) -> Dated | None:
        """The prices of a model under the likeliest of its names; None where it has none in this tier.

        At an instant at which a name has no price, or none any more, that of the next name counts.
        """
        found = self.layers(provider, model, service_tier)
        return found[0] if len(found) == 1 else _Chain(found) if found else None

    def layers(self, provider: str, model: str, service_tier: str) -> Sequence[Dated]:
        """The prices of a model under each of its names, the likeliest first, patterns last."""
        found: dict[tuple[str, str], Dated] = {}
        for key, name in self._keys(provider, model):
            if key not in found and (dated := self._dated(key, name, service_tier)):
                found[key] = dated
        return tuple(found.values())

    def _keys(self, provider: str, model: str) -> Iterator[tuple[tuple[str, str], Name]]:
        """What prices may be kept under, and the name that each gives."""
        known = list(names(provider, model))
        for name in known:
            for key in ((name.provider, name.model), (ANY, name.model)):
                yield key, name
        for key in self._patterns:
            if any(key[0] in (ANY, one.provider) and fnmatchcase(one.model, key[1]) for one in known):
                yield key, Name(*key, f"pattern {key[1]}")

    def _dated(self, key: tuple[str, str], name: Name, service_tier: str) -> "_Points | None":
        points = self._exact.get(key)
        if not points:
            return None
        tier = [one for one in points if one.service_tier == service_tier]
        if not tier:
            return None
        others = [] if service_tier == "standard" else [one for one in points if _is_of_every_tier(one)]
        return _Points(name, self.source, service_tier, tier + others)


def _is_of_every_tier(point: PricePoint) -> bool:
    """What is not sold by tokens costs the same in every tier, unless the tier has a price of its own."""
    return point.service_tier == "standard" and point.meter in ("search", "request")


@dataclass(slots=True)
class _Chain:
    """The points of one source under several names: the likeliest that has a price at an instant gives it."""

    links: Sequence[Dated]

    @property
    def edges(self) -> Sequence[int]:
        """See `Dated`."""
        return sorted({edge for link in self.links for edge in link.edges})

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        answers = (link.at(at, input_tokens) for link in self.links)
        first = next(answers)
        if isinstance(first, PriceSet):
            return first
        return next((one for one in answers if isinstance(one, PriceSet)), first)


@dataclass(slots=True)
class _Points:
    """The points of one model in one service tier: by stretch of time, hours of the week and context band."""

    name: Name
    source: str
    tier: str
    points: Sequence[PricePoint]
    _edges: list[int] = field(init=False)
    _minutes: list[int] = field(init=False)
    _held: dict[tuple[int, int], tuple[list[int], Sequence[PriceSet | Unpriced]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        dates = {edge for one in self.points for edge in (one.valid_from, one.valid_to) if edge is not None}
        self._edges = sorted(dates)
        spans = {edge for one in self.points for span in hours.spans(one.hours) for edge in span}
        self._minutes = sorted(spans)

    @property
    def edges(self) -> Sequence[int]:
        """See `Dated`."""
        return self._edges

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        week = bisect_right(self._minutes, hours.minute(at)) if self._minutes else 0
        key = (bisect_right(self._edges, at), week)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = self._bands(at)
        starts, sets = held
        return sets[bisect_left(starts, input_tokens)]

    def _bands(self, at: int) -> tuple[list[int], Sequence[PriceSet | Unpriced]]:
        """The starts of the context bands but the lowest, and the prices in each."""
        prices = self._prices(at)
        whole = {key: point for key, point in prices.items() if not point.marginal}
        if not prices:
            return [], [Unpriced(f"no price for {self.name.provider}/{self.name.model}")]
        starts = sorted({above for _, above in whole if above})
        steps = sorted((point for point in prices.values() if point.marginal), key=lambda one: one.above)
        return starts, [self._price_set(whole, steps, above) for above in (0, *starts)]

    def _prices(self, at: int) -> dict[tuple[str, int], PricePoint]:
        """The point of each meter and band at an instant: that of the tier, then of these hours, then the last added.

        A point without a price takes back those of its own tier and hours: what they stood before shows again.
        """
        held: dict[tuple[str, int, str, str], PricePoint] = {}
        for point in sorted(self.points, key=lambda one: (one.added_at, one.number)):
            if point.covers(at) and hours.covers(point.hours, at):
                held.pop(key := (point.meter, point.above, point.service_tier, point.hours), None)
                held[key] = point
        found: dict[tuple[str, int], PricePoint] = {}
        for point in sorted(held.values(), key=lambda one: (one.service_tier == self.tier, bool(one.hours))):
            if point.price is not None:
                found[point.meter, point.above] = point
        return found

    def _price_set(
        self, whole: dict[tuple[str, int], PricePoint], steps: Sequence[PricePoint], above: int
    ) -> PriceSet | Unpriced:
        chosen: dict[str, PricePoint] = {}
        for (meter, start), point in sorted(whole.items(), key=lambda item: item[0][1]):
            if start <= above:
                chosen[meter] = point
        currencies = {point.currency for point in (*chosen.values(), *steps)}
        model = f"{self.name.provider}/{self.name.model}"
        if not chosen and not steps:
            return Unpriced(f"no price for {model}")
        if len(currencies) > 1:
            return Unpriced(f"the prices of {model} are in {' and '.join(sorted(currencies))}")
        first = next(iter((*chosen.values(), *steps)))
        return PriceSet(
            first.provider if first.provider != ANY else self.name.provider,
            self.name.model,
            self.tier,
            above,
            first.currency,
            ", ".join(sorted({_origin(point) for point in (*chosen.values(), *steps)})),
            {meter: _rate(point) for meter, point in chosen.items()},
            source=self.source,
            rule=self.name.rule,
            steps=tuple(Step(point.meter, point.above, _rate(point)) for point in steps),
        )


def _rate(point: PricePoint) -> Rate:
    assert point.price is not None
    return Rate(point.price, point.per, point.least, f"{point.source}#{point.number}" if point.number else "")


def _origin(point: PricePoint) -> str:
    return f"{point.source} {point.origin}".strip()
