"""Evaluating rules: what each rule finds out of line now. `EVALUATE` has a function for each kind of alert.

Nothing is written here: `dashboard.alerts.messages` has the texts, and `dashboard.alerts.store` stores what
fires.
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
from dashboard.budget_usage.history import with_fixed
from dashboard.budget_usage.usage import BudgetUsage, budget_usages, metric_of, period_around
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
from ingest.model.zone import HOUR, date_of, day_number, instant

MOST_WATCHED: Final = 100
"""The number of values of a dimension that are checked one by one, those with the largest spend."""
_LOOKED_BACK_DAYS: Final = 31
_JUDGED_DAYS: Final = 3
DEFAULT_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class _Context:
    """The data that rules are checked against."""

    ledger: Ledger
    now: int
    subjects: Mapping[About, Subject]
    usages: Callable[[], Sequence[BudgetUsage]]
    """The usage of all budgets, computed when the first rule needs it."""

    @property
    def today(self) -> date:
        return date_of(self.ledger.zone.day(self.now))

    def about(self, rule: AlertRule) -> Subject:
        return self.subjects[rule.scope, rule.subject]

    def month(self, filters: Sequence[Filter], *metrics: str) -> Result:
        """The metrics of the running month so far."""
        first, end = period_around("month", self.today)
        zone = self.ledger.zone
        period = Period(*(instant(zone.midnight(day_number(day))) for day in (first, end)))
        query = SpendQuery(
            period=period, zone=zone.name, metrics=metrics, filters=tuple(filters), currency=REPORTING
        )
        return run(self.ledger, query)


def findings(ledger: Ledger, rules: Sequence[AlertRule], now: int) -> list[Finding]:
    """Everything that active rules find out of line at the instant `now`."""
    with ledger.reading() as connection:
        about = subjects(connection, {(rule.scope, rule.subject) for rule in rules})
    context = _Context(ledger, now, about, cache(lambda: budget_usages(ledger, now)))
    return [finding for rule in rules if rule.kind for finding in EVALUATE[rule.kind](context, rule)]


def _budgets(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """The highest threshold that each budget has reached. It fires once a period, even after repricing."""
    for usage in _usages_of_rule(context, rule):
        if usage.reached is None:
            continue
        currency = context.ledger.currency
        title, text = messages.threshold_reached(usage, currency)
        limit = messages.in_unit(usage, usage.limit, currency)
        yield Finding(
            rule=rule.name,
            kind="budget",
            crossing=f"{usage.budget.name} {usage.first} {usage.reached}% of {limit}",
            title=title,
            text=text,
            facts=usage.as_json() | {"threshold": usage.reached},
            scope=usage.budget.scope,
            subject=usage.budget.subject,
            is_once=True,
        )


def _forecasts(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """The budgets that are not exceeded yet, but by forecast will be before their period is over."""
    for usage in _usages_of_rule(context, rule):
        outlook = forecast_of(context.ledger, usage, context.now)
        if outlook is None or usage.used >= usage.limit or outlook.expected <= usage.limit:
            continue
        currency = context.ledger.currency
        title, text = messages.budget_will_be_exceeded(usage, outlook, currency)
        limit = messages.in_unit(usage, usage.limit, currency)
        yield Finding(
            rule=rule.name,
            kind="forecast",
            crossing=f"{usage.budget.name} {usage.first} forecast above {limit}",
            title=title,
            text=text,
            facts=usage.as_json()
            | {
                "expected": _plain(usage, outlook.expected),
                "low": _plain(usage, outlook.low),
                "high": _plain(usage, outlook.high),
            },
            scope=usage.budget.scope,
            subject=usage.budget.subject,
            is_once=True,
        )


def forecast_of(ledger: Ledger, usage: BudgetUsage, now: int) -> Forecast | None:
    """The forecast of a budget for its running period; None if there is too little data."""
    (daily,) = series(ledger, now, usage.about.filters, metric=metric_of(usage.budget), first=usage.first)
    return with_fixed(forecast(daily.days, usage.first, usage.end, daily.part), usage)


def _usages_of_rule(context: _Context, rule: AlertRule) -> Iterator[BudgetUsage]:
    """The usage of the budgets that a rule checks."""
    for usage in context.usages():
        subject = (usage.budget.scope, usage.budget.subject)
        is_of_subject = rule.scope == "all" or subject == (rule.scope, rule.subject)
        if is_of_subject and rule.budget in (None, usage.budget.name):
            yield usage


def _anomalies(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """Unusual days among the last complete days; today only if it is above the usual range of a whole day."""
    all_series = series(context.ledger, context.now, context.about(rule).filters, each=rule.each)
    entries = {int(daily.of) for daily in all_series if rule.each in PEOPLE and daily.of is not None}
    shown_names = names.called(context.ledger, entries)
    least = 0 if rule.amount is None else money.pico_of(rule.amount)
    for daily in all_series[:MOST_WATCHED]:
        name = daily.of
        if rule.each in PEOPLE and daily.of is not None:
            name = shown_names.get(int(daily.of), daily.of)
        for verdict in _verdicts(daily, least):
            yield _anomaly(context, rule, daily, name, verdict)


def _verdicts(daily: Series, least: int) -> Iterator[Verdict]:
    """The verdicts on unusual days, each the first of consecutive unusual days on the same side."""
    complete_days = [judge(daily.days[: -1 - back], least) for back in range(_JUDGED_DAYS + 1)]
    today = judge(daily.days, least)
    if today is not None and today.value <= today.high:
        today = None  # today is not complete: its spend may still reach the expected range
    for verdict, before in pairwise((today, *complete_days)):  # the server may have been down for some days
        if verdict is not None and verdict.is_anomaly and _side(before) != _side(verdict):
            yield verdict


def _side(verdict: Verdict | None) -> int:
    """1 for a day far above the expected value, -1 for a day far below it, and 0 for a usual day."""
    if verdict is None or not verdict.is_anomaly:
        return 0
    return 1 if verdict.value > verdict.expected else -1


def _anomaly(
    context: _Context, rule: AlertRule, daily: Series, name: str | None, verdict: Verdict
) -> Finding:
    about = context.about(rule)
    of_subject = "" if about.scope == "all" else f" of {about.words}"
    value_name = f"{str(rule.each).replace('_', ' ')} {name or '(none)'}{of_subject}"
    words = about.words if rule.each is None else value_name
    is_today, currency = verdict.day == context.today, context.ledger.currency
    day = f"{verdict.day} {messages.direction(verdict)}"
    title, text = messages.unusual_day(words, verdict, is_today=is_today, currency=currency)
    has_subject = (
        rule.each in ("team", "customer", "virtual_key", "model", "project") and daily.of is not None
    )
    return Finding(
        rule=rule.name,
        kind="anomaly",
        crossing=f"{rule.each or about.scope} {daily.of or about.value or ''} {day}",
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
        scope=str(rule.each) if has_subject else about.scope,
        subject=daily.of if has_subject else rule.subject,
        is_once=True,
    )


def _unpriced_calls(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """Unpriced calls of the running month: more than a number or a percentage of all calls, or any."""
    about = context.about(rule)
    result = context.month(about.filters, "requests", "unpriced_requests")
    count, calls = result.unpriced_requests, result.requests
    if not _is_too_much(rule, Decimal(count), Decimal(calls)):
        return
    month = f"{context.today:%Y-%m}"
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


def _unassigned(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """Spend of the running month that belongs to no team."""
    without_team = context.month((Filter("team", (None,)),), "total_cost")
    everything = context.month((), "total_cost")
    amount, total = (Decimal(str(result.totals.values[0] or 0)) for result in (without_team, everything))
    if not _is_too_much(rule, amount, total):
        return
    month, currency = f"{context.today:%Y-%m}", context.ledger.currency
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


def _silent(context: _Context, rule: AlertRule) -> Iterator[Finding]:
    """Sources that sent calls in the last month, but none in the last hours."""
    hours = rule.hours or DEFAULT_HOURS
    since = context.now - hours * HOUR
    for source, last in _last_calls(context).items():
        if rule.source not in (None, source) or last >= since:
            continue
        last_call = instant(last).astimezone(context.ledger.zone.info)
        title, text = messages.silent_source(source, last_call, hours)
        yield Finding(
            rule=rule.name,
            kind="silent",
            crossing=f"silent {source}",
            title=title,
            text=text,
            facts={"source": source, "last_call": rfc3339(last), "hours": hours},
        )


def _last_calls(context: _Context) -> dict[str, int]:
    """The instant of the last call of each source in the last month."""
    ledger = context.ledger
    start = context.now - _LOOKED_BACK_DAYS * 24 * HOUR
    query = SpendQuery(
        period=Period(instant(start), instant(context.now + HOUR)),
        zone=ledger.zone.name,
        metrics=("requests",),
        dimensions=("time", "source"),
        interval="day",
    )
    last_days = {str(source): str(day) for day, source in sorted(row.key for row in run(ledger, query).rows)}
    last_calls: dict[str, int] = {}
    with ledger.reading() as connection:
        for source, text in last_days.items():
            day = day_number(date.fromisoformat(text))
            first, end = (instant(ledger.zone.midnight(number)) for number in (day, day + 1))
            last = alerts.last_call(connection, source, first, end)
            if last is not None:
                last_calls[source] = last
    return last_calls


def _plain(usage: BudgetUsage, amount: int) -> int | str:
    return amount if usage.budget.tokens is not None else money.plain(amount)


EVALUATE: Final[Mapping[str, Callable[[_Context, AlertRule], Iterator[Finding]]]] = {
    "budget": _budgets,
    "forecast": _forecasts,
    "anomaly": _anomalies,
    "unpriced": _unpriced_calls,
    "unassigned": _unassigned,
    "silent": _silent,
}
"""The function that evaluates rules of each kind, by the key of the kind."""
