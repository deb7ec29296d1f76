"""Timestamps: a time in any notation of the senders, as microseconds since 1970-01-01 UTC.

A time without a zone is ambiguous; it is refused unless the caller knows that its source writes UTC. The time
of a response may have an odd form (`record_time`), because its sender is a server that nobody can correct.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from ingest.model.rejection import Refused

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_YEAR_5138: Final = 10**11
"""Larger values are epoch milliseconds, sent by mistake."""
_YEAR_2000: Final = 946_684_800
_YEAR_2100: Final = 4_102_444_800
_PARTS: Final = (1_000, 1_000_000, 1_000_000_000)
"""Units of epoch times, as parts of a second. A number is a time of this century in at most one of them."""
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")


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


def record_time(value: float | str | None, field: str) -> int | None:
    """The time that a response states, None where it states none.

    It is text (RFC 3339, or a number as text), or a number of seconds, milliseconds, microseconds or
    nanoseconds since 1970. A number below the year 2000 counts from the start of its server: it is no time.

    Raises:
        Refused: the value has none of these forms.
    """
    if isinstance(value, float) and _YEAR_2000 <= value < _YEAR_2100:
        return round(value * 1_000_000)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return parse_timestamp(value, field)
    if 0 <= value < _YEAR_2000:
        return None
    if value < _YEAR_2100:
        return _from_seconds(value, field)
    for parts in _PARTS:
        if _YEAR_2000 * parts <= value < _YEAR_2100 * parts:
            return round(Decimal(repr(value)) * 1_000_000 / parts)
    raise Refused("bad_time", f"{field} is {value:.0f}: seconds since 1970 are expected", field)


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
