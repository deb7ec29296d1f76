"""Watching: what each rule finds out of line now. It reads and decides; `ingest.ledger.alerts` keeps what fires."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import sqlalchemy as sa

from dashboard import people
from dashboard.alerts.anomaly import Verdict, judge
from dashboard.alerts.forecast import Forecast, forecast
from dashboard.alerts.series import Series, series
from dashboard.budgets import Burn, around, burns, metric_of
from dashboard.question import REPORTING, Filter, Period, SpendQuery
from dashboard.restriction import term_id
from dashboard.runner import Result, run
from dashboard.subjects import PEOPLE, About, Subject, subjects
from ingest import money
from ingest.alerts import AlertRule, Kind
from ingest.clock import rfc3339
from ingest.ledger.alerts import Finding
from ingest.ledger.engine import Ledger
from ingest.ledger.tables import usage_event
from ingest.model.zone import date_of, day_number, instant

MOST_WATCHED: Final = 100
"""So many values of a dimension are watched by themselves, those that cost most."""
_LOOKED_BACK_DAYS: Final = 31
_JUDGED: Final = 3
_HOUR: Final = 3_600_000_000
DEFAULT_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class _Watched:
    """What rules are checked against."""

    ledger: Ledger
    now: int
    burns: Sequence[Burn]
    subjects: Mapping[About, Subject]

    @property
    def today(self) -> date:
        return date_of(self.ledger.zone.day(self.now))

    def about(self, rule: AlertRule) -> Subject:
        return self.subjects[rule.scope, rule.subject]

    def month(self, filters: Sequence[Filter], *metrics: str) -> Result:
        """What the running month comes to so far."""
        first, end = around("month", self.today)
        zone = self.ledger.zone
        period = Period(*(instant(zone.midnight(day_number(day))) for day in (first, end)))
        asked = SpendQuery(
            period=period, zone=zone.name, metrics=metrics, filters=tuple(filters), currency=REPORTING
        )
        return run(self.ledger, asked)

    def amount(self, pico: int) -> str:
        """Money as a message says it: to the cent."""
        rounded = money.from_pico(pico).quantize(Decimal("0.01"))
        return f"{rounded:,} {self.ledger.currency}"


def findings(ledger: Ledger, rules: Sequence[AlertRule], now: int) -> list[Finding]:
    """All that is out of line at an instant, by the rules that count."""
    with ledger.reading() as connection:
        about = subjects(connection, {(one.scope, one.subject) for one in rules})
    needs_budgets = any(one.kind in ("budget", "forecast") for one in rules)
    watched = _Watched(ledger, now, burns(ledger, now) if needs_budgets else (), about)
    return [found for one in rules if one.kind for found in _LOOK[one.kind](watched, one)]


def _budgets(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """The highest threshold that each budget has reached. One of a period fires once, whatever is repriced meanwhile."""
    for one in _of_rule(watched, rule):
        if one.reached is None:
            continue
        used, limit = _in_unit(watched, one, one.used), _in_unit(watched, one, one.limit)
        share = "" if one.share is None else f" ({float(one.share):.1%})"
        yield Finding(
            rule=rule.name,
            kind="budget",
            crossing=f"{one.budget.name} {one.first} {one.reached}% of {limit}",
            title=f"{one.budget.name}: {one.reached}% of the budget is used",
            text=f"Used by {one.about.words} from {one.first} to {_last(one)}: {used} of {limit}{share}.{_unpriced(one)}",
            facts=one.as_json() | {"threshold": one.reached},
            scope=one.budget.scope,
            subject=one.budget.subject,
            is_once=True,
        )


def _forecasts(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """Budgets that will be exceeded before their period is over, if spending goes on as it did."""
    for one in _of_rule(watched, rule):
        found = forecast_of(watched.ledger, one, watched.now)
        if found is None or one.used >= one.limit or found.expected <= one.limit:
            continue
        limit, expected, low, high = (
            _in_unit(watched, one, amount) for amount in (one.limit, found.expected, found.low, found.high)
        )
        yield Finding(
            rule=rule.name,
            kind="forecast",
            crossing=f"{one.budget.name} {one.first} forecast above {limit}",
            title=f"{one.budget.name}: the budget will be exceeded",
            text=f"Expected of {one.about.words} until {_last(one)}: {expected} (four times of five {low} to {high}). "
            f"The limit is {limit}; used so far: {_in_unit(watched, one, one.used)}.{_unpriced(one)}",
            facts=one.as_json()
            | {
                "expected": _plain(one, found.expected),
                "low": _plain(one, found.low),
                "high": _plain(one, found.high),
            },
            scope=one.budget.scope,
            subject=one.budget.subject,
            is_once=True,
        )


def forecast_of(ledger: Ledger, one: Burn, now: int) -> Forecast | None:
    """What a budget's period will come to; None where too little is known."""
    (found,) = series(ledger, now, one.about.filters, metric=metric_of(one.budget), first=one.first)
    return forecast(found.days, one.first, one.end, found.part)


def _of_rule(watched: _Watched, rule: AlertRule) -> Iterator[Burn]:
    for one in watched.burns:
        of_subject = rule.scope == "all" or (one.budget.scope, one.budget.subject) == (
            rule.scope,
            rule.subject,
        )
        if of_subject and rule.budget in (None, one.budget.name):
            yield one


def _anomalies(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """The last days that are over, and today as soon as it is above all that a whole day may be."""
    found = series(watched.ledger, watched.now, watched.about(rule).filters, each=rule.each)
    entries = {int(one.of) for one in found if rule.each in PEOPLE and one.of is not None}
    called = people.called(watched.ledger, entries)
    least = 0 if rule.amount is None else money.pico_of(rule.amount)
    for one in found[:MOST_WATCHED]:
        name = one.of if rule.each not in PEOPLE or one.of is None else called.get(int(one.of), one.of)
        for verdict in _verdicts(one, least):
            yield _anomaly(watched, rule, one, name, verdict)


def _verdicts(one: Series, least: int) -> Iterator[Verdict]:
    over = [judge(one.days[: -1 - back], least) for back in range(_JUDGED + 1)]
    today = judge(one.days, least)
    if today is not None and today.value <= today.high:
        today = None  # the day is not over: it may still come to what is expected
    for verdict, before in pairwise((today, *over)):  # a server may have been away for some days
        if verdict is not None and verdict.is_anomaly and _side(before) != _side(verdict):
            yield verdict


def _side(verdict: Verdict | None) -> int:
    """Whether a day was far above or far below: of days in a row on one side the first is told of."""
    if verdict is None or not verdict.is_anomaly:
        return 0
    return 1 if verdict.value > verdict.expected else -1


def _anomaly(watched: _Watched, rule: AlertRule, one: Series, name: str | None, verdict: Verdict) -> Finding:
    about = watched.about(rule)
    within = "" if about.scope == "all" else f" of {about.words}"
    value_of = f"{str(rule.each).replace('_', ' ')} {name or '(none)'}{within}"
    words = about.words if rule.each is None else value_of
    where = "above" if verdict.value > verdict.expected else "below"
    so_far = " so far" if verdict.day == watched.today else ""
    value, expected, low, high = (
        watched.amount(one) for one in (verdict.value, verdict.expected, verdict.low, verdict.high)
    )
    is_one = rule.each in ("team", "customer", "virtual_key", "model", "project") and one.of is not None
    return Finding(
        rule=rule.name,
        kind="anomaly",
        crossing=f"{rule.each or about.scope} {one.of or about.value or ''} {verdict.day} {where}",
        title=f"{words}: {value} on {verdict.day} is far {where} what was expected",
        text=f"{value}{so_far} on {verdict.day}, where {expected} was expected and {low} to {high} would be usual. "
        f"Compared with {verdict.compared_with}.",
        facts={
            "day": verdict.day.isoformat(),
            "value": money.plain(verdict.value),
            "expected": money.plain(verdict.expected),
            "low": money.plain(verdict.low),
            "high": money.plain(verdict.high),
            "currency": watched.ledger.currency,
            "compared_with": verdict.compared_with,
            "of": name if rule.each else about.shown,
        },
        scope=str(rule.each) if is_one else about.scope,
        subject=one.of if is_one else rule.subject,
        is_once=True,
    )


def _unpriced_calls(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """Calls of the running month without a price: more than a number, more than a share, or any."""
    about = watched.about(rule)
    result = watched.month(about.filters, "requests", "unpriced_requests")
    count, calls = result.unpriced_requests, result.requests
    if not _is_too_much(rule, Decimal(count), Decimal(calls)):
        return
    yield Finding(
        rule=rule.name,
        kind="unpriced",
        crossing=f"unpriced {about.scope} {about.value or ''} {watched.today:%Y-%m}",
        title=f"{count:,} calls have no price",
        text=f"{count:,} of {calls:,} calls of {about.words} in {watched.today:%Y-%m} have no price, so that their cost is unknown "
        "and in no total. `tallybook prices list --unpriced` says of which models.",
        facts={"unpriced_requests": count, "requests": calls, "period": f"{watched.today:%Y-%m}"},
        scope=about.scope,
        subject=rule.subject,
    )


def _unassigned(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """Spend of the running month that belongs to no team."""
    nobody = watched.month((Filter("team", (None,)),), "total_cost")
    whole = watched.month((), "total_cost")
    amount, of = (Decimal(str(one.totals.values[0] or 0)) for one in (nobody, whole))
    if not _is_too_much(rule, amount, of):
        return
    yield Finding(
        rule=rule.name,
        kind="unassigned",
        crossing=f"unassigned {watched.today:%Y-%m}",
        title=f"{watched.amount(money.pico_of(amount))} belongs to no team",
        text=f"{watched.amount(money.pico_of(amount))} of {watched.amount(money.pico_of(of))} spent in {watched.today:%Y-%m} belongs to no team. "
        "`tallybook owner unassigned` says by which keys.",
        facts={
            "unassigned": money.plain(money.pico_of(amount)),
            "total": money.plain(money.pico_of(of)),
            "currency": watched.ledger.currency,
            "period": f"{watched.today:%Y-%m}",
        },
    )


def _is_too_much(rule: AlertRule, value: Decimal, of: Decimal) -> bool:
    if rule.percent is not None:
        return bool(of) and value * 100 > of * rule.percent
    return value > (rule.amount or 0)


def _silent(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """Sources that sent something in the last month and nothing for too long."""
    hours = rule.hours or DEFAULT_HOURS
    since = watched.now - hours * _HOUR
    for source, last in _last_calls(watched).items():
        if rule.source not in (None, source) or last >= since:
            continue
        at = instant(last).astimezone(watched.ledger.zone.info)
        yield Finding(
            rule=rule.name,
            kind="silent",
            crossing=f"silent {source}",
            title=f"{source} is silent",
            text=f"The last call from {source} was on {at:%Y-%m-%d at %H:%M}, more than {hours} hours ago.",
            facts={
                "source": source,
                "last_call": rfc3339(last),
                "hours": hours,
            },
        )


def _last_calls(watched: _Watched) -> dict[str, int]:
    """When the last call of each source was, of those of the last month."""
    ledger, c = watched.ledger, usage_event.c
    start = watched.now - _LOOKED_BACK_DAYS * 24 * _HOUR
    asked = SpendQuery(
        period=Period(instant(start), instant(watched.now + _HOUR)),
        zone=ledger.zone.name,
        metrics=("requests",),
        dimensions=("time", "source"),
        interval="day",
    )
    last_days = {str(source): str(day) for day, source in sorted(row.key for row in run(ledger, asked).rows)}
    at = sa.func.max(sa.type_coerce(c.occurred_at, sa.BigInteger))
    found: dict[str, int] = {}
    with ledger.reading() as connection:
        for source, text in last_days.items():
            day = day_number(date.fromisoformat(text))
            first, end = (instant(ledger.zone.midnight(one)) for one in (day, day + 1))
            that_day = (c.occurred_at >= first) & (c.occurred_at < end)
            last = connection.execute(sa.select(at).where(that_day, c.source_id == term_id(source))).scalar()
            if last is not None:
                found[source] = int(last)
    return found


def _in_unit(watched: _Watched, one: Burn, amount: int) -> str:
    return f"{amount:,} tokens" if one.budget.tokens is not None else watched.amount(amount)


def _plain(one: Burn, amount: int) -> int | str:
    return amount if one.budget.tokens is not None else money.plain(amount)


def _last(one: Burn) -> date:
    return one.end - timedelta(days=1)


def _unpriced(one: Burn) -> str:
    """What a total leaves out."""
    return (
        f" {one.unpriced_requests:,} calls have no price and are not in it." if one.unpriced_requests else ""
    )


_LOOK: Final[dict[Kind, Callable[[_Watched, AlertRule], Iterator[Finding]]]] = {
    "budget": _budgets,
    "forecast": _forecasts,
    "anomaly": _anomalies,
    "unpriced": _unpriced_calls,
    "unassigned": _unassigned,
    "silent": _silent,
}
