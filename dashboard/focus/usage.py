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
from ingest.ledger.recall import stream
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
    day: Column
    where: tuple[Column, ...]
    source: sa.FromClause


def sums_of(connection: sa.Connection, day: Day, *, is_ledger_day: bool) -> Iterator[tuple[Place, list[int]]]:
    """The sums of a day. `is_ledger_day` says that it is a day of the zone that the ledger reports in."""
    has_marks = sa.exists().where(dirty_slot.c.slot >= day.start, dirty_slot.c.slot < day.end)
    is_dirty = connection.execute(sa.select(has_marks)).scalar_one()
    for branch in _branches(day, is_ledger_day=is_ledger_day, is_dirty=is_dirty):
        for row in connection.execute(_select(branch)):
            yield Place(*row[: len(Place._fields)]), _joined(row[len(Place._fields) :])


def calls_of(
    connection: sa.Connection, day: Day, price_sets: Sequence[int]
) -> Iterator[tuple[UsageEvent, int, int]]:
    """Calls of a day that were computed at one of these price sets, each with its price set and attribution."""
    c = usage_event.c
    where = (
        c.occurred_at >= day.start,
        c.occurred_at < day.end,
        c.price_set_id.in_(price_sets),
        c.cost_source_id == term_id("computed"),
    )
    for event, values in stream(connection, where, ("price_set_id", "attribution_id")):
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


def _select(branch: Branch) -> sa.Select[Any]:
    table = branch.table
    keys = [branch.day, *(table.c[f"{name}_id"] for name in _TERMS)]
    keys += [table.c.cache_hit, table.c.price_set_id, table.c.attribution_id]
    summed = [column for name in SUMS for column in sums(table, name)]
    # A ledger that has no free call does not know the word, and nothing is unlike what is not known.
    free = sa.select(term.c.term_id).where(term.c.text == "free")
    costly = table.c.cost_source_id.not_in(free)
    return sa.select(*keys, *summed).select_from(branch.source).where(*branch.where, costly).group_by(*keys)


def _joined(columns: Sequence[Any]) -> list[int]:
    at = iter(columns)
    return [int(next(at) or 0) if name in SMALL else join_sum(next(at) or 0, next(at) or 0) for name in SUMS]
