"""What if: the same traffic priced as another model, tier or provider, or with another cache hit rate.

Every call is priced again by itself, because context bands, hours and rounding are those of a call. Only calls that have a
price on both sides are compared; what has none today, and what would have none there, is counted apart with the reason.
What no model answered (a cache hit, a failed call) costs there what it costs here. Tokens are those that were counted:
another model's tokenizer would count others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final, Literal, cast, get_args

import msgspec

from dashboard.prices import store as prices_store
from dashboard.query.question import (
    Filter,
    Period,
    QuestionError,
    read_filters,
    read_moment,
    read_period,
    read_zone,
)
from ingest.ledger.engine import Ledger
from ingest.model.event import UsageEvent
from ingest.model.money import MoneyError
from ingest.model.zone import Zone, date_of, micros
from ingest.parse import numbers
from ingest.parse.numbers import NotANumber
from ingest.pricing import gateway_cache
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute
from ingest.pricing.pricing import is_billable
from ingest.pricing.rates import PriceSet, Unpriced

By = Literal["model", "day"]
BYS: Final = cast("tuple[By, ...]", get_args(By))
TOKENIZERS: Final = (
    "Tokens are those that the calls counted. Another model's tokenizer counts the same text differently, often by a "
    "tenth and more, and another model answers at another length."
)


@dataclass(frozen=True)
class Change:
    """What is different there; None where it is as it was."""

    provider: str | None = None
    model: str | None = None
    tier: str | None = None
    cache_rate: Fraction | None = None
    """The share of each call's input tokens that is read from the provider's prompt cache."""


@dataclass(frozen=True)
class WhatIf:
    """The question: which calls, and what is different there."""

    period: Period
    zone: str
    change: Change
    filters: tuple[Filter, ...] = ()
    by: By = "model"
    prices_at: datetime | None = None
    """The instant whose prices count; the time of each call where not given."""


@dataclass(frozen=True)
class Words:
    """The question in the words of a URL or a command line, not yet read."""

    from_model: str | None = None
    from_provider: str | None = None
    to_model: str | None = None
    to_provider: str | None = None
    tier: str | None = None
    cache_hit_rate: str | None = None
    start: str | None = None
    end: str | None = None
    timezone: str | None = None
    where: Iterable[str] = ()
    by: str | None = None
    prices_at: str | None = None


@dataclass
class Compared:
    """Calls of one currency, here and there. `calls` is the sum of the compared and both kinds of unpriced."""

    calls: int = 0
    compared: int = 0
    cost: int = 0
    """What the compared calls cost, in pico-units."""
    there: int = 0
    """What the compared calls would have cost."""
    unpriced_here: int = 0
    """Calls whose cost is not known today; they are not compared."""
    found_there: int = 0
    """Those of them that have a price there."""
    found_cost: int = 0
    """And what they would cost."""
    unpriced_there: int = 0
    """Calls that have a cost here and none there; they are not compared."""

    def add(self, cost: int | None, there: int | None) -> None:
        """Count one call."""
        self.calls += 1
        if cost is None:
            self.unpriced_here += 1
            if there is not None:
                self.found_there += 1
                self.found_cost += there
        elif there is None:
            self.unpriced_there += 1
        else:
            self.compared += 1
            self.cost += cost
            self.there += there

    def __add__(self, other: "Compared") -> "Compared":
        mine, theirs = vars(self), vars(other)
        return Compared(**{name: mine[name] + theirs[name] for name in mine})


Key = tuple[str, ...]
"""Provider and model, or the day."""


@dataclass(frozen=True)
class Answer:
    """What the calls cost here and there, by key and currency, and why some have no price there."""

    query: WhatIf
    rows: Mapping[tuple[Key, str], Compared]
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, Compared]:
        """By currency, that of most calls first."""
        found: dict[str, Compared] = {}
        for (_, currency), one in self.rows.items():
            found[currency] = found.get(currency, Compared()) + one
        return dict(sorted(found.items(), key=lambda item: (-item[1].calls, item[0])))


def parse(words: Words, zone: Zone, now: datetime) -> WhatIf:
    """Read a question; `zone` counts where the words name none.

    Raises:
        QuestionError: a word is not understood, or nothing is different there.
    """
    own_zone = read_zone(words.timezone) if words.timezone else zone
    change = Change(
        provider=_name(words.to_provider),
        model=_name(words.to_model),
        tier=_name(words.tier),
        cache_rate=read_rate(words.cache_hit_rate) if words.cache_hit_rate else None,
    )
    if change == Change():
        raise QuestionError(
            "nothing_changed",
            "to_model",
            "say what is different there: to_model, to_provider, tier or cache_hit_rate",
        )
    if words.by is not None and words.by not in BYS:
        raise QuestionError("unknown_by", "by", f"by: there is no {words.by!r}; use {' or '.join(BYS)}")
    named = [("model", words.from_model), ("provider", words.from_provider)]
    wheres = [*words.where, *(f"{key}={value}" for key, value in named if value)]
    return WhatIf(
        period=read_period(words.start, words.end, own_zone, now),
        zone=own_zone.name,
        change=change,
        filters=read_filters(wheres),
        by="day" if words.by == "day" else "model",
        prices_at=read_moment("prices_at", words.prices_at, own_zone) if words.prices_at else None,
    )


def read_rate(text: str) -> Fraction:
    """A share such as `60%` or `0.6`.

    Raises:
        QuestionError: it is none.
    """
    try:
        share = numbers.percent(text) if "%" in text else numbers.number(text)
    except NotANumber:
        share = None
    if share is None or not 0 <= share <= 1:
        message = f"cache_hit_rate: {text!r} is not a share; write one from 0% to 100%, such as 60%"
        raise QuestionError("invalid_rate", "cache_hit_rate", message)
    return Fraction(share)


def answer(ledger: Ledger, query: WhatIf, book: PriceBook) -> Answer:
    """Price every call of the question again, and compare."""
    where = prices_store.calls_within(ledger, query.period, query.filters)
    there = _There(query.change, book, None if query.prices_at is None else micros(query.prices_at))
    zone = Zone(query.zone)
    rows: dict[tuple[Key, str], Compared] = {}
    reasons: Counter[str] = Counter()
    with ledger.reading() as connection:
        for event, values in prices_store.calls(connection, where, ("total_cost", "cost_source")):
            cost = values["total_cost"]
            found = there.cost(event, cost, values["cost_source"])
            if isinstance(found, Unpriced):
                reasons[found.reason] += 1
                found = None
            key = (
                (event.provider, event.model)
                if query.by == "model"
                else (date_of(zone.day(event.occurred_at or 0)).isoformat(),)
            )
            row = rows.get((key, event.currency))
            if row is None:
                row = rows[key, event.currency] = Compared()
            row.add(cost, found)
    order = (lambda item: item[0]) if query.by == "day" else (lambda item: (-item[1].cost, item[0]))
    return Answer(query, dict(sorted(rows.items(), key=order)), dict(reasons.most_common()))


@dataclass(frozen=True)
class _There:
    """Prices calls as they would be there."""

    change: Change
    book: PriceBook
    at: int | None

    def cost(self, event: UsageEvent, cost: int | None, source: str) -> int | Unpriced | None:
        """What a call would have cost in pico-units, in its own currency."""
        if event.cache_hit or not is_billable(event):
            return Unpriced("the call says nothing of what it used") if cost is None else cost
        at = (event.occurred_at or 0) if self.at is None else self.at
        prices = self._prices(event, at)
        if isinstance(prices, Unpriced):
            return prices
        if prices.currency != event.currency:
            return Unpriced(f"the call is in {event.currency}, the prices there are in {prices.currency}")
        if self.change.cache_rate is not None:
            event = _cached(event, self.change.cache_rate)
        has_lookup = source == "computed" and event.cache_lookup_tokens
        try:
            charge = compute(
                event, prices, gateway_cache.lookup_charge(event, self.book, at) if has_lookup else None
            )
        except MoneyError as error:
            return Unpriced(str(error))
        return charge.total_cost if isinstance(charge, Charge) else charge

    def _prices(self, event: UsageEvent, at: int) -> PriceSet | Unpriced:
        """The prices there. A model that the call's provider does not have is looked for at its maker's."""
        change = self.change
        provider = change.provider or event.provider
        model = change.model or event.model
        tier = change.tier or event.service_tier
        region = event.region if provider == event.provider else None
        tokens = event.input_tokens or 0
        found = self.book.find(provider, model, tier, at, tokens, region, event.team, event.customer)
        if isinstance(found, Unpriced) and change.model and not change.provider:
            elsewhere = self.book.find("unknown", model, tier, at, tokens, None, event.team, event.customer)
            return elsewhere if isinstance(elsewhere, PriceSet) else found
        return found


def _cached(event: UsageEvent, rate: Fraction) -> UsageEvent:
    """The call with that share of its input read from the prompt cache; what was written to it stays, where it fits."""
    tokens = event.input_tokens or 0
    reads = round(tokens * rate)
    writes = min(event.cache_write_tokens or 0, tokens - reads)
    return msgspec.structs.replace(
        event,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=min(event.cache_write_1h_tokens or 0, writes),
    )


def _name(text: str | None) -> str | None:
    if text is not None and "\0" in text:
        raise QuestionError("invalid_name", "to_model", "a name holds a NUL character")
    return (text or "").strip() or None
