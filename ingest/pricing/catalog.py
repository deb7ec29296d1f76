"""The price book that ships with a release: the data of the `genai-prices` package, compiled.

The package's own `calc_price` takes some 70 microseconds a call. Here the answer is found once per provider, model and
service tier, and kept for each stretch of time and each context band in which it cannot change.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from ingest.pricing.book import Unpriced
from ingest.pricing.rates import PriceSet, Rate

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000
_MICROSECOND: Final = timedelta(microseconds=1)

_METERS: Final = {
    "input_mtok": ("input", 1_000_000),
    "input_audio_mtok": ("input_audio", 1_000_000),
    "input_image_mtok": ("input_image", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_write_mtok": ("cache_write", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_1h", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "output_audio_mtok": ("output_audio", 1_000_000),
    "output_image_mtok": ("output_image", 1_000_000),
    "output_reasoning_mtok": ("reasoning", 1_000_000),
    "output_citation_mtok": ("citation", 1_000_000),
    "web_searches_kcount": ("search", 1_000),
    "requests_kcount": ("request", 1_000),
    "input_mchars": ("character", 1_000_000),
    "audio_hours": ("audio_ms", 3_600_000),
    "input_audio_hours": ("audio_ms", 3_600_000),
    "input_document_kpages": ("page", 1_000),
    "rerank_searches_kcount": ("search_unit", 1_000),
}
"""The package's price keys as our meters, and how many units each price is for. Other keys price what we do not meter."""

_PROVIDERS: Final = {
    "bedrock": "aws",
    "bedrock_mantle": "aws",
    "vertex": "google",
    "gemini": "google",
    "xai": "x-ai",
}
"""Gateways' names of providers where the package's own matching does not know them."""

_STANDARD: Final = frozenset((None, "", "auto", "default", "standard", "standard_only", "on_demand"))
_CONTEXTS: Final = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast"},
}
"""Service tiers other than the standard one, as the package's price variants are selected."""


class GenaiPrices:
    """A price book over the bundled data. Making one loads the data (a quarter of a second)."""

    def __init__(self) -> None:
        from genai_prices.data import providers

        self._providers = providers
        self._origin = f"genai-prices {version('genai-prices')}"
        self._compiled: dict[tuple[str, str, str | None], _Compiled | Unpriced] = {}

    def find(
        self, provider: str, model: str, service_tier: str | None, at: int, input_tokens: int
    ) -> PriceSet | Unpriced:
        """The prices of a call; see `ingest.pricing.book.PriceBook`."""
        key = (provider, model, service_tier)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(provider, model, service_tier)
        if isinstance(compiled, Unpriced):
            return compiled
        return compiled.at(at, input_tokens)

    def _compile(self, provider: str, model: str, service_tier: str | None) -> "_Compiled | Unpriced":
        if model == "unknown":
            return Unpriced("the call names no model")
        found = self._find_model(provider, model)
        if found is None:
            return Unpriced(f"no price for {provider}/{model}")
        tier = "standard" if service_tier in _STANDARD else str(service_tier)
        if tier != "standard" and not _has_variant(found, _CONTEXTS.get(tier)):
            return Unpriced(f"no price for {provider}/{model} in the service tier {tier}")
        return _Compiled(found, provider, tier, self._origin)

    def _find_model(self, provider: str, model: str) -> Any:
        from genai_prices.data_snapshot import find_provider_by_id

        name = _PROVIDERS.get(provider, provider)
        if name == "unknown":
            held = next(
                (p for p in self._providers if p.model_match and p.model_match.is_match(model.lower())), None
            )
        else:
            held = find_provider_by_id(self._providers, name)
        if held is None:
            return None
        bare = model.partition("/")[2]
        found = held.find_model(model, all_providers=self._providers)
        return found or (held.find_model(bare, all_providers=self._providers) if bare else None)


def _has_variant(model: Any, context: dict[str, str] | None) -> bool:
    """Whether the data has prices of their own for this context."""
    variants = model.price_variants or ()
    return context is not None and any(v.when.items() <= context.items() for v in variants)


@dataclass(slots=True)
class _Compiled:
    """One model in one service tier: its prices by stretch of time, time of day and context band."""

    model: Any
    provider: str
    tier: str
    origin: str
    _days: list[int] = field(init=False)
    _times: list[int] = field(init=False)
    _bands: dict[tuple[int, int], tuple[list[int], list[PriceSet]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        constraints = [one.constraint for one in _conditional(self.model)]
        days = {_midnight(c.start_date) for c in constraints if hasattr(c, "start_date")}
        self._days = sorted(days)
        edges = {
            _of_day(t) for c in constraints if hasattr(c, "start_time") for t in (c.start_time, c.end_time)
        }
        self._times = sorted(edges)

    def at(self, at: int, input_tokens: int) -> PriceSet:
        """The price set that applies."""
        key = (bisect_right(self._days, at), bisect_right(self._times, at % _DAY) if self._times else 0)
        held = self._bands.get(key)
        if held is None:
            held = self._bands[key] = self._make_bands(at)
        starts, sets = held
        return sets[bisect_left(starts, input_tokens)] if starts else sets[0]

    def _make_bands(self, at: int) -> tuple[list[int], list[PriceSet]]:
        context = _CONTEXTS.get(self.tier, {"service_tier": "default"})
        prices = self.model.get_prices(_EPOCH + at * _MICROSECOND, context).__dict__
        priced = {key: value for key, value in prices.items() if key in _METERS and value is not None}
        starts = sorted({tier.start for value in priced.values() for tier in getattr(value, "tiers", ())})
        return starts, [self._price_set(priced, start) for start in (0, *starts)]

    def _price_set(self, priced: dict[str, Any], above: int) -> PriceSet:
        rates = {}
        for key, value in priced.items():
            meter, per = _METERS[key]
            rates[meter] = Rate(_in_band(value, above), per)
        return PriceSet(self.provider, self.model.id, self.tier, above, "USD", self.origin, rates)


def _conditional(model: Any) -> list[Any]:
    """Everything about a model that depends on the time."""
    prices = model.prices if isinstance(model.prices, list) else []
    return [*prices, *(model.price_variants or ())]


def _in_band(value: Any, above: int) -> Decimal:
    """The price for calls with more input tokens than `above`: of the highest tier that starts there or before."""
    if isinstance(value, Decimal):
        return value
    tiers = [tier.price for tier in value.tiers if tier.start <= above and above > 0]
    return Decimal(tiers[-1] if tiers else value.base)


def _midnight(day: Any) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _of_day(moment: time) -> int:
    """Microseconds from midnight UTC to a time of day, which is UTC where it does not say."""
    at = datetime.combine(_EPOCH.date(), moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return ((at - _EPOCH) // _MICROSECOND) % _DAY
