"""The price points of one source, looked up by model name and compiled for the instants of calls."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from ingest.pricing import hours
from ingest.pricing.matching import ModelName, model_names
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate, Step, Unpriced


class DatedPrices(Protocol):
    """The prices of one model in one service tier."""

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The prices of a call at an instant (microseconds UTC) with this many input tokens."""
        ...

    @property
    def edges(self) -> Sequence[int]:
        """The instants at which prices may change, in order. Hours of the week add none."""
        ...


class SourcePrices:
    """The points of one source.

    A model's own name comes before a pattern, a longer pattern before a shorter. A model without points here
    has those of the list `beneath`.
    """

    def __init__(
        self, source: str, points: Iterable[PricePoint], beneath: "SourcePrices | None" = None
    ) -> None:
        self.source = source
        self._beneath = beneath
        self._exact: dict[tuple[str, str], list[PricePoint]] = defaultdict(list)
        for point in points:
            self._exact[point.provider, point.model].append(point)
        patterns = [key for key in self._exact if ANY in key[1]]
        self._patterns = sorted(patterns, key=lambda key: (-len(key[1]), key))

    def find(self, provider: str, model: str, service_tier: str) -> DatedPrices | None:
        """The prices of a model under its likeliest name; None where it has no price in this tier.

        While a name has no price, the next name's price applies.
        """
        layers = self.layers(provider, model, service_tier)
        return layers[0] if len(layers) == 1 else _NameChain(layers) if layers else None

    def layers(self, provider: str, model: str, service_tier: str) -> Sequence[DatedPrices]:
        """The prices of a model under each of its names, the likeliest first, patterns last."""
        prices_by_key: dict[tuple[str, str], DatedPrices] = {}
        for key, name in self._keys(provider, model):
            if key not in prices_by_key and (dated := self._prices_of_name(key, name, service_tier)):
                prices_by_key[key] = dated
        return tuple(prices_by_key.values())

    def points_of(self, key: tuple[str, str]) -> Sequence[PricePoint]:
        """The points of a provider's model under this very name, of all tiers and times."""
        points = self._exact.get(key)
        return self._beneath.points_of(key) if points is None and self._beneath else points or ()

    def _keys(self, provider: str, model: str) -> Iterator[tuple[tuple[str, str], ModelName]]:
        """The keys under which a model's prices may be stored, each with the model name it stands for."""
        candidates = list(model_names(provider, model))
        for name in candidates:
            for key in ((name.provider, name.model), (ANY, name.model)):
                yield key, name
        for key in self._patterns:
            if any(key[0] in (ANY, name.provider) and fnmatchcase(name.model, key[1]) for name in candidates):
                yield key, ModelName(*key, f"pattern {key[1]}")

    def _prices_of_name(
        self, key: tuple[str, str], name: ModelName, service_tier: str
    ) -> "_ModelPrices | None":
        points = self.points_of(key)
        tier = [point for point in points if point.service_tier == service_tier]
        if not tier:
            return None
        others = (
            [] if service_tier == "standard" else [point for point in points if _applies_to_every_tier(point)]
        )
        return _ModelPrices(name, self.source, service_tier, tier + others)


def _applies_to_every_tier(point: PricePoint) -> bool:
    """Searches and requests cost the same in every tier, unless the tier has a price of its own."""
    return point.service_tier == "standard" and point.meter in ("search", "request")


@dataclass(slots=True)
class _NameChain:
    """The prices of one source under several names: the first name with a price at an instant gives it."""

    links: Sequence[DatedPrices]

    @property
    def edges(self) -> Sequence[int]:
        """See `DatedPrices`."""
        return sorted({edge for link in self.links for edge in link.edges})

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        answers = (link.at(at, input_tokens) for link in self.links)
        first = next(answers)
        if isinstance(first, PriceSet):
            return first
        return next((answer for answer in answers if isinstance(answer, PriceSet)), first)


@dataclass(slots=True)
class _ModelPrices:
    """The points of one model in one service tier, by stretch of time, hours of the week and context band."""

    name: ModelName
    source: str
    tier: str
    points: Sequence[PricePoint]
    _edges: list[int] = field(init=False)
    _minutes: list[int] = field(init=False)
    _bands_by_time: dict[tuple[int, int], tuple[list[int], Sequence[PriceSet | Unpriced]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        dates = {
            edge for point in self.points for edge in (point.valid_from, point.valid_to) if edge is not None
        }
        self._edges = sorted(dates)
        spans = {edge for point in self.points for span in hours.spans(point.hours) for edge in span}
        self._minutes = sorted(spans)

    @property
    def edges(self) -> Sequence[int]:
        """See `DatedPrices`."""
        return self._edges

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        week = bisect_right(self._minutes, hours.minute(at)) if self._minutes else 0
        key = (bisect_right(self._edges, at), week)
        bands = self._bands_by_time.get(key)
        if bands is None:
            bands = self._bands_by_time[key] = self._make_bands(at)
        starts, sets = bands
        return sets[bisect_left(starts, input_tokens)]

    def _make_bands(self, at: int) -> tuple[list[int], Sequence[PriceSet | Unpriced]]:
        """The starts of the context bands except the lowest, and the prices in each band."""
        prices = self._prices(at)
        whole = {key: point for key, point in prices.items() if not point.marginal}
        if not prices:
            return [], [Unpriced(f"no price for {self.name.provider}/{self.name.model}")]
        starts = sorted({above for _, above in whole if above})
        steps = sorted((point for point in prices.values() if point.marginal), key=lambda point: point.above)
        return starts, [self._price_set(whole, steps, above) for above in (0, *starts)]

    def _prices(self, at: int) -> dict[tuple[str, int], PricePoint]:
        """The point of each meter and context band at an instant.

        A point of the tier itself wins, then a point with hours, then the point added last. A point without a
        price withdraws the earlier points of its own tier and hours, so that less specific points apply
        again.
        """
        latest: dict[tuple[str, int, str, str], PricePoint] = {}
        for point in sorted(self.points, key=lambda point: (point.added_at, point.number)):
            if point.covers(at) and hours.covers(point.hours, at):
                latest.pop(key := (point.meter, point.above, point.service_tier, point.hours), None)
                latest[key] = point
        chosen: dict[tuple[str, int], PricePoint] = {}
        for point in sorted(
            latest.values(), key=lambda point: (point.service_tier == self.tier, bool(point.hours))
        ):
            if point.price is not None:
                chosen[point.meter, point.above] = point
        return chosen

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
    if point.origin.startswith(f"{point.source} "):  # an edition that names its source
        return point.origin
    return f"{point.source} {point.origin}".strip()
