"""Which days of an export are complete: they are over, nothing in them waits to be summed, and no import is under way.

An import that broke off is under way until the same file has been imported to its end. Which days it brings nobody knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from dashboard.focus.span import Day, Span
from ingest.ledger.tables import dirty_slot, import_batch


@dataclass(frozen=True, slots=True)
class Sector:
    """A day, and whether it is complete."""

    day: Day
    is_complete: bool


def sectors(connection: sa.Connection, span: Span, now: int) -> list[Sector]:
    """Every day of the span as it stands at the instant `now`."""
    return list(_sectors(connection, span, now))


def _sectors(connection: sa.Connection, span: Span, now: int) -> Iterator[Sector]:
    is_importing = bool(unfinished_imports(connection))
    slot = dirty_slot.c.slot
    marked = sa.select(slot).where(slot >= span.start, slot < span.end).order_by(slot)
    dirty = list(connection.execute(marked).scalars())
    for day in span:
        is_dirty = any(day.start <= one < day.end for one in dirty)
        yield Sector(day, day.end <= now and not is_dirty and not is_importing)


def unfinished_imports(connection: sa.Connection) -> int:
    """How many files are being imported, or were not imported to their end."""
    c, ended = import_batch.c, import_batch.alias()
    is_ended = sa.exists().where(
        ended.c.channel == c.channel, ended.c.fingerprint == c.fingerprint, ended.c.status == "finished"
    )
    open_ones = sa.select(sa.func.count()).where(c.status.in_(("running", "interrupted")), ~is_ended)
    return connection.execute(open_ones.select_from(import_batch)).scalar_one()
