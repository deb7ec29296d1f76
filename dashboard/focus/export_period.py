"""The days of an export. A day and a month are the reporting zone's, or UTC's, and are written as instants in UTC."""

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
    """One day and the month it is invoiced in. Ends are not included."""

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
    """Whole days of a zone, the first included and the last not."""

    first_day: int
    end_day: int
    zone: Zone

    @property
    def start(self) -> int:
        """The instant at which the first day starts."""
        return self.zone.midnight(self.first_day)

    @property
    def end(self) -> int:
        """The instant at which the last day is over."""
        return self.zone.midnight(self.end_day)

    def __iter__(self) -> Iterator[Day]:
        """Every day, in order."""
        for number in range(self.first_day, self.end_day):
            yield self.day(number)

    @property
    def months(self) -> list["Span"]:
        """The span in stretches that are invoiced together."""
        found, first = [], self.first_day
        while first < self.end_day:
            end = min(of_month(month_of(date_of(first))).days[1], self.end_day)
            found.append(Span(first, end, self.zone))
            first = end
        return found

    @property
    def calendar(self) -> Calendar:
        """The days as a period of the reporting zone: a month where they are one."""
        first, end = date_of(self.first_day), date_of(self.end_day)
        month = of_month(month_of(first))
        return month if (month.first, month.end) == (first, end) else Calendar(f"{first}/{end}", first, end)

    def day(self, number: int) -> Day:
        """The day of that number, whether or not the span holds it."""
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
    """The days of a calendar period such as `2026-10`, or from a date to a date.

    Raises:
        QuestionError: they say no span, or a part of a day.
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
        found = date.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise QuestionError(
            "invalid_time",
            parameter,
            f"{parameter}: {text!r} is no date such as 2026-10-31; rows are of whole days",
        )
    return found
