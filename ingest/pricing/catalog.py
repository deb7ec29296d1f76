"""The shelf of prices that ships with a release: the data of the `genai-prices` package, compiled.

The package's own `calc_price` takes some 70 microseconds a call. Here the answer is found once per provider, model and
service tier, and kept for each stretch of time and each context band in which it cannot change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final

from ingest.pricing.matching import is_elsewhere, provider_of, resource
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
"""The package's price keys as our meters, and how many units each price is for. Other keys price what we do not meter."""

_PROVIDERS: Final = {
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
"""Names of providers that the package's own matching does not know, or takes for another's."""

_CONTEXTS: Final = {
    "standard": {"service_tier": "default"},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""How the package's price variants are selected for a tier."""

_LEAST: Final = {
    ("groq", "whisper-large-v3", "audio_ms"): 10_000,
    ("groq", "whisper-large-v3", "input_audio_ms"): 10_000,
    ("groq", "whisper-large-v3-turbo", "audio_ms"): 10_000,
    ("groq", "whisper-large-v3-turbo", "input_audio_ms"): 10_000,
}
"""What a call is billed at least: in the package this is code, not data."""


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
"""Published surcharges that the package's data does not hold: Anthropic's for inference in the United States alone."""


class GenaiPrices:
    """The shelf of the bundled data. Making one loads the data (a quarter of a second)."""

    source: Final = SNAPSHOT

    def __init__(self) -> None:
        from genai_prices.data import providers

        self._providers = providers
        self.origin = f"genai-prices {version('genai-prices')}"
        self._listed: list[tuple[str, str, tuple[_Compiled, ...]]] | None = None

    def points(self, at: int) -> Iterator[PricePoint]:
        """What the data holds at an instant: each model under a name that `find` finds it by, tier, band and meter.

        A band is listed where its price is another than that of the band below.
        """
        if self._listed is None:
            self._listed = list(self._list())
        for provider, model, tiers in self._listed:
            for one in tiers:
                yield from one.points(provider, model, at)

    def find(self, provider: str, model: str, service_tier: str) -> "_Compiled | Unpriced":
        """The prices of a model in a tier (`ingest.pricing.matching.tier_of`), or why there are none."""
        if model == "unknown":
            return Unpriced("the call names no model")
        held, found = self._find_model(provider, model)
        written = (provider_of(provider), model.strip().lower())
        if found is None and (named := resource(*written)):
            held, found = self._find_model(named.provider, named.model)
        if is_elsewhere(*written):
            found = None
        if found is None:
            return Unpriced(f"no price for {provider}/{model}")
        return self._compiled(held, found, held.id if provider == "unknown" else provider, service_tier)

    def _compiled(self, held: Any, model: Any, provider: str, service_tier: str) -> "_Compiled":
        return _Compiled(
            model=model,
            holder=held.id,
            is_own=any(model is one for one in held.models),
            provider=provider,
            tier=service_tier,
            origin=self.origin,
        )

    def _list(self) -> "Iterator[tuple[str, str, tuple[_Compiled, ...]]]":
        """Provider, model and the tiers it is sold in. Models that another one's name hides are left out."""
        for held in self._providers:
            provider = provider_of(held.id)
            for model in held.models:
                name = next(
                    (one for one in _spellings(model) if self._find_model(provider, one)[1] is model), None
                )
                if name is not None:
                    tiers = _CONTEXTS if model.price_variants else ("standard",)
                    yield provider, name, tuple(self._compiled(held, model, provider, one) for one in tiers)

    def _find_model(self, provider: str, model: str) -> tuple[Any, Any]:
        """The package's provider and model: by the name as given, then without prefixes that name a provider."""
        name = provider.lower()
        while True:
            prefix, _, rest = model.partition("/")
            held = self._by_model(model) if name == "unknown" else self._by_id(name)
            found = held and held.find_model(model, all_providers=self._providers)
            if found:
                return held, found
            if not rest or not (prefix.lower() == name or self._by_id(prefix)):
                return None, None
            if name == "unknown":
                name = prefix.lower()
            elif name == "huggingface":  # which passes calls on to the provider that the prefix names
                name = f"huggingface_{prefix}"
            model = rest

    def _by_id(self, name: str) -> Any:
        from genai_prices.data_snapshot import find_provider_by_id

        return find_provider_by_id(self._providers, _PROVIDERS.get(name, name))

    def _by_model(self, model: str) -> Any:
        matching = (
            one for one in self._providers if one.model_match and one.model_match.is_match(model.lower())
        )
        return next(matching, None)


@dataclass(slots=True)
class _Compiled:
    """One model in one service tier: its prices by stretch of time, time of day and context band."""

    model: Any
    holder: str
    is_own: bool
    """Whether the provider itself publishes the model: variants of another one's prices are not its own."""
    provider: str
    tier: str
    origin: str
    _days: list[int] = field(init=False)
    _times: list[int] = field(init=False)
    _bands: dict[tuple[int, int], tuple[list[int], Sequence[PriceSet | Unpriced]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        constraints = [one.constraint for one in _conditional(self.model)]
        self._days = sorted({_midnight(c.start_date) for c in constraints if hasattr(c, "start_date")})
        hours = [(c.start_time, c.end_time) for c in constraints if hasattr(c, "start_time")]
        self._times = sorted({_of_day(edge) for edges in hours for edge in edges})

    @property
    def edges(self) -> Sequence[int]:
        """The midnights at which prices may change."""
        return self._days

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        key = (bisect_right(self._days, at), bisect_right(self._times, at % _DAY) if self._times else 0)
        held = self._bands.get(key)
        if held is None:
            held = self._bands[key] = self._make_bands(at)
        starts, sets = held
        return sets[bisect_left(starts, input_tokens)]

    def points(self, provider: str, model: str, at: int) -> Iterator[PricePoint]:
        """The prices at an instant as points, the lowest band first."""
        below: Mapping[str, Rate] = {}
        for one in self._make_bands(at)[1]:
            if isinstance(one, Unpriced):
                return
            for meter, rate in one.by_meter.items():
                if below.get(meter) != rate:
                    yield PricePoint(
                        source=SNAPSHOT,
                        provider=provider,
                        model=model,
                        meter=meter,
                        price=rate.price,
                        per=rate.per,
                        least=rate.least,
                        currency=one.currency,
                        service_tier=self.tier,
                        above=one.above_input_tokens,
                        origin=self.origin,
                    )
            below = one.by_meter

    def _make_bands(self, at: int) -> tuple[list[int], Sequence[PriceSet | Unpriced]]:
        """The starts of the context bands but the lowest, and the prices in each."""
        when = _EPOCH + at * _MICROSECOND
        context = _CONTEXTS.get(self.tier) if self.is_own else None
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
            least = _LEAST.get((self.holder, self.model.id, meter), 0)
            rates[meter] = Rate(_in_band(value, above), per, least)
        return PriceSet(self.provider, self.model.id, self.tier, above or 0, "USD", self.origin, rates)


def _spellings(model: Any) -> Iterator[str]:
    """Names that may lead to a model: its own, then those that its rules for matching spell out."""
    yield model.id.lower()
    clauses = [model.match]
    while clauses:
        clause = clauses.pop(0)
        for kind in ("equals", "starts_with", "contains"):
            if written := getattr(clause, kind, None):
                yield written.lower()
        clauses += getattr(clause, "or_", ())


def _conditional(model: Any) -> list[Any]:
    """Everything about a model that depends on the time."""
    prices = model.prices if isinstance(model.prices, list) else []
    return [*prices, *(model.price_variants or ())]


def _has_variant(model: Any, context: dict[str, str], when: datetime) -> bool:
    """Whether the data has prices of their own for this context at that time."""
    return any(
        one.when.items() <= context.items() and (one.constraint is None or one.constraint.active(when))
        for one in model.price_variants or ()
    )


def _in_band(value: Any, above: int | None) -> Decimal:
    """The price in the context band that starts at `above`, None for the lowest: of the last tier up to there."""
    if isinstance(value, Decimal):
        return value
    tiers = [tier.price for tier in value.tiers if above is not None and tier.start <= above]
    return Decimal(tiers[-1] if tiers else value.base)


def _midnight(day: Any) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _of_day(moment: time) -> int:
    """Microseconds from midnight UTC to a time of day, which is UTC where it does not say."""
    at = datetime.combine(_EPOCH.date(), moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return ((at - _EPOCH) // _MICROSECOND) % _DAY
