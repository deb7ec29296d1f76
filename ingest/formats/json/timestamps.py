"""Timestamps: a time in any notation of the senders, as microseconds since 1970-01-01 UTC.

A time without a zone is ambiguous; it is refused unless the caller knows that its source writes UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.model.rejection import Refused

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_YEAR_5138: Final = 10**11
"""Larger values are epoch milliseconds, sent by mistake."""


def parse_timestamp(value: float | str, field: str, *, naive_is_utc: bool = False) -> int:
    """The time in `value`: epoch seconds or RFC 3339 text. Digits after the microsecond are cut.

    Raises:
        Refused: the value is not a time, has no zone, or is epoch milliseconds.
    """
    return (
        _from_text(value, field, naive_is_utc=naive_is_utc)
        if isinstance(value, str)
        else _from_seconds(value, field)
    )


def _from_seconds(seconds: float, field: str) -> int:
    if not 0 <= seconds < _YEAR_5138:
        raise Refused("bad_time", f"{field} is {seconds:.0f}: seconds since 1970 are expected", field)
    return round(seconds * 1_000_000)


def _from_text(text: str, field: str, *, naive_is_utc: bool) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("bad_time", f"{field} is not a time such as 2026-03-30T09:15:00Z", field) from None
    if time.tzinfo is None:
        if not naive_is_utc:
            raise Refused(
                "bad_time", f"{field} has no time zone: append Z for UTC, or an offset as +02:00", field
            )
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MICROSECOND
