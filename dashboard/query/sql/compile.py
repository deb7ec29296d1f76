"""From a question and its plan to one SELECT, which reads marks, rollups and events in one snapshot.

The rows of each source (`dashboard.query.sql.true_rows`) are grouped by themselves; the outer SELECT joins owners to what is left
and groups once more. How a measure is summed stands in `dashboard.query.sql.measures`.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query import catalogue
from dashboard.query.plan import Plan, kinds_of, plan
from dashboard.query.question import SpendQuery
from dashboard.query.sql.filters import Owners, restrictions, term_id
from dashboard.query.sql.measures import again, sum_columns, sums
from dashboard.query.sql.time_buckets import bucket_at, bucket_of
from dashboard.query.sql.true_rows import CALL_TIME, Source, cut_events, events, true_rows
from ingest.ledger import dialects
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import DAY_ROLLUPS, attribution, usage_event
from ingest.ledger.tables.ownership import owned
from ingest.model.zone import Zone

ALWAYS: Final = ("requests", "unpriced_requests")

Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Compiled:
    """A statement and what its columns are, in order: `columns`, then the sums of `measures`."""

    select: sa.Select[Any]
    columns: tuple[str, ...]
    """The question's dimensions by their keys. Then `currency`, where there is money and no such dimension; `parts` and
    `whole`, the part that owners have of a call, where calls are assigned; `rate_day`, the day of a call, where other
    currencies are converted (none for calls in the currency asked for)."""
    measures: tuple[str, ...]


@dataclass(frozen=True)
class _Grouping:
    """What rows are grouped by."""

    query: SpendQuery
    by_currency: bool
    """Whether money is kept apart by currency though the question has no such dimension."""
    by_share: bool
    """Whether owners are those that assignments name."""
    by_rate_day: bool
    """Whether the calls of each day are converted to the question's currency."""
    computed_time: bool
    """Whether the bucket of a call is computed from its instant."""


@lru_cache(maxsize=512)
def compile_query(query: SpendQuery, zone: Zone, keyring: KeyRing, *, by_share: bool = False) -> Compiled:
    """The statement that answers a rewritten question from a ledger that reports in `zone`.

    A question about owners (`asks_owners`) of a ledger in which calls have been assigned is to be answered `by_share`.

    Pages ask the same questions over and over, and building a statement takes longer than many an answer.
    """
    chosen, measures = plan(query, zone), measures_of(query)
    grouping = _Grouping(
        query,
        by_currency="currency" not in query.dimensions and asks_money(query),
        by_share=by_share,
        by_rate_day=query.currency is not None and asks_money(query),
        computed_time=chosen.computed_time,
    )
    sources = _sources(query, zone, chosen)
    part = sa.union_all(*(_sums(source, grouping, measures, keyring) for source in sources)).subquery("part")
    outer = _outer_columns(part, grouping)
    keys = [column.label(f"k{index}") for index, column in enumerate(outer.values())]
    joined: sa.FromClause = part
    if "who" in part.c:
        joined = joined.outerjoin(attribution, attribution.c.attribution_id == part.c.who)
    if by_share:
        joined = joined.outerjoin(owned, owned.c.number == part.c.owned_number)
    summed = [again(part.c[name], name) for name in sum_columns(measures)]
    select = sa.select(*keys, *summed).select_from(joined).group_by(*(column.name for column in keys))
    return Compiled(select, tuple(outer), measures)


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


def _sources(query: SpendQuery, zone: Zone, chosen: Plan) -> list[Source]:
    if chosen.grain == "event":
        day = bucket_at(replace(query, interval="day", zone=zone.name), CALL_TIME)
        after = () if query.after_call is None else (usage_event.c.seq > query.after_call,)
        return [events(chosen.whole, day, *after)]
    return [*true_rows(chosen, _smallest(query)), *(cut_events(cut) for cut in chosen.cuts)]


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


def _sums(source: Source, grouping: _Grouping, measures: tuple[str, ...], keyring: KeyRing) -> sa.Select[Any]:
    """The measures of a source's rows, summed."""
    keys = _inner_columns(source, grouping)
    columns = [column.label(name) for name, column in keys.items()]
    summed = [column for measure in measures for column in sums(source.table, measure)]
    owners: Owners = "joined" if grouping.by_share else "said"
    filtered = restrictions(grouping.query.filters, source.table, keyring, owners=owners)
    joined = source.joined
    if grouping.by_share:
        joined = joined.outerjoin(owned, _owned_then(source))
    # Grouping by name: a bound parameter in a repeated expression is another parameter to PostgreSQL.
    select = sa.select(*columns, *summed).select_from(joined)
    return select.where(*source.where, *filtered).group_by(*keys)


def _owned_then(source: Source) -> Column:
    """Whether a row of `owned` is about the attribution and the day of a row of the source."""
    same = owned.c.attribution_id == source.table.c.attribution_id
    if source.table is not usage_event:
        return same & (owned.c.first_day <= source.day) & (owned.c.end_day > source.day)
    return same & (owned.c.first_at <= CALL_TIME) & (owned.c.end_at > CALL_TIME)


def _inner_columns(source: Source, grouping: _Grouping) -> dict[str, Column]:
    """What the rows of a source are grouped by, by name: what the outer SELECT needs for its columns."""
    columns = dict(
        _inner_column(key, index, source, grouping) for index, key in enumerate(grouping.query.dimensions)
    )
    if grouping.by_currency:
        columns["currency_id"] = source.table.c.currency_id
    if grouping.by_share:
        columns["owned_number"] = owned.c.number
    if grouping.by_rate_day:
        columns["rate_day"] = _rate_day(source, grouping.query.currency or "")
    return columns


def _inner_column(key: str, index: int, source: Source, grouping: _Grouping) -> tuple[str, Column]:
    """The column that a dimension is made from, and its name."""
    table = source.table
    found = catalogue.dimension(key)
    match found.kind if found else "none":
        case "time":
            return "time", _bucket(source, grouping)
        case "term":
            return f"{key}_id", table.c[f"{key}_id"]
        case "person" | "owner" | "place":
            return "who", table.c.attribution_id
        case "label":
            text = key.removeprefix(catalogue.LABEL_PREFIX)
            return f"label_{index}", dialects.label(table.c.labels, text)
        case _:
            return key, table.c[key]


def _bucket(source: Source, grouping: _Grouping) -> Column:
    """The time bucket of a row."""
    if grouping.computed_time and source.instant is not None:
        return bucket_at(grouping.query, source.instant)
    if source.clock is None:
        raise LookupError("these rows have no bucket of the ledger's own")
    return bucket_of(grouping.query, source.clock)


def _rate_day(source: Source, currency: str) -> Column:
    """The day of a row in another currency than this one."""
    return sa.case((source.table.c.currency_id == term_id(currency), sa.null()), else_=source.day)


def _outer_columns(part: sa.Subquery, grouping: _Grouping) -> dict[str, Column]:
    """The columns before the sums, by the names that `Compiled.columns` tells."""
    columns = {
        key: _outer_column(key, index, part, by_share=grouping.by_share)
        for index, key in enumerate(grouping.query.dimensions)
    }
    if grouping.by_currency:
        columns["currency"] = part.c.currency_id
    if grouping.by_share:
        columns["parts"] = sa.func.coalesce(owned.c.parts, 1)
        columns["whole"] = sa.func.coalesce(owned.c.whole, 1)
    if grouping.by_rate_day:
        columns["rate_day"] = part.c.rate_day
    return columns


def _outer_column(key: str, index: int, part: sa.Subquery, *, by_share: bool) -> Column:
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
