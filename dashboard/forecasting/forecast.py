"""Forecasts: the total of a period, from the use so far and the expected use of the remaining days.

A remaining day is expected at the level of the last two weeks, with growth, times the weekday's factor
(`seasons`), times the ratio of mean to median (the smearing estimate, Duan 1983, without the farthest
twentieth on either side). Growth is the median slope between any two days (Theil 1950, Sen 1968), damped,
because a trend of twelve weeks rarely goes on unchanged. With less than two weeks, or if most days of four
weeks had no use, a day is expected to be their mean.

The range holds four of five outcomes if days go on as before, with the usual outliers. It is made of the
noise of the remaining days and of the uncertainty of level and growth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from dashboard.forecasting.seasonality import (
    EXACT,
    WEEK,
    Day,
    Seasons,
    distances_from_last_week,
    known_days,
    median,
    seasons,
    week_medians,
    whole,
)

LEAST: Final = 3
"""The least number of complete known days, counted from the first day with a value."""

_LEVEL: Final = 2 * WEEK
_DAMPING: Final = Decimal("0.7")
"""The part of past growth that is expected to go on."""
_MOST_GROWTH: Final = Decimal("0.02")
"""The largest growth per day that is assumed, up or down."""
_FOUR_OF_FIVE: Final = Decimal("1.2816")
"""The number of standard deviations around the mean that hold 80% of normal noise."""
_FARTHEST: Final = Decimal("1.5")
"""Distances are cut off here, at a factor of 4.5, so that one day does not widen the range further."""
_LEAST_NOISE: Final = Decimal("0.02")
_LEAST_NOISE_WITHOUT_PATTERN: Final = Decimal("0.5")
"""The least noise that is assumed of days without a known pattern."""
_UNSURE_GROWTH: Final = Decimal("0.003")
"""The standard deviation of growth per day."""
_NOTHING: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected total of a whole period."""

    used: int
    """The use so far."""
    expected: int
    low: int
    high: int
    """Four of five outcomes lie between `low` and `high`."""


@dataclass(frozen=True, slots=True)
class _Pace:
    """The expected course of the remaining days."""

    level: Decimal
    """The logarithm of the level on the last complete day."""
    growth: Decimal
    weekdays: Sequence[Decimal]
    noise: Decimal
    unsure: Decimal
    """The standard deviation of the level."""

    def day(self, day: date, ahead: int) -> Decimal:
        return (self.level + self.growth * ahead + self.weekdays[day.weekday()]).exp()


def forecast(days: Sequence[Day], first: date, end: date, part: Fraction = Fraction(0)) -> Forecast | None:
    """The forecast for the period `[first, end)`; None if less than three complete days are known.

    Args:
        days: Consecutive days, the oldest first, from `first` or earlier up to yesterday or today. More days
            before `first`, up to twelve weeks, make the forecast better.
        first: The first day of the period.
        end: The day after the period's last day.
        part: The part of the last day that is over; 0 means the whole day.
    """
    used = sum(day.value for day in days if first <= day.day < end)
    complete = known_days(days[:-1] if part else days)
    if len(complete) < LEAST:
        return None
    with localcontext(EXACT):
        pace = _pace(complete)
        last = complete[-1].day
        left = _days_between(max(first, last + timedelta(days=1)), end)
        amounts = [pace.day(day, (day - last).days) for day in left]
        if part and left and left[0] == days[-1].day:
            amounts[0] *= 1 - Decimal(part.numerator) / Decimal(part.denominator)
        rest = sum(amounts, Decimal(0))
        if not rest:
            return Forecast(used, used, used, used)
        reach = (_FOUR_OF_FIVE * _uncertainty(pace, left, amounts, last)).exp()
    return Forecast(used, used + whole(rest), used + whole(rest / reach), used + whole(rest * reach))


def _days_between(start: date, end: date) -> list[date]:
    return [start + timedelta(days=number) for number in range((end - start).days)]


def _uncertainty(pace: _Pace, left: Sequence[date], amounts: Sequence[Decimal], last: date) -> Decimal:
    """The standard deviation of the logarithm of the remaining days' total."""
    rest = sum(amounts, Decimal(0))
    shares = [amount / rest for amount in amounts]
    chance = pace.noise**2 * sum((share**2 for share in shares), Decimal(0))
    ahead = sum((share * (day - last).days for share, day in zip(shares, left, strict=True)), Decimal(0))
    return (chance + pace.unsure**2 + (_UNSURE_GROWTH * ahead) ** 2).sqrt()


def _pace(days: Sequence[Day]) -> _Pace:
    if len(days) < 2 * WEEK:
        return _mean_pace(days[-WEEK:])
    month = days[-4 * WEEK :]
    is_rare = 2 * sum(day.value > 0 for day in month) < len(month)
    return _mean_pace(month) if is_rare else _seasonal_pace(seasons(days))


def _mean_pace(days: Sequence[Day]) -> _Pace:
    """The pace at the mean of the days, which are too few for weekday factors or mostly without use."""
    values = [Decimal(max(day.value, 0)) for day in days]
    mean = max(sum(values, Decimal(0)) / len(values), _NOTHING)
    noise = max(_deviation([value / mean - 1 for value in values]), _LEAST_NOISE_WITHOUT_PATTERN)
    return _Pace(
        level=mean.ln(),
        growth=Decimal(0),
        weekdays=[Decimal(0)] * WEEK,
        noise=noise,
        unsure=noise / Decimal(len(values)).sqrt(),
    )


def _seasonal_pace(pattern: Seasons) -> _Pace:
    flat = pattern.flat
    slope = _growth(flat)
    distances = [log - middle for log, middle in zip(flat, week_medians(flat), strict=True)]
    limited = [max(min(distance, _FARTHEST), -_FARTHEST) for distance in distances_from_last_week(flat)]
    noise = max(_deviation(limited), _LEAST_NOISE)
    return _Pace(
        level=median(flat[-_LEVEL:]) + slope * (_LEVEL - 1) / 2 + _smearing(distances),
        growth=slope,
        weekdays=pattern.weekdays,
        noise=noise,
        unsure=noise / 3,
    )


def _deviation(distances: Sequence[Decimal]) -> Decimal:
    return (sum((distance**2 for distance in distances), Decimal(0)) / len(distances)).sqrt()


def _growth(flat: Sequence[Decimal]) -> Decimal:
    """The growth per day: the damped median slope between any two days."""
    slopes = [(flat[at] - flat[other]) / (at - other) for at in range(len(flat)) for other in range(at)]
    return max(min(median(slopes) * _DAMPING, _MOST_GROWTH), -_MOST_GROWTH)


def _smearing(distances: Sequence[Decimal]) -> Decimal:
    """The logarithm of the ratio of the mean of the days to their level."""
    ordered = sorted(distances)
    cut = len(ordered) // 20 + 1
    inner = [min(max(distance, ordered[cut]), ordered[-cut - 1]).exp() for distance in ordered]
    return (sum(inner, Decimal(0)) / len(inner)).ln()
