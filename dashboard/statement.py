"""From a question and its plan to one SELECT, which reads marks, rollups and events in one snapshot.

Every branch of the UNION ALL is grouped by itself; the outer SELECT joins owners to what is left and groups once more.
How a measure is summed stands in `dashboard.measures`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from dashboard import catalogue
from dashboard.clock import bucket_at, bucket_of
from dashboard.measures import again, sum_columns, sums
from dashboard.plan import Cut, Plan, Stretch, kinds_of, plan
from dashboard.question import SpendQuery
from dashboard.restriction import restrictions, term_id
from ingest.ledger import dialects
from ingest.ledger.ownership_tables import owned
from ingest.ledger.secrets import KeyRing
from ingest.ledger.tables import (
    DAY_ROLLUPS,
    attribution,
    dirty_slot,
    rollup_slot,
    usage_event,
)
from ingest.model.zone import HOUR, Zone

ALWAYS: Final = ("requests", "unpriced_requests")
_LONGEST_DAY: Final = 25 * HOUR

Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Compiled:
    """A statement and what its columns are, in order.

    Dimensions, the currency where there is money, the parts that owners have of a call and their whole where calls are
    assigned, the day where other currencies are converted (none for calls in the one asked for), measures.
    """

    select: sa.Select[Any]
    by_currency: bool
    by_share: bool
    by_day: bool
    measures: tuple[str, ...]


@dataclass(frozen=True)
class _Branch:
    """One source of rows: the table that holds dimensions and measures, its bucket of time, its day, its conditions.

    The day is that of the ledger's zone.
    """

    table: sa.Table
    time: Column
    day: Column
    where: tuple[Column, ...]
    source: sa.FromClause | None = None

    @property
    def owned_then(self) -> Column:
        """Whether a row of `owned` is about the attribution and the day of a row of this branch."""
        same = owned.c.attribution_id == self.table.c.attribution_id
        if self.table is not usage_event:
            day = self.table.c.day
            return same & (owned.c.first_day <= day) & (owned.c.end_day > day)
        at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
        return same & (owned.c.first_at <= at) & (owned.c.end_at > at)


@lru_cache(maxsize=512)
def compile_query(query: SpendQuery, zone: Zone, keyring: KeyRing, *, by_share: bool = False) -> Compiled:
    """The statement that answers a rewritten question from a ledger that reports in `zone`.

    A question about owners (`asks_owners`) of a ledger in which calls have been assigned is to be answered `by_share`.

    Pages ask the same questions over and over, and building a statement takes longer than many an answer.
    """
    measures = measures_of(query)
    by_currency = "currency" not in query.dimensions and asks_money(query)
    keys = _inner_keys(query, by_currency=by_currency)
    if by_share:
        keys["owned_number"] = lambda _: owned.c.number
    by_day = query.currency is not None and asks_money(query)
    if by_day:
        keys["rate_day"] = lambda branch: _day_abroad(branch, query.currency or "")
    branches = [_grouped(branch, keys, measures, query, keyring) for branch in _branches(query, zone)]
    part = sa.union_all(*branches).subquery("part")
    outer = [
        *_outer_keys(query, part, by_share=by_share),
        *([part.c.currency_id] if by_currency else []),
        *([sa.func.coalesce(owned.c[name], 1) for name in ("parts", "whole")] if by_share else []),
        *([part.c.rate_day] if by_day else []),
    ]
    named = [column.label(f"k{index}") for index, column in enumerate(outer)]
    source: sa.FromClause = part
    if "who" in keys:
        source = source.outerjoin(attribution, attribution.c.attribution_id == part.c.who)
    if by_share:
        source = source.outerjoin(owned, owned.c.number == part.c.owned_number)
    summed = [again(part.c[name], name) for name in sum_columns(measures)]
    select = sa.select(*named, *summed).select_from(source).group_by(*(column.name for column in named))
    return Compiled(select, by_currency, by_share, by_day, measures)


def asks_money(query: SpendQuery) -> bool:
    """Whether the answer holds amounts of money."""
    return any(catalogue.METRICS[metric].is_money for metric in query.metrics)


def asks_owners(query: SpendQuery) -> bool:
    """Whether the question groups by owners or filters on them."""
    return "owner" in kinds_of(query)


def measures_of(query: SpendQuery) -> tuple[str, ...]:
    """The measures that the question's metrics need, each once."""
    needs = (need for metric in query.metrics for need in catalogue.METRICS[metric].needs)
    return tuple(dict.fromkeys((*ALWAYS, *needs)))


def _branches(query: SpendQuery, zone: Zone) -> list[_Branch]:
    chosen = plan(query, zone)
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    if chosen.grain == "event":
        day = bucket_at(replace(query, interval="day", zone=zone.name), at)
        between = _between(usage_event.c.occurred_at, chosen.whole)
        if query.after_call is not None:
            between = (*between, usage_event.c.seq > query.after_call)
        return [_Branch(usage_event, bucket_at(query, at), day, between)]
    found = [
        *_day_branches(query, chosen),
        *(_slot_branch(query, chosen, stretch) for stretch in chosen.slots),
    ]
    if chosen.whole.start < chosen.whole.end:
        found.append(_dirty_branch(query, chosen, at))
    return found + [_cut_branch(query, chosen, cut, at) for cut in chosen.cuts]


def _day_branches(query: SpendQuery, chosen: Plan) -> list[_Branch]:
    """Clean days from the day rollup; the clean slots of dirty days from the slot rollup."""
    if chosen.days is None:
        return []
    table = _smallest(query)
    in_days = _between(dirty_slot.c.day, chosen.days)
    clean = table.c.day.not_in(sa.select(dirty_slot.c.day).where(*in_days))
    bounds = (
        sa.select(
            dirty_slot.c.day,
            (sa.func.min(dirty_slot.c.slot) - _LONGEST_DAY).label("first"),
            (sa.func.max(dirty_slot.c.slot) + _LONGEST_DAY).label("last"),
        )
        .where(*in_days)
        .group_by(dirty_slot.c.day)
        .subquery("dirty_day")
    )
    # Bounds on the slot beside the day itself: the slot is what the rollup is indexed by.
    inside = (
        (rollup_slot.c.slot >= bounds.c.first)
        & (rollup_slot.c.slot < bounds.c.last)
        & (rollup_slot.c.day == bounds.c.day)
    )
    return [
        _Branch(table, bucket_of(query, table), table.c.day, (*_between(table.c.day, chosen.days), clean)),
        _Branch(
            rollup_slot,
            bucket_of(query, rollup_slot),
            rollup_slot.c.day,
            (_clean_slot(),),
            bounds.join(rollup_slot, inside),
        ),
    ]


def _smallest(query: SpendQuery) -> sa.Table:
    """The smallest day rollup that keeps apart everything the question groups by or filters on."""
    asked = {
        column
        for key in (*query.dimensions, *(f.dimension for f in query.filters))
        for column in _held_in(key)
    }
    return next(table for table, dimensions in DAY_ROLLUPS if asked <= set(dimensions))


def _held_in(key: str) -> tuple[str, ...]:
    """The columns of a rollup that hold a dimension."""
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "term":
            return (f"{key}_id",)
        case "person" | "owner" | "place":
            return ("attribution_id",)
        case "flag":
            return (key,)
        case _:
            return ()


def _slot_branch(query: SpendQuery, chosen: Plan, stretch: Stretch) -> _Branch:
    slot = rollup_slot.c.slot
    time = bucket_at(query, slot) if chosen.computed_time else bucket_of(query, rollup_slot)
    return _Branch(rollup_slot, time, rollup_slot.c.day, (*_between(slot, stretch), _clean_slot()))


def _dirty_branch(query: SpendQuery, chosen: Plan, at: Column) -> _Branch:
    inside = (usage_event.c.occurred_at >= dirty_slot.c.slot) & (
        usage_event.c.occurred_at < dirty_slot.c.slot_end
    )
    time = bucket_at(query, at) if chosen.computed_time else bucket_of(query, dirty_slot)
    source = dirty_slot.join(usage_event, inside)
    return _Branch(usage_event, time, dirty_slot.c.day, _between(dirty_slot.c.slot, chosen.whole), source)


def _cut_branch(query: SpendQuery, chosen: Plan, cut: Cut, at: Column) -> _Branch:
    time = bucket_at(query, at) if chosen.computed_time else bucket_of(query, cut.slot)
    day = sa.literal(cut.slot.day, sa.Integer)
    return _Branch(usage_event, time, day, _between(usage_event.c.occurred_at, cut.stretch))


def _day_abroad(branch: _Branch, currency: str) -> Column:
    """The day of a row in another currency than this one."""
    return sa.case((branch.table.c.currency_id == term_id(currency), sa.null()), else_=branch.day)


def _clean_slot() -> Column:
    return rollup_slot.c.slot.not_in(sa.select(dirty_slot.c.slot))


def _between(column: sa.Column[Any], stretch: Stretch) -> tuple[Column, ...]:
    return column >= stretch.start, column < stretch.end


def _grouped(
    branch: _Branch,
    keys: dict[str, Callable[[_Branch], Column]],
    measures: tuple[str, ...],
    query: SpendQuery,
    ring: KeyRing,
) -> sa.Select[Any]:
    table = branch.table
    columns = [make(branch).label(name) for name, make in keys.items()]
    summed = [column for measure in measures for column in sums(table, measure)]
    by_share = "owned_number" in keys
    where = (
        *branch.where,
        *restrictions(query.filters, table, ring, owners="joined" if by_share else "said"),
    )
    source = table if branch.source is None else branch.source
    if by_share:
        source = source.outerjoin(owned, branch.owned_then)
    # Grouping by name: a bound parameter in a repeated expression is another parameter to PostgreSQL.
    return sa.select(*columns, *summed).select_from(source).where(*where).group_by(*keys)


def _inner_keys(query: SpendQuery, *, by_currency: bool) -> dict[str, Callable[[_Branch], Column]]:
    """What a branch is grouped by: the columns that the outer SELECT needs for its dimensions."""
    keys: dict[str, Callable[[_Branch], Column]] = {}
    for index, key in enumerate((*query.dimensions, *(("currency",) if by_currency else ()))):
        keys.update(_inner_key(key, index))
    return keys


def _inner_key(key: str, index: int) -> dict[str, Callable[[_Branch], Column]]:
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "time":
            return {"time": lambda branch: branch.time}
        case "term":
            return {f"{key}_id": lambda branch: branch.table.c[f"{key}_id"]}
        case "person" | "owner" | "place":
            return {"who": lambda branch: branch.table.c.attribution_id}
        case "label":
            text = key.removeprefix(catalogue.LABEL_PREFIX)
            return {f"label_{index}": lambda branch: dialects.label(branch.table.c.labels, text)}
        case _:
            return {key: lambda branch: branch.table.c[key]}


def _outer_keys(query: SpendQuery, part: sa.Subquery, *, by_share: bool) -> list[Column]:
    return [_outer_key(key, index, part, by_share=by_share) for index, key in enumerate(query.dimensions)]


def _outer_key(key: str, index: int, part: sa.Subquery, *, by_share: bool) -> Column:
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "term":
            return part.c[f"{key}_id"]
        case "person" | "place":
            return attribution.c[f"{key}_id"]
        case "owner":
            return _owner(key, by_share=by_share)
        case "label":
            return part.c[f"label_{index}"]
        case _:
            return part.c[key]


def _owner(key: str, *, by_share: bool) -> Column:
    """The owner that the assignments name; what the gateway said of a call that they say nothing of."""
    said = sa.cast(sa.null(), sa.BigInteger) if key == "cost_center" else attribution.c[f"{key}_id"]
    if not by_share:
        return said
    return sa.case((owned.c.number.is_not(None), owned.c[f"{key}_id"]), else_=said)
