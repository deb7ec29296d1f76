"""Forecasts: what a period will come to, from what was used so far and what is expected of the days left.

A day left is expected to be the level of the last two weeks, with growth, times the weekday's factor (`seasons`), times what days
are on average beside their median (the smearing estimate, Duan 1983, without the farthest twentieth on either side). Growth is
the median slope between any two days (Theil 1950, Sen 1968), and a part of it only: a trend of twelve weeks rarely goes on as
it was. With less than two weeks, or where there was nothing on most days of four weeks, a day is expected to be their mean.

The range holds four of five outcomes if days go on as they did, odd ones included: it is made of the noise of the days left and of
how far off level and growth may be.
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
    around,
    before,
    known,
    median,
    seasons,
    whole,
)

LEAST: Final = 3
"""Complete days that have to be known, counted from the first one with a value."""

_LEVEL: Final = 2 * WEEK
_DAMPED: Final = Decimal("0.7")
"""The part of past growth that is expected to go on."""
_STEEPEST: Final = Decimal("0.02")
"""Growth a day is never taken to be more than this, up or down."""
_FOUR_OF_FIVE: Final = Decimal("1.2816")
"""Standard deviations around the middle of normal noise that hold 80% of it."""
_FARTHEST: Final = Decimal("1.5")
"""A day farther off than this, a factor of 4.5, widens the range as one that is so far off."""
_QUIETEST: Final = Decimal("0.02")
_UNKNOWN: Final = Decimal("0.5")
"""The least noise of days whose pattern is not known."""
_UNSURE_GROWTH: Final = Decimal("0.003")
"""The standard deviation of growth a day."""
_NOTHING: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a whole period will come to."""

    used: int
    """So far."""
    expected: int
    low: int
    high: int
    """Four of five outcomes lie between them."""


@dataclass(frozen=True, slots=True)
class _Pace:
    """How spending goes on."""

    level: Decimal
    """The logarithm of a day, at the last complete one."""
    growth: Decimal
    weekdays: Sequence[Decimal]
    noise: Decimal
    unsure: Decimal
    """Standard deviation of the level."""

    def day(self, day: date, ahead: int) -> Decimal:
        return (self.level + self.growth * ahead + self.weekdays[day.weekday()]).exp()


def forecast(days: Sequence[Day], first: date, end: date, part: Fraction = Fraction(0)) -> Forecast | None:
    """The forecast for the days from `first` until before `end`; None where less than three complete days are known.

    Args:
        days: Consecutive days, the oldest first, from `first` or earlier up to yesterday or today. The more of them are before
            `first`, up to twelve weeks, the better.
        first: The first day of the period.
        end: The day after its last.
        part: How much of the last day is over; 0 means all of it.
    """
    used = sum(one.value for one in days if first <= one.day < end)
    complete = known(days[:-1] if part else days)
    if len(complete) < LEAST:
        return None
    with localcontext(EXACT):
        pace = _pace(complete)
        last = complete[-1].day
        left = _left(max(first, last + timedelta(days=1)), end)
        amounts = [pace.day(day, (day - last).days) for day in left]
        if part and left and left[0] == days[-1].day:
            amounts[0] *= 1 - Decimal(part.numerator) / Decimal(part.denominator)
        rest = sum(amounts, Decimal(0))
        if not rest:
            return Forecast(used, used, used, used)
        reach = (_FOUR_OF_FIVE * _uncertainty(pace, left, amounts, last)).exp()
    return Forecast(used, used + whole(rest), used + whole(rest / reach), used + whole(rest * reach))


def _left(start: date, end: date) -> list[date]:
    return [start + timedelta(days=number) for number in range((end - start).days)]


def _uncertainty(pace: _Pace, left: Sequence[date], amounts: Sequence[Decimal], last: date) -> Decimal:
    """The standard deviation of the logarithm of what the days left come to."""
    rest = sum(amounts, Decimal(0))
    shares = [amount / rest for amount in amounts]
    chance = pace.noise**2 * sum((share**2 for share in shares), Decimal(0))
    ahead = sum((share * (day - last).days for share, day in zip(shares, left, strict=True)), Decimal(0))
    return (chance + pace.unsure**2 + (_UNSURE_GROWTH * ahead) ** 2).sqrt()


def _pace(days: Sequence[Day]) -> _Pace:
    if len(days) < 2 * WEEK:
        return _plain(days[-WEEK:])
    month = days[-4 * WEEK :]
    is_rare = 2 * sum(one.value > 0 for one in month) < len(month)
    return _plain(month) if is_rare else _seasonal(seasons(days))


def _plain(days: Sequence[Day]) -> _Pace:
    """The mean of days that are too few to know weekdays from, or on most of which there was nothing."""
    values = [Decimal(max(one.value, 0)) for one in days]
    mean = max(sum(values, Decimal(0)) / len(values), _NOTHING)
    noise = max(_deviation([value / mean - 1 for value in values]), _UNKNOWN)
    return _Pace(
        level=mean.ln(),
        growth=Decimal(0),
        weekdays=[Decimal(0)] * WEEK,
        noise=noise,
        unsure=noise / Decimal(len(values)).sqrt(),
    )


def _seasonal(of: Seasons) -> _Pace:
    flat = of.flat
    slope = _growth(flat)
    distances = [one - middle for one, middle in zip(flat, around(flat), strict=True)]
    noise = max(_deviation([max(min(one, _FARTHEST), -_FARTHEST) for one in before(flat)]), _QUIETEST)
    return _Pace(
        level=median(flat[-_LEVEL:]) + slope * (_LEVEL - 1) / 2 + _smeared(distances),
        growth=slope,
        weekdays=of.weekdays,
        noise=noise,
        unsure=noise / 3,
    )


def _deviation(distances: Sequence[Decimal]) -> Decimal:
    return (sum((one**2 for one in distances), Decimal(0)) / len(distances)).sqrt()


def _growth(flat: Sequence[Decimal]) -> Decimal:
    """The slope a day: a part of the median slope between any two days."""
    slopes = [(flat[at] - flat[other]) / (at - other) for at in range(len(flat)) for other in range(at)]
    return max(min(median(slopes) * _DAMPED, _STEEPEST), -_STEEPEST)


def _smeared(distances: Sequence[Decimal]) -> Decimal:
    """The logarithm of how much days are on average more than their level."""
    ordered = sorted(distances)
    cut = len(ordered) // 20 + 1
    inner = [min(max(one, ordered[cut]), ordered[-cut - 1]).exp() for one in ordered]
    return (sum(inner, Decimal(0)) / len(inner)).ln()
