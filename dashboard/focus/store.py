"""The SQL of an export: a day's sums and calls, the rows behind their ids, and unfinished work."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from dashboard.focus.arrivals import EVERYTHING, Arrivals
from dashboard.focus.export_period import Day, Span
from dashboard.query.plan import Plan, Range
from dashboard.query.sql.filters import term_id
from dashboard.query.sql.measures import sum_columns
from dashboard.query.sql.true_rows import Source, events, known_at, marks_in, new_after, true_rows
from ingest.ledger import dialects
from ingest.ledger.event_reader import stream_calls
from ingest.ledger.price_sets import price_set_of
from ingest.ledger.tables.calls import (
    attribution,
    directory,
    dirty_slot,
    import_batch,
    price_set,
    rollup_day,
    term,
    usage_event,
)
from ingest.ledger.tables.ownership import cost_center, owned
from ingest.model.event import UsageEvent
from ingest.pricing.rates import PriceSet

KEYS: Final = (
    "currency_id",
    "provider_id",
    "model_id",
    "service_tier_id",
    "cost_source_id",
    "cache_hit",
    "price_set_id",
    "attribution_id",
)
"""The columns that a day's sums are grouped by, besides the day of the ledger's zone."""


def daily_sums(
    connection: sa.Connection, day: Day, measures: Sequence[str], *, is_ledger_day: bool
) -> Iterator[Sequence[Any]]:
    """The sums of a day's calls: the day of the ledger's zone, `KEYS`, and the columns of each measure.

    Several rows may have the same keys. Calls that are free are left out. `is_ledger_day` says that it is a
    day of the ledger's reporting zone.
    """
    whole = Range(day.start, day.end)
    if is_ledger_day:
        plan = Plan("day", whole, days=Range(day.number, day.number + 1))
    else:
        plan = Plan("slot", whole, slots=(whole,))
    has_marks = connection.execute(sa.select(sa.exists().where(*marks_in(whole)))).scalar_one()
    for source in true_rows(plan, rollup_day, has_marks=has_marks):
        yield from connection.execute(_sums(source, measures))


def arrived_sums(
    connection: sa.Connection, day: Day, measures: Sequence[str], arrivals: Arrivals
) -> Iterator[Sequence[Any]]:
    """The sums of a ledger day's calls in these ranges of arrival, in the form of `daily_sums`."""
    source = events(Range(day.start, day.end), sa.literal(day.number), _arrived(arrivals))
    if connection.execute(sa.select(sa.exists().where(*source.where))).scalar_one():
        yield from connection.execute(_sums(source, measures))


def _arrived(arrivals: Arrivals) -> sa.ColumnElement[bool]:
    """The condition that the first version of a call came in within these ranges."""
    ranges = (sa.and_(*new_after(after), known_at(until)) for after, until in arrivals)
    return sa.or_(sa.false(), *ranges)


def _sums(source: Source, measures: Sequence[str]) -> sa.Select[Any]:
    table = source.table
    keys = [table.c[name] for name in KEYS]
    summed = [column for measure in measures for column in sum_columns(table, measure)]
    # A ledger without free calls has no such term; NOT IN an empty set is true.
    free = sa.select(term.c.term_id).where(term.c.text == "free")
    select = sa.select(source.day.label("ledger_day"), *keys, *summed).select_from(source.joined)
    select = select.where(*source.where, table.c.cost_source_id.not_in(free))
    # Grouped by label: PostgreSQL takes a bound parameter in a repeated expression for another parameter.
    return select.group_by("ledger_day", *keys)


class PricedCall(NamedTuple):
    """A call with its price set, its attribution and the term of its cost source."""

    event: UsageEvent
    price_set_id: int
    attribution_id: int
    cost_source_id: int


def read_calls(
    connection: sa.Connection, day: Day, price_sets: Sequence[int], arrivals: Arrivals = EVERYTHING
) -> Iterator[PricedCall]:
    """A day's calls with one of these price sets, in these ranges of arrival."""
    c = usage_event.c
    where = [
        c.occurred_at >= day.start,
        c.occurred_at < day.end,
        c.price_set_id.in_(price_sets),
        sa.or_(c.cost_source_id == term_id("computed"), c.cost_source_id == term_id("reported")),
    ]
    if arrivals != EVERYTHING:
        where.append(_arrived(arrivals))
    for event, values in stream_calls(connection, where, PricedCall._fields[1:]):
        yield PricedCall(event, **values)


def price_sets(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, PriceSet]:
    """Price sets by their numbers."""
    rows = _rows(connection, sa.select(price_set), price_set.c.price_set_id, numbers)
    return {row["price_set_id"]: price_set_of(row) for row in rows}


def attributions(connection: sa.Connection, ids: Sequence[int]) -> list[sa.RowMapping]:
    """The attributions with their keys, terms and owners."""
    c = attribution.c
    columns = (
        c.attribution_id,
        c.virtual_key_id,
        c.project_id,
        c.environment_id,
        c.application_id,
        c.team_id,
        c.customer_id,
    )
    return _rows(connection, sa.select(*columns), c.attribution_id, ids)


def owners(connection: sa.Connection, attributions: Sequence[int]) -> list[sa.RowMapping]:
    """The owners of attributions by assignment, in the order of their numbers."""
    select = sa.select(owned).order_by(owned.c.number)
    return _rows(connection, select, owned.c.attribution_id, attributions)


def idents(connection: sa.Connection, entries: Sequence[int]) -> dict[int, str]:
    """The external ids of directory entries."""
    c = directory.c
    rows = _rows(connection, sa.select(c.entry_id, c.ident), c.entry_id, entries)
    return {row["entry_id"]: row["ident"] for row in rows}


def _rows(
    connection: sa.Connection, select: sa.Select[Any], column: sa.Column[Any], values: Sequence[int]
) -> list[sa.RowMapping]:
    """The rows whose column is one of the values."""
    return [
        row
        for chunk in dialects.chunks(values)
        for row in connection.execute(select.where(column.in_(chunk))).mappings()
    ]


def gl_codes(connection: sa.Connection) -> dict[int, str | None]:
    """The general ledger code of each cost centre, by directory entry."""
    rows = connection.execute(sa.select(cost_center.c.entry_id, cost_center.c.gl_code))
    return {row.entry_id: row.gl_code for row in rows}


def dirty_slots(connection: sa.Connection, span: Span) -> list[int]:
    """The starts of a span's slots whose rollups are not up to date."""
    slot = dirty_slot.c.slot
    select = sa.select(slot).where(*marks_in(Range(span.start, span.end))).order_by(slot)
    return list(connection.execute(select).scalars())


def count_unfinished_imports(connection: sa.Connection) -> int:
    """The number of imports that are running, or that were interrupted and not finished later."""
    c, ended = import_batch.c, import_batch.alias()
    is_ended = sa.exists().where(
        ended.c.channel == c.channel, ended.c.fingerprint == c.fingerprint, ended.c.status == "finished"
    )
    unfinished = sa.select(sa.func.count()).where(c.status.in_(("running", "interrupted")), ~is_ended)
    return connection.execute(unfinished.select_from(import_batch)).scalar_one()
