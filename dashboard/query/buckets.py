"""Time buckets: the hours, days, weeks and months of a zone as integers, and their texts.

An hour is the instant (microseconds UTC) at which the local hour starts, a day the local date as days since
1970-01-01, a week `(day + 3) // 7` (from Monday), a month `year * 12 + month - 1`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dashboard.query.question import Interval, Period
from ingest.clock import rfc3339_text
from ingest.model.zone import HOUR, MINUTE, Slot, Zone, date_of, instant

DAY: Final = 24 * HOUR
WEEK_SHIFT: Final = 3
"""1970-01-01 was a Thursday, three days after a Monday."""


@dataclass(frozen=True)
class Offset:
    """The zone's distance from UTC, in microseconds, from the instant `since` on."""

    since: int
    offset: int


def week_of(day: int) -> int:
    """The number of the week of a day."""
    return (day + WEEK_SHIFT) // 7


_OF_SLOT: Final[dict[Interval, Callable[[Slot], int]]] = {
    "hour": lambda slot: slot.hour,
    "day": lambda slot: slot.day,
    "week": lambda slot: week_of(slot.day),
    "month": lambda slot: slot.month,
}


def of_slot(interval: Interval, slot: Slot) -> int:
    """The bucket of a slot."""
    return _OF_SLOT[interval](slot)


def in_period(period: Period, interval: Interval, zone: Zone) -> list[int]:
    """Every bucket that overlaps the period, in order."""
    start, end = period.micros
    if interval == "hour":
        starts = range(start - start % zone.slot_length, end, zone.slot_length)
        return list(dict.fromkeys(zone.slot(at).hour for at in starts))
    first, last = zone.slot(start), zone.slot(end - 1)
    return list(range(of_slot(interval, first), of_slot(interval, last) + 1))


def text(bucket: int, interval: Interval, zone: Zone) -> str:
    """The bucket as answers name it: an RFC 3339 time, a date (a week's Monday), or `2026-10`."""
    if interval == "hour":
        local = instant(bucket).astimezone(zone.info)
        return rfc3339_text(local) if zone.name == "UTC" else local.isoformat()
    if interval == "month":
        return f"{bucket // 12:04d}-{bucket % 12 + 1:02d}"
    day = bucket if interval == "day" else bucket * 7 - WEEK_SHIFT
    return date_of(day).isoformat()


def month_starts(period: Period, zone: Zone) -> list[tuple[int, int]]:
    """The months that overlap the period, each with the instant at which it starts."""
    return [
        (month, zone.midnight((datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) - instant(0)).days))
        for month in in_period(period, "month", zone)
    ]


def offsets(zone: Zone, period: Period) -> list[Offset]:
    """The zone's offsets in the period: the first from its start, the others from their transitions."""
    start, end = period.micros
    changes = [Offset(start, _offset(zone, start))]
    for left, right in _days(start, end):
        if _offset(zone, right) != changes[-1].offset:
            since = _transition(zone, left, right)
            changes.append(Offset(since, _offset(zone, since)))
    return changes


def _days(start: int, end: int) -> Iterator[tuple[int, int]]:
    for left in range(start, end, DAY):
        yield left, min(left + DAY, end - 1)


def _transition(zone: Zone, left: int, right: int) -> int:
    """The minute between two instants at which the zone changes to the offset at `right`."""
    before = _offset(zone, left)
    low, high = left // MINUTE, -(-right // MINUTE)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * MINUTE) == before else (low, middle)
    return high * MINUTE


def _offset(zone: Zone, at: int) -> int:
    return (instant(at).astimezone(zone.info).utcoffset() or timedelta()) // timedelta(microseconds=1)
