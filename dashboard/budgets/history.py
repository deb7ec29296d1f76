"""The course of a budget: what is left of it day by day, what it will come to, and how its earlier periods ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from dashboard.budgets.usage import Burn, around, metric_of
from dashboard.forecasting.daily_series import series
from dashboard.forecasting.forecast import Forecast, forecast
from dashboard.forecasting.seasonality import Day
from ingest.ledger.engine import Ledger
from ingest.model.principal import HERE, acting_as

PERIODS: Final = 6
"""So many earlier periods are told of."""


@dataclass(frozen=True, slots=True)
class Past:
    """A period that is over."""

    first: date
    end: date
    used: int


@dataclass(frozen=True, slots=True)
class Course:
    """How a budget is used."""

    burn: Burn
    used: Sequence[Day]
    """From the first day of the period until today, each with all that was used until its end."""
    forecast: Forecast | None
    """None where too little is known, or nothing is left to come."""
    past: Sequence[Past]
    """The periods before in which something was used, the latest first."""


def course_of(ledger: Ledger, burn: Burn, now: int) -> Course:
    """The course of a budget that whoever asks may see."""
    starts = _before(burn)
    with acting_as(HERE):
        (found,) = series(ledger, now, burn.about.filters, metric=metric_of(burn.budget), first=starts[-1][0])
    running = [one for one in found.days if one.day >= burn.first]
    sums = accumulate(one.value for one in running)
    return Course(
        burn,
        [Day(one.day, total) for one, total in zip(running, sums, strict=True)],
        forecast(found.days, burn.first, burn.end, found.part),
        _past(found.days, starts),
    )


def _before(burn: Burn) -> list[tuple[date, date]]:
    """The periods before the running one, the latest first."""
    found: list[tuple[date, date]] = []
    end = burn.first
    for _ in range(PERIODS):
        first, _after = around(burn.budget.per, end - timedelta(days=1))
        found.append((first, end))
        end = first
    return found


def _past(days: Sequence[Day], periods: Sequence[tuple[date, date]]) -> list[Past]:
    found = [
        Past(first, end, sum(one.value for one in days if first <= one.day < end)) for first, end in periods
    ]
    while found and not found[-1].used:  # before there was anything
        found.pop()
    return found
