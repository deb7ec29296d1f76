"""From rows to series: what a chart over time draws for each of the largest, and for all others together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dashboard import figures, wording
from dashboard.catalogue import Value
from dashboard.runner import Result, Row


@dataclass(frozen=True)
class Series:
    """Values over time by name, and the same as text."""

    values: Mapping[str, Sequence[Decimal]]
    texts: Mapping[str, Sequence[str]]


def spend_over_time(result: Result, most: int, none: str = "unknown") -> Series:
    """Spend per bucket of those who spent most, by the answer's second dimension; the others are added up."""
    rows = of_currency(result)
    totals: dict[str, Decimal] = {}
    for row in rows:
        name = named(row.key[1], none)
        totals[name] = totals.get(name, Decimal()) + money(row)
    names = sorted(totals, key=lambda name: (-totals[name], name))[:most]
    others = [figures.OTHER] if len(totals) > len(names) else []
    place = {bucket: index for index, bucket in enumerate(result.buckets)}
    values = {name: [Decimal()] * len(place) for name in (*names, *others)}
    for row in rows:
        name = named(row.key[1], none)
        values[name if name in names else figures.OTHER][place[str(row.key[0])]] += money(row)
    currency = result.totals.currency
    texts = {name: [wording.amount(value, currency) for value in some] for name, some in values.items()}
    return Series(values, texts)


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


def of_currency(result: Result) -> list[Row]:
    """The rows of the currency that the totals are in: a chart adds up no others."""
    return [row for row in result.rows if row.currency == result.totals.currency]


def named(value: object, none: str = "unknown") -> str:
    """A dimension's value as a name."""
    return none if value is None else str(value)


def money(row: Row, at: int = 0) -> Decimal:
    """A sum of money of a row."""
    value = row.values[at]
    assert isinstance(value, Decimal), "a sum of money is never unknown"
    return value
