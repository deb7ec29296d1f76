"""Why a call costs what it costs: the calculation as a value, from the stored event and its price set alone.

The price set that priced a call is stored with it, so its explanation never changes, even when the price
book does. A reported or unpriced cost is also shown beside the cost at today's prices, labelled as such.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from dashboard.prices import store as prices_store
from dashboard.prices.missing_price import assignments, missing_meters
from ingest.ledger import price_book
from ingest.ledger.engine import Connection, Ledger
from ingest.model.event import UsageEvent, billable_units
from ingest.model.money import MoneyError, plain, plain_decimal
from ingest.pricing import gateway_cache
from ingest.pricing.book import PriceBook
from ingest.pricing.breakdown import CostBreakdown, break_down
from ingest.pricing.charge import COMPONENTS
from ingest.pricing.compute import compute
from ingest.pricing.point import PricePoint
from ingest.pricing.pricing import prices_of
from ingest.pricing.rates import PriceSet, Unpriced

_MONEY: Final = (
    *COMPONENTS,
    "total_cost",
    "reported_total",
    "computed_total",
    "list_total",
    "contracted_total",
)
_STORED_COLUMNS: Final = (
    "event_id",
    "source_event_id",
    "price_set_id",
    "cost_source",
    "unpriced_reason",
    "saved_cost",
    *_MONEY,
)
MAX_MATCHES: Final = 20
_LOOKUP: Final = "cache look-up: "
_RULES: Final = {"snapshot": "the rules of the shipped prices"}


@dataclass(frozen=True)
class Calculation:
    """A price set and the cost breakdown that it gives; `rows` are the ledger's price rows by meter."""

    prices: PriceSet
    breakdown: CostBreakdown
    rows: Mapping[str, PricePoint]

    @property
    def rule(self) -> str:
        """The rule by which the call's model was matched to prices."""
        return _RULES.get(self.prices.rule, self.prices.rule)


@dataclass(frozen=True)
class Explanation:
    """A call's cost, the reason for it, and whether the calculation matches the stored cost exactly."""

    event_id: str
    source_event_id: str | None
    event: UsageEvent
    cost_source: str
    stored: Mapping[str, int | None]
    """The call's amounts as the ledger stores them, in pico-units."""
    saved: int | None
    why: str
    calculation: Calculation | None = None
    """The calculation with the prices that were stored with the call."""
    lookup_cost: int | None = None
    """The part of a computed cost that is the semantic cache's look-up, whose prices are not stored."""
    today: Calculation | None = None
    """The calculation with today's price book, at the call's time, if the stored cost was not computed."""
    today_missing: str | None = None
    """Why today's price book cannot price the call."""
    advice: str | None = None
    differences: tuple[str, ...] = ()
    """Where the calculation differs from the stored amounts; empty if it matches."""

    @property
    def is_proved(self) -> bool:
        """Whether there is a calculation and it adds up to the stored amounts."""
        return self.calculation is not None and not self.differences


@dataclass(frozen=True)
class CallMatch:
    """A call that matches the text a user gave."""

    event_id: str
    source: str
    source_event_id: str | None


def matching_calls(ledger: Ledger, text: str) -> list[CallMatch]:
    """The calls with this event id, source's id, or SOURCE:ID; at most `MAX_MATCHES`."""
    return [CallMatch(*row) for row in prices_store.matching_ids(ledger, text, MAX_MATCHES)]


def explain(ledger: Ledger, event_id: UUID, book: PriceBook) -> Explanation | None:
    """The explanation of a call, or None if the ledger has no such call. `book` is today's price book."""
    with ledger.reading() as connection:
        call = prices_store.call(connection, ledger, event_id, _STORED_COLUMNS)
        if call is None:
            return None
        event, values = call
        reason = values["unpriced_reason"] or "no reason is known"
        prices = prices_store.stored_prices(connection, values["price_set_id"])
        rows = {} if prices is None else _rows(connection, prices)
        source = values["cost_source"]
        stored = {name: values[name] for name in _MONEY}
        facts: dict[str, Any] = {
            "event_id": str(event_id),
            "source_event_id": values["source_event_id"],
            "event": event,
            "cost_source": source,
            "stored": stored,
            "saved": values["saved_cost"],
        }
        if source == "computed":
            return _computed(facts, prices, rows, values["unpriced_reason"])
        if source == "free":
            return Explanation(**facts, why=_why_free(event))
        today = _today(connection, event, book)
    today_facts = {"today": today} if isinstance(today, Calculation) else {"today_missing": today}
    if source == "unpriced":
        why = f"There is no price for this call: {reason}."
        return Explanation(**facts, **today_facts, why=why, advice=_advice(event, reason, today))
    return Explanation(**facts, **today_facts, why=_why_reported(event, stored))


def _computed(
    facts: dict[str, Any], prices: PriceSet | None, rows: Mapping[str, PricePoint], reason: str | None
) -> Explanation:
    """The explanation of a computed cost; with a reason the call is partly priced."""
    event: UsageEvent = facts["event"]
    stored = facts["stored"]
    priced = gateway_cache.lookup_call(event) if event.cache_hit else event
    why = (
        "The semantic cache answered: the call costs the look-up that found the answer."
        if event.cache_hit
        else "The cost was computed from prices: each quantity times its price."
    )
    if reason is not None:
        why += f" It is only a part of the cost: {reason}."
        facts = {**facts, "advice": _command(event, reason)}
    if prices is None or priced is None:
        return Explanation(**facts, why=why, differences=("no prices are stored with this call",))
    breakdown = break_down(priced, prices)
    if breakdown.missing and reason is None:
        missing = " and ".join(breakdown.missing)
        return Explanation(**facts, why=why, differences=(f"the stored prices have none of {missing}",))
    calculation = Calculation(prices, breakdown, rows)
    sums = {part.component: part.charged_pico for part in breakdown.sums}
    if event.cache_hit:
        sums = {"other_cost": breakdown.total}
    lookup_cost = None
    if event.cache_lookup_tokens and not event.cache_hit:
        lookup_cost = (stored["other_cost"] or 0) - sums.get("other_cost", 0)
        sums["other_cost"] = stored["other_cost"] or 0
    return Explanation(
        **facts,
        why=why,
        calculation=calculation,
        lookup_cost=lookup_cost,
        differences=tuple(_differences(stored, sums, breakdown, lookup_cost)),
    )


def _differences(
    stored: Mapping[str, int | None],
    sums: Mapping[str, int],
    breakdown: CostBreakdown,
    lookup_cost: int | None,
) -> list[str]:
    """The stored amounts that differ from the sums of the calculation's lines."""
    lookup = lookup_cost or 0
    expected = {name: sums.get(name, 0) for name in COMPONENTS}
    expected["total_cost"] = breakdown.total + lookup
    if lookup_cost is None:  # the look-up's list price is not stored
        expected |= {"list_total": breakdown.list_total, "contracted_total": breakdown.contracted_total}
    differences = [
        f"{name}: the ledger holds {plain(stored[name] or 0)}, the calculation gives {plain(amount)}"
        for name, amount in expected.items()
        if (stored[name] or 0) != amount
    ]
    if lookup < 0:
        differences.append(f"other_cost: the cache look-up would have cost {plain(lookup)}")
    return differences


def _today(connection: Connection, event: UsageEvent, book: PriceBook) -> Calculation | str:
    """The calculation with today's price book, or the reason why there is none."""
    priced = gateway_cache.lookup_call(event) if event.cache_hit else event
    if priced is None or not billable_units(priced):
        return "the call counts nothing that has a price"
    assert event.occurred_at is not None, "an event of the ledger has its time"
    prices = prices_of(priced, book, event.occurred_at)
    try:
        charge = compute(priced, prices, None)
    except MoneyError as error:
        return str(error)
    if isinstance(charge, Unpriced) or isinstance(prices, Unpriced):
        return charge.reason if isinstance(charge, Unpriced) else "no price"
    return Calculation(prices, break_down(priced, prices), _rows(connection, prices))


def _rows(connection: Connection, prices: PriceSet) -> Mapping[str, PricePoint]:
    """The ledger's price rows of a price set, by meter."""
    numbers = {
        meter: int(number)
        for meter, row in prices.rows.items()
        for source, mark, number in [row.rpartition("#")]
        if mark and number.isdigit()
    }
    if not numbers:
        return {}
    points = {
        point.number: point for point in price_book.points(connection, price_book.numbered(numbers.values()))
    }
    return {meter: points[number] for meter, number in numbers.items() if number in points}


def _why_free(event: UsageEvent) -> str:
    if event.cache_hit:
        kind = {"direct": "The gateway's cache answered the same question (a direct hit)"}.get(
            event.cache_hit_type or "", "The gateway's cache answered"
        )
        return f"{kind}: no model was called, and nothing was looked up that costs anything."
    if event.status != "success":
        ended = "was cancelled" if event.status == "cancelled" else "failed"
        return f"The call {ended} before it used anything that is billed."
    return f"A call of the kind {event.request_type} that counts nothing which is sold costs nothing."


def _why_reported(event: UsageEvent, stored: Mapping[str, int | None]) -> str:
    why = f"The source {event.source} reported this cost, and its word counts."
    if event.cache_hit:
        return f"{why} The semantic cache answered, so it is the cost of the look-up."
    if stored["other_cost"]:
        why += " What its total holds beyond its parts stands in other."
    return why


def _advice(event: UsageEvent, reason: str, today: Calculation | str) -> str:
    """What the user can do to price an unpriced call."""
    if isinstance(today, Calculation):
        return "Today's price book can price it: `tallybook reprice --only-unpriced`."
    if "usage" in reason or not billable_units(event):
        return "No price helps: the source must say what the call used."
    if "names no model" in reason:
        return "No price helps: the source must name the model."
    return _command(event, today)


def _command(event: UsageEvent, reason: str) -> str:
    """The command that sets the prices which a reason names."""
    if reason.startswith(_LOOKUP):
        provider, model = event.cache_used_provider or "unknown", event.cache_used_model or "MODEL"
    else:
        provider, model = event.provider, event.model
    prices = assignments(reason, "PRICE")
    command = f"tallybook prices alias {provider}/{model} PROVIDER/MODEL"
    alias = "" if missing_meters(reason) else f", or `{command}` where it is another name of one"
    return (
        f"Set a price (`tallybook prices set {provider} {model} {prices} --from DATE`{alias}), "
        "then `tallybook reprice --only-unpriced`."
    )


def exact_text(amount: Fraction, most: int = 30) -> str:
    """An exact amount in full; a repeating decimal is cut after `most` decimals and ends with an ellipsis."""
    scaled = amount * 10**most
    digits = abs(scaled.numerator) // scaled.denominator
    sign = "-" if amount < 0 else ""
    return f"{sign}{plain_decimal(Decimal(digits).scaleb(-most))}{'' if scaled.denominator == 1 else '…'}"
