"""What every team owes of `tests.support.hard_quarter`, in fractions, straight from the facts.

It knows nothing of the product. Amounts are fractions of pico-units of EUR. Only what the ledger itself
rounds is rounded here: the input and the output of a call, once each, half to even.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from tests.support.hard_quarter import (
    DISCOUNTS,
    MARKUPS,
    MODELS,
    PICO,
    RATES,
    ZONE,
    Call,
    Close,
    Facts,
    Fee,
    Invoiced,
    Reopen,
    Step,
)

Amounts = dict[str | None, Fraction]
"""An amount for each team; None is no team."""


def added(*parts: Mapping[str | None, Fraction]) -> Amounts:
    sums: Amounts = {}
    for part in parts:
        for team, amount in part.items():
            sums[team] = sums.get(team, Fraction(0)) + amount
    return sums


def less(one: Amounts, other: Amounts) -> Amounts:
    return added(one, {team: -amount for team, amount in other.items()})


def first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def rate(currency: str, day: date) -> Fraction:
    return (
        Fraction(1)
        if currency == "EUR"
        else [value for quoted, of, value in RATES if of == currency and quoted <= day][-1]
    )


def money(facts: Facts, call: Call, *, markups: bool = True) -> Fraction | None:
    """What a call costs in the currency of its prices, or what its provider asks for it without mark-ups."""
    if call.reported is not None:
        return Fraction(call.reported)
    prices = [one for one in facts.prices if one.model == call.model and one.since <= call.day]
    if not prices:
        return None
    price = max(reversed(prices), key=lambda one: one.since)
    factor = Fraction(1)
    for provider, part, since in DISCOUNTS:
        if provider == MODELS[call.model][0] and since <= call.day:
            factor -= part
    if markups:
        held = {of: part for of, part, since in MARKUPS if since <= call.day}
        factor *= 1 + held.get(f"team:{call.team}", held.get("all", Fraction(0)))
    return Fraction(
        round(call.input * price.input * factor * PICO / 10**6)
        + round(call.output * price.output * factor * PICO / 10**6)
    )


def in_euro(facts: Facts, call: Call, *, markups: bool = True) -> Fraction:
    """The same in EUR by the rate of its day; nothing for a call without a price."""
    return (money(facts, call, markups=markups) or Fraction(0)) * rate(MODELS[call.model][1], call.day)


def owners(facts: Facts, call: Call) -> Amounts:
    """The part of each team."""
    for kind, subject in (("project", call.project), ("key", call.key)):
        held = [
            one for one in facts.owned if (one.kind, one.subject) == (kind, subject) and one.since <= call.day
        ]
        if held:
            teams = held[-1].teams
            return {team: Fraction(parts, sum(teams.values())) for team, parts in teams.items()}
    return {call.team: Fraction(1)}


def used(facts: Facts, first: date, end: date, weigh: str = "cost") -> Amounts:
    """Cost, tokens or requests of each team in days of the zone."""
    sums: Amounts = {}
    for call in facts.calls.values():
        if first <= call.day < end:
            units = {
                "cost": in_euro(facts, call),
                "tokens": Fraction(call.input + call.output),
                "requests": Fraction(1),
            }
            sums = added(sums, {team: part * units[weigh] for team, part in owners(facts, call).items()})
    return sums


def fees_of(facts: Facts, first: date, end: date) -> Iterable[tuple[Fee, Fraction]]:
    """What each version of a fee comes to in days of one month."""
    known = {(fee.name, fee.since): fee for fee in facts.fees}
    month, following = first.replace(day=1), next_month(first)
    for (name, since), fee in known.items():
        later = [start for of, start in known if of == name and start > since]
        begin, stop = max(since, month), min([following, *later])
        whole = midnight(following) - midnight(month)
        if fee.every == "once":
            begin, stop = since, since + timedelta(days=1)
            whole = midnight(stop) - midnight(begin)
        overlap = midnight(min(end, stop)) - midnight(max(first, begin))
        if overlap > timedelta(0):
            part = Fraction(overlap // timedelta(seconds=1), whole // timedelta(seconds=1))
            yield fee, fee.amount * PICO * part * rate(fee.currency, begin)


def shares(facts: Facts, pool: str, first: date, end: date, direct: Amounts) -> Amounts:
    """The part of each team in a pool, by the rule of the first day."""
    general = "fees" if pool.startswith("fee:") else pool
    found = [
        [rule for rule in facts.rules if rule.pool == name and rule.since <= first]
        for name in (pool, general)
    ]
    rules = found[0] or found[1]
    if not rules:
        return {None: Fraction(1)}
    method = rules[-1].method
    weights = direct if method in ("cost", "even") else used(facts, first, end, method)
    bases = {team: max(weights.get(team, Fraction(0)), Fraction(0)) for team in direct if team is not None}
    if method == "even" or not any(bases.values()):
        bases = {team: Fraction(1) for team in bases}
    return {team: base / sum(bases.values()) for team, base in bases.items()}


@dataclass(frozen=True)
class Month:
    """What each team owes for a month itself."""

    direct: Amounts
    shared: Amounts

    @property
    def owed(self) -> Amounts:
        return added(self.direct, self.shared)


def month_of(facts: Facts, month: str) -> Month:
    """Each part of a month between changes of rules by itself."""
    first, end = first_day(month), next_month(first_day(month))
    edges = sorted({first, end, *(rule.since for rule in facts.rules if first < rule.since < end)})
    direct: Amounts = {}
    shared: Amounts = {}
    for start, stop in pairwise(edges):
        calls = used(facts, start, stop)
        fees = list(fees_of(facts, start, stop))
        borne: list[Amounts] = [{fee.team: amount} for fee, amount in fees if fee.team]
        mine = added(calls, *borne)
        pools = [(f"fee:{fee.name}", amount) for fee, amount in fees if fee.team is None]
        pools.append(("unassigned", calls.get(None, Fraction(0))))
        for pool, amount in pools:
            parts = shares(facts, pool, start, stop, mine)
            shared = added(shared, {team: part * amount for team, part in parts.items()})
            if pool == "unassigned":
                shared = added(shared, {None: -amount})
        direct = added(direct, mine)
    return Month(direct, shared)


Statement = dict[str, Amounts]
"""What a statement says about its own month and about others; `by hand` is what people booked."""
BY_HAND = "by hand"


@dataclass
class Books:
    """The statements that stand, and what the ledger says now."""

    facts: Facts = field(default_factory=Facts)
    closed: dict[str, Statement] = field(default_factory=dict)
    booked: dict[str, Amounts] = field(default_factory=dict)
    invoiced: list[Invoiced] = field(default_factory=list)
    _accepted: dict[tuple[str, str], Fraction] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        match step:
            case Facts():
                self.facts = self.facts.plus(step)
            case Close(month):
                self.closed[month] = self.statement(month)
            case Reopen(month):
                del self.closed[month]
            case Invoiced():
                self.invoiced.append(step)
                if step.accepted_by:
                    month = self._next_open(step.month)
                    variance = self._variance(step.provider, step.month)
                    self._accepted[step.provider, step.month] = variance
                    self.booked[month] = added(self.booked.get(month, {}), {step.accepted_by: variance})

    def statement(self, month: str) -> Statement:
        """Of each month: the ledger now, less what the statements that stand have of it already."""
        if month in self.closed:
            return self.closed[month]
        about = [month, *(one for one in self.closed if one < month and self._next_open(one) == month)]
        made = {
            one: less(
                month_of(self.facts, one).owed, added(*(held.get(one, {}) for held in self.closed.values()))
            )
            for one in about
        }
        return made | {BY_HAND: self.booked.get(month, {})}

    def _next_open(self, month: str) -> str:
        while (month := str(next_month(first_day(month)))[:7]) in self.closed:
            pass
        return month

    def asked(self, provider: str, month: str, *, markups: bool = False) -> Fraction:
        """What a provider asks for the calls of a month of UTC, in EUR; teams are charged mark-ups too."""
        return sum(
            (in_euro(self.facts, call, markups=markups) for call in self._calls(provider, month)),
            Fraction(0),
        )

    def asked_in(self, provider: str, month: str) -> Fraction:
        """What a provider asks in its own currency."""
        amounts = (money(self.facts, call, markups=False) for call in self._calls(provider, month))
        return sum((amount or Fraction(0) for amount in amounts), Fraction(0))

    def _calls(self, provider: str, month: str) -> list[Call]:
        calls = self.facts.calls.values()
        return [one for one in calls if MODELS[one.model][0] == provider and str(one.at.date())[:7] == month]

    def billed_fees(self, provider: str, month: str) -> Fraction:
        """The fees of a provider that are billed in a month."""
        first = first_day(month)
        return sum(
            (
                amount
                for fee, amount in fees_of(self.facts, first, next_month(first))
                if fee.provider == provider
            ),
            Fraction(0),
        )

    def documents(self, provider: str, month: str) -> Fraction:
        """The documents of a month in EUR, by the rate of its first day."""
        return sum(
            (
                amount * PICO * rate(one.currency, first_day(month))
                for one in self.invoiced
                if (one.provider, one.month) == (provider, month)
                for _, amount in one.documents
            ),
            Fraction(0),
        )

    def accepted(self, provider: str, month: str) -> Fraction:
        return self._accepted.get((provider, month), Fraction(0))

    def _variance(self, provider: str, month: str) -> Fraction:
        return (
            self.documents(provider, month) - self.asked(provider, month) - self.billed_fees(provider, month)
        )
