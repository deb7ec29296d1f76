"""Anomalies: whether a day is far from what the days before it let expect, upwards or downwards.

Expected is the level of the last week times the weekday's factor (`seasons`). How far days usually are from what was
expected of them is the median absolute deviation of the distances of the last eight weeks, and a day is an anomaly where

    |ln value - ln expected| * 0.6745 / MAD > 3.5

which is the modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), on ratios. Medians
only: a day that was an anomaly moves neither what is expected of the next ones nor how far they may be from it, and after four days of
seven at a new level, that level is what is expected.

What is too little to tell anybody is none: a day within a fifth of the expected one, or of a usual day, is never an
anomaly, nor is one that is within 3.5 times the square root of what was expected (counts as small as that are chance), nor what that
weekday did twice before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from dashboard.alerts.seasons import EXACT, WEEK, Day, Seasons, before, known, median, seasons, spread, whole

LEAST: Final = 2 * WEEK
"""Days before the judged one that have to be known, counted from the first one with a value."""

_LIMIT: Final = Decimal("3.5")
_QUIETEST: Final = Decimal("0.06")
"""Noise is never taken to be less than this: 3.5 times it is a factor of 1.23."""
_SLIGHT: Final = Decimal("0.2")
"""The part of a usual day by which a day has to differ."""
_LEVEL: Final = WEEK
_NAMES: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a day was, and what it was compared with."""

    day: date
    value: int
    expected: int
    """What the days before it let expect."""
    low: int
    high: int
    """Below and above which a day is an anomaly."""
    is_anomaly: bool
    compared_with: str
    """In words for a person."""


def judge(days: Sequence[Day], least: int = 0) -> Verdict | None:
    """The verdict about the last day; None where less than two full weeks before it are known.

    Args:
        days: Consecutive days, the oldest first. Eight weeks before the last one are used, and it takes two.
        least: A difference up to which nobody wants to be told of it, in the unit of the values.
    """
    history, last = known(days[:-1]), days[-1]
    if len(history) < LEAST:
        return None
    with localcontext(EXACT):
        expected, low, high = _range(seasons(history), last.day, least)
    number = sum(one.day.weekday() == last.day.weekday() for one in history)
    return Verdict(
        day=last.day,
        value=last.value,
        expected=expected,
        low=low,
        high=high,
        is_anomaly=not low <= last.value <= high,
        compared_with=f"the last {number} {_NAMES[last.day.weekday()]}, at the level of the 7 days before",
    )


def _range(of: Seasons, day: date, least: int) -> tuple[int, int, int]:
    """What is expected of a day, and the least and the most that is no anomaly."""
    flat, weekday = of.flat, of.weekdays[day.weekday()]
    log = median(flat[-_LEVEL:]) + weekday
    distances = before(flat, _LEVEL)
    reach = _LIMIT * max(spread(distances) * _correction(len(flat)), _QUIETEST)
    same = sorted(
        distance
        for one, distance in zip(of.days[_LEVEL:], distances, strict=True)
        if one.day.weekday() == day.weekday()
    )
    down, up = (-reach, reach) if len(same) < 3 else (min(-reach, same[1]), max(reach, same[-2]))
    expected = Decimal(0) if of.is_nothing(log) else log.exp()
    margin = max(_SLIGHT * of.usual, _LIMIT * expected.sqrt(), Decimal(least))
    high = max((log + up).exp(), expected + margin)
    low = min((log + down).exp(), expected - margin)
    return whole(expected), whole(low), whole(high)


def _correction(days: int) -> Decimal:
    """By how much more a new day scatters than the days from which its weekday's factor was taken."""
    weeks = Decimal(days) / WEEK
    return ((weeks + 1) / (weeks - 1)).sqrt()
