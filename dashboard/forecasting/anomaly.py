"""Anomalies: whether a day is far from what the days before it let expect, upwards or downwards.

Expected is the level of the last week times the weekday's factor (`seasons`). How far days usually are from what was
expected of them is the median absolute deviation of their distances in the last twelve weeks, and a day is an anomaly where

    |ln value - ln expected| * 0.6745 / MAD > 3.5

which is the modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), taken on ratios. After
two days in a row that are both more than half as far out on one side, half as far is enough for the third: so a new level
shows where one day alone could be noise. There are only medians in it: a day that was an anomaly hardly moves what is
expected of the next ones, nor how far they may be from it; and when four days of seven are at a new level, it is the level.

Some differences are nobody's concern: a fifth of a usual day, 3.5 times the square root of what was expected (counts as
small as that are chance), what the same weekday has done twice before, and where nothing is expected because there is use
only now and then, up to twice of what came twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from dashboard.forecasting.seasonality import (
    EXACT,
    WEEK,
    Day,
    Seasons,
    before,
    known,
    median,
    seasons,
    spread,
    whole,
)

LEAST: Final = 2 * WEEK
"""Days before the judged one that have to be known, counted from the first one with a value."""

LIMIT: Final = Decimal("3.5")
"""What the modified z-score of an anomaly is above."""

_QUIETEST: Final = Decimal("0.06")
"""Noise is never taken to be less than this: 3.5 times it is a factor of 1.23."""
_SLIGHT: Final = Decimal("0.2")
"""The part of a usual day by which a day has to differ."""
_RARE: Final = 2
"""What a weekday did so many times is no anomaly any more."""
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


def judge(days: Sequence[Day], least: int = 0, limit: Decimal = LIMIT) -> Verdict | None:
    """The verdict about the last day; None where less than two full weeks before it are known.

    Args:
        days: Consecutive days, the oldest first. It takes two weeks before the last one, twelve are used.
        least: A difference up to which nobody wants to be told of it, in the unit of the values.
        limit: The modified z-score above which a day is an anomaly; a lower one finds more, and more that is none.
    """
    history = known(days)[:-1]
    if len(history) < LEAST:
        return None
    last = days[-1]
    with localcontext(EXACT):
        expected, low, high = _range(seasons(history), last.day, least, limit)
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


def _range(of: Seasons, day: date, least: int, limit: Decimal) -> tuple[int, int, int]:
    """What is expected of a day, and the least and the most that is no anomaly."""
    log = median(of.flat[-WEEK:]) + of.weekdays[day.weekday()]
    expected = Decimal(0) if log < of.nothing else log.exp()
    down, up = _reach(of, day, limit)
    margin = max(_SLIGHT * of.usual, limit * expected.sqrt(), Decimal(least))
    low = min((log + down).exp(), expected - margin)
    high = max((log + up).exp(), expected + margin)
    if not expected:
        high = max(high, 2 * _out_of_nothing(of))
    return whole(expected), whole(low), whole(high)


def _out_of_nothing(of: Seasons) -> Decimal:
    """The most that came twice on days of which nothing was expected, as where a key is used now and then."""
    flat, nothing = of.flat, of.nothing
    came = sorted(
        max(one.value, 0)
        for at, one in enumerate(of.days[WEEK:])
        if median(flat[at : at + WEEK]) + of.weekdays[one.day.weekday()] < nothing
    )
    return Decimal(came[-_RARE]) if len(came) >= _RARE else Decimal(0)


def _reach(of: Seasons, day: date, limit: Decimal) -> tuple[Decimal, Decimal]:
    """How far below and above what is expected of it the logarithm of a day may be."""
    flat, distances = of.flat, before(of.flat)
    noise = max(spread(distances) * _correction(len(flat)), _QUIETEST)
    down, up = -limit * noise, limit * noise
    same = sorted(
        distance
        for one, distance in zip(of.days[WEEK:], distances, strict=True)
        if one.day.weekday() == day.weekday()
    )
    if len(same) > _RARE:
        down, up = min(down, same[_RARE - 1] - noise), max(up, same[-_RARE] + noise)
    # Three in a row are measured from the level before the first of them, which the two may have moved.
    start = median(flat[-WEEK - 2 : -2])
    aside, half = start - median(flat[-WEEK:]), limit / 2 * noise
    if min(flat[-2:]) > start + half:
        up = max(aside + half, Decimal(0))
    if max(flat[-2:]) < start - half:
        down = min(aside - half, Decimal(0))
    return down, up


def _correction(days: int) -> Decimal:
    """By how much more a new day scatters than the days from which its weekday's factor was taken."""
    weeks = Decimal(days) / WEEK
    return ((weeks + 1) / (weeks - 1)).sqrt()
