"""The days of an export. Days and months are of the reporting zone or of UTC; bounds are instants in UTC.

All ranges are half-open: the start is included and the end is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from dashboard.query.calendar import Calendar, month_of, of_month, read_calendar
from dashboard.query.question import QuestionError
from ingest.model.zone import Zone, date_of, day_number, instant

_YEARS: Final = range(1971, 2200)
_LONGEST: Final = 3_700


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and the billing period (a month) that it is in."""

    number: int
    """The local date, as days since 1970-01-01."""
    start: int
    end: int
    period_start: datetime
    period_end: datetime

    @property
    def date(self) -> date:
        """The local date."""
        return date_of(self.number)


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days of a zone."""

    first_day: int
    end_day: int
    zone: Zone

    @property
    def start(self) -> int:
        """The instant at which the first day starts."""
        return self.zone.midnight(self.first_day)

    @property
    def end(self) -> int:
        """The instant at which the last day ends."""
        return self.zone.midnight(self.end_day)

    def __iter__(self) -> Iterator[Day]:
        """Every day, in order."""
        for number in range(self.first_day, self.end_day):
            yield self.day(number)

    @property
    def months(self) -> list["Span"]:
        """The span, split at the starts of months."""
        months, first = [], self.first_day
        while first < self.end_day:
            end = min(of_month(month_of(date_of(first))).days[1], self.end_day)
            months.append(Span(first, end, self.zone))
            first = end
        return months

    @property
    def calendar(self) -> Calendar:
        """The days as a calendar period: a named month if they are a whole month."""
        first, end = date_of(self.first_day), date_of(self.end_day)
        month = of_month(month_of(first))
        return month if (month.first, month.end) == (first, end) else Calendar(f"{first}/{end}", first, end)

    def day(self, number: int) -> Day:
        """The day with that number, inside or outside the span."""
        first, following = of_month(month_of(date_of(number))).days
        zone = self.zone
        return Day(
            number,
            zone.midnight(number),
            zone.midnight(number + 1),
            instant(zone.midnight(first)),
            instant(zone.midnight(following)),
        )


def read_span(period: str | None, first: str | None, end: str | None, zone: Zone) -> Span:
    """The days of a calendar period such as `2026-10`, or from a date to another date.

    Raises:
        QuestionError: the texts are no period of whole days.
    """
    if period is not None and (first or end):
        raise QuestionError("two_periods", "period", "give either a period or from and to, not both")
    if period is not None:
        calendar = read_calendar(period)
        start, after = calendar.first, calendar.end
    elif first and end:
        start, after = _date("from", first), _date("to", end)
    else:
        raise QuestionError(
            "no_period", "period", "which days? Give a period such as 2026-10, or from and to"
        )
    if not start < after:
        raise QuestionError(
            "empty_period", "from", f"the period must end after it starts: {start} to {after}"
        )
    if (after - start).days > _LONGEST:
        raise QuestionError("long_period", "to", f"from {start} to {after} is more than ten years")
    return Span(day_number(start), day_number(after), zone)


def _date(parameter: str, text: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise QuestionError(
            "invalid_time",
            parameter,
            f"{parameter}: {text!r} is no date such as 2026-10-31; rows are of whole days",
        )
    return day
