"""The prices that ship with a release: the data of the `genai-prices` package, compiled.

The package's own `calc_price` takes some 70 microseconds a call. Here the prices are looked up once per
provider, model and service tier, and cached for each stretch of time and each context band in which they
cannot change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from ingest.pricing.matching import is_other_region, model_of_resource, provider_of
from ingest.pricing.point import SNAPSHOT, PricePoint
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.terms import Term

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000_000
_MICROSECOND: Final = timedelta(microseconds=1)
_METERS: Final = {
    "input_mtok": ("input", 1_000_000),
    "input_audio_mtok": ("input_audio", 1_000_000),
    "input_image_mtok": ("input_image", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_audio_read_mtok": ("cache_read_audio", 1_000_000),
    "cache_image_read_mtok": ("cache_read_image", 1_000_000),
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
    "input_audio_hours": ("input_audio_ms", 3_600_000),
    "input_document_kpages": ("page", 1_000),
    "rerank_searches_kcount": ("search_unit", 1_000),
}
"""The package's price keys as our meters, and how many units each price is for. Other keys have no meter
here."""

_PACKAGE_PROVIDERS: Final = {
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "fireworks_ai": "fireworks",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}
"""Provider names that the package's own matching does not know, or takes for another provider."""

_TIER_CONTEXTS: Final = {
    "standard": {"service_tier": "default"},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""The context that selects the package's price variants for each tier."""

_MINIMUMS: Final = {
    ("groq", "whisper-large-v3", "audio_ms"): 10_000,
    ("groq", "whisper-large-v3", "input_audio_ms"): 10_000,
    ("groq", "whisper-large-v3-turbo", "audio_ms"): 10_000,
    ("groq", "whisper-large-v3-turbo", "input_audio_ms"): 10_000,
}
"""The least quantity that a call is billed: in the package this is code, not data."""


ENDED_BANDS: Final = frozenset([("deepseek", "deepseek-chat"), ("deepseek", "deepseek-reasoner")])
"""Models whose prices by the hour count as flat: DeepSeek ended its night-time prices on 2025-09-05
(https://api-docs.deepseek.com/quick_start/pricing)."""

TERMS: Final = tuple(
    Term(
        kind="region",
        factor=Decimal("1.1"),
        provider="anthropic",
        model=model,
        region="us",
        origin="published",
    )
    for model in (
        *(
            "claude-opus-4-6*",
            "claude-opus-4-7*",
            "claude-opus-4-8*",
            "claude-sonnet-4-6*",
            "claude-mythos-*",
        ),
        *("claude-fable-5*", "claude-haiku-5*", "claude-opus-5*", "claude-sonnet-5*"),
    )
)
"""Published surcharges missing from the package's data: Anthropic's for inference in the United States
only."""


class GenaiPrices:
    """The prices of the bundled data, which the constructor loads (a quarter of a second)."""

    source: Final = SNAPSHOT

    def __init__(self) -> None:
        from genai_prices.data import providers

        self._providers = providers
        self.origin = f"genai-prices {version('genai-prices')}"
        self._entries: list[tuple[str, str, tuple[PublishedPrices, ...]]] | None = None

    def points(self, at: int) -> Iterator[PricePoint]:
        """The price points of every model at an instant, by tier, band and meter.

        Each model has a name by which `find` returns it. A band is listed only where its price differs from
        the price in the band below.
        """
        if self._entries is None:
            self._entries = list(self._make_entries())
        for provider, model, tiers in self._entries:
            for prices in tiers:
                yield from prices.points(provider, model, at)

    def find(self, provider: str, model: str, service_tier: str) -> "PublishedPrices | Unpriced":
        """The prices of a model in a tier (see `ingest.pricing.matching.tier_of`), or the reason for none."""
        if model == "unknown":
            return Unpriced("the call names no model")
        provider_data, model_info = self._find_model(provider, model)
        key = (provider_of(provider), model.strip().lower())
        if model_info is None and (named := model_of_resource(*key)):
            provider_data, model_info = self._find_model(named.provider, named.model)
        if is_other_region(*key):
            model_info = None
        if model_info is None:
            return Unpriced(f"no price for {provider}/{model}")
        return self._compile(provider_data, model_info, provider, service_tier)

    def maker_of(self, model: str) -> str | None:
        """The provider whose models are named like this one, or None."""
        prefix, slash, _ = model.partition("/")
        if slash and self._by_id(prefix.lower()):
            return prefix
        name = model.lower()
        makers = (
            maker for maker in self._providers if maker.model_match and maker.model_match.is_match(name)
        )
        maker = next(makers, None)
        return None if maker is None else str(maker.id)

    def _compile(self, provider_data: Any, model: Any, provider: str, service_tier: str) -> "PublishedPrices":
        return PublishedPrices(
            model=model,
            provider_id=provider_data.id,
            is_own=any(model is own for own in provider_data.models),
            provider=provider,
            tier=service_tier,
            origin=self.origin,
        )

    def _make_entries(self) -> "Iterator[tuple[str, str, tuple[PublishedPrices, ...]]]":
        """Each provider and model with the prices of its tiers.

        Models hidden by another model's name are left out.
        """
        for provider_data in self._providers:
            provider = provider_of(provider_data.id)
            for model in provider_data.models:
                name = next(
                    (
                        spelling
                        for spelling in _spellings(model)
                        if self._find_model(provider, spelling)[1] is model
                    ),
                    None,
                )
                if name is not None:
                    tiers = _TIER_CONTEXTS if model.price_variants else ("standard",)
                    yield (
                        provider,
                        name,
                        tuple(self._compile(provider_data, model, provider, tier) for tier in tiers),
                    )

    def _find_model(self, provider: str, model: str) -> tuple[Any, Any]:
        """The package's provider and model, by the name as given, then without provider prefixes."""
        name = provider.lower()
        while True:
            prefix, _, rest = model.partition("/")
            provider_data = self._by_id(name)
            model_info = provider_data and provider_data.find_model(model, all_providers=self._providers)
            if model_info:
                return provider_data, model_info
            if not rest or not (prefix.lower() == name or self._by_id(prefix)):
                return None, None
            if name == "huggingface":  # passes calls on to the provider named by the prefix
                name = f"huggingface_{prefix}"
            model = rest

    def _by_id(self, name: str) -> Any:
        from genai_prices.data_snapshot import find_provider_by_id

        return find_provider_by_id(self._providers, _PACKAGE_PROVIDERS.get(name, name))


@dataclass(slots=True)
class PublishedPrices:
    """One model in one service tier: its prices by stretch of time, time of day and context band."""

    model: Any
    provider_id: str
    is_own: bool
    """Whether the provider publishes the model itself; variants of another provider's prices do not apply to
    it."""
    provider: str
    tier: str
    origin: str
    _days: list[int] = field(init=False)
    _times: list[int] = field(init=False)
    _bands: dict[tuple[int, int], tuple[list[int], Sequence[PriceSet | Unpriced]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        constraints = [price.constraint for price in _conditional(self.model)]
        self._days = sorted({_midnight(c.start_date) for c in constraints if hasattr(c, "start_date")})
        hours = [(c.start_time, c.end_time) for c in constraints if hasattr(c, "start_time")]
        self._times = sorted({_of_day(edge) for edges in hours for edge in edges})

    @property
    def edges(self) -> Sequence[int]:
        """The midnights at which prices may change."""
        return self._days

    @property
    def is_flat(self) -> bool:
        """Whether the model has one price of each meter: in all tiers, at all times, in all bands."""
        if (self.provider_id, self.model.id) in ENDED_BANDS:
            return True
        if self._days or self._times or self.model.price_variants or isinstance(self.model.prices, list):
            return False
        return not any(hasattr(price, "tiers") for price in self.model.prices.__dict__.values())

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        key = (bisect_right(self._days, at), bisect_right(self._times, at % _DAY))
        bands = self._bands.get(key)
        if bands is None:
            bands = self._bands[key] = self._make_bands(at)
        starts, sets = bands
        return sets[bisect_left(starts, input_tokens)]

    def points(self, provider: str, model: str, at: int) -> Iterator[PricePoint]:
        """The prices at an instant as points, the lowest band first."""
        below: Mapping[str, Rate] = {}
        for prices in self._make_bands(at)[1]:
            if isinstance(prices, Unpriced):
                return
            for meter, rate in prices.by_meter.items():
                if below.get(meter) != rate:
                    yield PricePoint(
                        source=SNAPSHOT,
                        provider=provider,
                        model=model,
                        meter=meter,
                        price=rate.price,
                        per=rate.per,
                        least=rate.least,
                        currency=prices.currency,
                        service_tier=self.tier,
                        above=prices.above_input_tokens,
                        origin=self.origin,
                    )
            below = prices.by_meter

    def _make_bands(self, at: int) -> tuple[list[int], Sequence[PriceSet | Unpriced]]:
        """The starts of the context bands except the lowest, and the prices in each band."""
        when = _EPOCH + at * _MICROSECOND
        context = _TIER_CONTEXTS.get(self.tier) if self.is_own else None
        if self.tier != "standard" and not (context and _has_variant(self.model, context, when)):
            return [], [
                Unpriced(f"no price for {self.provider}/{self.model.id} in the service tier {self.tier}")
            ]
        prices = self.model.get_prices(when, context).__dict__
        priced = {key: value for key, value in prices.items() if key in _METERS and value is not None}
        if not priced:
            return [], [Unpriced(f"no price for {self.provider}/{self.model.id}")]
        starts = sorted({tier.start for value in priced.values() for tier in getattr(value, "tiers", ())})
        return starts, [self._price_set(priced, None), *(self._price_set(priced, start) for start in starts)]

    def _price_set(self, priced: dict[str, Any], above: int | None) -> PriceSet:
        rates = {}
        for key, value in priced.items():
            meter, per = _METERS[key]
            least = _MINIMUMS.get((self.provider_id, self.model.id, meter), 0)
            rates[meter] = Rate(_in_band(value, above), per, least)
        return PriceSet(self.provider, self.model.id, self.tier, above or 0, "USD", self.origin, rates)


def _spellings(model: Any) -> Iterator[str]:
    """Names that may lead to a model: its own name, then the names spelled out in its matching rules."""
    yield model.id.lower()
    clauses = [model.match]
    while clauses:
        clause = clauses.pop(0)
        for kind in ("equals", "starts_with", "contains"):
            if text := getattr(clause, kind, None):
                yield text.lower()
        clauses += getattr(clause, "or_", ())


def _conditional(model: Any) -> list[Any]:
    """The model's prices and variants that may depend on the time."""
    prices = model.prices if isinstance(model.prices, list) else []
    return [*prices, *(model.price_variants or ())]


def _has_variant(model: Any, context: dict[str, str], when: datetime) -> bool:
    """Whether the data has separate prices for this context at that time."""
    return any(
        variant.when.items() <= context.items()
        and (variant.constraint is None or variant.constraint.active(when))
        for variant in model.price_variants or ()
    )


def _in_band(value: Any, above: int | None) -> Decimal:
    """The price in the context band that starts at `above` (None for the lowest band)."""
    if isinstance(value, Decimal):
        return value
    tiers = [tier.price for tier in value.tiers if above is not None and tier.start <= above]
    return Decimal(tiers[-1] if tiers else value.base)


def _midnight(day: Any) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _of_day(moment: time) -> int:
    """Microseconds from midnight UTC to a time of day, read as UTC where it has no time zone."""
    at = datetime.combine(_EPOCH.date(), moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return ((at - _EPOCH) // _MICROSECOND) % _DAY
