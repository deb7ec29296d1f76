"""Shelves: the price points of one source, found by the name of a model and compiled for the instants of calls."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from ingest.pricing import hours
from ingest.pricing.matching import Name, names, provider_of
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
        """The prices of a model under the likeliest of its names; None where it has none in this tier."""
        for name in names(provider, model):
            for key in ((name.provider, name.model), (ANY, name.model)):
                if found := self._dated(key, name, service_tier):
                    return found
        written = Name(provider_of(provider), model.lower(), "pattern")
        for key in self._patterns:
            if key[0] in (ANY, written.provider) and fnmatchcase(written.model, key[1]):
                found = self._dated(key, Name(*key, f"pattern {key[1]}"), service_tier)
                if found:
                    return found
        return None

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
        if not whole:
            return [], [Unpriced(f"no price for {self.name.provider}/{self.name.model}")]
        starts = sorted({above for _, above in whole if above})
        steps = sorted((point for point in prices.values() if point.marginal), key=lambda one: one.above)
        return starts, [self._price_set(whole, steps, above) for above in (0, *starts)]

    def _prices(self, at: int) -> dict[tuple[str, int], PricePoint]:
        """The point of each meter and band at an instant: that of the tier, in these hours, added last."""
        found: dict[tuple[str, int], PricePoint] = {}
        ordered = sorted(
            self.points,
            key=lambda one: (one.service_tier == self.tier, bool(one.hours), one.added_at, one.number),
        )
        for point in ordered:
            if point.covers(at) and hours.covers(point.hours, at):
                found[point.meter, point.above] = point
        return {key: point for key, point in found.items() if point.price is not None}

    def _price_set(
        self, whole: dict[tuple[str, int], PricePoint], steps: Sequence[PricePoint], above: int
    ) -> PriceSet | Unpriced:
        chosen: dict[str, PricePoint] = {}
        for (meter, start), point in sorted(whole.items(), key=lambda item: item[0][1]):
            if start <= above:
                chosen[meter] = point
        currencies = {point.currency for point in (*chosen.values(), *steps)}
        model = f"{self.name.provider}/{self.name.model}"
        if not chosen:
            return Unpriced(f"no price for {model}")
        if len(currencies) > 1:
            return Unpriced(f"the prices of {model} are in {' and '.join(sorted(currencies))}")
        first = next(iter(chosen.values()))
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
