"""The question as a value, and its parser.

A period is half-open, [start, end), in aware UTC datetimes. A date means the midnight at which it starts in
the question's zone. The API, the command line and the pages all build a `SpendQuery`, so their numbers agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, cast, get_args

from dashboard.query import catalogue
from ingest.model.zone import UnknownZone, Zone, day_number, instant, micros
from ingest.parse import currency, dates

Interval = Literal["hour", "day", "week", "month"]
INTERVALS: Final = cast("tuple[Interval, ...]", get_args(Interval))
REPORTING: Final = "reporting"
"""The ledger's reporting currency. Unlike its code, it leaves amounts as they were paid if a rate is
missing."""
DEFAULT_DAYS: Final = 30
MOST_ROWS: Final = 100_000
_DIGITS: Final = 9


class QuestionError(ValueError):
    """An invalid question. The message names the parameter, its value and the values that are allowed."""

    def __init__(self, code: str, parameter: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.parameter = parameter


@dataclass(frozen=True)
class Period:
    """A half-open period of time."""

    start: datetime
    end: datetime

    @property
    def micros(self) -> tuple[int, int]:
        """Start and end in microseconds."""
        return micros(self.start), micros(self.end)

    @property
    def length(self) -> timedelta:
        """The duration of the period."""
        return self.end - self.start


@dataclass(frozen=True)
class Filter:
    """The accepted values of one dimension; None accepts calls without a value."""

    dimension: str
    values: tuple[str | None, ...]


ALL_TIME: Final = Period(instant(0), instant(7_000_000_000_000_000))
"""From 1970 to a date in the far future."""


@dataclass(frozen=True)
class SpendQuery:
    """A question to the ledger."""

    period: Period
    zone: str
    metrics: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    interval: Interval | None = None
    comparison: Period | None = None
    """A second period, for which the same is asked."""
    order: tuple[str, ...] = ()
    """Columns to sort by, the most important first; `-` before a name sorts descending."""
    limit: int | None = None
    """The number of rows in the answer; totals are of all rows."""
    currency: str | None = None
    """The currency to which every amount is converted, by the rate of the day of each call. `reporting` is
    the ledger's reporting currency, and leaves amounts as they were paid if a rate is missing."""
    after_call: int | None = None
    """The number of a call: only calls that were not known yet when it was stored count."""
    by_entry: bool = False
    """Whether keys and owners are given as the number of their directory entry, for programs that match
    them."""


@dataclass(frozen=True)
class QuestionText:
    """The texts of a question from a URL or a command line, not yet parsed."""

    by: Sequence[str] = ()
    metric: Sequence[str] = ()
    start: str | None = None
    end: str | None = None
    interval: str | None = None
    timezone: str | None = None
    where: Sequence[str] = ()
    compare: str | None = None
    limit: int | str | None = None
    currency: str | None = None


def parse(text: QuestionText, zone: Zone, now: datetime) -> SpendQuery:
    """The question of some texts; `zone` is its time zone if the texts name none.

    Raises:
        QuestionError: a text is invalid.
    """
    own_zone = read_zone(text.timezone) if text.timezone else zone
    period = read_period(text.start, text.end, own_zone, now)
    return SpendQuery(
        period=period,
        zone=own_zone.name,
        metrics=tuple(_read_choice("metric", key, catalogue.METRICS) for key in split(text.metric)),
        dimensions=tuple(read_dimension("by", key) for key in split(text.by)),
        filters=read_filters(text.where),
        interval=_read_interval(text.interval) if text.interval else None,
        comparison=period_before(period, own_zone) if _has_comparison(text.compare) else None,
        limit=None if text.limit is None else read_limit(text.limit, MOST_ROWS),
        currency=read_currency(text.currency) if text.currency else None,
    )


def split(texts: Iterable[str]) -> list[str]:
    """The names in comma-separated texts, each once, in order."""
    names = (name.strip() for text in texts for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))


def read_zone(text: str) -> Zone:
    """The time zone named `text`."""
    try:
        return Zone(text)
    except UnknownZone as error:
        raise QuestionError("unknown_timezone", "timezone", f"timezone: {error}") from error


def read_period(start: str | None, end: str | None, zone: Zone, now: datetime) -> Period:
    """The period from `start` to `end`; without them, the last 30 days and today, whole days of `zone`."""
    last = read_moment("to", end, zone) if end else instant(zone.midnight(zone.day(micros(now)) + 1))
    default_day = zone.day(micros(last) - 1) - DEFAULT_DAYS
    first = read_moment("from", start, zone) if start else instant(zone.midnight(default_day))
    if first >= last:
        message = f"the period must end after it starts: from {first.isoformat()} to {last.isoformat()}"
        raise QuestionError("empty_period", "from", message)
    return Period(first, last)


def read_moment(parameter: str, text: str, zone: Zone) -> datetime:
    """A date (its midnight in `zone`) or an RFC 3339 time."""
    try:
        return dates.read_moment(parameter, text, zone)
    except dates.NotATime as error:
        raise QuestionError("invalid_time", parameter, f"{parameter}: {error}") from error


def read_dimension(parameter: str, key: str) -> str:
    """The key of a dimension.

    Raises:
        QuestionError: there is no such dimension.
    """
    if catalogue.dimension(key) is None:
        allowed = f"{', '.join(catalogue.DIMENSIONS)}, label:<key>"
        raise QuestionError(
            "unknown_dimension", parameter, f"{parameter}: no dimension {key!r}; there are {allowed}"
        )
    return key


def read_filters(wheres: Iterable[str]) -> tuple[Filter, ...]:
    """Filters of `DIM=VALUE` texts. Values of a dimension are alternatives; `DIM=` accepts calls without."""
    values: dict[str, list[str | None]] = {}
    for where in wheres:
        key, equals, value = where.partition("=")
        if not equals:
            message = f"where: {where!r} is not a filter; write DIMENSION=VALUE, such as model=gpt-4o"
            raise QuestionError("invalid_filter", "where", message)
        values.setdefault(read_dimension("where", key.strip()), []).append(_read_value(key.strip(), value))
    return tuple(Filter(key, tuple(dict.fromkeys(alternatives))) for key, alternatives in values.items())


def _read_value(key: str, value: str) -> str | None:
    if key == "time":
        raise QuestionError("invalid_filter", "where", "where: time is not a filter; use from and to")
    if key == "cache_hit" and value not in ("true", "false", ""):
        raise QuestionError("invalid_filter", "where", f"where: cache_hit is true or false, not {value!r}")
    if "\0" in value or "\0" in key:
        raise QuestionError("invalid_filter", "where", f"where: the value of {key!r} holds a NUL character")
    return value or None


def _read_interval(text: str) -> Interval:
    return cast("Interval", _read_choice("interval", text, INTERVALS))


def _has_comparison(text: str | None) -> bool:
    return text is not None and bool(_read_choice("compare", text, ("previous",)))


def read_currency(text: str) -> str:
    """The code of a currency (ISO 4217), or `reporting`."""
    if text.strip().lower() == REPORTING:
        return REPORTING
    code = currency.read_currency(text)
    if code is None:
        raise QuestionError(
            "invalid_currency", "currency", f"currency: {text!r} is no currency; write its code, such as USD"
        )
    return code


def read_limit(limit: int | str, most: int) -> int:
    """A number of rows from 1 to `most`."""
    text = str(limit)
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS and 1 <= int(text) <= most):
        raise QuestionError("invalid_limit", "limit", f"limit: {text!r} is not a number from 1 to {most}")
    return int(text)


def _read_choice(parameter: str, name: str, allowed: Iterable[str]) -> str:
    names = list(allowed)
    if name not in names:
        message = f"{parameter}: there is no {parameter} {name!r}; there are {', '.join(names)}"
        raise QuestionError(f"unknown_{parameter}", parameter, message)
    return name


def period_before(period: Period, zone: Zone) -> Period:
    """The period before `period`: as many whole months or days if it consists of them, else equally long."""
    first, last = (instant(at).astimezone(zone.info) for at in period.micros)
    if any(edge.timetz().replace(tzinfo=None) != datetime.min.time() for edge in (first, last)):
        return Period(period.start - period.length, period.start)
    if first.day == last.day == 1:
        months = (last.year - first.year) * 12 + last.month - first.month
        year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
        start = date(year, month + 1, 1)
    else:
        start = first.date() - (last.date() - first.date())
    return Period(instant(zone.midnight(day_number(start))), period.start)
