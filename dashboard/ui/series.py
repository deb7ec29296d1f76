"""From the rows of an answer to what charts and tables show: top rows, sums of money, seconds, names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from dashboard.query import catalogue
from dashboard.query.catalogue import Value
from dashboard.query.question import Filter, SpendQuery
from dashboard.query.run import Result, Row, Totals, run
from dashboard.ui.charts import OTHER
from ingest.ledger.engine import Ledger


def top_rows(ledger: Ledger, query: SpendQuery, limit: int, idents: Mapping[str, str]) -> tuple[Result, int]:
    """The answer for the first `limit` values of a query's first dimension, and the count of all rows.

    Percentiles are computed for these rows only. Totals are those of all rows for sums, and None for
    percentiles. `idents` are the values of filters by name.
    """
    sums = tuple(metric for metric in query.metrics if not catalogue.METRICS[metric].is_percentile)
    ranked = run(ledger, replace(query, metrics=sums))
    if len(ranked.rows) <= limit:
        return run(ledger, query), len(ranked.rows)
    names = (row.key[0] for row in ranked.rows[:limit])
    values = dict.fromkeys(None if name is None else idents.get(str(name), str(name)) for name in names)
    shown = run(ledger, filtered(query, Filter(query.dimensions[0], tuple(values))))
    totals = tuple(ranked.total(metric) if metric in sums else None for metric in query.metrics)
    return replace(shown, totals=Totals(ranked.totals.currency, totals)), len(ranked.rows)


def filtered(query: SpendQuery, condition: Filter) -> SpendQuery:
    """The query with a filter in place of all filters on the same dimension."""
    others = (filter_ for filter_ in query.filters if filter_.dimension != condition.dimension)
    return replace(query, filters=(*others, condition))


def seconds_over_time(
    result: Result, metric: str, names: Sequence[str], unknown: str = "unknown"
) -> dict[str, list[float | None]]:
    """A latency in seconds by time bucket, by name of the second dimension; None if no call was timed."""
    at = result.query.metrics.index(metric)
    values = {(str(row.key[0]), display_name(row.key[1], unknown)): row.values[at] for row in result.rows}
    return {name: [seconds(values.get((bucket, name))) for bucket in result.buckets] for name in names}


def seconds(milliseconds: Value) -> float | None:
    """Milliseconds as seconds, for the height of a line."""
    return None if milliseconds is None else float(str(milliseconds)) / 1000


def rows_in_currency(result: Result, currency: str | None = None) -> list[Row]:
    """The rows in a currency, by default that of the totals: a chart adds up one currency only."""
    currency = currency or result.totals.currency
    return [row for row in result.rows if row.currency == currency]


def display_name(value: object, unknown: str = "unknown") -> str:
    """A dimension's value as a name, or `unknown`; a value that equals a word of the page is quoted."""
    if value is None:
        return unknown
    text = str(value)
    return f"“{text}”" if text in {unknown, OTHER} else text


def money(row: Row, at: int = 0) -> Decimal:
    """The sum of money at a place of a row's values."""
    value = row.values[at]
    assert isinstance(value, Decimal), "a sum of money is never unknown"
    return value
