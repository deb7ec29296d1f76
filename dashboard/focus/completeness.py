"""Which days of an export are complete: a day is over, its rollups are up to date, and no import is running.

An interrupted import counts as running until the same file has been imported to its end. It makes every day
incomplete, because its missing calls may be of any day.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dashboard.focus import store
from dashboard.focus.export_period import Day, Span
from ingest.ledger.engine import Connection


@dataclass(frozen=True, slots=True)
class TimeSector:
    """A day, and whether it is complete: a FOCUS time sector."""

    day: Day
    is_complete: bool


def time_sectors(connection: Connection, span: Span, now: int) -> list[TimeSector]:
    """Every day of the span, as at the instant `now`."""
    return list(_time_sectors(connection, span, now))


def _time_sectors(connection: Connection, span: Span, now: int) -> Iterator[TimeSector]:
    is_importing = bool(store.count_unfinished_imports(connection))
    dirty = store.dirty_slots(connection, span)
    for day in span:
        is_dirty = any(day.start <= slot < day.end for slot in dirty)
        yield TimeSector(day, day.end <= now and not is_dirty and not is_importing)
