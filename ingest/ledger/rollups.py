"""Rollups: sums by slot and by day, recomputed from events and never incremented.

The unit of work is a day of the reporting zone: its dirty slots are summed from events outside any write
transaction, then put in place in a short one, slot by slot, each only if its mark is still the one that was read
before the events were. When a day has no mark left, its day rows are made from its slot rows in the same
transaction. So at every commit: a slot without a mark has true slot rows, a day without marks has true day rows.

Rows are additive. A sum too large for a 64-bit cell is spread over several rows with the same dimensions.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger import dialects, histogram, marks
from ingest.ledger.engine import Ledger
from ingest.ledger.tables import (
    COUNTS,
    DAY_ROLLUPS,
    DAY_TIME,
    DIMENSIONS,
    LARGEST_CELL,
    LATENCY_HISTOGRAMS,
    MEASURES,
    SLOT_TIME,
    dirty_slot,
    rollup_slot,
    usage_event,
)
from ingest.pricing.charge import MONEY

SPLIT: Final = 10**9
"""Sums are asked for in two parts, `x // SPLIT` and `x % SPLIT`, neither of which can overflow."""

_HISTOGRAMS = tuple(LATENCY_HISTOGRAMS)
_SLOT_COLUMNS = (*SLOT_TIME, *DIMENSIONS, *MEASURES, *_HISTOGRAMS)

Sums = Sequence[Any]


def split_sum(column: sa.ColumnElement[Any], name: str) -> list[sa.ColumnElement[Any]]:
    """The exact sum of an integer column, in two columns that `join_sum` puts together; 0 over nothing."""
    whole = sa.type_coerce(column, sa.BigInteger)
    return [
        sa.func.coalesce(sa.func.sum(whole // SPLIT), 0).label(f"{name}_high"),
        sa.func.coalesce(sa.func.sum(whole % SPLIT), 0).label(f"{name}_low"),
    ]


def join_sum(high: Any, low: Any) -> int:
    """The sum of which `high` and `low` are the parts."""
    return int(high) * SPLIT + int(low)


def roll(ledger: Ledger, progress: Callable[[int], None] | None = None) -> int:
    """Make the rollups of every dirty slot; how many slots are clean now. `progress` hears of each day's slots."""
    done = 0
    for day in _dirty_days(ledger):
        cleared = _roll_day(ledger, day)
        done += cleared
        if progress is not None:
            progress(cleared)
    return done


def dirty_slots(ledger: Ledger) -> int:
    """How many slots wait for their rollups."""
    with ledger.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(dirty_slot)).scalar_one()


def rebuild(ledger: Ledger, progress: Callable[[int], None] | None = None) -> int:
    """Drop all rollups and make them again from the events; how many slots."""
    with ledger.writing() as connection:
        marks.mark_everything(connection, ledger.zone)
    return roll(ledger, progress)


def _dirty_days(ledger: Ledger) -> list[int]:
    with ledger.reading() as connection:
        return list(
            connection.execute(sa.select(dirty_slot.c.day).distinct().order_by(dirty_slot.c.day)).scalars()
        )


def _roll_day(ledger: Ledger, day: int) -> int:
    with ledger.reading() as connection:
        read = sa.select(dirty_slot.c.slot, dirty_slot.c.generation).where(dirty_slot.c.day == day)
        generations = dict(connection.execute(read).all())
    if not generations:
        return 0
    with ledger.reading() as connection:
        rows = _slot_rows(connection, ledger, day, generations.keys())
    with ledger.writing() as connection:
        dialects.only_one(connection, "rollup")
        cleared = marks.clear(connection, generations)
        for slots in dialects.chunks(sorted(cleared)):
            connection.execute(rollup_slot.delete().where(rollup_slot.c.slot.in_(slots)))
        _insert(connection, rollup_slot, _SLOT_COLUMNS, [row for row in rows if row[0] in cleared])
        if not connection.execute(sa.select(sa.exists().where(dirty_slot.c.day == day))).scalar_one():
            _replace_day(connection, day)
    return len(cleared)


def _slot_rows(connection: sa.Connection, ledger: Ledger, day: int, wanted: AbstractSet[int]) -> list[Sums]:
    """The true rows of the slots, as events have them now. A row that is not to be believed yet is dropped later."""
    bounds = {"day": day, "start": min(wanted), "end": max(wanted) + ledger.zone.slot_length}
    query, keys = _sums_of_marked_slots()
    made = (merged(row, keys, histogram.pack_text) for row in connection.execute(query, bounds))
    return [one for row in made if row[0] in wanted for one in _spread(row, keys)]


@cache
def _sums_of_marked_slots() -> tuple[sa.Select[Any], int]:
    """Sums over the events of a day's dirty slots, and how many leading columns are time and dimensions."""
    keys = [*(dirty_slot.c[name] for name in SLOT_TIME), *(usage_event.c[name] for name in DIMENSIONS)]
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    query = (
        sa.select(*keys, *event_sums())
        .select_from(dirty_slot)
        .join(usage_event, sa.and_(at >= dirty_slot.c.slot, at < dirty_slot.c.slot_end))
        .where(dirty_slot.c.day == sa.bindparam("day"))
        # The bounds say nothing new, but make a database start from the index of events by time.
        .where(at >= sa.bindparam("start"), at < sa.bindparam("end"))
        .group_by(*keys)
    )
    return query, len(keys)


def event_sums() -> Iterator[sa.ColumnElement[Any]]:
    """Every measure as a sum in two parts, then the histograms as joined values."""
    for name in MEASURES:
        yield from split_sum(of_event(name), name)
    for name, column in LATENCY_HISTOGRAMS.items():
        yield sa.func.aggregate_strings(sa.cast(usage_event.c[column], sa.Text), ",").label(name)


def of_event(measure: str) -> sa.ColumnElement[Any]:
    """What one event adds to a measure."""
    timed = usage_event.c.latency_us.is_not(None)
    match measure:
        case "requests":
            return sa.literal_column("1", sa.BigInteger)
        case "timed_requests":
            return sa.case((timed, 1), else_=0)
        case "timed_output_tokens":
            return sa.case((timed, usage_event.c.output_tokens), else_=0)
    assert measure in COUNTS or measure in MONEY, f"{measure} is a column of an event"
    return usage_event.c[measure]


def _replace_day(connection: sa.Connection, day: int) -> None:
    """Make a day's rows from its slot rows, all of which are true now."""
    for table, dimensions in DAY_ROLLUPS:
        query, keys = _sums_of_slots(dimensions)
        made = (merged(row, keys, histogram.merge) for row in connection.execute(query, {"day": day}))
        rows = [one for row in made for one in _spread(row, keys)]
        connection.execute(table.delete().where(table.c.day == day))
        _insert(connection, table, (*DAY_TIME, *dimensions, *MEASURES, *_HISTOGRAMS), rows)


@cache
def _sums_of_slots(dimensions: tuple[str, ...]) -> tuple[sa.Select[Any], int]:
    """Sums over a day's slot rows by `dimensions`, and how many leading columns are time and dimensions."""
    keys = [rollup_slot.c[name] for name in (*DAY_TIME, *dimensions)]
    sums = [part for name in MEASURES for part in split_sum(rollup_slot.c[name], name)]
    texts = [sa.func.aggregate_strings(rollup_slot.c[name], ",").label(name) for name in _HISTOGRAMS]
    query = sa.select(*keys, *sums, *texts).where(rollup_slot.c.day == sa.bindparam("day")).group_by(*keys)
    return query, len(keys)


def merged(row: Sums, keys: int, to_text: Callable[[str | None], str | None]) -> Sums:
    """A row of the database with its two-part sums put together and its histograms in their normal form."""
    end = keys + 2 * len(MEASURES)
    highs, lows = row[keys:end:2], row[keys + 1 : end : 2]
    sums = [join_sum(high, low) if high else int(low) for high, low in zip(highs, lows, strict=True)]
    return [*row[:keys], *sums, *(to_text(text) for text in row[end:])]


def _spread(row: Sums, keys: int) -> list[Sums]:
    """The row itself, or several that add up to it where a sum is too large for a cell."""
    measures = slice(keys, keys + len(MEASURES))
    if all(-LARGEST_CELL <= value <= LARGEST_CELL for value in row[measures]):
        return [row]
    kept = [max(-LARGEST_CELL, min(LARGEST_CELL, value)) for value in row[measures]]
    rest = [value - part for value, part in zip(row[measures], kept, strict=True)]
    nothing = [None] * len(_HISTOGRAMS)
    return [[*row[:keys], *kept, *row[measures.stop :]], *_spread([*row[:keys], *rest, *nothing], keys)]


def _insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sums]) -> None:
    if rows:
        dialects.insert_rows(connection, table, columns, rows)
