"""Watching: what each rule finds out of line now, one function for each kind of alert (`EVALUATE`).

It reads and decides; `dashboard.alerts.messages` says it in words, `dashboard.alerts.store` keeps what fires.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Final

from dashboard.alerts import messages
from dashboard.alerts import store as alerts
from dashboard.alerts.model import AlertRule
from dashboard.alerts.store import Finding
from dashboard.budgets.usage import BudgetUsage, budget_usages, metric_of, period_around
from dashboard.directory import names
from dashboard.directory.subjects import PEOPLE, About, Subject, subjects
from dashboard.forecasting.anomaly import Verdict, judge
from dashboard.forecasting.daily_series import Series, series
from dashboard.forecasting.forecast import Forecast, forecast
from dashboard.query.question import REPORTING, Filter, Period, SpendQuery
from dashboard.query.run import Result, run
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger
from ingest.model import money
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
    subjects: Mapping[About, Subject]
    usages: Callable[[], Sequence[BudgetUsage]]
    """How far budgets are used; worked out once, where a rule asks for it."""

    @property
    def today(self) -> date:
        return date_of(self.ledger.zone.day(self.now))

    def about(self, rule: AlertRule) -> Subject:
        return self.subjects[rule.scope, rule.subject]

    def month(self, filters: Sequence[Filter], *metrics: str) -> Result:
        """What the running month comes to so far."""
        first, end = period_around("month", self.today)
        zone = self.ledger.zone
        period = Period(*(instant(zone.midnight(day_number(day))) for day in (first, end)))
        asked = SpendQuery(
            period=period, zone=zone.name, metrics=metrics, filters=tuple(filters), currency=REPORTING
        )
        return run(self.ledger, asked)


def findings(ledger: Ledger, rules: Sequence[AlertRule], now: int) -> list[Finding]:
    """All that is out of line at an instant, by the rules that count."""
    with ledger.reading() as connection:
        about = subjects(connection, {(one.scope, one.subject) for one in rules})
    watched = _Watched(ledger, now, about, cache(lambda: budget_usages(ledger, now)))
    return [found for one in rules if one.kind for found in EVALUATE[one.kind](watched, one)]


def _budgets(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """The highest threshold that each budget has reached. One of a period fires once, whatever is repriced meanwhile."""
    for one in _of_rule(watched, rule):
        if one.reached is None:
            continue
        currency = watched.ledger.currency
        title, text = messages.threshold_reached(one, currency)
        limit = messages.in_unit(one, one.limit, currency)
        yield Finding(
            rule=rule.name,
            kind="budget",
            crossing=f"{one.budget.name} {one.first} {one.reached}% of {limit}",
            title=title,
            text=text,
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
        currency = watched.ledger.currency
        title, text = messages.budget_will_be_exceeded(one, found, currency)
        limit = messages.in_unit(one, one.limit, currency)
        yield Finding(
            rule=rule.name,
            kind="forecast",
            crossing=f"{one.budget.name} {one.first} forecast above {limit}",
            title=title,
            text=text,
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


def forecast_of(ledger: Ledger, one: BudgetUsage, now: int) -> Forecast | None:
    """What a budget's period will come to; None where too little is known."""
    (found,) = series(ledger, now, one.about.filters, metric=metric_of(one.budget), first=one.first)
    return forecast(found.days, one.first, one.end, found.part)


def _of_rule(watched: _Watched, rule: AlertRule) -> Iterator[BudgetUsage]:
    for one in watched.usages():
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
    called = names.called(watched.ledger, entries)
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
    is_today, currency = verdict.day == watched.today, watched.ledger.currency
    day = f"{verdict.day} {messages.direction(verdict)}"
    title, text = messages.unusual_day(words, verdict, is_today=is_today, currency=currency)
    is_one = rule.each in ("team", "customer", "virtual_key", "model", "project") and one.of is not None
    return Finding(
        rule=rule.name,
        kind="anomaly",
        crossing=f"{rule.each or about.scope} {one.of or about.value or ''} {day}",
        title=title,
        text=text,
        facts={
            "day": verdict.day.isoformat(),
            "value": money.plain(verdict.value),
            "expected": money.plain(verdict.expected),
            "low": money.plain(verdict.low),
            "high": money.plain(verdict.high),
            "currency": currency,
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
    month = f"{watched.today:%Y-%m}"
    title, text = messages.calls_without_price(about.words, count, calls, month)
    yield Finding(
        rule=rule.name,
        kind="unpriced",
        crossing=f"unpriced {about.scope} {about.value or ''} {month}",
        title=title,
        text=text,
        facts={"unpriced_requests": count, "requests": calls, "period": month},
        scope=about.scope,
        subject=rule.subject,
    )


def _unassigned(watched: _Watched, rule: AlertRule) -> Iterator[Finding]:
    """Spend of the running month that belongs to no team."""
    nobody = watched.month((Filter("team", (None,)),), "total_cost")
    whole = watched.month((), "total_cost")
    amount, total = (Decimal(str(one.totals.values[0] or 0)) for one in (nobody, whole))
    if not _is_too_much(rule, amount, total):
        return
    month, currency = f"{watched.today:%Y-%m}", watched.ledger.currency
    title, text = messages.spend_without_team(money.pico_of(amount), money.pico_of(total), month, currency)
    yield Finding(
        rule=rule.name,
        kind="unassigned",
        crossing=f"unassigned {month}",
        title=title,
        text=text,
        facts={
            "unassigned": money.plain(money.pico_of(amount)),
            "total": money.plain(money.pico_of(total)),
            "currency": currency,
            "period": month,
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
        last_call = instant(last).astimezone(watched.ledger.zone.info)
        title, text = messages.silent_source(source, last_call, hours)
        yield Finding(
            rule=rule.name,
            kind="silent",
            crossing=f"silent {source}",
            title=title,
            text=text,
            facts={"source": source, "last_call": rfc3339(last), "hours": hours},
        )


def _last_calls(watched: _Watched) -> dict[str, int]:
    """When the last call of each source was, of those of the last month."""
    ledger = watched.ledger
    start = watched.now - _LOOKED_BACK_DAYS * 24 * _HOUR
    asked = SpendQuery(
        period=Period(instant(start), instant(watched.now + _HOUR)),
        zone=ledger.zone.name,
        metrics=("requests",),
        dimensions=("time", "source"),
        interval="day",
    )
    last_days = {str(source): str(day) for day, source in sorted(row.key for row in run(ledger, asked).rows)}
    found: dict[str, int] = {}
    with ledger.reading() as connection:
        for source, text in last_days.items():
            day = day_number(date.fromisoformat(text))
            first, end = (instant(ledger.zone.midnight(one)) for one in (day, day + 1))
            last = alerts.last_call(connection, source, first, end)
            if last is not None:
                found[source] = last
    return found


def _plain(one: BudgetUsage, amount: int) -> int | str:
    return amount if one.budget.tokens is not None else money.plain(amount)


EVALUATE: Final[Mapping[str, Callable[[_Watched, AlertRule], Iterator[Finding]]]] = {
    "budget": _budgets,
    "forecast": _forecasts,
    "anomaly": _anomalies,
    "unpriced": _unpriced_calls,
    "unassigned": _unassigned,
    "silent": _silent,
}
"""What looks for each kind of alert, by the key of the kind."""
