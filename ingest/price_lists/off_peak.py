"""Off-peak windows of LiteLLM's map as hours of the week (`ingest.pricing.hours`), in UTC.

The hours of a window are UTC. Its days of the week are those of `weekday_timezone` where that is said, so one day there
is parts of two days in UTC.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

_DAY: Final = 24 * 60
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE: Final = re.compile(r"\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*")
_MINUTE: Final = timedelta(minutes=1)


def hours(block: Mapping[str, Any]) -> str | None:
    """The hours of the week that a block of off-peak prices means; None where it cannot be said."""
    try:
        ahead = _ahead(block.get("weekday_timezone"))
        windows = [one for one in (block, *block.get("windows", ())) if one.get("hours_utc")]
        spans = [span for window in windows for span in _spans(window, ahead)]
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return None
    return _text(spans) or None


def _ahead(zone: Any) -> int:
    """By how many minutes a zone is ahead of UTC, all through the year.

    Raises:
        ValueError: it has summer time: its days then are no hours of a week in UTC.
    """
    if not zone:
        return 0
    offsets = {ZoneInfo(zone).utcoffset(datetime(2026, month, 15, tzinfo=UTC)) for month in (1, 7)}
    if len(offsets) > 1:
        raise ValueError(zone)
    return (offsets.pop() or timedelta()) // _MINUTE


def _spans(window: Mapping[str, Any], ahead: int) -> Iterator[tuple[int, int, int]]:
    """Day and minutes, in UTC, of every stretch of a window that lies within one day here and there."""
    there = {int(day) - 1 for day in window.get("weekdays") or range(1, 8)}
    if not there <= set(range(7)):
        raise ValueError(there)
    said = window["hours_utc"]
    midnight = -ahead % _DAY
    for start, end in (part for one in ([said] if isinstance(said, str) else said) for part in _parts(one)):
        edges = sorted({start, end, *([midnight] if start < midnight < end else [])})
        for first, last in pairwise(edges):
            for day in range(7):
                if (day + (first + ahead) // _DAY) % 7 in there:
                    yield day, first, last


def _parts(written: str) -> Iterator[tuple[int, int]]:
    """The minutes of the day that `22:00-06:00` means; one that ends where it starts is the whole day."""
    found = _RANGE.fullmatch(written)
    if found is None:
        raise ValueError(written)
    start_hour, start_minute, end_hour, end_minute = (int(one) for one in found.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if not (0 <= start < _DAY and 0 <= end <= _DAY):
        raise ValueError(written)
    if start < end:
        yield start, end
        return
    yield start, _DAY
    if end:
        yield 0, min(end, start)


def _text(spans: list[tuple[int, int, int]]) -> str:
    by_day: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for day, start, end in sorted(spans):
        ranges = by_day[day]
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], max(end, ranges[-1][1])
        else:
            ranges.append((start, end))
    by_ranges: dict[str, list[str]] = defaultdict(list)
    for day, ranges in by_day.items():
        by_ranges[",".join(f"{_clock(start)}-{_clock(end)}" for start, end in ranges)].append(_DAYS[day])
    if list(by_ranges.values()) == [list(_DAYS)]:
        return next(iter(by_ranges))
    return "; ".join(f"{','.join(days)} {ranges}" for ranges, days in by_ranges.items())


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
