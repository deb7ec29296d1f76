"""The ledger's rows that an export is made of: a day's sums and calls, and what their ids stand for."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from dashboard.focus.export_period import Day, Span
from dashboard.query.plan import Plan, Range
from dashboard.query.sql.filters import term_id
from dashboard.query.sql.measures import sum_columns
from dashboard.query.sql.true_rows import Source, events, marks_in, true_rows
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
"""What the sums of a day are kept apart by, beside the day of the ledger's zone."""


def daily_sums(
    connection: sa.Connection, day: Day, measures: Sequence[str], *, is_ledger_day: bool
) -> Iterator[Sequence[Any]]:
    """The sums of a day's calls: the day of the ledger's zone, `KEYS`, and the columns of each measure.

    Several rows may have the same keys. Calls that are free are left out. `is_ledger_day` says that the day is one of
    the zone that the ledger reports in.
    """
    whole = Range(day.start, day.end)
    if is_ledger_day:
        plan = Plan("day", whole, days=Range(day.number, day.number + 1))
    else:
        plan = Plan("slot", whole, slots=(whole,))
    has_marks = connection.execute(sa.select(sa.exists().where(*marks_in(whole)))).scalar_one()
    for source in true_rows(plan, rollup_day, has_marks=has_marks):
        yield from connection.execute(_sums(source, measures))


def late_sums(
    connection: sa.Connection, day: Day, measures: Sequence[str], until: int
) -> Iterator[Sequence[Any]]:
    """The sums, in the columns of `daily_sums`, of the calls of a ledger's day that came in after the call `until`."""
    late = events(Range(day.start, day.end), sa.literal(day.number), usage_event.c.seq > until)
    if connection.execute(sa.select(sa.exists().where(*late.where))).scalar_one():
        yield from connection.execute(_sums(late, measures))


def _sums(source: Source, measures: Sequence[str]) -> sa.Select[Any]:
    table = source.table
    keys = [table.c[name] for name in KEYS]
    summed = [column for measure in measures for column in sum_columns(table, measure)]
    # A ledger without free calls does not know the word, and NOT IN of nothing holds.
    free = sa.select(term.c.term_id).where(term.c.text == "free")
    select = sa.select(source.day.label("ledger_day"), *keys, *summed).select_from(source.joined)
    select = select.where(*source.where, table.c.cost_source_id.not_in(free))
    # By name: a bound parameter in a repeated expression is another parameter to PostgreSQL.
    return select.group_by("ledger_day", *keys)


def calls_of(
    connection: sa.Connection, day: Day, price_sets: Sequence[int], until: int | None = None
) -> Iterator[tuple[UsageEvent, int, int]]:
    """Calls of a day that were computed at one of these price sets, each with its price set and attribution.

    With `until`, calls that came in after the call of that number are left out.
    """
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


def price_sets(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, PriceSet]:
    """Price sets by their numbers."""
    rows = _rows(connection, sa.select(price_set), price_set.c.price_set_id, numbers)
    return {row["price_set_id"]: price_set_of(row) for row in rows}


def attributions(connection: sa.Connection, ids: Sequence[int]) -> list[sa.RowMapping]:
    """What calls say of whose they are, for each attribution."""
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
    """The owners that assignments name, those of an attribution in the order of their numbers."""
    select = sa.select(owned).order_by(owned.c.number)
    return _rows(connection, select, owned.c.attribution_id, attributions)


def idents(connection: sa.Connection, entries: Sequence[int]) -> dict[int, str]:
    """The ids of entries of the directory."""
    c = directory.c
    rows = _rows(connection, sa.select(c.entry_id, c.ident), c.entry_id, entries)
    return {row["entry_id"]: row["ident"] for row in rows}


def _rows(
    connection: sa.Connection, select: sa.Select[Any], column: sa.Column[Any], values: Sequence[int]
) -> list[sa.RowMapping]:
    """The rows whose column is one of the values."""
    return [
        row
        for some in dialects.chunks(values)
        for row in connection.execute(select.where(column.in_(some))).mappings()
    ]


def gl_codes(connection: sa.Connection) -> dict[int, str | None]:
    """The account of each cost centre in the general ledger, by its entry of the directory."""
    rows = connection.execute(sa.select(cost_center.c.entry_id, cost_center.c.gl_code))
    return {row.entry_id: row.gl_code for row in rows}


def dirty_slots(connection: sa.Connection, span: Span) -> list[int]:
    """The starts of the slots of a span that wait for their rollups."""
    slot = dirty_slot.c.slot
    wanted = sa.select(slot).where(*marks_in(Range(span.start, span.end))).order_by(slot)
    return list(connection.execute(wanted).scalars())


def unfinished_imports(connection: sa.Connection) -> int:
    """How many files are being imported, or were not imported to their end."""
    c, ended = import_batch.c, import_batch.alias()
    is_ended = sa.exists().where(
        ended.c.channel == c.channel, ended.c.fingerprint == c.fingerprint, ended.c.status == "finished"
    )
    open_ones = sa.select(sa.func.count()).where(c.status.in_(("running", "interrupted")), ~is_ended)
    return connection.execute(open_ones.select_from(import_batch)).scalar_one()
