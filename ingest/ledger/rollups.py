"""Rollups: sums by slot and by day, recomputed from events and never incremented.

The unit of work is a day of the reporting zone. Its dirty slots are summed from events outside any write
transaction. A short transaction then replaces the rows of each slot whose mark has not changed since before
the events were read. When a day has no marks left, its day rows are made from its slot rows in the same
transaction. So at every commit, a slot without a mark has true slot rows, and a day without marks has true
day rows.

Rows are additive. A sum too large for a 64-bit cell is spread over several rows with the same dimensions.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger import dialects, dirty_slots, histogram
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import (
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
from ingest.timing import timed

SPLIT: Final = 10**9
"""Sums are queried in two parts, `x // SPLIT` and `x % SPLIT`, neither of which can overflow."""

_HISTOGRAMS = tuple(LATENCY_HISTOGRAMS)
_SLOT_COLUMNS = (*SLOT_TIME, *DIMENSIONS, *MEASURES, *_HISTOGRAMS)

Sums = Sequence[Any]


def split_sum(column: sa.ColumnElement[Any], name: str) -> list[sa.ColumnElement[Any]]:
    """The exact sum of an integer column, in two columns for `join_sum`; 0 over no rows."""
    whole = sa.type_coerce(column, sa.BigInteger)
    return [
        sa.func.coalesce(sa.func.sum(whole // SPLIT), 0).label(f"{name}_high"),
        sa.func.coalesce(sa.func.sum(whole % SPLIT), 0).label(f"{name}_low"),
    ]


def join_sum(high: Any, low: Any) -> int:
    """The sum of the two parts made by `split_sum`."""
    return int(high) * SPLIT + int(low)


def roll(ledger: Ledger, progress: Callable[[int], None] | None = None) -> int:
    """Make the rollups of every dirty slot.

    Returns how many slots became clean; `progress` gets each day's count.
    """
    done = 0
    for day in _dirty_days(ledger):
        cleaned = _roll_day(ledger, day)
        done += cleaned
        if progress is not None:
            progress(cleaned)
    return done


def count_dirty_slots(ledger: Ledger) -> int:
    """The number of slots that wait for their rollups."""
    with ledger.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(dirty_slot)).scalar_one()


def rebuild(ledger: Ledger, progress: Callable[[int], None] | None = None) -> int:
    """Drop all rollups and make them again from the events. Returns the number of slots."""
    with ledger.writing() as connection:
        dirty_slots.mark_everything(connection, ledger.zone)
    return roll(ledger, progress)


def _dirty_days(ledger: Ledger) -> list[int]:
    with ledger.reading() as connection:
        return list(
            connection.execute(sa.select(dirty_slot.c.day).distinct().order_by(dirty_slot.c.day)).scalars()
        )


@timed("rollup")
def _roll_day(ledger: Ledger, day: int) -> int:
    with ledger.reading() as connection:
        query = sa.select(dirty_slot.c.slot, dirty_slot.c.generation).where(dirty_slot.c.day == day)
        generations = dict(connection.execute(query).all())
    if not generations:
        return 0
    with ledger.reading() as connection:
        rows = _slot_rows(connection, ledger, day, generations.keys())
    with ledger.writing() as connection:
        dialects.lock_by_name(connection, "rollup")
        cleared = dirty_slots.clear(connection, generations)
        for slots in dialects.chunks(sorted(cleared)):
            connection.execute(rollup_slot.delete().where(rollup_slot.c.slot.in_(slots)))
        _insert(connection, rollup_slot, _SLOT_COLUMNS, [row for row in rows if row[0] in cleared])
        if not connection.execute(sa.select(sa.exists().where(dirty_slot.c.day == day))).scalar_one():
            _replace_day(connection, day)
    return len(cleared)


def _slot_rows(connection: sa.Connection, ledger: Ledger, day: int, slots: AbstractSet[int]) -> list[Sums]:
    """The rows of the slots, summed from their events.

    The caller drops rows of slots marked again meanwhile.
    """
    bounds = {"day": day, "start": min(slots), "end": max(slots) + ledger.zone.slot_length}
    query, keys = _sums_of_marked_slots()
    merged_rows = (merged(row, keys, histogram.pack_text) for row in connection.execute(query, bounds))
    return [part for row in merged_rows if row[0] in slots for part in _spread(row, keys)]


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
        # The bounds are redundant, but make a database start from the index of events by time.
        .where(at >= sa.bindparam("start"), at < sa.bindparam("end"))
        .group_by(*keys)
    )
    return query, len(keys)


def event_sums() -> Iterator[sa.ColumnElement[Any]]:
    """Every measure as a two-part sum, then the latencies for the histograms as joined text."""
    for name in MEASURES:
        yield from split_sum(of_event(name), name)
    for name, column in LATENCY_HISTOGRAMS.items():
        yield sa.func.aggregate_strings(sa.cast(usage_event.c[column], sa.Text), ",").label(name)


def of_event(measure: str) -> sa.ColumnElement[Any]:
    """The amount that one event adds to a measure."""
    timed = usage_event.c.latency_us.is_not(None)
    match measure:
        case "requests":
            return sa.literal_column("1", sa.BigInteger)
        case "flagged_requests":
            return sa.case((usage_event.c.flags_id.is_not(None), 1), else_=0)
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
        merged_rows = (merged(row, keys, histogram.merge) for row in connection.execute(query, {"day": day}))
        rows = [part for row in merged_rows for part in _spread(row, keys)]
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
    """A database row with its two-part sums joined and its histograms in normal form."""
    end = keys + 2 * len(MEASURES)
    highs, lows = row[keys:end:2], row[keys + 1 : end : 2]
    sums = [join_sum(high, low) if high else int(low) for high, low in zip(highs, lows, strict=True)]
    return [*row[:keys], *sums, *(to_text(text) for text in row[end:])]


def _spread(row: Sums, keys: int) -> list[Sums]:
    """The row, or several rows that add up to it if a sum is too large for a cell."""
    measures = slice(keys, keys + len(MEASURES))
    if all(-LARGEST_CELL <= value <= LARGEST_CELL for value in row[measures]):
        return [row]
    capped = [max(-LARGEST_CELL, min(LARGEST_CELL, value)) for value in row[measures]]
    remainder = [value - part for value, part in zip(row[measures], capped, strict=True)]
    no_histograms = [None] * len(_HISTOGRAMS)
    return [
        [*row[:keys], *capped, *row[measures.stop :]],
        *_spread([*row[:keys], *remainder, *no_histograms], keys),
    ]


def _insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sums]) -> None:
    if rows:
        dialects.insert_rows(connection, table, columns, rows)
