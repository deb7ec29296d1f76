"""What-if: the same traffic priced as another model, tier or provider, or with another cache hit rate.

"Here" is a call as it was charged; "there" is the same call with the changed model, tier, provider or rate.
Each call is priced separately, because context bands, hours and rounding apply per call. Only calls that
have a price both here and there are compared; calls without either price are counted separately, with the
reason. A call that no model answered (a cache hit, a failed call) costs the same there. Token counts stay
as the calls counted them, although another model's tokenizer would count differently.
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
from ingest.pricing.book import Book
from ingest.pricing.compute import compute
from ingest.pricing.pricing import is_billable
from ingest.pricing.rates import PriceSet, Unpriced

Grouping = Literal["model", "day"]
GROUPINGS: Final = cast("tuple[Grouping, ...]", get_args(Grouping))
TOKENIZERS: Final = (
    "Tokens are those that the calls counted. Another model's tokenizer counts the same text differently, "
    "often by a tenth and more, and another model answers at another length."
)


@dataclass(frozen=True)
class Change:
    """What changes there; None for what stays as it is here."""

    provider: str | None = None
    model: str | None = None
    tier: str | None = None
    cache_rate: Fraction | None = None
    """The share of each call's input tokens that is read from the provider's prompt cache."""


@dataclass(frozen=True)
class WhatIfQuery:
    """Which calls to compare, and what changes there."""

    period: Period
    zone: str
    change: Change
    filters: tuple[Filter, ...] = ()
    by: Grouping = "model"
    prices_at: datetime | None = None
    """The instant whose prices apply there; each call's own time if None."""


@dataclass(frozen=True)
class WhatIfParameters:
    """The parameters of a what-if as a URL or a command line has them, not yet parsed."""

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
class CostComparison:
    """Costs of calls in one currency, here and there; amounts are in pico-units.

    `calls` is the sum of `compared`, `unpriced_here` and `unpriced_there`.
    """

    calls: int = 0
    compared: int = 0
    cost: int = 0
    """The cost of the compared calls here."""
    there: int = 0
    """The cost of the compared calls there."""
    unpriced_here: int = 0
    """Calls that have no cost here; they are not compared."""
    priced_there: int = 0
    """Calls that are unpriced here but have a price there."""
    priced_there_cost: int = 0
    """The cost there of the calls that are unpriced here."""
    unpriced_there: int = 0
    """Calls that have a cost here but no price there; they are not compared."""

    def add(self, cost: int | None, there: int | None) -> None:
        """Count one call."""
        self.calls += 1
        if cost is None:
            self.unpriced_here += 1
            if there is not None:
                self.priced_there += 1
                self.priced_there_cost += there
        elif there is None:
            self.unpriced_there += 1
        else:
            self.compared += 1
            self.cost += cost
            self.there += there

    def __add__(self, other: "CostComparison") -> "CostComparison":
        mine, theirs = vars(self), vars(other)
        return CostComparison(**{name: mine[name] + theirs[name] for name in mine})


Key = tuple[str, ...]
"""Provider and model, or the day."""


@dataclass(frozen=True)
class WhatIfResult:
    """The costs here and there by key and currency, and the reasons why calls have no price there."""

    query: WhatIfQuery
    rows: Mapping[tuple[Key, str], CostComparison]
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, CostComparison]:
        """The totals of each currency, the currency of most calls first."""
        sums: dict[str, CostComparison] = {}
        for (_, currency), row in self.rows.items():
            sums[currency] = sums.get(currency, CostComparison()) + row
        return dict(sorted(sums.items(), key=lambda item: (-item[1].calls, item[0])))


def parse(parameters: WhatIfParameters, zone: Zone, now: datetime) -> WhatIfQuery:
    """The query that the parameters describe; `zone` applies if they name no timezone.

    Raises:
        QuestionError: a parameter is invalid, or nothing changes there.
    """
    own_zone = read_zone(parameters.timezone) if parameters.timezone else zone
    change = Change(
        provider=_name(parameters.to_provider),
        model=_name(parameters.to_model),
        tier=_name(parameters.tier),
        cache_rate=read_rate(parameters.cache_hit_rate) if parameters.cache_hit_rate else None,
    )
    if change == Change():
        raise QuestionError(
            "nothing_changed",
            "to_model",
            "say what is different there: to_model, to_provider, tier or cache_hit_rate",
        )
    if parameters.by is not None and parameters.by not in GROUPINGS:
        raise QuestionError(
            "unknown_by", "by", f"by: there is no {parameters.by!r}; use {' or '.join(GROUPINGS)}"
        )
    from_filters = [("model", parameters.from_model), ("provider", parameters.from_provider)]
    wheres = [*parameters.where, *(f"{key}={value}" for key, value in from_filters if value)]
    return WhatIfQuery(
        period=read_period(parameters.start, parameters.end, own_zone, now),
        zone=own_zone.name,
        change=change,
        filters=read_filters(wheres),
        by="day" if parameters.by == "day" else "model",
        prices_at=read_moment("prices_at", parameters.prices_at, own_zone) if parameters.prices_at else None,
    )


def read_rate(text: str) -> Fraction:
    """A share such as `60%` or `0.6`.

    Raises:
        QuestionError: the text is not a share.
    """
    try:
        share = numbers.percent(text) if "%" in text else numbers.number(text)
    except NotANumber:
        share = None
    if share is None or not 0 <= share <= 1:
        message = f"cache_hit_rate: {text!r} is not a share; write one from 0% to 100%, such as 60%"
        raise QuestionError("invalid_rate", "cache_hit_rate", message)
    return Fraction(share)


def compare_costs(ledger: Ledger, query: WhatIfQuery, book: Book) -> WhatIfResult:
    """Price every call of the query there, and compare with its cost here."""
    where = prices_store.calls_within(ledger, query.period, query.filters)
    pricer = _Pricer(query.change, book, None if query.prices_at is None else micros(query.prices_at))
    zone = Zone(query.zone)
    rows: dict[tuple[Key, str], CostComparison] = {}
    reasons: Counter[str] = Counter()
    with ledger.reading() as connection:
        for event, values in prices_store.calls(connection, where, ("total_cost", "cost_source")):
            cost = values["total_cost"]
            cost_there = pricer.cost(event, cost, values["cost_source"])
            if isinstance(cost_there, Unpriced):
                reasons[cost_there.reason] += 1
                cost_there = None
            key = (
                (event.provider, event.model)
                if query.by == "model"
                else (date_of(zone.day(event.occurred_at or 0)).isoformat(),)
            )
            row = rows.get((key, event.currency))
            if row is None:
                row = rows[key, event.currency] = CostComparison()
            row.add(cost, cost_there)
    order = (lambda item: item[0]) if query.by == "day" else (lambda item: (-item[1].cost, item[0]))
    return WhatIfResult(query, dict(sorted(rows.items(), key=order)), dict(reasons.most_common()))


@dataclass(frozen=True)
class _Pricer:
    """Prices calls with the change applied."""

    change: Change
    book: Book
    at: int | None

    def cost(self, event: UsageEvent, cost: int | None, source: str) -> int | Unpriced | None:
        """The cost of a call there, in pico-units of the call's currency, or why it has no price there."""
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
        if isinstance(charge, Unpriced):
            return charge
        return Unpriced(charge.unpriced_reason or "") if charge.is_partly_priced else charge.total_cost

    def _prices(self, event: UsageEvent, at: int) -> PriceSet | Unpriced:
        """The prices there; if the call's provider does not have the model, prices of its maker."""
        change = self.change
        provider = change.provider or event.provider
        model = change.model or event.model
        tier = change.tier or event.service_tier
        region = event.region if provider == event.provider else None
        tokens = event.input_tokens or 0
        prices = self.book.find(provider, model, tier, at, tokens, region, event.team, event.customer)
        maker = self.book.snapshot.maker_of(model)
        if isinstance(prices, Unpriced) and change.model and not change.provider and maker:
            maker_prices = self.book.find(maker, model, tier, at, tokens, None, event.team, event.customer)
            return maker_prices if isinstance(maker_prices, PriceSet) else prices
        return prices


def _cached(event: UsageEvent, rate: Fraction) -> UsageEvent:
    """The call with a share of its input read from the prompt cache; cache writes stay if they fit."""
    tokens = event.input_tokens or 0
    reads = round(tokens * rate)
    writes = min(event.cache_write_tokens or 0, tokens - reads)
    return msgspec.structs.replace(
        event,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=min(event.cache_write_1h_tokens or 0, writes),
        cache_write_12h_tokens=None,
        cache_read_audio_tokens=None,
        cache_read_image_tokens=None,
    )


def _name(text: str | None) -> str | None:
    if text is not None and "\0" in text:
        raise QuestionError("invalid_name", "to_model", "a name holds a NUL character")
    return (text or "").strip() or None
