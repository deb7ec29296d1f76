"""Slots, hours, days and months of the reporting zone: the grid of the rollups.

Instants are microseconds UTC. A slot is an hour, or 30 or 15 minutes where the zone's offset
from UTC is not a whole number of hours, so that every local midnight is a slot edge. A slot's
`hour` is the instant at which its local hour starts; `day` is the local date as days since
1970-01-01; `month` is year * 12 + month - 1. Ranges include their start and exclude their end.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
HOUR = 60 * MINUTE
_FIRST_DAY = EPOCH.toordinal()


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly. `moment` must know its zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def instant(microseconds: int) -> datetime:
    """The aware UTC datetime; the inverse of `micros`."""
    return EPOCH + timedelta(microseconds=microseconds)


class UnknownZone(ValueError):
    """A time zone that the IANA database does not have."""


class Slot(NamedTuple):
    """A slot of the grid, with its local hour, day and month."""

    slot: int
    slot_end: int
    hour: int
    day: int
    month: int


@dataclass(frozen=True)
class Zone:
    """A reporting zone and its grid."""

    name: str

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZone(
                f"there is no time zone {self.name!r}: use an IANA name such as Europe/Berlin"
            ) from error

    @cached_property
    def info(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.name)

    @cached_property
    def slot_length(self) -> int:
        """The longest of 60, 30 and 15 minutes that divides every offset the zone has had since 2015."""
        offsets = {
            _offset_minutes(self.info, year, month) for year in range(2015, 2038) for month in range(1, 13)
        }
        return next(step * MINUTE for step in (60, 30, 15) if all(o % step == 0 for o in offsets))

    def slot(self, at: int) -> Slot:
        """The slot that holds the instant `at`."""
        start = at - at % self.slot_length
        return _slot(self, start, self.slot_length)

    def day(self, at: int) -> int:
        """The number of the local date that holds the instant `at`."""
        return day_number(instant(at).astimezone(self.info).date())

    def midnight(self, day: int) -> int:
        """The instant at which the local date numbered `day` starts."""
        local = date.fromordinal(day + _FIRST_DAY)
        start = datetime(local.year, local.month, local.day, tzinfo=self.info).astimezone(UTC)
        return micros(start)


def day_number(local: date) -> int:
    """Days from 1970-01-01 to the date `local`."""
    return local.toordinal() - _FIRST_DAY


def date_of(day: int) -> date:
    """The date numbered `day`."""
    return date.fromordinal(day + _FIRST_DAY)


@lru_cache(maxsize=65_536)
def _slot(zone: Zone, start: int, length: int) -> Slot:
    local = instant(start).astimezone(zone.info)
    into_hour = timedelta(minutes=local.minute, seconds=local.second)
    hour = start - into_hour // timedelta(microseconds=1)
    return Slot(start, start + length, hour, day_number(local.date()), local.year * 12 + local.month - 1)


def _offset_minutes(info: ZoneInfo, year: int, month: int) -> int:
    offset = datetime(year, month, 1, tzinfo=info).utcoffset() or timedelta()
    return offset // timedelta(minutes=1)
