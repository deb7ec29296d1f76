"""Which days of an export are complete: they are over, nothing in them waits to be summed, and no import is under way.

An import that broke off is under way until the same file has been imported to its end. Which days it brings nobody knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from dashboard.focus import store
from dashboard.focus.export_period import Day, Span


@dataclass(frozen=True, slots=True)
class Sector:
    """A day, and whether it is complete."""

    day: Day
    is_complete: bool


def sectors(connection: sa.Connection, span: Span, now: int) -> list[Sector]:
    """Every day of the span as it stands at the instant `now`."""
    return list(_sectors(connection, span, now))


def _sectors(connection: sa.Connection, span: Span, now: int) -> Iterator[Sector]:
    is_importing = bool(store.unfinished_imports(connection))
    dirty = store.dirty_slots(connection, span)
    for day in span:
        is_dirty = any(day.start <= one < day.end for one in dirty)
        yield Sector(day, day.end <= now and not is_dirty and not is_importing)
