"""The price book: every source's prices and one's own terms, asked as one.

Sources stand in an order of trust. The first that knows a model in the call's service tier gives its prices. Prices set
by hand stand before all others and may be of some meters only: what they leave out, the next source gives. Of later
sources only meters are taken that make part of a whole cheaper or dearer (`FILLED`), never a fee that would be added.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Protocol

import msgspec

from ingest.pricing.catalog import TERMS, GenaiPrices
from ingest.pricing.matching import names, provider_of, tier_of
from ingest.pricing.point import ANY, OWN, SNAPSHOT, TRUSTED, PricePoint
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.shelf import Dated, Shelf
from ingest.pricing.terms import Term, applying

FILLED: Final = frozenset(
    [
        "input_audio",
        "input_image",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "output_audio",
        "output_image",
        "search",
    ]
)
"""Meters that a source which does not name them may take from the next."""

_REMEMBERED: Final = 10_000
"""Names come from callers: so many combinations of them are kept, then all are forgotten."""

LONGEST_NAME: Final = 400
"""Characters of a model's name: a longer one is nobody's, and to look for it would take long."""

EVERYWHERE: Final = "*"
"""In the sources whose computed costs count: all of them."""


class PriceBook(Protocol):
    """Knows which prices apply to a call, and whose word counts."""

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
        """The prices of a call at the instant `at` (microseconds UTC) with so many input tokens."""
        ...

    def counts_computed(self, source: str) -> bool:
        """Whether a computed cost stands before a reported one for events of this source."""
        ...


class PriceBooks(Protocol):
    """Gives the price book as it is now, for a batch of calls."""

    def current(self) -> "Book":
        """The book for the next batch."""
        ...


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Another name of a model: an Azure deployment, a name that one's own gateway gives."""

    provider: str
    model: str
    target_provider: str
    target_model: str
    added_at: int = 0
    added_by: str = ""
    number: int = 0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger keeps of prices, and what its settings say about them."""

    points: tuple[PricePoint, ...] = ()
    terms: tuple[Term, ...] = ()
    aliases: tuple[Alias, ...] = ()
    trust: tuple[str, ...] = TRUSTED
    computed: frozenset[str] = frozenset()
    """Sources of events whose computed costs count, `*` for all."""


class Book:
    """The price book of one ledger. Making one with a snapshot of its own loads that (a quarter of a second)."""

    def __init__(self, stored: Stored | None = None, snapshot: GenaiPrices | None = None) -> None:
        self.stored = stored or Stored()
        self.snapshot = snapshot or GenaiPrices()
        by_source = groupby(sorted(self.stored.points, key=lambda one: one.source), lambda one: one.source)
        shelves: dict[str, Shelf | GenaiPrices] = {
            source: Shelf(source, points) for source, points in by_source
        }
        shelves[SNAPSHOT] = self.snapshot
        self.shelves = [shelves[source] for source in ranked(shelves, self.stored.trust)]
        aliases = sorted(self.stored.aliases, key=lambda one: (one.added_at, one.number))
        self._aliases = {(one.provider, one.model): one for one in aliases}
        self._terms = (*TERMS, *self.stored.terms)
        self._by_buyer = any(one.team or one.customer for one in self._terms)
        self._compiled: dict[tuple[str | None, ...], Dated | Unpriced] = {}

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
            if len(self._compiled) >= _REMEMBERED:
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

    def alias_of(self, provider: str, model: str) -> Alias | None:
        """What somebody said that a name means."""
        written = (provider_of(provider), model.strip().lower())
        return self._aliases.get(written) or self._aliases.get((ANY, written[1]))

    def _compile(
        self,
        provider: str,
        model: str,
        service_tier: str | None,
        region: str | None,
        team: str | None,
        customer: str | None,
    ) -> "Dated | Unpriced":
        if len(model) > LONGEST_NAME:
            return Unpriced(f"no price for {provider}/{model[:LONGEST_NAME]}...")
        alias = self.alias_of(provider, model)
        if alias is not None:
            provider, model = alias.target_provider, alias.target_model
        tier = tier_of(service_tier)
        found = [one for shelf in self.shelves for one in _layers(shelf, provider, model, tier)]
        layers = [one for one in found if one is not None and not isinstance(one, Unpriced)]
        if not layers:
            return next(one for one in found if isinstance(one, Unpriced))
        known = list(names(provider, model))
        terms = [
            term
            for term in self._terms
            if any(term.concerns(one.provider, one.model, region, team, customer) for one in known)
        ]
        if len(layers) == 1 and not terms and alias is None:
            return layers[0]
        rule = "" if alias is None else f"alias {alias.provider}/{alias.model}"
        return _Layers(layers, terms, rule)


def _layers(
    shelf: Shelf | GenaiPrices, provider: str, model: str, tier: str
) -> Sequence[Dated | Unpriced | None]:
    """What a source says of a model. One's own prices may be of some meters under one name and of others under a pattern."""
    if shelf.source == OWN and isinstance(shelf, Shelf):
        return shelf.layers(provider, model, tier)
    return (shelf.find(provider, model, tier),)


def ranked(sources: Iterable[str], trust: Sequence[str]) -> list[str]:
    """Sources in their order of trust; those that it leaves out come last, by name."""
    return sorted(sources, key=lambda one: (trust.index(one) if one in trust else len(trust), one))


@dataclass(slots=True)
class _Layers:
    """Several sources' prices of one model, and the terms that concern the calls."""

    layers: Sequence[Dated]
    terms: Sequence[Term]
    rule: str
    _edges: list[int] = field(init=False)
    _made: dict[tuple[object, ...], PriceSet | Unpriced] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dates = {edge for one in self.terms for edge in (one.valid_from, one.valid_to) if edge is not None}
        self._edges = sorted(dates)

    @property
    def edges(self) -> Sequence[int]:
        """See `Dated`."""
        dates = {edge for term in self.terms for edge in (term.valid_from, term.valid_to) if edge is not None}
        return sorted(dates.union(*(layer.edges for layer in self.layers)))

    def at(self, at: int, input_tokens: int) -> PriceSet | Unpriced:
        """The price set that applies."""
        answers = [layer.at(at, input_tokens) for layer in self.layers]
        key = (
            bisect_right(self._edges, at),
            *answers,
        )  # each layer gives the same object for the same prices
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(answers, at)
        return made

    def _make(self, answers: Sequence[PriceSet | Unpriced], at: int) -> PriceSet | Unpriced:
        sets = [one for one in answers if isinstance(one, PriceSet)]
        terms = applying(self.terms, at)
        if not sets:
            return answers[0]
        if len(sets) == 1 and not terms and not self.rule:
            return sets[0]
        return _joined(sets, terms, self.rule)


def _joined(sets: Sequence[PriceSet], terms: tuple[Term, ...], rule: str) -> PriceSet:
    """One price set of several sources' sets, the most trusted first."""
    first = sets[0]
    used = [first]
    by_meter = dict(_with_rows(first, len(sets) > 1))
    steps = list(first.steps)
    is_whole = first.source != OWN
    for one in sets[1:]:
        if one.currency != first.currency:
            continue
        stepped = {step.meter for step in steps}
        more = {
            meter: rate
            for meter, rate in _with_rows(one, True).items()
            if meter not in by_meter and (not is_whole or (meter in FILLED and "input" in by_meter))
        }
        further = [
            step
            for step in one.steps
            if step.meter not in stepped and (step.meter in more or not (is_whole or step.meter in by_meter))
        ]
        is_whole = is_whole or one.source != OWN
        if more or further:
            by_meter |= more
            steps = [*steps, *further]
            used.append(one)
    return replace(
        first,
        steps=tuple(steps),
        above_input_tokens=max(one.above_input_tokens for one in used),
        origin="; ".join(dict.fromkeys(one.origin for one in used)),
        by_meter=by_meter,
        rule=f"{rule}: {first.rule}" if rule else first.rule,
        terms=terms,
    )


def _with_rows(prices: PriceSet, is_mixed: bool) -> Mapping[str, Rate]:
    """Rates that say where they are from also where they are rows of no ledger."""
    if not is_mixed:
        return dict(prices.by_meter)
    return {meter: rate._replace(row=rate.row or prices.origin) for meter, rate in prices.by_meter.items()}
