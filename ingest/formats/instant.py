"""Instants: the spellings of a time that senders use, as microseconds since 1970-01-01 UTC.

A time without a zone names no instant; it is refused unless the caller knows that its source writes UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.refusal import Refused

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_YEAR_5138: Final = 10**11
"""Epoch seconds beyond this year are milliseconds sent by mistake."""


def instant(when: float | str, field: str, *, naive_is_utc: bool = False) -> int:
    """The instant that `when` means: epoch seconds, or RFC 3339 text; digits after the microsecond are cut.

    Raises:
        Refused: it is not a time, it has no zone, or it is epoch milliseconds.
    """
    return _parsed(when, field, naive_is_utc=naive_is_utc) if isinstance(when, str) else _counted(when, field)


def _counted(seconds: float, field: str) -> int:
    if not 0 <= seconds < _YEAR_5138:
        raise Refused("bad_time", f"{field} is {seconds:.0f}: seconds since 1970 are expected", field)
    return round(seconds * 1_000_000)


def _parsed(text: str, field: str, *, naive_is_utc: bool) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("bad_time", f"{field} is not a time such as 2026-03-30T09:15:00Z", field) from None
    if when.tzinfo is None:
        if not naive_is_utc:
            raise Refused(
                "bad_time", f"{field} has no time zone: append Z for UTC, or an offset as +02:00", field
            )
        when = when.replace(tzinfo=UTC)
    return (when - _EPOCH) // _MICROSECOND
