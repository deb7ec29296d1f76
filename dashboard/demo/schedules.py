"""The schedules of calls: the hours of a week, a slow growth, and two days of runaway traffic.

Hours are counted from 1970-01-01 00:00 UTC, which was a Thursday.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

_THURSDAY: Final = 3
_FRIDAY: Final = 4
BATCHES_FROM: Final = (date(2026, 10, 14) - date(1970, 1, 1)).days * 24
"""The hour from which the price data have batch prices. No batches are sent before it."""
GROWTH: Final = 0.4
"""The growth of traffic from the start to the end of the period, as a part of the start."""
FAILING: Final = "anthropic"
INCIDENT_HOUR: Final = 14
"""The provider that fails once, and the hour of the day at which it does."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The distribution of a key's calls over a week. An hour weighs 1 on average."""

    hours: Sequence[int]
    """Weights of the 24 hours of a day, UTC."""
    weekend: float
    """The calls of a weekend day, relative to a weekday."""
    week: Sequence[float] = field(init=False)

    def __post_init__(self) -> None:
        days = [1.0 if day <= _FRIDAY else self.weekend for day in range(7)]
        scale = 168 / (sum(self.hours) * sum(days))
        object.__setattr__(self, "week", tuple(weight * day * scale for day in days for weight in self.hours))

    def at(self, hour: int) -> float:
        """The weight of an hour."""
        return self.week[(hour + 24 * _THURSDAY) % 168]


OFFICE: Final = Schedule(
    (1, 1, 1, 1, 1, 3, 10, 30, 62, 88, 97, 92, 68, 84, 100, 94, 76, 46, 22, 11, 8, 6, 4, 2), 0.1
)
CUSTOMERS: Final = Schedule(
    (11, 7, 5, 4, 5, 10, 24, 46, 66, 80, 88, 92, 90, 86, 88, 90, 92, 96, 100, 98, 88, 64, 38, 20), 0.55
)
NIGHTS: Final = Schedule(
    (90, 100, 96, 70, 36, 10, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 12, 40, 72), 0.7
)
ALWAYS: Final = Schedule((1,) * 24, 1.0)


@dataclass(frozen=True, slots=True)
class HourConditions:
    """Conditions shared by all calls of an hour."""

    late: bool
    """Whether the hour lies in the second half of the period."""
    failing: str | None
    """The provider that is failing."""
    batches: bool
    """Whether calls that may be batched are sent as batches."""


@dataclass(frozen=True, slots=True)
class Period:
    """The period of the sample traffic and its incidents."""

    start: int
    hours: int

    @property
    def stop(self) -> int:
        """The first hour after the period."""
        return self.start + self.hours

    def growth(self, hour: int) -> float:
        """The traffic at an hour, relative to the first hour."""
        return 1 + GROWTH * (hour - self.start) / self.hours

    def runs_away(self, hour: int) -> bool:
        """Whether a forgotten loop is running: on two whole days near the end, never in a short period."""
        days = self.hours // 24
        first = (self.stop // 24 - min(6, days // 3)) * 24
        return first <= hour < first + 24 * min(2, days // 3)

    def conditions(self, hour: int) -> HourConditions:
        """The conditions of an hour.

        A provider fails in the afternoon of a day two fifths into the period.
        """
        day = (self.start + self.hours * 2 // 5) // 24
        failing = FAILING if hour == 24 * day + INCIDENT_HOUR else None
        return HourConditions(hour >= self._middle, failing, hour >= BATCHES_FROM)

    @property
    def _middle(self) -> int:
        """The midnight at which a provider lowers its prices."""
        return (self.start + self.hours // 2) // 24 * 24
