"""Measures in SQL: the sums over rollup rows or events from which metrics are computed.

A sum that could overflow takes two columns (`ingest.ledger.rollups.split_sum`). A histogram takes two text
columns: the joined histograms of rollups, and the joined latencies of events.
"""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query.sql.filters import term_id
from ingest.ledger.rollups import of_event, split_sum
from ingest.ledger.tables.calls import LATENCY_HISTOGRAMS, rollup_slot, usage_event

Column = sa.ColumnElement[Any]

RAW: Final = "_raw"
"""Suffix of the column of latencies of events, which follows the column of the histogram."""
SMALL: Final = frozenset(("requests", "flagged_requests", "timed_requests", "errors", "unpriced_requests"))
"""Measures that count calls: their sums fit into 64 bits."""


@cache
def sum_columns(table: sa.Table, measure: str) -> tuple[Column, ...]:
    """The columns that sum a measure of a table, cached because every question needs the same ones."""
    if measure in LATENCY_HISTOGRAMS:
        return tuple(_histograms(table, measure))
    value = _value(table, measure)
    if measure in SMALL:
        return (sa.func.sum(value).label(measure),)
    return tuple(split_sum(value, measure))


def is_histogram(measure: str) -> bool:
    """Whether a measure is a latency histogram, and not a number."""
    return measure in LATENCY_HISTOGRAMS


def _histograms(table: sa.Table, measure: str) -> list[Column]:
    joined: Column = sa.cast(sa.null(), sa.Text)
    raw: Column = joined
    if table is usage_event:
        raw = sa.func.aggregate_strings(sa.cast(table.c[LATENCY_HISTOGRAMS[measure]], sa.Text), ",")
    else:
        joined = sa.func.aggregate_strings(table.c[measure], ",")
    return [joined.label(measure), raw.label(measure + RAW)]


def _value(table: sa.Table, measure: str) -> Column:
    """The measure of a single row of a rollup, or of a single event."""
    match measure:
        case "errors":
            return sa.case((table.c.status_id == term_id("error"), _value(table, "requests")), else_=0)
        case "unpriced_requests":
            return sa.case(
                (table.c.cost_source_id == term_id("unpriced"), _value(table, "requests")), else_=0
            )
        case "priced_tokens":
            return sa.case(
                (table.c.cost_source_id == term_id("unpriced"), 0), else_=_value(table, "total_tokens")
            )
        case "list_cost" | "contracted_cost":
            priced = f"{measure.removesuffix('cost')}total"
            return sa.case(
                (table.c.cost_source_id == term_id("computed"), _value(table, priced)),
                else_=_value(table, "total_cost"),
            )
    return sa.type_coerce(of_event(measure) if table is usage_event else table.c[measure], sa.BigInteger)


def sum_column_names(measures: tuple[str, ...]) -> list[str]:
    """The names of the columns that sum the measures, in order."""
    return [str(column.key) for measure in measures for column in sum_columns(rollup_slot, measure)]


def resum(column: Column, name: str) -> sa.Label[Any]:
    """The sum of a column of sums, for grouping them again."""
    is_text = name.removesuffix(RAW) in LATENCY_HISTOGRAMS
    merged = sa.func.aggregate_strings(column, ",") if is_text else sa.func.sum(column)
    return merged.label(name)
