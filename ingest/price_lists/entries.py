"""Entries of a price map, LiteLLM's or Bifrost's: one model with its fields, read into points and terms.

A price of 0 is kept only where it is said on purpose (`_LOCAL`, `:free`): elsewhere these maps write 0 for what they do not
know, or what is not sold. What the map says twice of one model in two ways is told, and the first stands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from ingest.price_lists import fields, off_peak
from ingest.price_lists.number import mended, plain, price
from ingest.price_lists.price_list import Fault, LeftOut, PriceList, is_name
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
"""Providers that run on one's own machines."""

_NO_METER: Final = "as no meter counts them"
_NOTHING: Final = "as they are 0, which these lists also write for what is unknown or not sold"
_TWICE: Final = "as another entry says otherwise of the same model"
_BY_TOKENS: Final = "as the model is sold by tokens, which count the same"
_PATTERN: Final = "as the name is a pattern"
_HOURS: Final = "as the hours cannot be said in UTC"

_INSTEAD: Final = {
    "character": "input",
    "input_audio_ms": "input",
    "audio_ms": "output",
    "video_ms": "output",
    "image": "output",
}
"""Measures that count what tokens of one side count too: where these are sold, they would be charged twice."""

_SHOWN: Final = 60
_MOST: Final = 10**12
"""More tokens than any call has."""
_SEARCH_SIZES: Final = ("medium", "low", "high")
_RESIDENCE: Final = "regional_processing_uplift_multiplier_"
_ELSEWHERE: Final = "regional_endpoint_uplift_multiplier"
_NOT_GLOBAL: Final = ("*-*", "us", "eu")
"""Vertex AI's locations other than `global`: regions, whose names hold a dash, and the two that are many regions."""


class Entry(NamedTuple):
    """One model of a map."""

    key: str
    provider: str
    model: str
    mode: str
    said: Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """What has been read of a map so far."""

    kind: str
    source: str
    origin: str
    starting_at: frozenset[str] = frozenset()
    """Providers whose bands start at their number of tokens, and not above it."""
    points: dict[PricePoint, PricePoint] = field(default_factory=dict)
    """By themselves without their price: what they are the price of."""
    terms: dict[Term, None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, entries: Iterable[Entry]) -> PriceList:
        """The list that these entries make."""
        for one in entries:
            self._take(one)
        points = tuple(self.points.values())
        return PriceList(
            kind=self.kind,
            source=self.source,
            origin=self.origin,
            models=len({(one.provider, one.model) for one in points}),
            points=points,
            terms=tuple(self.terms),
            faults=tuple(self.faults),
            left_out=tuple(LeftOut(*about, count) for about, count in sorted(self.left_out.items())),
            is_whole=True,
        )

    def _take(self, entry: Entry) -> None:
        if not (is_name(entry.provider) and is_name(entry.model)):
            self._fault(entry, "key", entry.key, "name a model in at most 255 letters that can be printed")
            return
        if ANY in entry.model:
            self.left_out[entry.key, _PATTERN] += 1
            return
        found = [*self._standing(entry), *self._off_peak(entry)]
        found += self._fast(entry, [point for _, point in found])
        self._put(found)
        for term in self._regions(entry):
            self.terms.setdefault(term)

    def _standing(self, entry: Entry) -> Iterator[tuple[str, PricePoint]]:
        """The prices of an entry at any hour, each with the name of its field."""
        found = list(self._prices(entry))
        sides = {
            _side(about) for _, about, amount in found if amount and about.measure.meter in REGIONAL_METERS
        }
        for name, about, amount in found:
            if not amount and not _is_free(entry):
                self.left_out[name, _NOTHING] += 1
            elif _INSTEAD.get(about.measure.meter) in sides:
                self.left_out[name, _BY_TOKENS] += 1
            else:
                yield name, self._point(entry, about, amount)

    def _put(self, found: Iterable[tuple[str, PricePoint]]) -> None:
        """Take the prices of an entry, unless an earlier one says otherwise of the same model: then none of them."""
        found = list(found)
        mine: dict[PricePoint, PricePoint] = {}
        for name, point in found:
            if mine.setdefault(_about(point), point).price != point.price:
                self.left_out[name, _TWICE] += 1
        if any(self.points.get(about, point).price != point.price for about, point in mine.items()):
            self.left_out.update((name, _TWICE) for name, _ in found)
            return
        for about, point in mine.items():
            self.points.setdefault(about, point)

    def _point(self, entry: Entry, about: fields.Field, amount: Decimal, hours: str = "") -> PricePoint:
        meter, per, times = about.measure
        return PricePoint(
            source=self.source,
            provider=entry.provider,
            model=entry.model,
            meter=meter,
            price=plain(mended(amount) * per / times),
            per=per,
            service_tier=about.service_tier,
            above=about.above,
            hours=hours,
            origin=self.origin,
        )

    def _prices(self, entry: Entry) -> Iterator[tuple[str, fields.Field, Decimal]]:
        """Each price of an entry that has a meter: the name of its field, what it is the price of, one unit's price."""
        yield from self._of(entry, entry.said, 0)
        bands = entry.said.get("tiered_pricing")
        for band in bands if isinstance(bands, list) else ():
            if isinstance(band, dict) and "range" not in band:  # of results, not of tokens
                self.left_out["tiered_pricing", _NO_METER] += 1
                continue
            start = _start(band)
            if start is None:
                self._fault(entry, "tiered_pricing", band, "a band has a range of whole tokens: [0, 32000]")
                continue
            yield from self._of(entry, band, start)

    def _of(
        self, entry: Entry, said: Mapping[str, Any], above: int
    ) -> Iterator[tuple[str, fields.Field, Decimal]]:
        for name, held in said.items():
            if held is None or not fields.is_a_price(name):
                continue
            about = fields.field(name, entry.mode)
            if about is None:
                self._leave_out(name, held)
                continue
            amount = price(_of_search(held) if about.measure.meter == "search" else held)
            if amount is None:
                self._fault(entry, name, held, "a price is a number from 0 to 1,000,000 for one unit")
            else:
                start = above or about.above
                yield (
                    name,
                    about._replace(above=start - (start > 0 and entry.provider in self.starting_at)),
                    amount,
                )

    def _leave_out(self, name: str, held: Any) -> None:
        if price(held) != 0:  # of what costs nothing nobody misses the price
            self.left_out[name, _NO_METER] += 1

    def _off_peak(self, entry: Entry) -> Iterator[tuple[str, PricePoint]]:
        block = entry.said.get("off_peak_pricing")
        if not isinstance(block, dict):
            return
        hours = off_peak.hours(block)
        if hours is None:
            self.left_out["off_peak_pricing", _HOURS] += 1
            return
        for name, about, amount in self._of(entry, block, 0):
            if amount or _is_free(entry):
                yield name, self._point(entry, about, amount, hours)

    def _fast(self, entry: Entry, points: Iterable[PricePoint]) -> Iterator[tuple[str, PricePoint]]:
        """A factor for a fast mode is a tier of its own: all tokens cost so much more."""
        factor = self._factor(entry, "fast", _specific(entry).get("fast"))
        for one in points if factor else ():
            if one.service_tier == "standard" and one.meter in REGIONAL_METERS and one.price is not None:
                dearer = plain(one.price * factor)
                yield "fast", msgspec.structs.replace(one, service_tier="fast", price=dearer)

    def _regions(self, entry: Entry) -> Iterator[Term]:
        factors = {"us": _specific(entry).get("us")}
        for name, held in entry.said.items():
            if name.startswith(_RESIDENCE):
                factors[name.removeprefix(_RESIDENCE)] = held
            elif name == _ELSEWHERE:
                factors |= dict.fromkeys(_NOT_GLOBAL, held)
        for region, held in factors.items():
            if factor := self._factor(entry, region, held):
                yield Term(
                    kind="region",
                    factor=factor,
                    provider=entry.provider,
                    model=entry.model,
                    region=region,
                    origin=self.origin,
                )

    def _factor(self, entry: Entry, name: str, held: Any) -> Decimal:
        """A factor other than 1; 0 where there is none."""
        factor = price(held)
        if held is not None and not factor:
            self._fault(entry, name, held, "a factor is a number above 0, such as 1.1")
        return plain(mended(factor)) if factor and factor != 1 else Decimal(0)

    def _fault(self, entry: Entry, name: str, held: Any, advice: str) -> None:
        self.faults.append(Fault(entry.key[:_SHOWN], name, str(held)[:_SHOWN], advice))


def model_of(key: str, provider: str) -> str:
    """The model in a key: without the provider that stands before it, and in small letters."""
    prefix, slash, rest = key.strip().partition("/")
    return (rest if slash and rest and provider_of(prefix) == provider else key.strip()).lower()


def _about(point: PricePoint) -> PricePoint:
    """What a point is the price of."""
    return msgspec.structs.replace(point, price=None, per=1)


def _side(about: fields.Field) -> str:
    """The side whose tokens a field prices."""
    return "output" if about.measure.meter.startswith(("output", "reasoning", "citation")) else "input"


def _is_free(entry: Entry) -> bool:
    return entry.provider in _LOCAL or entry.model.endswith(":free")


def _start(band: Any) -> int | None:
    """The tokens above which a band's prices hold."""
    edges = band["range"] if isinstance(band, dict) else None
    start = edges[0] if isinstance(edges, list) and edges else None
    if not isinstance(start, Decimal) or not 0 <= start < _MOST or start != start.to_integral_value():
        return None
    return int(start)


def _of_search(held: Any) -> Any:
    """The price of one search, which may depend on how much context it fetches: the middle size, as is the default."""
    if not isinstance(held, dict):
        return held
    sizes = (held.get(f"search_context_size_{size}") for size in _SEARCH_SIZES)
    return next((one for one in sizes if one is not None), held)


def _specific(entry: Entry) -> Mapping[str, Any]:
    held = entry.said.get("provider_specific_entry")
    return held if isinstance(held, dict) else {}
