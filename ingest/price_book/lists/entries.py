"""Entries of LiteLLM's or Bifrost's price map, each one model with its fields, read into points and terms.

A price of 0 is taken only where it is certainly meant (`_LOCAL`, `:free`): elsewhere these maps write 0 for
unknown prices and for usage that is not sold. Where two entries of the same model contradict each other, the
first counts and the second is listed as left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from ingest.price_book.lists import fields, off_peak
from ingest.price_book.lists.number import plain, price, without_float_noise
from ingest.price_book.lists.price_list import Fault, LeftOut, PriceList, is_name
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import REGIONAL_METERS
from ingest.pricing.terms import Term

_LOCAL: Final = frozenset(
    [
        *("docker_model_runner", "hosted_vllm", "lemonade", "llamafile", "lm_studio"),
        *("ollama", "oobabooga", "sgl", "vllm", "xinference"),
    ]
)
"""Providers of models on the user's own machines."""

_NO_METER: Final = "as no meter counts them"
_ZERO: Final = "as they are 0, which these lists also write for what is unknown or not sold"
_CONTRADICTION: Final = "as another entry says otherwise of the same model"
_BY_TOKENS: Final = "as the model is sold by tokens, which count the same"
_PATTERN: Final = "as the name is a pattern"
_HOURS: Final = "as the hours cannot be said in UTC"

_TOKEN_SIDES: Final = {
    "character": "input",
    "input_audio_ms": "input",
    "audio_ms": "output",
    "video_ms": "output",
    "image": "output",
}
"""Measures whose content is also counted in tokens of one side. If those tokens have a price, the measure has
none, or the content would be charged twice."""

_SHOWN_LENGTH: Final = 60
_MOST_TOKENS: Final = 10**12
"""A limit above the tokens of any call."""
_SEARCH_SIZES: Final = ("medium", "low", "high")
_RESIDENCY_PREFIX: Final = "regional_processing_uplift_multiplier_"
_REGIONAL_ENDPOINT: Final = "regional_endpoint_uplift_multiplier"
_NOT_GLOBAL: Final = ("*-*", "us", "eu")
"""Vertex AI's locations other than `global`: regions, which contain a dash, and the two multi-regions."""


class MapEntry(NamedTuple):
    """One model of a map."""

    key: str
    provider: str
    model: str
    mode: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class PriceMapReader:
    """Reads the entries of a map and collects their points, terms, faults and left-out prices."""

    kind: str
    source: str
    origin: str
    starting_at: frozenset[str] = frozenset()
    """Providers whose bands include their start; other bands begin above it."""
    points: dict[PricePoint, PricePoint] = field(default_factory=dict)
    """The points by `_price_key`, the unit that they price."""
    terms: dict[Term, None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def read(self, entries: Iterable[MapEntry]) -> PriceList:
        """The price list of these entries."""
        for entry in entries:
            self._read_entry(entry)
        points = tuple(self.points.values())
        return PriceList(
            kind=self.kind,
            source=self.source,
            origin=self.origin,
            models=len({(point.provider, point.model) for point in points}),
            points=points,
            terms=tuple(self.terms),
            faults=tuple(self.faults),
            left_out=tuple(
                LeftOut(*field_and_reason, count) for field_and_reason, count in sorted(self.left_out.items())
            ),
            is_whole=True,
        )

    def _read_entry(self, entry: MapEntry) -> None:
        if not (is_name(entry.provider) and is_name(entry.model)):
            self._fault(entry, "key", entry.key, "name a model in at most 255 letters that can be printed")
            return
        if ANY in entry.model:
            self.left_out[entry.key, _PATTERN] += 1
            return
        points = [*self._prices_at_any_hour(entry), *self._off_peak(entry)]
        points += self._fast(entry, [point for _, point in points])
        self._add(points)
        for term in self._regions(entry):
            self.terms.setdefault(term)

    def _prices_at_any_hour(self, entry: MapEntry) -> Iterator[tuple[str, PricePoint]]:
        """The prices of an entry that apply at any hour, each with the name of its field."""
        prices = list(self._prices(entry))
        sides = {
            _side(price_field)
            for _, price_field, amount in prices
            if amount and price_field.measure.meter in REGIONAL_METERS
        }
        for name, price_field, amount in prices:
            if not amount and not _is_free(entry):
                self.left_out[name, _ZERO] += 1
            elif _TOKEN_SIDES.get(price_field.measure.meter) in sides:
                self.left_out[name, _BY_TOKENS] += 1
            else:
                yield name, self._point(entry, price_field, amount)

    def _add(self, points: Iterable[tuple[str, PricePoint]]) -> None:
        """Add the prices of an entry, or none if an earlier entry of the same model contradicts one."""
        points = list(points)
        own_points: dict[PricePoint, PricePoint] = {}
        for name, point in points:
            if own_points.setdefault(_price_key(point), point).price != point.price:
                self.left_out[name, _CONTRADICTION] += 1
        if any(self.points.get(key, point).price != point.price for key, point in own_points.items()):
            self.left_out.update((name, _CONTRADICTION) for name, _ in points)
            return
        for key, point in own_points.items():
            self.points.setdefault(key, point)

    def _point(
        self, entry: MapEntry, price_field: fields.PriceField, amount: Decimal, hours: str = ""
    ) -> PricePoint:
        meter, per, times = price_field.measure
        return PricePoint(
            source=self.source,
            provider=entry.provider,
            model=entry.model,
            meter=meter,
            price=plain(without_float_noise(amount) * per / times),
            per=per,
            service_tier=price_field.service_tier,
            above=price_field.above,
            hours=hours,
            origin=self.origin,
        )

    def _prices(self, entry: MapEntry) -> Iterator[tuple[str, fields.PriceField, Decimal]]:
        """Each metered price of an entry: its field's name, the parsed field, and the price of one unit."""
        yield from self._prices_of(entry, entry.values, 0)
        bands = entry.values.get("tiered_pricing")
        for band in bands if isinstance(bands, list) else ():
            if isinstance(band, dict) and "range" not in band:  # of results, not of tokens
                self.left_out["tiered_pricing", _NO_METER] += 1
                continue
            start = _start(band)
            if start is None:
                self._fault(entry, "tiered_pricing", band, "a band has a range of whole tokens: [0, 32000]")
                continue
            yield from self._prices_of(entry, band, start)

    def _prices_of(
        self, entry: MapEntry, values: Mapping[str, Any], above: int
    ) -> Iterator[tuple[str, fields.PriceField, Decimal]]:
        for name, value in values.items():
            if value is None or not fields.looks_like_price(name):
                continue
            price_field = fields.price_field(name, entry.mode)
            if price_field is None:
                self._leave_out(name, value)
                continue
            amount = price(_of_search(value) if price_field.measure.meter == "search" else value)
            if amount is None:
                self._fault(entry, name, value, "a price is a number from 0 to 1,000,000 for one unit")
            else:
                start = above or price_field.above
                yield (
                    name,
                    price_field._replace(above=start - (start > 0 and entry.provider in self.starting_at)),
                    amount,
                )

    def _leave_out(self, name: str, value: Any) -> None:
        if price(value) != 0:  # a price of 0 is no loss
            self.left_out[name, _NO_METER] += 1

    def _off_peak(self, entry: MapEntry) -> Iterator[tuple[str, PricePoint]]:
        block = entry.values.get("off_peak_pricing")
        if not isinstance(block, dict):
            return
        hours = off_peak.hours(block)
        if hours is None:
            self.left_out["off_peak_pricing", _HOURS] += 1
            return
        for name, price_field, amount in self._prices_of(entry, block, 0):
            if amount or _is_free(entry):
                yield name, self._point(entry, price_field, amount, hours)

    def _fast(self, entry: MapEntry, points: Iterable[PricePoint]) -> Iterator[tuple[str, PricePoint]]:
        """The prices of the tier `fast`: standard token prices times the factor for the fast mode."""
        factor = self._factor(entry, "fast", _specific(entry).get("fast"))
        for point in points if factor else ():
            if (
                point.service_tier == "standard"
                and point.meter in REGIONAL_METERS
                and point.price is not None
            ):
                dearer = plain(point.price * factor)
                yield "fast", msgspec.structs.replace(point, service_tier="fast", price=dearer)

    def _regions(self, entry: MapEntry) -> Iterator[Term]:
        factors = {"us": _specific(entry).get("us")}
        for name, value in entry.values.items():
            if name.startswith(_RESIDENCY_PREFIX):
                factors[name.removeprefix(_RESIDENCY_PREFIX)] = value
            elif name == _REGIONAL_ENDPOINT:
                factors |= dict.fromkeys(_NOT_GLOBAL, value)
        for region, value in factors.items():
            if factor := self._factor(entry, region, value):
                yield Term(
                    kind="region",
                    factor=factor,
                    provider=entry.provider,
                    model=entry.model,
                    region=region,
                    origin=self.origin,
                )

    def _factor(self, entry: MapEntry, name: str, value: Any) -> Decimal:
        """The factor, or 0 where it is missing, wrong or 1."""
        factor = price(value)
        if value is not None and not factor:
            self._fault(entry, name, value, "a factor is a number above 0, such as 1.1")
        return plain(without_float_noise(factor)) if factor and factor != 1 else Decimal(0)

    def _fault(self, entry: MapEntry, name: str, value: Any, advice: str) -> None:
        self.faults.append(Fault(entry.key[:_SHOWN_LENGTH], name, str(value)[:_SHOWN_LENGTH], advice))


def model_of(key: str, provider: str) -> str:
    """The model in a key: without the provider before it, and in lower case."""
    prefix, slash, rest = key.strip().partition("/")
    return (rest if slash and rest and provider_of(prefix) == provider else key.strip()).lower()


def _price_key(point: PricePoint) -> PricePoint:
    """The unit that a point prices, as a point without a price."""
    return msgspec.structs.replace(point, price=None, per=1)


def _side(price_field: fields.PriceField) -> str:
    """The side whose tokens a field prices."""
    return "output" if price_field.measure.meter.startswith(("output", "reasoning", "citation")) else "input"


def _is_free(entry: MapEntry) -> bool:
    return entry.provider in _LOCAL or entry.model.endswith(":free")


def _start(band: Any) -> int | None:
    """The number of tokens above which a band's prices apply; None for a malformed band."""
    edges = band["range"] if isinstance(band, dict) else None
    start = edges[0] if isinstance(edges, list) and edges else None
    if not isinstance(start, Decimal) or not 0 <= start < _MOST_TOKENS or start != start.to_integral_value():
        return None
    return int(start)


def _of_search(value: Any) -> Any:
    """The price of one search. Where it depends on the context size, the default size is medium."""
    if not isinstance(value, dict):
        return value
    sizes = (value.get(f"search_context_size_{size}") for size in _SEARCH_SIZES)
    return next((size_price for size_price in sizes if size_price is not None), value)


def _specific(entry: MapEntry) -> Mapping[str, Any]:
    specific = entry.values.get("provider_specific_entry")
    return specific if isinstance(specific, dict) else {}
