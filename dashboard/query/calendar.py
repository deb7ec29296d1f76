"""Calendar periods of the reporting zone: days, weeks, months, quarters, years and ranges of days.

Periods are half-open: the day `end` is not included.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dashboard.query.question import Period, QuestionError
from ingest.model.zone import Zone, date_of, day_number, instant

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_QUARTER: Final = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)
_YEAR: Final = re.compile(r"\d{4}")
_WEEK: Final = re.compile(r"(\d{4})-?W(\d{2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month: its year, and its number from 1 to 12."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """The first day of the month."""
        return date(self.year, self.number, 1)

    def plus(self, months: int) -> "Month":
        """The month that is `months` months later."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A period of whole days and its name, such as `2026-Q4`."""

    name: str
    first: date
    end: date

    @property
    def days(self) -> tuple[int, int]:
        """The first day and the end as day numbers."""
        return day_number(self.first), day_number(self.end)

    @property
    def months(self) -> tuple[Month, ...]:
        """The months of the period; none if it does not consist of whole months."""
        if self.first.day != 1 or self.end.day != 1:
            return ()
        return tuple(_months(month_of(self.first), month_of(self.end)))

    @property
    def month(self) -> Month | None:
        """The month, if the period is exactly one month."""
        return self.months[0] if len(self.months) == 1 else None

    def period(self, zone: Zone) -> Period:
        """The instants of the period in a zone."""
        start, end = (instant(zone.midnight(day)) for day in self.days)
        return Period(start, end)

    def before(self) -> "Calendar":
        """The period before this one: as many months if it consists of whole months, else as many days."""
        if self.months:
            first = self.months[0].plus(-len(self.months))
            return read_calendar(str(first)) if self.month else Calendar("", first.first, self.first)
        return Calendar("", self.first - (self.end - self.first), self.first)


def of_month(month: Month) -> Calendar:
    """The period of a month."""
    return Calendar(str(month), month.first, month.plus(1).first)


def month_of(day: date) -> Month:
    """The month of a day."""
    return Month(day.year, day.month)


def read_month(text: str) -> Month:
    """The month of a text such as `2026-10`.

    Raises:
        QuestionError: the text is not a month.
    """
    match = _MONTH.fullmatch(text.strip())
    year, number = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= 12 or not _is_supported_year(year):  # noqa: PLR2004
        raise QuestionError("invalid_period", "period", f"period: {text!r} is no month; write one as 2026-10")
    return Month(year, number)


def read_calendar(text: str) -> Calendar:
    """The period of a text: a month, quarter, year, ISO week or day, or a range of days.

    They are `2026-10`, `2026-Q4`, `2026`, `2026-W41`, `2026-10-05` and `FROM/TO`. `TO` is not included.

    Raises:
        QuestionError: the text is not a period.
    """
    stripped = text.strip()
    first, slash, end = stripped.partition("/")
    try:
        if slash:
            return _range_of_days(stripped, date.fromisoformat(first), date.fromisoformat(end))
        if _MONTH.fullmatch(stripped):
            return of_month(read_month(stripped))
        return _named_period(stripped)
    except (ValueError, OverflowError) as error:
        if isinstance(error, QuestionError):
            raise
        raise _refused(text) from error


def _named_period(text: str) -> Calendar:
    """A quarter, a year, a week or a day."""
    if (quarter := _QUARTER.fullmatch(text)) and _is_supported_year(int(quarter[1])):
        start = Month(int(quarter[1]), int(quarter[2]) * 3 - 2)
        return Calendar(text.upper(), start.first, start.plus(3).first)
    if _YEAR.fullmatch(text) and _is_supported_year(int(text)):
        return Calendar(text, date(int(text), 1, 1), date(int(text) + 1, 1, 1))
    if (week := _WEEK.fullmatch(text)) and _is_supported_year(int(week[1])):
        monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
        return Calendar(text.upper(), monday, monday + timedelta(days=7))
    day = date.fromisoformat(text)
    if not _is_supported_year(day.year):
        raise _refused(text)
    return Calendar(day.isoformat(), day, day + timedelta(days=1))


def _range_of_days(text: str, first: date, end: date) -> Calendar:
    if not (first < end and _is_supported_year(first.year) and _is_supported_year(end.year)):
        raise _refused(text)
    return Calendar(text, first, end)


def _is_supported_year(year: int) -> bool:
    """Whether a year is plausible for calls of a model."""
    return 2000 <= year <= 2100  # noqa: PLR2004


def _refused(text: str) -> QuestionError:
    message = (
        f"period: {text!r} is no period; write a month 2026-10, a quarter 2026-Q4, a year 2026, "
        "a week 2026-W41, a day 2026-10-05, or days from/to 2026-10-05/2026-10-20 (the last one not included)"
    )
    return QuestionError("invalid_period", "period", message)


def _months(first: Month, end: Month) -> Iterator[Month]:
    while first < end:
        yield first
        first = first.plus(1)


def today(zone: Zone, now: int) -> date:
    """The date in a zone at an instant."""
    return date_of(zone.day(now))
