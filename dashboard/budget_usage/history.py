"""The history of a budget: its usage day by day, its forecast, and the usage of earlier periods."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from dashboard.budget_usage.usage import BudgetUsage, fees_and_shared, metric_of, period_around
from dashboard.budgets.model import Budget
from dashboard.forecasting.daily_series import series
from dashboard.forecasting.forecast import Forecast, forecast
from dashboard.forecasting.seasonality import Day
from ingest.ledger.engine import Ledger
from ingest.model.principal import HERE, acting_as

PERIODS: Final = 6
"""The number of earlier periods in a history."""


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """The usage of a period that is over."""

    first: date
    end: date
    used: int


@dataclass(frozen=True, slots=True)
class BudgetHistory:
    """The usage of a budget over time."""

    usage: BudgetUsage
    used: Sequence[Day]
    """The cumulative usage at the end of each day, from the first day of the period until today."""
    forecast: Forecast | None
    """None if there is too little data, or no day of the period is left."""
    past: Sequence[PastPeriod]
    """Earlier periods, the latest first, without the unused periods before the first usage."""


def history_of(ledger: Ledger, usage: BudgetUsage, now: int) -> BudgetHistory:
    """The history of a budget that the caller may see."""
    periods = _earlier_periods(usage)
    with acting_as(HERE):
        (daily,) = series(
            ledger, now, usage.about.filters, metric=metric_of(usage.budget), first=periods[-1][0]
        )
        past = _past(ledger, usage.budget, daily.days, periods)
    running = [day for day in daily.days if day.day >= usage.first]
    sums = accumulate((day.value for day in running), initial=usage.fixed)
    next(sums)
    return BudgetHistory(
        usage,
        [Day(day.day, total) for day, total in zip(running, sums, strict=True)],
        with_fixed(forecast(daily.days, usage.first, usage.end, daily.part), usage),
        past,
    )


def with_fixed(outlook: Forecast | None, usage: BudgetUsage) -> Forecast | None:
    """The forecast of calls with the fees and the shared cost that the budget counts."""
    if outlook is None:
        return None
    names = ("used", "expected", "low", "high")
    return replace(outlook, **{name: getattr(outlook, name) + usage.fixed for name in names})


def _earlier_periods(usage: BudgetUsage) -> list[tuple[date, date]]:
    """The periods before the running period, the latest first."""
    periods: list[tuple[date, date]] = []
    end = usage.first
    for _ in range(PERIODS):
        first, _after = period_around(usage.budget.per, end - timedelta(days=1))
        periods.append((first, end))
        end = first
    return periods


def _past(
    ledger: Ledger, budget: Budget, days: Sequence[Day], periods: Sequence[tuple[date, date]]
) -> list[PastPeriod]:
    past = [
        PastPeriod(
            first,
            end,
            sum(day.value for day in days if first <= day.day < end)
            + fees_and_shared(ledger, budget, first, end),
        )
        for first, end in periods
    ]
    while past and not past[-1].used:  # before the first usage
        past.pop()
    return past
