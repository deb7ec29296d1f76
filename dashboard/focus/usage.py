"""A day's calls as sums, read from rollups where those are true and from events where they are not.

What is read is one row for everything that a charge keeps apart and the ledger sums: who, what, at which prices. Calls that
are free are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from dashboard.focus.span import Day
from dashboard.measures import SMALL, sums
from dashboard.restriction import term_id
from ingest.event import UsageEvent
from ingest.ledger.recall import stream_calls
from ingest.ledger.rollups import join_sum
from ingest.ledger.tables import dirty_slot, rollup_day, rollup_slot, term, usage_event
from ingest.pricing.charge import COMPONENTS

COUNTS: Final = (
    "requests",
    "input_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "total_tokens",
    "search_queries",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "pages",
    "search_units",
)
SUMS: Final = (*COUNTS, *COMPONENTS, "total_cost", "contracted_total")
"""What is summed, in order."""

_TERMS: Final = ("currency", "provider", "model", "service_tier", "cost_source")

Column = sa.ColumnElement[Any]


class Place(NamedTuple):
    """What a sum is about: ids of the ledger."""

    day: int
    """Of the reporting zone."""
    currency_id: int
    provider_id: int
    model_id: int
    service_tier_id: int | None
    cost_source_id: int
    cache_hit: bool | None
    price_set_id: int | None
    attribution_id: int

    @property
    def terms(self) -> tuple[int | None, ...]:
        """The ids of texts."""
        return (
            self.currency_id,
            self.provider_id,
            self.model_id,
            self.service_tier_id,
            self.cost_source_id,
        )


@dataclass(frozen=True, slots=True)
class Branch:
    """A source of sums: a table, what it is joined from, and which of its rows count."""

    table: sa.Table
    day: Column | None
    """The column with the day of the reporting zone; None where it is the day that is asked for."""
    where: tuple[Column, ...]
    source: sa.FromClause


def sums_of(
    connection: sa.Connection, day: Day, *, is_ledger_day: bool, until: int | None = None
) -> Iterator[tuple[Place, list[int]]]:
    """The sums of a day, several of one place to be added.

    `is_ledger_day` says that it is a day of the zone that the ledger reports in. With `until`, which only such a day may have,
    calls that came in after the one of that number are taken off again.
    """
    has_marks = sa.exists().where(dirty_slot.c.slot >= day.start, dirty_slot.c.slot < day.end)
    is_dirty = connection.execute(sa.select(has_marks)).scalar_one()
    for branch in _branches(day, is_ledger_day=is_ledger_day, is_dirty=is_dirty):
        yield from _read(connection, branch, day)
    if until is not None and (late := _late(connection, day, until)) is not None:
        for place, sums in _read(connection, late, day):
            yield place, [-one for one in sums]


def _read(connection: sa.Connection, branch: Branch, day: Day) -> Iterator[tuple[Place, list[int]]]:
    for row in connection.execute(_select(branch, day)):
        yield Place(*row[: len(Place._fields)]), _joined(row[len(Place._fields) :])


def calls_of(
    connection: sa.Connection, day: Day, price_sets: Sequence[int], until: int | None = None
) -> Iterator[tuple[UsageEvent, int, int]]:
    """Calls of a day that were computed at one of these price sets, each with its price set and attribution."""
    c = usage_event.c
    where = [
        c.occurred_at >= day.start,
        c.occurred_at < day.end,
        c.price_set_id.in_(price_sets),
        c.cost_source_id == term_id("computed"),
    ]
    if until is not None:
        where.append(c.seq <= until)
    for event, values in stream_calls(connection, where, ("price_set_id", "attribution_id")):
        yield event, values["price_set_id"], values["attribution_id"]


def _branches(day: Day, *, is_ledger_day: bool, is_dirty: bool) -> Iterator[Branch]:
    if is_ledger_day and not is_dirty:
        yield Branch(rollup_day, rollup_day.c.day, (rollup_day.c.day == day.number,), rollup_day)
        return
    slot = rollup_slot.c.slot
    clean = slot.not_in(sa.select(dirty_slot.c.slot))
    yield Branch(rollup_slot, rollup_slot.c.day, (slot >= day.start, slot < day.end, clean), rollup_slot)
    if is_dirty:
        at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
        inside = (at >= dirty_slot.c.slot) & (at < dirty_slot.c.slot_end)
        in_day = (dirty_slot.c.slot >= day.start, dirty_slot.c.slot < day.end)
        yield Branch(usage_event, dirty_slot.c.day, in_day, dirty_slot.join(usage_event, inside))


def _late(connection: sa.Connection, day: Day, until: int) -> Branch | None:
    """The calls of a day of the reporting zone that came in after the one of that number; None where there are none."""
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    where = (at >= day.start, at < day.end, usage_event.c.seq > until)
    if not connection.execute(sa.select(sa.exists().where(*where))).scalar_one():
        return None
    return Branch(usage_event, None, where, usage_event)


def _select(branch: Branch, day: Day) -> sa.Select[Any]:
    table = branch.table
    keys = [*(table.c[f"{name}_id"] for name in _TERMS)]
    keys += [table.c.cache_hit, table.c.price_set_id, table.c.attribution_id]
    days = [] if branch.day is None else [branch.day]
    number = sa.literal(day.number) if branch.day is None else branch.day
    summed = [column for name in SUMS for column in sums(table, name)]
    # A ledger that has no free call does not know the word, and nothing is unlike what is not known.
    free = sa.select(term.c.term_id).where(term.c.text == "free")
    costly = table.c.cost_source_id.not_in(free)
    select = sa.select(number, *keys, *summed).select_from(branch.source)
    return select.where(*branch.where, costly).group_by(*days, *keys)


def _joined(columns: Sequence[Any]) -> list[int]:
    at = iter(columns)
    return [int(next(at) or 0) if name in SMALL else join_sum(next(at) or 0, next(at) or 0) for name in SUMS]
