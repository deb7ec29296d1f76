"""Dates and times as users write them: a date is its midnight in the reporting zone, a time has its own."""

import re
from datetime import UTC, date, datetime
from typing import Final

from ingest.clock import now, rfc3339, rfc3339_text
from ingest.model.invalid import Invalid
from ingest.model.zone import Zone, day_number, instant, micros

_YEARS: Final = range(1971, 2200)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6}\d*)?)?([Zz]|[+-]\d{2}:\d{2})")


class NotATime(Invalid):
    """A text that is neither a date nor a time; the message quotes it and says what to write."""

    def __init__(self, field: str, text: str) -> None:
        allowed = "use a date such as 2026-10-31 or an RFC 3339 time such as 2026-10-31T09:00:00Z"
        super().__init__("invalid_time", f"{text!r} is not a time; {allowed}", field)


def read_moment(field: str, text: str, zone: Zone) -> datetime:
    """A date (its midnight in `zone`) or an RFC 3339 time, in UTC.

    Raises:
        NotATime: it is neither, or its year is not between 1971 and 2199.
    """
    # An unescaped + of an offset reaches us as a space.
    clean = text.strip().replace(" ", "+")
    try:
        if _DATE.fullmatch(clean):
            moment = instant(zone.midnight(day_number(date.fromisoformat(clean))))
        elif _TIME.fullmatch(clean):
            moment = datetime.fromisoformat(clean.upper()).astimezone(UTC)
        else:
            raise ValueError(text)  # noqa: TRY301 - caught below
        if moment.year not in _YEARS:
            raise ValueError(text)  # noqa: TRY301
    except (ValueError, OverflowError) as error:
        raise NotATime(field, text) from error
    return moment


def read_edges(start: str | None, end: str | None, zone: Zone) -> tuple[int | None, int | None]:
    """The instants of `--from` and `--to` in microseconds UTC; None for an open end.

    Raises:
        NotATime: a text is neither a date nor a time.
    """
    first, last = (
        None if text is None else micros(read_moment(name, text, zone))
        for name, text in (("from", start), ("to", end))
    )
    return first, last


def written(at: int, zone: Zone | None = None) -> str:
    """An instant as `read_moment` reads it: a date at midnight of `zone`, else an RFC 3339 time."""
    if zone is None:
        return rfc3339(at)
    local = instant(at).astimezone(zone.info)
    is_midnight = zone.midnight(zone.day(at)) == at
    return local.date().isoformat() if is_midnight else rfc3339_text(local)


def read_day(text: str) -> int | None:
    """The number of a day, written as 2026-11-20 or 20 November 2026; None for anything else."""
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            day: date = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        return day_number(day)
    return None


def moment_or_now(text: str | None, zone: Zone) -> int:
    """The instant that `--at` names, or the present one without it (microseconds UTC).

    Raises:
        NotATime: the text is neither a date nor a time.
    """
    return now() if text is None else micros(read_moment("at", text, zone))
