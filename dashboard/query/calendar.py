"""Calendar periods of the reporting zone: the months that are closed, and what else can be reported on."""

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
    """A month, as year and number from 1."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    def plus(self, months: int) -> "Month":
        """The month so many months later."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days of the reporting zone, from one up to (not including) another, and what people call them."""

    name: str
    first: date
    end: date

    @property
    def days(self) -> tuple[int, int]:
        """First day and end by number."""
        return day_number(self.first), day_number(self.end)

    @property
    def months(self) -> tuple[Month, ...]:
        """The months that it is made of; none where it is not made of whole months."""
        if self.first.day != 1 or self.end.day != 1:
            return ()
        return tuple(_months(month_of(self.first), month_of(self.end)))

    @property
    def month(self) -> Month | None:
        """The month that it is."""
        return self.months[0] if len(self.months) == 1 else None

    def period(self, zone: Zone) -> Period:
        """Its instants in a zone."""
        start, end = (instant(zone.midnight(day)) for day in self.days)
        return Period(start, end)

    def before(self) -> "Calendar":
        """The period just before: as many months where it is made of months, else as many days."""
        if self.months:
            first = self.months[0].plus(-len(self.months))
            return read_calendar(str(first)) if self.month else Calendar("", first.first, self.first)
        return Calendar("", self.first - (self.end - self.first), self.first)


def of_month(month: Month) -> Calendar:
    """A month as a period."""
    return Calendar(str(month), month.first, month.plus(1).first)


def month_of(day: date) -> Month:
    """The month that a day is in."""
    return Month(day.year, day.month)


def read_month(text: str) -> Month:
    """A month as people write it, `2026-10`.

    Raises:
        QuestionError: it is none.
    """
    found = _MONTH.fullmatch(text.strip())
    if found is None or not 1 <= int(found[2]) <= 12 or not _in_reach(int(found[1])):  # noqa: PLR2004
        raise QuestionError("invalid_period", "period", f"period: {text!r} is no month; write one as 2026-10")
    return Month(int(found[1]), int(found[2]))


def read_calendar(text: str) -> Calendar:
    """A month `2026-10`, quarter `2026-Q4`, year `2026`, ISO week `2026-W41`, day `2026-10-05`, or `FROM/TO` in days.

    `TO` is not included.

    Raises:
        QuestionError: it is none of them.
    """
    written = text.strip()
    first, slash, end = written.partition("/")
    try:
        if slash:
            return _between(written, date.fromisoformat(first), date.fromisoformat(end))
        if _MONTH.fullmatch(written):
            return of_month(read_month(written))
        return _whole(written)
    except (ValueError, OverflowError) as error:
        if isinstance(error, QuestionError):
            raise
        raise _refused(text) from error


def _whole(text: str) -> Calendar:
    if (quarter := _QUARTER.fullmatch(text)) and _in_reach(int(quarter[1])):
        start = Month(int(quarter[1]), int(quarter[2]) * 3 - 2)
        return Calendar(text.upper(), start.first, start.plus(3).first)
    if _YEAR.fullmatch(text) and _in_reach(int(text)):
        return Calendar(text, date(int(text), 1, 1), date(int(text) + 1, 1, 1))
    if (week := _WEEK.fullmatch(text)) and _in_reach(int(week[1])):
        monday = date.fromisocalendar(int(week[1]), int(week[2]), 1)
        return Calendar(text.upper(), monday, monday + timedelta(days=7))
    day = date.fromisoformat(text)
    if not _in_reach(day.year):
        raise _refused(text)
    return Calendar(day.isoformat(), day, day + timedelta(days=1))


def _between(text: str, first: date, end: date) -> Calendar:
    if not (first < end and _in_reach(first.year) and _in_reach(end.year)):
        raise _refused(text)
    return Calendar(text, first, end)


def _in_reach(year: int) -> bool:
    """Whether a year is one that calls are made in."""
    return 2000 <= year <= 2100  # noqa: PLR2004


def _refused(text: str) -> QuestionError:
    message = (
        f"period: {text!r} is no period; write a month 2026-10, a quarter 2026-Q4, a year 2026, a week 2026-W41, "
        "a day 2026-10-05, or days from/to 2026-10-05/2026-10-20 (the last one not included)"
    )
    return QuestionError("invalid_period", "period", message)


def _months(first: Month, end: Month) -> Iterator[Month]:
    while first < end:
        yield first
        first = first.plus(1)


def today(zone: Zone, now: int) -> date:
    """The date in a zone at an instant."""
    return date_of(zone.day(now))
