"""Seasons: what daily values have in common, so that one day can be compared with another.

A day is taken as level x weekday x chance. In logarithms that is a sum, of which each part is a median, so that a few
odd days move none of them (a median polish, Tukey 1977): the weekday's part is the median distance of that weekday from
the median of the week around it, the level is the median of the last days less their weekday's part.

Logarithms are decimals of 28 digits. Nothing has no logarithm: a value below a thousandth of its week counts as one
thousandth, so that nothing is far below everything and yet a number. Days before the first one with a value are not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import dropwhile, pairwise
from typing import Final, NamedTuple

WEEK: Final = 7
HISTORY: Final = 12 * WEEK
"""So many days before the one in question are looked at, at most."""
EXACT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""The context of all that is worked out here."""

_SLIGHT: Final = 1000
"""One part in so many of a usual day is as good as nothing."""
_TO_SIGMA: Final = Decimal("1.4826")
"""What the median absolute deviation of normal noise has to be multiplied by to be its standard deviation: 1 / 0.6745."""


class Day(NamedTuple):
    """What a day came to: pico-units of money, or tokens."""

    day: date
    value: int


@dataclass(frozen=True, slots=True)
class Seasons:
    """Consecutive days, taken apart."""

    days: Sequence[Day]
    logs: Sequence[Decimal]
    weekdays: Sequence[Decimal]
    """The logarithm of each weekday's factor, Monday first."""
    usual: Decimal
    """The median of the days of the last four weeks that have a value."""

    @property
    def flat(self) -> list[Decimal]:
        """The logarithms without their weekday's part."""
        return [log - self.weekdays[one.day.weekday()] for one, log in zip(self.days, self.logs, strict=True)]

    @property
    def nothing(self) -> Decimal:
        """A logarithm below this stands for as good as nothing."""
        return EXACT.ln(self.usual * 4 / _SLIGHT)


def known(days: Sequence[Day]) -> list[Day]:
    """The last day and twelve weeks before it, from the first day with a value on.

    Raises:
        ValueError: the days do not follow one another.
    """
    recent = days[-HISTORY - 1 :]
    for one, after in pairwise(recent):
        if after.day - one.day != timedelta(days=1):
            raise ValueError(f"{after.day} does not follow {one.day}")
    return list(dropwhile(lambda one: one.value <= 0, recent))


def seasons(days: Sequence[Day]) -> Seasons:
    """Days taken apart: at least one full week, some day of which has a value."""
    usual = _usual(days[-4 * WEEK :]) or _usual(days)
    logs = _logs(days, usual)
    factors = _weekday_parts(days, logs, around(logs))
    flat = [log - factors[one.day.weekday()] for one, log in zip(days, logs, strict=True)]
    return Seasons(days, logs, _weekday_parts(days, logs, around(flat)), usual)


def _usual(days: Sequence[Day]) -> Decimal:
    values = [Decimal(one.value) for one in days if one.value > 0]
    return median(values) if values else Decimal(0)


def _logs(days: Sequence[Day], usual: Decimal) -> list[Decimal]:
    values = [max(Decimal(one.value), Decimal(0)) for one in days]
    weeks = around(values)
    return [
        EXACT.ln(max(value, (week or usual) / _SLIGHT)) for value, week in zip(values, weeks, strict=True)
    ]


def _weekday_parts(days: Sequence[Day], logs: Sequence[Decimal], levels: Sequence[Decimal]) -> list[Decimal]:
    apart: list[list[Decimal]] = [[] for _ in range(WEEK)]
    for one, log, level in zip(days, logs, levels, strict=True):
        apart[one.day.weekday()].append(log - level)
    return [median(parts) for parts in apart]


def around(numbers: Sequence[Decimal]) -> list[Decimal]:
    """For each number the median of the week around it; at the ends of the first and the last full week."""
    weeks = [median(numbers[start : start + WEEK]) for start in range(len(numbers) - WEEK + 1)]
    return [weeks[min(max(at - WEEK // 2, 0), len(weeks) - 1)] for at in range(len(numbers))]


def before(numbers: Sequence[Decimal]) -> list[Decimal]:
    """How far each number from the second week on is from the median of the week before it."""
    return [numbers[at] - median(numbers[at - WEEK : at]) for at in range(WEEK, len(numbers))]


def spread(distances: Sequence[Decimal]) -> Decimal:
    """The standard deviation of normal noise that is this far from zero, whatever a few of the distances are."""
    return median([abs(one) for one in distances]) * _TO_SIGMA


def median(numbers: Sequence[Decimal]) -> Decimal:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def whole(amount: Decimal) -> int:
    """The nearest integer that is not negative."""
    return max(int(amount.to_integral_value(ROUND_HALF_EVEN)), 0)
