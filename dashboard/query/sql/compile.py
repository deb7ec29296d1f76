"""Compiling: one SELECT for a question and its plan. It reads marks, rollups and events in one snapshot.

Each source of `dashboard.query.sql.true_rows` is grouped by itself. The outer SELECT joins owners to the
groups and groups them again. `dashboard.query.sql.measures` has the sums of each measure.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query import catalogue
from dashboard.query.plan import Plan, kinds_of, plan
from dashboard.query.question import SpendQuery
from dashboard.query.sql.filters import OwnerLookup, restrictions, term_id
from dashboard.query.sql.measures import resum, sum_column_names, sum_columns
from dashboard.query.sql.time_buckets import bucket_at, bucket_of
from dashboard.query.sql.true_rows import CALL_TIME, Source, events, new_after, partial_slot_events, true_rows
from ingest.ledger import dialects
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import DAY_ROLLUPS, attribution, usage_event
from ingest.ledger.tables.ownership import owned
from ingest.model.zone import Zone

ALWAYS: Final = ("requests", "unpriced_requests")

Column = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Compiled:
    """A statement. Its columns are, in order, `columns` and the sums of `measures`."""

    select: sa.Select[Any]
    columns: tuple[str, ...]
    """The keys of the question's dimensions, then those of these columns that the answer needs: `currency`,
    if there is money and no such dimension; `parts` and `whole`, the owner's share of a call, if calls are
    assigned; `rate_day`, the day of a call, if other currencies are converted (NULL for calls in the currency
    of the answer)."""
    measures: tuple[str, ...]


@dataclass(frozen=True)
class _Grouping:
    """What rows are grouped by, beside the dimensions of the question."""

    query: SpendQuery
    by_currency: bool
    """Whether to group by currency, for money in a question without this dimension."""
    by_share: bool
    """Whether owners are read from assignments."""
    by_rate_day: bool
    """Whether to group by day, for the exchange rates of other currencies."""
    has_computed_time: bool
    """Whether the time bucket of a call is computed from its instant."""


@lru_cache(maxsize=512)
def compile_query(query: SpendQuery, zone: Zone, keyring: KeyRing, *, by_share: bool = False) -> Compiled:
    """The statement that answers a rewritten question from a ledger that reports in `zone`.

    Pass `by_share=True` for a question about owners (`asks_owners`) if the ledger has assignments.

    Statements are cached: pages repeat their questions, and building a statement often takes longer than
    running it.
    """
    chosen, measures = plan(query, zone), measures_of(query)
    grouping = _Grouping(
        query,
        by_currency="currency" not in query.dimensions and asks_money(query),
        by_share=by_share,
        by_rate_day=query.currency is not None and asks_money(query),
        has_computed_time=chosen.has_computed_time,
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
    summed = [resum(part.c[name], name) for name in sum_column_names(measures)]
    select = sa.select(*keys, *summed).select_from(joined).group_by(*(column.name for column in keys))
    return Compiled(select, tuple(outer), measures)


def asks_money(query: SpendQuery) -> bool:
    """Whether the question asks for amounts of money."""
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
        after = () if query.after_call is None else new_after(query.after_call)
        return [events(chosen.instants, day, *after)]
    partial_slots = (partial_slot_events(partial_slot) for partial_slot in chosen.partial_slots)
    return [*true_rows(chosen, _smallest_day_rollup(query)), *partial_slots]


def _smallest_day_rollup(query: SpendQuery) -> sa.Table:
    """The smallest day rollup that has all dimensions of the question and of its filters."""
    columns = {
        column
        for key in (*query.dimensions, *(f.dimension for f in query.filters))
        for column in _rollup_columns(key)
    }
    return next(table for table, dimensions in DAY_ROLLUPS if columns <= set(dimensions))


def _rollup_columns(key: str) -> tuple[str, ...]:
    """The columns of a rollup that a dimension is read from."""
    match catalogue.kind_of(key):
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
    summed = [column for measure in measures for column in sum_columns(source.table, measure)]
    owners: OwnerLookup = "joined" if grouping.by_share else "gateway"
    filtered = restrictions(grouping.query.filters, source.table, keyring, owners=owners)
    joined = source.joined
    if grouping.by_share:
        joined = joined.outerjoin(owned, _is_owned_then(source))
    # Grouping by name: a bound parameter in a repeated expression is another parameter to PostgreSQL.
    select = sa.select(*columns, *summed).select_from(joined)
    return select.where(*source.where, *filtered).group_by(*keys)


def _is_owned_then(source: Source) -> Column:
    """Whether a row of `owned` is about the attribution and the day of a row of the source."""
    is_same = owned.c.attribution_id == source.table.c.attribution_id
    if source.table is not usage_event:
        return is_same & (owned.c.first_day <= source.day) & (owned.c.end_day > source.day)
    return is_same & (owned.c.first_at <= CALL_TIME) & (owned.c.end_at > CALL_TIME)


def _inner_columns(source: Source, grouping: _Grouping) -> dict[str, Column]:
    """The columns by which the rows of a source are grouped, by name. The outer SELECT reads them."""
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
    """The name and the column that a dimension is read from."""
    table = source.table
    match catalogue.kind_of(key):
        case "time":
            return "time", _bucket(source, grouping)
        case "term" | "event_term" | "codes":
            column = catalogue.column_of(key)
            return column, table.c[column]
        case "person" | "owner" | "place":
            return "who", table.c.attribution_id
        case "label":
            text = key.removeprefix(catalogue.LABEL_PREFIX)
            return f"label_{index}", dialects.label(table.c.labels, text)
        case _:
            return key, table.c[key]


def _bucket(source: Source, grouping: _Grouping) -> Column:
    """The time bucket of a row."""
    if grouping.has_computed_time and source.instant is not None:
        return bucket_at(grouping.query, source.instant)
    if source.local_time is None:
        raise LookupError("these rows have no bucket of the ledger's own")
    return bucket_of(grouping.query, source.local_time)


def _rate_day(source: Source, currency: str) -> Column:
    """The day of a row that was paid in another currency; NULL for rows in `currency`."""
    return sa.case((source.table.c.currency_id == term_id(currency), sa.null()), else_=source.day)


def _outer_columns(part: sa.Subquery, grouping: _Grouping) -> dict[str, Column]:
    """The columns before the sums, by the names in `Compiled.columns`."""
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
    match catalogue.kind_of(key):
        case "term" | "event_term" | "codes":
            return part.c[catalogue.column_of(key)]
        case "person" | "place":
            return attribution.c[f"{key}_id"]
        case "owner":
            return _owner(key, by_share=by_share)
        case "label":
            return part.c[f"label_{index}"]
        case _:
            return part.c[key]


def _owner(key: str, *, by_share: bool) -> Column:
    """The owner by assignment; for calls without assignment the owner that the gateway named."""
    of_gateway = sa.cast(sa.null(), sa.BigInteger) if key == "cost_center" else attribution.c[f"{key}_id"]
    if not by_share:
        return of_gateway
    return sa.case((owned.c.number.is_not(None), owned.c[f"{key}_id"]), else_=of_gateway)
