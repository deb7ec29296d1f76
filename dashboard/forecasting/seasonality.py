"""Seasonality: the weekday pattern of daily values, which makes days comparable.

A day's value is modelled as level x weekday factor x noise. Its logarithm is the sum of the three, and each
is estimated by a median, so that a few odd days change none of them (a median polish, Tukey 1977). The
weekday's part is the median distance of that weekday from the median of the week around it. The level is the
median of the last days less their weekday's part.

Logarithms are decimals of 28 digits. Zero has no logarithm: a value below a thousandth of its week counts as
one thousandth. Days before the first day with a value are not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import dropwhile, pairwise
from typing import Final, NamedTuple

WEEK: Final = 7
HISTORY: Final = 12 * WEEK
"""The largest number of earlier days that are used."""
EXACT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""The decimal context of all calculations in this folder."""

_ZERO_PART: Final = 1000
"""A usual day divided by this counts as zero."""
_TO_SIGMA: Final = Decimal("1.4826")
"""The ratio of standard deviation to median absolute deviation of normal noise: 1 / 0.6745."""


class Day(NamedTuple):
    """A day and its value: pico-units of money, tokens or another count."""

    day: date
    value: int


@dataclass(frozen=True, slots=True)
class Seasons:
    """Consecutive days with their weekday pattern."""

    days: Sequence[Day]
    logs: Sequence[Decimal]
    weekdays: Sequence[Decimal]
    """The logarithm of each weekday's factor, Monday first."""
    usual: Decimal
    """The median of the days of the last four weeks that have a value."""

    @property
    def flat(self) -> list[Decimal]:
        """The logarithms less their weekday's part."""
        return [log - self.weekdays[day.day.weekday()] for day, log in zip(self.days, self.logs, strict=True)]

    @property
    def nothing(self) -> Decimal:
        """The logarithm below which a value counts as zero."""
        return EXACT.ln(self.usual * 4 / _ZERO_PART)


def known_days(days: Sequence[Day]) -> list[Day]:
    """The last day and up to twelve weeks before it, from the first day with a value.

    Raises:
        ValueError: the days do not follow one another.
    """
    recent = days[-HISTORY - 1 :]
    for day, following in pairwise(recent):
        if following.day - day.day != timedelta(days=1):
            raise ValueError(f"{following.day} does not follow {day.day}")
    return list(dropwhile(lambda day: day.value <= 0, recent))


def seasons(days: Sequence[Day]) -> Seasons:
    """The weekday pattern of days: at least one full week, with a value on at least one day."""
    usual = _usual(days[-4 * WEEK :]) or _usual(days)
    logs = _logs(days, usual)
    factors = _weekday_parts(days, logs, week_medians(logs))
    flat = [log - factors[day.day.weekday()] for day, log in zip(days, logs, strict=True)]
    return Seasons(days, logs, _weekday_parts(days, logs, week_medians(flat)), usual)


def _usual(days: Sequence[Day]) -> Decimal:
    values = [Decimal(day.value) for day in days if day.value > 0]
    return median(values) if values else Decimal(0)


def _logs(days: Sequence[Day], usual: Decimal) -> list[Decimal]:
    values = [max(Decimal(day.value), Decimal(0)) for day in days]
    weeks = week_medians(values)
    return [
        EXACT.ln(max(value, (week or usual) / _ZERO_PART)) for value, week in zip(values, weeks, strict=True)
    ]


def _weekday_parts(days: Sequence[Day], logs: Sequence[Decimal], levels: Sequence[Decimal]) -> list[Decimal]:
    by_weekday: list[list[Decimal]] = [[] for _ in range(WEEK)]
    for day, log, level in zip(days, logs, levels, strict=True):
        by_weekday[day.day.weekday()].append(log - level)
    return [median(parts) for parts in by_weekday]


def week_medians(numbers: Sequence[Decimal]) -> list[Decimal]:
    """For each number the median of the week around it; near the ends, of the first or the last full week."""
    weeks = [median(numbers[start : start + WEEK]) for start in range(len(numbers) - WEEK + 1)]
    return [weeks[min(max(at - WEEK // 2, 0), len(weeks) - 1)] for at in range(len(numbers))]


def distances_from_last_week(numbers: Sequence[Decimal]) -> list[Decimal]:
    """The distance of each number, from the second week on, from the median of the week before it."""
    return [numbers[at] - median(numbers[at - WEEK : at]) for at in range(WEEK, len(numbers))]


def spread(distances: Sequence[Decimal]) -> Decimal:
    """The standard deviation of noise with these distances from zero, robust against a few outliers."""
    return median([abs(distance) for distance in distances]) * _TO_SIGMA


def median(numbers: Sequence[Decimal]) -> Decimal:
    """The middle number, or the mean of the two middle numbers."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def whole(amount: Decimal) -> int:
    """The amount rounded to an integer, and at least 0."""
    return max(int(amount.to_integral_value(ROUND_HALF_EVEN)), 0)
