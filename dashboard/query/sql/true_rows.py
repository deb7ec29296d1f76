"""True rows: sources that together have every stored call of a plan's whole slots exactly once.

A dirty mark says that the rollups of a slot may be wrong; the day rollups of its day may then be wrong too.
The calls of a dirty slot are read from events, and the clean slots of such a day from the slot rollup. Marks,
rollups and events must be read in one snapshot.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query.plan import PartialSlot, Plan, Range
from ingest.ledger.tables.calls import dirty_slot, rollup_slot, usage_event, usage_event_revision
from ingest.model.zone import HOUR, Slot

_LONGEST_DAY: Final = 25 * HOUR

Column = sa.ColumnElement[Any]

CALL_TIME: Final[Column] = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
"""The instant of an event, in microseconds."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of a rollup, or events, that are summed."""

    table: sa.Table
    """The table of dimensions and measures."""
    day: Column
    """The day of a row in the ledger's zone."""
    where: tuple[Column, ...]
    local_time: sa.Table | Slot | None = None
    """The hour, day and month of a row in the ledger's zone: columns of a table in `joined`, or the slot of
    all rows; None if they must be computed from the instant."""
    instant: Column | None = None
    """An instant in the slot of a row; None for a day rollup."""
    joins: sa.FromClause | None = None

    @property
    def joined(self) -> sa.FromClause:
        """The FROM clause: the table and the tables joined to it."""
        return self.table if self.joins is None else self.joins


def true_rows(plan: Plan, day_rollup: sa.Table, *, has_marks: bool = True) -> list[Source]:
    """The sources that together have every call of the plan's whole days and slots once.

    `has_marks=False` promises that no slot of the plan is dirty, and leaves out the sources for dirty slots.
    """
    sources = []
    if plan.days is not None:
        sources.append(_clean_days(day_rollup, plan.days))
        if has_marks:
            sources.append(_clean_slots_of_dirty_days(plan.days))
    sources += [_clean_slots(instants) for instants in plan.slots]
    if has_marks and plan.instants.start < plan.instants.end:
        sources.append(_dirty_events(plan.instants))
    return sources


def partial_slot_events(partial_slot: PartialSlot) -> Source:
    """The calls in a part of a slot, from events."""
    source = events(partial_slot.instants, sa.literal(partial_slot.slot.day, sa.Integer))
    return replace(source, local_time=partial_slot.slot)


def events(instants: Range, day: Column, *conditions: Column) -> Source:
    """The calls in a range of instants that meet the conditions, from events. `day` is their day."""
    where = (*between(usage_event.c.occurred_at, instants), *conditions)
    return Source(usage_event, day, where, instant=CALL_TIME)


def new_after(call: int) -> tuple[Column, ...]:
    """The conditions that a call was unknown when the call with this number was stored.

    A later version of a call gets a number of its own; it is no new call if an earlier version was known.
    """
    return usage_event.c.seq > call, ~_had_version(call)


def known_at(call: int) -> Column:
    """The condition that a call, or an earlier version of it, was known when this call was stored."""
    return sa.or_(usage_event.c.seq <= call, _had_version(call))


def _had_version(call: int) -> Column:
    earlier = usage_event_revision.c
    return sa.exists().where(earlier.event_id == usage_event.c.event_id, earlier.seq <= call)


def between(column: sa.Column[Any], values: Range) -> tuple[Column, ...]:
    """The conditions that a column is within a half-open range."""
    return column >= values.start, column < values.end


def marks_in(instants: Range) -> tuple[Column, ...]:
    """The conditions that a dirty mark is about a slot in a range of instants."""
    return between(dirty_slot.c.slot, instants)


def _clean_days(table: sa.Table, days: Range) -> Source:
    dirty = sa.select(dirty_slot.c.day).where(*between(dirty_slot.c.day, days))
    where = (*between(table.c.day, days), table.c.day.not_in(dirty))
    return Source(table, table.c.day, where, local_time=table)


def _clean_slots_of_dirty_days(days: Range) -> Source:
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
    # Bounds on the slot in addition to the day, because the rollup is indexed by slot.
    inside = (
        (rollup_slot.c.slot >= bounds.c.first)
        & (rollup_slot.c.slot < bounds.c.last)
        & (rollup_slot.c.day == bounds.c.day)
    )
    return _slot_rollup(_is_clean(), joins=bounds.join(rollup_slot, inside))


def _clean_slots(instants: Range) -> Source:
    return _slot_rollup(*between(rollup_slot.c.slot, instants), _is_clean())


def _slot_rollup(*where: Column, joins: sa.FromClause | None = None) -> Source:
    slot = rollup_slot.c
    return Source(rollup_slot, slot.day, where, local_time=rollup_slot, instant=slot.slot, joins=joins)


def _is_clean() -> Column:
    return rollup_slot.c.slot.not_in(sa.select(dirty_slot.c.slot))


def _dirty_events(instants: Range) -> Source:
    inside = (usage_event.c.occurred_at >= dirty_slot.c.slot) & (
        usage_event.c.occurred_at < dirty_slot.c.slot_end
    )
    joins = dirty_slot.join(usage_event, inside)
    return Source(
        usage_event,
        dirty_slot.c.day,
        marks_in(instants),
        local_time=dirty_slot,
        instant=CALL_TIME,
        joins=joins,
    )
