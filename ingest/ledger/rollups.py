"""Rollups: sums by slot and by day, recomputed from events and never incremented.

The unit of work is a day of the reporting zone. Its dirty slots are summed from events outside any write
transaction. A short transaction then replaces the rows of each slot whose mark has not changed since before
the events were read. When a day has no marks left, its day rows are made from its slot rows in the same
transaction. So at every commit, a slot without a mark has true slot rows, and a day without marks has true
day rows.

A day of many rows is replaced in several short transactions. A roller claims such a day by giving one of its
marks a generation of its own, and clears this mark last. The day has a mark until then, so nobody reads its
day rows. Another roller that works on the day clears the mark or replaces its generation, because rollers
read all marks of a day at once. So a mark that still has the generation of the claim proves that nobody else
has changed the rows of the day.

Rows are additive. A sum too large for a 64-bit cell is spread over several rows with the same dimensions.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final, NamedTuple

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
_Claim = tuple[int, int]
"""A slot of a day and the generation of its mark."""
_MOST_ROWS: Final = 2_000
"""Rows in one transaction, so that it is short."""


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
        generations = _marks(connection, day)
        earlier_rows = _count_slot_rows(connection, day)
    if not generations:
        return 0
    if earlier_rows > _MOST_ROWS:
        return _roll_large_day(ledger, day)
    with ledger.reading() as connection:
        rows = _slot_rows(connection, ledger, day, generations.keys())
    if earlier_rows + len(rows) > _MOST_ROWS:
        return _roll_large_day(ledger, day)
    with ledger.writing() as connection:
        dialects.lock_by_name(connection, "rollup")
        cleared = dirty_slots.clear(connection, generations)
        for slots in dialects.chunks(sorted(cleared)):
            connection.execute(rollup_slot.delete().where(rollup_slot.c.slot.in_(slots)))
        _insert(connection, rollup_slot, _SLOT_COLUMNS, [row for row in rows if row[0] in cleared])
        if not connection.execute(sa.select(sa.exists().where(dirty_slot.c.day == day))).scalar_one():
            _replace_day(connection, day)
    return len(cleared)


def _marks(connection: sa.Connection, day: int) -> dict[int, int]:
    """The marks of a day: their generations by slot."""
    query = sa.select(dirty_slot.c.slot, dirty_slot.c.generation).where(dirty_slot.c.day == day)
    return dict(connection.execute(query).all())


def _count_slot_rows(connection: sa.Connection, day: int) -> int:
    """The number of a day's slot rows, counted no further than it matters."""
    some = sa.select(rollup_slot.c.day).where(rollup_slot.c.day == day).limit(_MOST_ROWS + 1)
    return connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()


def _roll_large_day(ledger: Ledger, day: int) -> int:
    """Make the rollups of a day in several transactions; how many slots became clean."""
    claim = _claim_day(ledger, day)
    if claim is None:
        return 0
    with ledger.reading() as connection:
        generations = _marks(connection, day)
        if generations.get(claim[0]) != claim[1]:
            return 0
        rows = _slot_rows(connection, ledger, day, generations.keys())
    cleaned = 0
    for parts in _transactions(rows, generations):
        cleared = _write_slots(ledger, claim, parts)
        if cleared is None:
            return cleaned
        cleaned += cleared
    return cleaned + _finish_day(ledger, day, claim)


def _claim_day(ledger: Ledger, day: int) -> _Claim | None:
    """Give the first mark of a day a generation of its own."""
    with ledger.writing() as connection:
        dialects.lock_by_name(connection, "rollup")
        marks = _marks(connection, day)
        return (min(marks), dirty_slots.mark_again(connection, min(marks))) if marks else None


class _Part(NamedTuple):
    """Rows of a slot that are written in one transaction."""

    slot: int
    generation: int
    rows: Sequence[Sums]
    is_first: bool
    is_last: bool


def _transactions(rows: Sequence[Sums], generations: dict[int, int]) -> Iterator[list[_Part]]:
    """The rows of slots in parts, and the parts of each transaction."""
    by_slot: dict[int, list[Sums]] = {slot: [] for slot in sorted(generations)}
    for row in rows:
        by_slot[row[0]].append(row)
    waiting: list[_Part] = []
    for slot, of_slot in by_slot.items():
        pieces = dialects.chunks(of_slot, _MOST_ROWS) or [[]]
        for number, piece in enumerate(pieces, start=1):
            if sum(len(part.rows) for part in waiting) + len(piece) > _MOST_ROWS:
                yield waiting
                waiting = []
            waiting.append(_Part(slot, generations[slot], piece, number == 1, number == len(pieces)))
    yield waiting


def _write_slots(ledger: Ledger, claim: _Claim, parts: Sequence[_Part]) -> int | None:
    """Write parts of slots whose marks have not changed, and clear the marks of complete slots.

    The claim's mark stays. Returns the number of cleared marks, or None if the claim is lost.
    """
    with ledger.writing() as connection:
        marks = _claimed_marks(connection, claim)
        if marks is None:
            return None
        standing = [part for part in parts if marks.get(part.slot) == part.generation]
        for slots in dialects.chunks([part.slot for part in standing if part.is_first]):
            connection.execute(rollup_slot.delete().where(rollup_slot.c.slot.in_(slots)))
        _insert(connection, rollup_slot, _SLOT_COLUMNS, [row for part in standing for row in part.rows])
        complete = {part.slot: part.generation for part in standing if part.is_last}
        complete.pop(claim[0], None)
        return len(dirty_slots.clear(connection, complete)) if complete else 0


def _claimed_marks(connection: sa.Connection, claim: _Claim) -> dict[int, int] | None:
    """The marks of the day of a claim; None if the claim is lost."""
    dialects.lock_by_name(connection, "rollup")
    day = sa.select(dirty_slot.c.day).where(dirty_slot.c.slot == claim[0]).scalar_subquery()
    query = sa.select(dirty_slot.c.slot, dirty_slot.c.generation).where(dirty_slot.c.day == day)
    marks = dict(connection.execute(query).all())
    return marks if marks.get(claim[0]) == claim[1] else None


def _finish_day(ledger: Ledger, day: int, claim: _Claim) -> int:
    """Write the day rows if the claim is the day's last mark, and clear it; how many slots became clean."""
    with ledger.reading() as connection:
        is_last_mark = _marks(connection, day) == dict([claim])
        tables = _day_rows(connection, day) if is_last_mark else []
    for table, columns, rows in tables:
        for number, part in enumerate(dialects.chunks(rows, _MOST_ROWS) or [[]]):
            with ledger.writing() as connection:
                if _claimed_marks(connection, claim) is None:
                    return 0
                if number == 0:
                    connection.execute(table.delete().where(table.c.day == day))
                _insert(connection, table, columns, part)
    with ledger.writing() as connection:
        marks = _claimed_marks(connection, claim)
        if marks is None or (len(marks) == 1 and not is_last_mark):
            return 0
        # Another mark, if there is one, guards the day in place of the claim.
        return len(dirty_slots.clear(connection, dict([claim])))


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
    for table, columns, rows in _day_rows(connection, day):
        connection.execute(table.delete().where(table.c.day == day))
        _insert(connection, table, columns, rows)


def _day_rows(connection: sa.Connection, day: int) -> list[tuple[sa.Table, Sequence[str], list[Sums]]]:
    """A day's rows by its slot rows: each table with its columns and rows."""
    tables: list[tuple[sa.Table, Sequence[str], list[Sums]]] = []
    for table, dimensions in DAY_ROLLUPS:
        query, keys = _sums_of_slots(dimensions)
        merged_rows = (merged(row, keys, histogram.merge) for row in connection.execute(query, {"day": day}))
        rows = [part for row in merged_rows for part in _spread(row, keys)]
        tables.append((table, (*DAY_TIME, *dimensions, *MEASURES, *_HISTOGRAMS), rows))
    return tables


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
