"""Measures in SQL: the sums of a rollup's rows, or of events, that metrics are computed from.

Sums that could overflow are asked in two columns (`ingest.ledger.rollups.split_sum`). Histograms come as two texts: the
rollups' own, joined, and beside them the latencies of events, joined.
"""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from dashboard.query.sql.filters import term_id
from ingest.ledger.rollups import of_event, split_sum
from ingest.ledger.tables.calls import LATENCY_HISTOGRAMS, rollup_slot, usage_event

Column = sa.ColumnElement[Any]

RAW: Final = "_raw"
"""Suffix of the column that holds latencies themselves, beside the histogram they belong to."""
SMALL: Final = frozenset(("requests", "timed_requests", "errors", "unpriced_requests"))
"""Measures that count calls: no sum of them comes near 64 bits."""


@cache
def sums(table: sa.Table, measure: str) -> tuple[Column, ...]:
    """The columns that sum one measure of a table; made once, as a question asks for most of them and an export for all."""
    if measure in LATENCY_HISTOGRAMS:
        return tuple(_histograms(table, measure))
    value = _value(table, measure)
    if measure in SMALL:
        return (sa.func.sum(value).label(measure),)
    return tuple(split_sum(value, measure))


def _histograms(table: sa.Table, measure: str) -> list[Column]:
    joined: Column = sa.cast(sa.null(), sa.Text)
    raw: Column = joined
    if table is usage_event:
        raw = sa.func.aggregate_strings(sa.cast(table.c[LATENCY_HISTOGRAMS[measure]], sa.Text), ",")
    else:
        joined = sa.func.aggregate_strings(table.c[measure], ",")
    return [joined.label(measure), raw.label(measure + RAW)]


def _value(table: sa.Table, measure: str) -> Column:
    """The measure of one row of a rollup, or of one event."""
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
    return sa.type_coerce(of_event(measure) if table is usage_event else table.c[measure], sa.BigInteger)


def sum_columns(measures: tuple[str, ...]) -> list[str]:
    """The names of the columns of the measures' sums, in order."""
    return [str(column.key) for measure in measures for column in sums(rollup_slot, measure)]


def again(column: Column, name: str) -> sa.Label[Any]:
    """The sum of sums."""
    is_text = name.removesuffix(RAW) in LATENCY_HISTOGRAMS
    merged = sa.func.aggregate_strings(column, ",") if is_text else sa.func.sum(column)
    return merged.label(name)
