"""From rows to what charts draw: sums of money, seconds, names."""

from collections.abc import Sequence
from decimal import Decimal

from dashboard.catalogue import Value
from dashboard.figures import OTHER
from dashboard.runner import Result, Row


def seconds_over_time(
    result: Result, metric: str, names: Sequence[str], none: str = "unknown"
) -> dict[str, list[float | None]]:
    """A latency per bucket, in seconds, of each name of the answer's second dimension; gaps where nothing was timed."""
    at = result.query.metrics.index(metric)
    held = {(str(row.key[0]), named(row.key[1], none)): row.values[at] for row in result.rows}
    return {name: [seconds(held.get((bucket, name))) for bucket in result.buckets] for name in names}


def seconds(milliseconds: Value) -> float | None:
    """Milliseconds as seconds, for the height of a line."""
    return None if milliseconds is None else float(str(milliseconds)) / 1000


def of_currency(result: Result, currency: str | None = None) -> list[Row]:
    """The rows of one currency, by default that of the totals: a chart adds up no others."""
    wanted = currency or result.totals.currency
    return [row for row in result.rows if row.currency == wanted]


def named(value: object, none: str = "unknown") -> str:
    """A dimension's value as a name; one that reads like a word of ours is quoted."""
    if value is None:
        return none
    text = str(value)
    return f"“{text}”" if text in {none, OTHER} else text


def money(row: Row, at: int = 0) -> Decimal:
    """A sum of money of a row."""
    value = row.values[at]
    assert isinstance(value, Decimal), "a sum of money is never unknown"
    return value
