"""The price book: the prices of every source and the ledger's own terms, combined.

Sources have an order of trust. The first source that knows a model in the call's service tier gives its
prices. Prices set by hand come before all others and may cover some meters only: the next source gives the
meters they leave out. From later sources only meters that refine a whole are taken (`FILLED`), never a fee
that would be added on top. Of the two lists that ship, the later may stand first: see
`ingest.pricing.precedence`.

A call whose provider is unknown has only the ledger's own prices: providers ask different prices for the same
model.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import msgspec

from ingest.pricing.doubts import COST_FACTOR
from ingest.pricing.litellm_snapshot import SOURCE as LITELLM
from ingest.pricing.litellm_snapshot import LitellmSnapshot, litellm_snapshot
from ingest.pricing.matching import UNKNOWN, model_names, model_of_resource, provider_of, tier_of
from ingest.pricing.point import ANY, OWN, SNAPSHOT, TRUSTED, PricePoint
from ingest.pricing.precedence import Switch, genai_release, later_prices
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.snapshot import TERMS, GenaiPrices
from ingest.pricing.source_prices import DatedPrices, SourcePrices
from ingest.pricing.terms import Term, applicable_terms

FILLED: Final = frozenset(
    [
        "input_audio",
        "input_image",
        "cache_read",
        "cache_read_audio",
        "cache_read_image",
        "cache_write",
        "cache_write_1h",
        "cache_write_12h",
        "output_audio",
        "output_image",
        "search",
    ]
)
"""Meters that a later source fills in where the source before it does not price them."""

_CACHE_SIZE: Final = 10_000
"""Compiled prices to cache. Names come from callers, so their number has no limit: a full cache is
emptied."""

LONGEST_NAME: Final = 400
"""Characters of a model's name. A longer name has no price; to match it against every rule would take too
long."""

NO_PROVIDER: Final = "the call's provider is unknown, and providers ask different prices"
"""Why a call without a provider is unpriced."""

EVERYWHERE: Final = "*"
"""Stands for all sources in the setting of sources whose computed costs count."""


class PriceBook(Protocol):
    """Knows which prices apply to a call, and whether its reported or its computed cost counts."""

    def find(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        at: int,
        input_tokens: int,
        region: str | None = None,
        team: str | None = None,
        customer: str | None = None,
    ) -> PriceSet | Unpriced:
        """The prices of a call at the instant `at` (microseconds UTC) with this many input tokens."""
        ...

    def counts_computed(self, source: str) -> bool:
        """Whether the computed cost counts, and not the reported cost, for events of this source."""
        ...


class PriceBooks(Protocol):
    """Gives the price book as it is now, for a batch of calls."""

    def current(self) -> "Book":
        """The book for the next batch."""
        ...


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Another name of a model, such as an Azure deployment or a name configured in the gateway."""

    provider: str
    model: str
    target_provider: str
    target_model: str
    added_at: int = 0
    added_by: str = ""
    number: int = 0


class StoredPrices(msgspec.Struct, frozen=True, kw_only=True):
    """The prices, terms and aliases stored in a ledger, and the settings that govern them."""

    points: tuple[PricePoint, ...] = ()
    terms: tuple[Term, ...] = ()
    aliases: tuple[Alias, ...] = ()
    trust: tuple[str, ...] = TRUSTED
    computed: frozenset[str] = frozenset()
    """Sources of events whose computed costs count, `*` for all."""
    cost_factor: int = COST_FACTOR
    """See `ingest.pricing.doubts`."""


class Book:
    """The price book of one ledger. Without the lists that ship it loads them (a third of a second)."""

    def __init__(
        self,
        stored: StoredPrices | None = None,
        snapshot: GenaiPrices | None = None,
        litellm: LitellmSnapshot | None = None,
    ) -> None:
        self.stored = stored or StoredPrices()
        self.snapshot = snapshot or GenaiPrices()
        self.litellm = litellm_snapshot() if litellm is None else litellm
        points: dict[str, list[PricePoint]] = {LITELLM: []} if self.litellm.editions else {}
        for point in self.stored.points:
            points.setdefault(point.source, []).append(point)
        sources: dict[str, SourcePrices | GenaiPrices] = {
            source: SourcePrices(source, of_source, self.litellm.prices if source == LITELLM else None)
            for source, of_source in points.items()
        }
        sources[SNAPSHOT] = self.snapshot
        self.sources = [sources[source] for source in ranked(sources, self.stored.trust)]
        self._imported = {(point.provider, point.model) for point in points.get(LITELLM, ())}
        self._later_since = self.litellm.released_after(genai_release())
        aliases = sorted(self.stored.aliases, key=lambda alias: (alias.added_at, alias.number))
        self._aliases = {(alias.provider, alias.model): alias for alias in aliases}
        self.terms = (*TERMS, *self.litellm.terms, *self.stored.terms)
        self._by_buyer = any(term.team or term.customer for term in self.terms)
        self._compiled: dict[tuple[str | None, ...], DatedPrices | Unpriced] = {}

    def find(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        at: int,
        input_tokens: int,
        region: str | None = None,
        team: str | None = None,
        customer: str | None = None,
    ) -> PriceSet | Unpriced:
        """The prices of a call; see `PriceBook`."""
        if not self._by_buyer:
            team = customer = None
        key = (provider, model, service_tier, region, team, customer)
        compiled = self._compiled.get(key)
        if compiled is None:
            if len(self._compiled) >= _CACHE_SIZE:
                self._compiled.clear()
            compiled = self._compiled[key] = self._compile(*key)
        return compiled if isinstance(compiled, Unpriced) else compiled.at(at, input_tokens)

    def edges(self, provider: str, model: str, service_tier: str | None) -> Sequence[int]:
        """The instants at which the prices of a model may change, in order (`ingest.pricing.history`)."""
        compiled = self._compile(provider, model, service_tier, None, None, None)
        return () if isinstance(compiled, Unpriced) else compiled.edges

    def current(self) -> "Book":
        """Itself: a book does not change."""
        return self

    def counts_computed(self, source: str) -> bool:
        """See `PriceBook`."""
        chosen = self.stored.computed
        return bool(chosen) and (source in chosen or EVERYWHERE in chosen)

    def points(self, at: int) -> Iterator[PricePoint]:
        """The price points of every source at an instant."""
        yield from self.shipped_points(at)
        yield from self.stored.points

    def shipped_points(self, at: int) -> Iterator[PricePoint]:
        """The price points that are no rows of the ledger. An imported model hides the one that ships."""
        yield from self.snapshot.points(at)
        for point in self.litellm.points:
            if (point.provider, point.model) not in self._imported:
                yield point

    def alias_of(self, provider: str, model: str) -> Alias | None:
        """The alias registered for this provider and model, or None."""
        key = (provider_of(provider), model.strip().lower())
        return self._aliases.get(key) or self._aliases.get((ANY, key[1]))

    def _compile(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        region: str | None,
        team: str | None,
        customer: str | None,
    ) -> "DatedPrices | Unpriced":
        if len(model) > LONGEST_NAME:
            return Unpriced(f"no price for {provider}/{model[:LONGEST_NAME]}...")
        alias = self.alias_of(provider, model)
        if alias is not None:
            provider, model = alias.target_provider, alias.target_model
        answers = list(self._answers(provider, model, tier_of(service_tier)))
        layers = [answer for answer in answers if answer is not None and not isinstance(answer, Unpriced)]
        if not layers:
            unpriced = (answer for answer in answers if isinstance(answer, Unpriced))
            return next(unpriced, Unpriced(NO_PROVIDER))
        candidates = list(model_names(provider, model))
        terms = [
            term
            for term in self.terms
            if any(term.concerns(name.provider, name.model, region, team, customer) for name in candidates)
        ]
        if len(layers) == 1 and not terms and alias is None:
            return layers[0]
        rule = "" if alias is None else f"alias {alias.provider}/{alias.model}"
        return _Layers(layers, terms, rule)

    def _answers(self, provider: str, model: str, tier: str) -> Iterator[DatedPrices | Unpriced | None]:
        """The answer of every source, the most trusted first."""
        if provider_of(provider) == UNKNOWN and model != UNKNOWN:
            resource = model_of_resource(UNKNOWN, model.strip().lower())
            if resource is None or resource.provider == UNKNOWN:
                for source in self.sources:
                    if source.source == OWN:
                        yield from _layers(source, provider, model, tier)
                return
        for source in self.sources:
            answers = _layers(source, provider, model, tier)
            if source is self.snapshot:
                answers = (self._latest(answers[0], (provider, model, tier)),)
            yield from answers

    def _latest(
        self, published: DatedPrices | Unpriced | None, name: tuple[str, str, str]
    ) -> DatedPrices | Unpriced | None:
        """The prices of genai-prices, or those of LiteLLM's map from the day on that they stand instead."""
        litellm = next((source for source in self.sources if source.source == LITELLM), None)
        if not isinstance(litellm, SourcePrices) or self._later_since is None:
            return published
        later = later_prices(published, litellm, name, self._later_since)
        if later is None or published is None or isinstance(published, Unpriced):
            return published
        return Switch(published, later, self._later_since)


def _layers(
    source_prices: SourcePrices | GenaiPrices, provider: str, model: str, tier: str
) -> Sequence[DatedPrices | Unpriced | None]:
    """A source's prices of a model.

    Own prices may cover some meters under one name and others under a pattern.
    """
    if source_prices.source == OWN and isinstance(source_prices, SourcePrices):
        return source_prices.layers(provider, model, tier)
    return (source_prices.find(provider, model, tier),)


def ranked(sources: Iterable[str], trust: Sequence[str]) -> list[str]:
    """Sources in their order of trust. Sources missing from `trust` come last, by name."""
    return sorted(
        sources, key=lambda source: (trust.index(source) if source in trust else len(trust), source)
    )


@dataclass(slots=True)
class _Layers:
    """The prices of one model from several sources, and the terms that apply to its calls."""

    layers: Sequence[DatedPrices]
    terms: Sequence[Term]
    rule: str
    _edges: list[int] = field(init=False)
    _joined_sets: dict[tuple[object, ...], PriceSet | Unpriced] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dates = {edge for term in self.terms for edge in (term.valid_from, term.valid_to) if edge is not None}
        self._edges = sorted(dates)

    @property
    def edges(self) -> Sequence[int]:
        """See `DatedPrices`."""
        dates = {edge for term in self.terms for edge in (term.valid_from, term.valid_to) if edge is not None}
        return sorted(dates.union(*(layer.edges for layer in self.layers)))

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        answers = [layer.at(at, input_tokens) for layer in self.layers]
        key = (
            bisect_right(self._edges, at),
            *answers,
        )  # each layer gives the same object for the same prices
        price_set = self._joined_sets.get(key)
        if price_set is None:
            price_set = self._joined_sets[key] = self._make(answers, at)
        return price_set

    def _make(self, answers: Sequence[PriceSet | Unpriced], at: int) -> PriceSet | Unpriced:
        sets = [answer for answer in answers if isinstance(answer, PriceSet)]
        terms = applicable_terms(self.terms, at)
        if not sets:
            return answers[0]
        if len(sets) == 1 and not terms and not self.rule:
            return sets[0]
        return _joined(sets, terms, self.rule)


def _joined(sets: Sequence[PriceSet], terms: tuple[Term, ...], rule: str) -> PriceSet:
    """The price sets of several sources merged into one, the most trusted first."""
    first = sets[0]
    used = [first]
    by_meter = dict(_with_origins(first, len(sets) > 1))
    steps = list(first.steps)
    is_whole = first.source != OWN
    for lower in sets[1:]:
        if lower.currency != first.currency:
            continue
        stepped = {step.meter for step in steps}
        new_rates = {
            meter: rate
            for meter, rate in _with_origins(lower, True).items()
            if meter not in by_meter and (not is_whole or (meter in FILLED and "input" in by_meter))
        }
        new_steps = [
            step
            for step in lower.steps
            if step.meter not in stepped
            and (step.meter in new_rates or not (is_whole or step.meter in by_meter))
        ]
        is_whole = is_whole or lower.source != OWN
        if new_rates or new_steps:
            by_meter |= new_rates
            steps = [*steps, *new_steps]
            used.append(lower)
    return replace(
        first,
        steps=tuple(steps),
        above_input_tokens=max(used_set.above_input_tokens for used_set in used),
        origin="; ".join(dict.fromkeys(used_set.origin for used_set in used)),
        by_meter=by_meter,
        rule=f"{rule}: {first.rule}" if rule else first.rule,
        terms=terms,
    )


def _with_origins(prices: PriceSet, is_mixed: bool) -> Mapping[str, Rate]:
    """The rates by meter.

    In a mix of sources, a rate that is no row of the ledger names its source's edition.
    """
    if not is_mixed:
        return dict(prices.by_meter)
    return {meter: rate._replace(row=rate.row or prices.origin) for meter, rate in prices.by_meter.items()}
