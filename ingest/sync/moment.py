"""Moments as stores hold them: text in the spellings of several drivers, or what a driver made of it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.model.zone import EPOCH

_MICROSECOND: Final = timedelta(microseconds=1)
_GO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d(?:\.\d+)?) (?P<zone>[+-]\d{4})(?: .*)?"
)
"""How Go prints a time, with the name of its zone, and perhaps a clock reading, at the end."""

EARLIEST_ZONE: Final = timedelta(hours=12) // _MICROSECOND
"""Local time is at most so far behind UTC, in microseconds."""


def mended(held: Any) -> Any:
    """A moment in a spelling that the formats read; anything else as it is."""
    if isinstance(held, str) and (go := _GO.fullmatch(held)):
        zone = go["zone"]
        return f"{go['day']}T{go['time']}{zone[:3]}:{zone[3:]}"
    return held


def micros(held: Any) -> int | None:
    """Microseconds since 1970-01-01 UTC; None for what is no moment. A moment without a zone is UTC."""
    when = held
    if isinstance(held, str):
        try:
            when = datetime.fromisoformat(held)
        except ValueError:
            return None
    if not isinstance(when, datetime):
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND
