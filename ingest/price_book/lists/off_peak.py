"""Off-peak windows of LiteLLM's map as hours of the week (`ingest.pricing.hours`), in UTC.

The hours of a window are UTC. Its days of the week are days in `weekday_timezone` if that is given, so that
one such day covers parts of two days in UTC.
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
    """The hours of the week of a block of off-peak prices; None where they cannot be written in UTC."""
    try:
        offset = _offset_minutes(block.get("weekday_timezone"))
        windows = [window for window in (block, *block.get("windows", ())) if window.get("hours_utc")]
        spans = [span for window in windows for span in _spans(window, offset)]
    except (AttributeError, KeyError, OSError, TypeError, ValueError):
        return None
    return _text(spans) or None


def _offset_minutes(zone: Any) -> int:
    """The minutes by which a zone is ahead of UTC all year.

    Raises:
        ValueError: the zone has summer time, so that its days are no fixed hours of the week in UTC.
    """
    if not zone:
        return 0
    offsets = {ZoneInfo(zone).utcoffset(datetime(2026, month, 15, tzinfo=UTC)) for month in (1, 7)}
    if len(offsets) > 1:
        raise ValueError(zone)
    return (offsets.pop() or timedelta()) // _MINUTE


def _spans(window: Mapping[str, Any], offset: int) -> Iterator[tuple[int, int, int]]:
    """Day and minutes in UTC of each part of a window within a single day, both in UTC and in the zone."""
    weekdays = {int(day) - 1 for day in window.get("weekdays") or range(1, 8)}
    if not weekdays <= set(range(7)):
        raise ValueError(weekdays)
    ranges = window["hours_utc"]
    midnight = -offset % _DAY
    for start, end in (
        part for text in ([ranges] if isinstance(ranges, str) else ranges) for part in _minutes_of(text)
    ):
        edges = sorted({start, end, *([midnight] if start < midnight < end else [])})
        for first, last in pairwise(edges):
            for day in range(7):
                if (day + (first + offset) // _DAY) % 7 in weekdays:
                    yield day, first, last


def _minutes_of(text: str) -> Iterator[tuple[int, int]]:
    """The minutes of the day of a range such as `22:00-06:00`.

    A range that ends at its start is the whole day.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    start_hour, start_minute, end_hour, end_minute = (int(digits) for digits in match.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if not (0 <= start < _DAY and 0 <= end <= _DAY):
        raise ValueError(text)
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
        by_ranges[",".join(f"{_time_text(start)}-{_time_text(end)}" for start, end in ranges)].append(
            _DAYS[day]
        )
    if list(by_ranges.values()) == [list(_DAYS)]:
        return next(iter(by_ranges))
    return "; ".join(f"{','.join(days)} {ranges}" for ranges, days in by_ranges.items())


def _time_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
