"""Timestamps of stores: text in the spellings of several drivers, or values made by a driver."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.model.zone import EPOCH

_MICROSECOND: Final = timedelta(microseconds=1)
_GO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[+-]\d{4})(?: .*)?"
)
"""Go's text of a time, with the name of its zone and optionally a monotonic clock reading at the end."""

EARLIEST_ZONE: Final = timedelta(hours=12) // _MICROSECOND
"""The most that local time is behind UTC, in microseconds."""


def normalized(value: Any) -> Any:
    """Go's text of a time in the spelling that the formats read; any other value unchanged."""
    if isinstance(value, str) and (match := _GO.fullmatch(value)):
        zone = match["zone"]
        return f"{match['day']}T{match['time']}{zone[:3]}:{zone[3:]}"
    return value


def micros(value: Any) -> int | None:
    """Microseconds since 1970-01-01 UTC; None for values that are no time. A time without a zone is UTC."""
    when = value
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(when, datetime):
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND
