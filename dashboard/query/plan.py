"""Which table answers: the smallest grain that holds everything a question asks for.

Whole clean days of the ledger's zone are read from the day rollup, the clean slots around and between them from the
slot rollup, dirty slots and the cut slots at a period's edges from events. Questions about what only events hold, or
in a zone whose hours the ledger's slots do not fit, read events alone.
"""

from dataclasses import dataclass
from typing import Final, Literal

from dashboard.query import buckets, catalogue
from dashboard.query.question import SpendQuery
from ingest.model.zone import Slot, Zone

Grain = Literal["day", "slot", "event"]
_ONLY_EVENTS: Final = frozenset(("text", "label"))


@dataclass(frozen=True)
class Stretch:
    """A half-open range of instants, or of days."""

    start: int
    end: int


@dataclass(frozen=True)
class Cut:
    """Part of a slot, at an edge of the period."""

    stretch: Stretch
    slot: Slot


@dataclass(frozen=True)
class Plan:
    """What is read from where. At grain `event` everything is read from the events of `whole`."""

    grain: Grain
    whole: Stretch
    """The period; with its cuts taken off at the other grains."""
    days: Stretch | None = None
    slots: tuple[Stretch, ...] = ()
    """Slots that are not in `days`."""
    cuts: tuple[Cut, ...] = ()
    computed_time: bool = False
    """Whether the bucket of a call is computed from its instant, not read from the ledger's columns."""


def plan(query: SpendQuery, zone: Zone) -> Plan:
    """How to answer `query` from a ledger whose reporting zone is `zone`."""
    kinds = kinds_of(query)
    start, end = query.period.micros
    foreign = query.interval is not None and not _same_clock(query, zone)
    misfit = foreign and Zone(query.zone).slot_length % zone.slot_length != 0
    if kinds & _ONLY_EVENTS or misfit or query.after_call is not None:
        return Plan("event", Stretch(start, end), computed_time=True)
    first, last = _ceiling(start, zone.slot_length), end - end % zone.slot_length
    if first >= last:
        return Plan(
            "slot",
            Stretch(last, last),
            cuts=_cuts(start, end, zone),
            computed_time=foreign,
        )
    days = None if foreign or query.interval == "hour" else _whole_days(first, last, zone)
    return Plan(
        grain="day" if days else "slot",
        whole=Stretch(first, last),
        days=days,
        slots=_around(first, last, days, zone),
        cuts=(*_cuts(start, first, zone), *_cuts(last, end, zone)),
        computed_time=foreign,
    )


def kinds_of(query: SpendQuery) -> set[str]:
    """The kinds of the dimensions that the question groups by or filters on."""
    keys = {*query.dimensions, *(f.dimension for f in query.filters)}
    return {found.kind for found in map(catalogue.dimension, keys) if found}


def _same_clock(query: SpendQuery, zone: Zone) -> bool:
    """Whether the question's zone and the ledger's show the same time all through the period."""
    if query.zone == zone.name:
        return True
    return buckets.offsets(Zone(query.zone), query.period) == buckets.offsets(zone, query.period)


def _ceiling(at: int, step: int) -> int:
    return -(-at // step) * step


def _cuts(start: int, end: int, zone: Zone) -> tuple[Cut, ...]:
    """The parts of slots between two instants that lie less than two slots apart."""
    if start >= end:
        return ()
    slot = zone.slot(start)
    if end <= slot.slot_end:
        return (Cut(Stretch(start, end), slot),)
    return (Cut(Stretch(start, slot.slot_end), slot), *_cuts(slot.slot_end, end, zone))


def _whole_days(first: int, last: int, zone: Zone) -> Stretch | None:
    """The local days that lie wholly between two slot edges, by number."""
    day = zone.day(first)
    start = day if zone.midnight(day) == first else day + 1
    end = zone.day(last)
    return Stretch(start, end) if start < end else None


def _around(first: int, last: int, days: Stretch | None, zone: Zone) -> tuple[Stretch, ...]:
    if days is None:
        return (Stretch(first, last),)
    edges = ((first, zone.midnight(days.start)), (zone.midnight(days.end), last))
    return tuple(Stretch(start, end) for start, end in edges if start < end)
