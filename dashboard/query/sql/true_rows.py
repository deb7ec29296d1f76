"""True rows: every stored call of a plan's whole slots once, from clean rollups where there are any and else from events.

A slot with a dirty mark has rollups that may be wrong, and so has its day. Of such a day only the other slots are read
from the slot rollup; the calls of a marked slot are read from the events. Marks, rollups and events are to be read in
one snapshot.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query.plan import Cut, Plan, Stretch
from ingest.ledger.tables.calls import dirty_slot, rollup_slot, usage_event
from ingest.model.zone import HOUR, Slot

_LONGEST_DAY: Final = 25 * HOUR

Column = sa.ColumnElement[Any]

CALL_TIME: Final[Column] = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
"""The instant of an event, as a number."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows to be summed: rows of a rollup, or events."""

    table: sa.Table
    """The table that holds dimensions and measures."""
    day: Column
    """The day of a row in the ledger's zone."""
    where: tuple[Column, ...]
    clock: sa.Table | Slot | None = None
    """What names the hour, day and month of a row in the ledger's zone: a table in `joined`, or the slot of all rows; None where
    nothing but the instant does."""
    instant: Column | None = None
    """An instant in the slot of a row; None in a day rollup."""
    joins: sa.FromClause | None = None

    @property
    def joined(self) -> sa.FromClause:
        """What rows are selected from: the table, with what bounds it."""
        return self.table if self.joins is None else self.joins


def true_rows(plan: Plan, day_rollup: sa.Table, *, has_marks: bool = True) -> list[Source]:
    """The sources that hold every call of the plan's days and slots once; its cuts are not among them.

    `has_marks=False` promises that no slot of the plan is marked, and saves the sources that would hold nothing.
    """
    sources = []
    if plan.days is not None:
        sources.append(_clean_days(day_rollup, plan.days))
        if has_marks:
            sources.append(_clean_slots_of_dirty_days(plan.days))
    sources += [_clean_slots(stretch) for stretch in plan.slots]
    if has_marks and plan.whole.start < plan.whole.end:
        sources.append(_dirty_events(plan.whole))
    return sources


def cut_events(cut: Cut) -> Source:
    """The calls in a part of a slot."""
    found = events(cut.stretch, sa.literal(cut.slot.day, sa.Integer))
    return replace(found, clock=cut.slot)


def events(stretch: Stretch, day: Column, *more: Column) -> Source:
    """The calls of a range of instants that meet more conditions, read from events whatever is clean; `day` is their day."""
    where = (*between(usage_event.c.occurred_at, stretch), *more)
    return Source(usage_event, day, where, instant=CALL_TIME)


def between(column: sa.Column[Any], stretch: Stretch) -> tuple[Column, ...]:
    """The conditions that a column lies in a half-open range."""
    return column >= stretch.start, column < stretch.end


def marks_in(stretch: Stretch) -> tuple[Column, ...]:
    """The conditions that a mark is about a slot in a range of instants."""
    return between(dirty_slot.c.slot, stretch)


def _clean_days(table: sa.Table, days: Stretch) -> Source:
    dirty = sa.select(dirty_slot.c.day).where(*between(dirty_slot.c.day, days))
    return Source(table, table.c.day, (*between(table.c.day, days), table.c.day.not_in(dirty)), clock=table)


def _clean_slots_of_dirty_days(days: Stretch) -> Source:
    bounds = (
        sa.select(
            dirty_slot.c.day,
            (sa.func.min(dirty_slot.c.slot) - _LONGEST_DAY).label("first"),
            (sa.func.max(dirty_slot.c.slot) + _LONGEST_DAY).label("last"),
        )
        .where(*between(dirty_slot.c.day, days))
        .group_by(dirty_slot.c.day)
        .subquery("dirty_day")
    )
    # Bounds on the slot beside the day itself: the slot is what the rollup is indexed by.
    inside = (
        (rollup_slot.c.slot >= bounds.c.first)
        & (rollup_slot.c.slot < bounds.c.last)
        & (rollup_slot.c.day == bounds.c.day)
    )
    return _of_slots(_is_clean(), joins=bounds.join(rollup_slot, inside))


def _clean_slots(stretch: Stretch) -> Source:
    return _of_slots(*between(rollup_slot.c.slot, stretch), _is_clean())


def _of_slots(*where: Column, joins: sa.FromClause | None = None) -> Source:
    slot = rollup_slot.c
    return Source(rollup_slot, slot.day, where, clock=rollup_slot, instant=slot.slot, joins=joins)


def _is_clean() -> Column:
    return rollup_slot.c.slot.not_in(sa.select(dirty_slot.c.slot))


def _dirty_events(whole: Stretch) -> Source:
    inside = (usage_event.c.occurred_at >= dirty_slot.c.slot) & (
        usage_event.c.occurred_at < dirty_slot.c.slot_end
    )
    joins = dirty_slot.join(usage_event, inside)
    return Source(
        usage_event, dirty_slot.c.day, marks_in(whole), clock=dirty_slot, instant=CALL_TIME, joins=joins
    )
