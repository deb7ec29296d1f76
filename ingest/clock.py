"""The present instant, and instants as text."""

import time
from datetime import datetime

from ingest.model.zone import instant


def now() -> int:
    """The present instant, microseconds UTC."""
    return time.time_ns() // 1_000


def rfc3339_text(moment: datetime) -> str:
    """A datetime as RFC 3339 text: `Z` in UTC, else its own offset."""
    return moment.isoformat().replace("+00:00", "Z")


def rfc3339(at: int) -> str:
    """An instant (microseconds UTC) as RFC 3339 text in UTC, such as `2026-11-01T00:00:00Z`."""
    return rfc3339_text(instant(at))


def optional_rfc3339(at: int | None) -> str | None:
    """An instant as RFC 3339 text in UTC; None for an open end."""
    return None if at is None else rfc3339(at)


def rfc3339_seconds(at: int | None) -> str | None:
    """An instant as RFC 3339 text in UTC without fractions of a second; None for an open end."""
    return None if at is None else rfc3339_text(instant(at).replace(microsecond=0))
