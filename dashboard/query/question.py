"""The question as a value, and how it is read from text.

A period is half-open, [start, end), in aware UTC datetimes. A date means the midnight of the question's own zone at
which that date starts. The API, the command line and the pages all build a `SpendQuery`, so their numbers agree.
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
"""The ledger's own currency, for whoever takes amounts as they were paid where they cannot be converted."""
DEFAULT_DAYS: Final = 30
MOST_ROWS: Final = 100_000
_DIGITS: Final = 9


class QuestionError(ValueError):
    """A question that cannot be asked; names the parameter, its value and what is allowed."""

    def __init__(self, code: str, parameter: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.parameter = parameter


@dataclass(frozen=True)
class Period:
    """A stretch of time, its start included and its end not."""

    start: datetime
    end: datetime

    @property
    def micros(self) -> tuple[int, int]:
        """Start and end as the ledger counts time."""
        return micros(self.start), micros(self.end)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True)
class Filter:
    """The values of one dimension that count; None is a call that has none."""

    dimension: str
    values: tuple[str | None, ...]


ALL_TIME: Final = Period(instant(0), instant(7_000_000_000_000_000))
"""From the first instant there is to one that nobody will see."""


@dataclass(frozen=True)
class SpendQuery:
    """What is asked of the ledger."""

    period: Period
    zone: str
    metrics: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    interval: Interval | None = None
    comparison: Period | None = None
    """The period that is asked about as well, to compare with."""
    order: tuple[str, ...] = ()
    """Columns to sort by, first one first; `-` before a name for descending."""
    limit: int | None = None
    """How many rows are shown; totals are of all of them."""
    currency: str | None = None
    """The currency that every amount is converted to, by the rate of the day of each call. `reporting` is the ledger's
    own, and leaves amounts as they were paid where a rate is missing."""
    after_call: int | None = None
    """The number of a call: only calls that came in after it are asked about."""
    by_entry: bool = False
    """Whether keys and owners are named by the number of their entry, for programs that match them."""


@dataclass(frozen=True)
class Words:
    """A question in the words of a URL or a command line, not yet read."""

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


def parse(words: Words, zone: Zone, now: datetime) -> SpendQuery:
    """Read a question; `zone` counts where the words name none.

    Raises:
        QuestionError: a word is not understood.
    """
    own_zone = read_zone(words.timezone) if words.timezone else zone
    period = read_period(words.start, words.end, own_zone, now)
    return SpendQuery(
        period=period,
        zone=own_zone.name,
        metrics=tuple(_known("metric", key, catalogue.METRICS) for key in split(words.metric)),
        dimensions=tuple(read_dimension("by", key) for key in split(words.by)),
        filters=read_filters(words.where),
        interval=_read_interval(words.interval) if words.interval else None,
        comparison=period_before(period, own_zone) if _read_comparison(words.compare) else None,
        limit=None if words.limit is None else read_limit(words.limit, MOST_ROWS),
        currency=read_currency(words.currency) if words.currency else None,
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
    """The name of a dimension, which must exist."""
    if catalogue.dimension(key) is None:
        allowed = f"{', '.join(catalogue.DIMENSIONS)}, label:<key>"
        raise QuestionError(
            "unknown_dimension", parameter, f"{parameter}: no dimension {key!r}; there are {allowed}"
        )
    return key


def read_filters(wheres: Iterable[str]) -> tuple[Filter, ...]:
    """Filters from `DIM=VALUE` texts. Values of one dimension are alternatives; `DIM=` is a call that has none."""
    values: dict[str, list[str | None]] = {}
    for where in wheres:
        key, equals, value = where.partition("=")
        if not equals:
            message = f"where: {where!r} is not a filter; write DIMENSION=VALUE, such as model=gpt-4o"
            raise QuestionError("invalid_filter", "where", message)
        values.setdefault(read_dimension("where", key.strip()), []).append(_read_value(key.strip(), value))
    return tuple(Filter(key, tuple(dict.fromkeys(found))) for key, found in values.items())


def _read_value(key: str, value: str) -> str | None:
    if key == "time":
        raise QuestionError("invalid_filter", "where", "where: time is not a filter; use from and to")
    if key == "cache_hit" and value not in ("true", "false", ""):
        raise QuestionError("invalid_filter", "where", f"where: cache_hit is true or false, not {value!r}")
    if "\0" in value or "\0" in key:
        raise QuestionError("invalid_filter", "where", f"where: the value of {key!r} holds a NUL character")
    return value or None


def _read_interval(text: str) -> Interval:
    return cast("Interval", _known("interval", text, INTERVALS))


def _read_comparison(text: str | None) -> bool:
    return text is not None and bool(_known("compare", text, ("previous",)))


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


def _known(parameter: str, name: str, allowed: Iterable[str]) -> str:
    names = list(allowed)
    if name not in names:
        message = f"{parameter}: there is no {parameter} {name!r}; there are {', '.join(names)}"
        raise QuestionError(f"unknown_{parameter}", parameter, message)
    return name


def period_before(period: Period, zone: Zone) -> Period:
    """The period just before: as many whole months or days where `period` is made of them, else as long."""
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
