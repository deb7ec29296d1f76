"""Anomalies: whether a day's value is far above or below the value expected from the days before it.

The expected value is the level of the last week times the weekday's factor (`seasons`). The usual distance of
days from their expected values is the median absolute deviation (MAD) of the last twelve weeks. A day is an
anomaly if

    |ln value - ln expected| * 0.6745 / MAD > 3.5

which is the modified z-score of Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), applied to
ratios. If two days in a row exceed half of this limit on the same side, half of the limit is enough for the
third day, so that a new level is detected although each day alone could be noise. All statistics are medians:
an anomalous day hardly changes the expected values and the limits of later days, and a new level is the
expected level after four days of seven.

Smaller differences are no anomalies: up to a fifth of a usual day, up to 3.5 times the square root of the
expected value (the noise of small counts), and values that the same weekday has had twice before. If the
expected value is zero because use is only occasional, the limit is twice the second largest value of such
days.
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
    distances_from_last_week,
    known_days,
    median,
    seasons,
    spread,
    whole,
)

LEAST: Final = 2 * WEEK
"""The least number of known days before the judged day, counted from the first day with a value."""

LIMIT: Final = Decimal("3.5")
"""The modified z-score above which a day is an anomaly."""

_LEAST_NOISE: Final = Decimal("0.06")
"""The least noise that is assumed: 3.5 times this is a factor of 1.23."""
_LEAST_PART: Final = Decimal("0.2")
"""The part of a usual day by which an anomaly has to differ from the expected value."""
_OCCURRENCES: Final = 2
"""A value that occurred this often before is no anomaly."""
_NAMES: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A day's value, the range it was compared with, and whether it is an anomaly."""

    day: date
    value: int
    expected: int
    """The value expected from the days before."""
    low: int
    high: int
    """A value below `low` or above `high` is an anomaly."""
    is_anomaly: bool
    compared_with: str
    """The comparison as text for readers."""


def judge(days: Sequence[Day], least: int = 0, limit: Decimal = LIMIT) -> Verdict | None:
    """The verdict about the last day; None if less than two full weeks before it are known.

    Args:
        days: Consecutive days, the oldest first. At least two weeks before the last day are needed, and up to
            twelve are used.
        least: The largest difference that is never an anomaly, in the unit of the values.
        limit: The modified z-score above which a day is an anomaly; a lower limit finds more anomalies and
            more false alarms.
    """
    history = known_days(days)[:-1]
    if len(history) < LEAST:
        return None
    last = days[-1]
    with localcontext(EXACT):
        expected, low, high = _range(seasons(history), last.day, least, limit)
    number = sum(day.day.weekday() == last.day.weekday() for day in history)
    return Verdict(
        day=last.day,
        value=last.value,
        expected=expected,
        low=low,
        high=high,
        is_anomaly=not low <= last.value <= high,
        compared_with=f"the last {number} {_NAMES[last.day.weekday()]}, at the level of the 7 days before",
    )


def _range(pattern: Seasons, day: date, least: int, limit: Decimal) -> tuple[int, int, int]:
    """The expected value of a day, and the lowest and the highest value that is no anomaly."""
    log = median(pattern.flat[-WEEK:]) + pattern.weekdays[day.weekday()]
    expected = Decimal(0) if log < pattern.nothing else log.exp()
    down, up = _log_limits(pattern, day, limit)
    margin = max(_LEAST_PART * pattern.usual, limit * expected.sqrt(), Decimal(least))
    low = min((log + down).exp(), expected - margin)
    high = max((log + up).exp(), expected + margin)
    if not expected:
        high = max(high, 2 * _occasional_maximum(pattern))
    return whole(expected), whole(low), whole(high)


def _occasional_maximum(pattern: Seasons) -> Decimal:
    """The second largest value of days whose expected value was zero, as for a key with occasional use."""
    flat, nothing = pattern.flat, pattern.nothing
    values = sorted(
        max(day.value, 0)
        for at, day in enumerate(pattern.days[WEEK:])
        if median(flat[at : at + WEEK]) + pattern.weekdays[day.day.weekday()] < nothing
    )
    return Decimal(values[-_OCCURRENCES]) if len(values) >= _OCCURRENCES else Decimal(0)


def _log_limits(pattern: Seasons, day: date, limit: Decimal) -> tuple[Decimal, Decimal]:
    """How far the logarithm of a day may be below and above its expected value."""
    flat, distances = pattern.flat, distances_from_last_week(pattern.flat)
    noise = max(spread(distances) * _correction(len(flat)), _LEAST_NOISE)
    down, up = -limit * noise, limit * noise
    same = sorted(
        distance
        for earlier, distance in zip(pattern.days[WEEK:], distances, strict=True)
        if earlier.day.weekday() == day.weekday()
    )
    if len(same) > _OCCURRENCES:
        down, up = min(down, same[_OCCURRENCES - 1] - noise), max(up, same[-_OCCURRENCES] + noise)
    # A third day in a row is compared with the level before the first two, which may have moved the level.
    start = median(flat[-WEEK - 2 : -2])
    shift, half = start - median(flat[-WEEK:]), limit / 2 * noise
    if min(flat[-2:]) > start + half:
        up = max(shift + half, Decimal(0))
    if max(flat[-2:]) < start - half:
        down = min(shift - half, Decimal(0))
    return down, up


def _correction(days: int) -> Decimal:
    """How much wider a new day scatters than the days from which the weekday's factor was computed."""
    weeks = Decimal(days) / WEEK
    return ((weeks + 1) / (weeks - 1)).sqrt()
