"""Planning: which tables answer a question. The coarsest rollup that can answer is read.

Whole clean days of the ledger's zone are read from the day rollup, and other whole clean slots from the slot
rollup. Dirty slots, and the partial slots at both ends of a period, are read from events. Only events are
read for dimensions that rollups do not have, and for a zone whose hours do not consist of whole slots of the
ledger.
"""

from dataclasses import dataclass
from typing import Final, Literal

from dashboard.query import buckets, catalogue
from dashboard.query.question import SpendQuery
from ingest.model.zone import Slot, Zone

Grain = Literal["day", "slot", "event"]
_ONLY_EVENTS: Final = frozenset(("event_term", "codes", "text", "label"))


@dataclass(frozen=True)
class Range:
    """A half-open range [start, end) of instants, or of days."""

    start: int
    end: int


@dataclass(frozen=True)
class PartialSlot:
    """The part of a slot that lies within the period, at the start or the end of the period."""

    instants: Range
    slot: Slot


@dataclass(frozen=True)
class Plan:
    """The ranges that are read from each table."""

    grain: Grain
    instants: Range
    """At grain `event` the period, all of which is read from events. Else the period without its partial
    slots."""
    days: Range | None = None
    """Whole days, read from the day rollup."""
    slots: tuple[Range, ...] = ()
    """Whole slots outside `days`, read from the slot rollup."""
    partial_slots: tuple[PartialSlot, ...] = ()
    has_computed_time: bool = False
    """Whether the time bucket of a call is computed from its instant, not read from the ledger's columns."""


def plan(query: SpendQuery, zone: Zone) -> Plan:
    """The plan for answering `query` from a ledger whose reporting zone is `zone`."""
    kinds = kinds_of(query)
    start, end = query.period.micros
    is_other_time = query.interval is not None and not _has_same_time(query, zone)
    is_misaligned = is_other_time and Zone(query.zone).slot_length % zone.slot_length != 0
    if kinds & _ONLY_EVENTS or is_misaligned or query.after_call is not None:
        return Plan("event", Range(start, end), has_computed_time=True)
    first, last = _ceiling(start, zone.slot_length), end - end % zone.slot_length
    if first >= last:
        return Plan(
            "slot",
            Range(last, last),
            partial_slots=_partial_slots(start, end, zone),
            has_computed_time=is_other_time,
        )
    days = None if is_other_time or query.interval == "hour" else _whole_days(first, last, zone)
    return Plan(
        grain="day" if days else "slot",
        instants=Range(first, last),
        days=days,
        slots=_slots_around(first, last, days, zone),
        partial_slots=(*_partial_slots(start, first, zone), *_partial_slots(last, end, zone)),
        has_computed_time=is_other_time,
    )


def kinds_of(query: SpendQuery) -> set[str]:
    """The kinds of the dimensions that the question groups by or filters on."""
    keys = {*query.dimensions, *(f.dimension for f in query.filters)}
    return {kind for kind in map(catalogue.kind_of, keys) if kind}


def _has_same_time(query: SpendQuery, zone: Zone) -> bool:
    """Whether the question's zone has the same local time as the ledger's zone during the whole period."""
    if query.zone == zone.name:
        return True
    return buckets.offsets(Zone(query.zone), query.period) == buckets.offsets(zone, query.period)


def _ceiling(at: int, step: int) -> int:
    return -(-at // step) * step


def _partial_slots(start: int, end: int, zone: Zone) -> tuple[PartialSlot, ...]:
    """The partial slots between two instants that are less than two slots apart."""
    if start >= end:
        return ()
    slot = zone.slot(start)
    if end <= slot.slot_end:
        return (PartialSlot(Range(start, end), slot),)
    return (PartialSlot(Range(start, slot.slot_end), slot), *_partial_slots(slot.slot_end, end, zone))


def _whole_days(first: int, last: int, zone: Zone) -> Range | None:
    """The numbers of the local days that lie wholly between two slot edges; None if there is no such day."""
    day = zone.day(first)
    start = day if zone.midnight(day) == first else day + 1
    end = zone.day(last)
    return Range(start, end) if start < end else None


def _slots_around(first: int, last: int, days: Range | None, zone: Zone) -> tuple[Range, ...]:
    """The instants between two slot edges that are not in `days`."""
    if days is None:
        return (Range(first, last),)
    edges = ((first, zone.midnight(days.start)), (zone.midnight(days.end), last))
    return tuple(Range(start, end) for start, end in edges if start < end)
