"""Forecasts: what a period will come to, from what was used so far and what is expected of the days left.

A day left is expected to be the level of the last two weeks, grown on, times the weekday's factor (`seasons`), times what days
on average are more than their median (the smearing estimate of Duan 1983, without the farthest twentieth on either side).
Growth is the median slope between any two of the days (Theil and Sen), a part of it only: a trend of two months
rarely goes on as it was. The range holds four of five outcomes if days go on as they did: it has the noise of the days left, and
how far off level and growth may be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from dashboard.alerts.seasons import (
    EXACT,
    WEEK,
    Day,
    Seasons,
    around,
    before,
    known,
    median,
    seasons,
    spread,
    whole,
)

LEAST: Final = 3
"""Complete days that have to be known, counted from the first one with a value."""

_LEVEL: Final = 2 * WEEK
_DAMPED: Final = Decimal("0.7")
_STEEPEST: Final = Decimal("0.02")
"""Growth a day is never taken to be more than this, up or down."""
_FOUR_OF_FIVE: Final = Decimal("1.2816")
"""Standard deviations around the middle of normal noise that hold 80% of it."""
_ONE: Final = Decimal(1)


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
    unsure_growth: Decimal

    def day(self, day: date, ahead: int) -> Decimal:
        return (self.level + self.growth * ahead + self.weekdays[day.weekday()]).exp()


def forecast(days: Sequence[Day], first: date, end: date, part: Fraction = Fraction(0)) -> Forecast | None:
    """The forecast for the days from `first` until before `end`; None where less than three complete days are known.

    Args:
        days: Consecutive days, the oldest first, from `first` or earlier up to yesterday or today. The more of them are before
            `first`, up to eight weeks, the better.
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
            amounts[0] *= _ONE - Decimal(part.numerator) / Decimal(part.denominator)
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
    return (chance + pace.unsure**2 + (pace.unsure_growth * ahead) ** 2).sqrt()


def _pace(days: Sequence[Day]) -> _Pace:
    return _seasonal(seasons(days)) if len(days) >= 2 * WEEK else _plain(days)


def _plain(days: Sequence[Day]) -> _Pace:
    """The mean of the last days, up to a week: too few to know weekdays from."""
    values = [Decimal(max(one.value, 0)) for one in days[-WEEK:]]
    mean = sum(values, Decimal(0)) / len(values)
    noise = Decimal("0.5")
    return _Pace(
        mean.ln(),
        Decimal(0),
        [Decimal(0)] * WEEK,
        noise,
        noise / Decimal(len(values)).sqrt(),
        Decimal("0.01"),
    )


def _seasonal(of: Seasons) -> _Pace:
    flat = of.flat
    level, slope = median(flat[-_LEVEL:]), growth(flat)
    distances = [one - middle for one, middle in zip(flat, around(flat), strict=True)]
    noise = max(spread(before(flat)), Decimal("0.02"))
    return _Pace(
        level=level + slope * (_LEVEL + 1) / 2 - slope + _smeared(distances),
        growth=slope,
        weekdays=of.weekdays,
        noise=noise,
        unsure=noise / 3,
        unsure_growth=Decimal("0.003"),
    )


def growth(flat: Sequence[Decimal]) -> Decimal:
    """The slope a day."""
    slopes = [(flat[at] - flat[other]) / (at - other) for at in range(len(flat)) for other in range(at)]
    return max(min(median(slopes) * _DAMPED, _STEEPEST), -_STEEPEST)


def _smeared(distances: Sequence[Decimal]) -> Decimal:
    """The logarithm of how much days are on average more than their level."""
    ordered = sorted(distances)
    cut = len(ordered) // 20 + 1
    inner = [min(max(one, ordered[cut]), ordered[-cut - 1]).exp() for one in ordered]
    return (sum(inner, Decimal(0)) / len(inner)).ln()
