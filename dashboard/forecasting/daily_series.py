"""Daily series of a metric, in total or by the values of a dimension, for anomalies and forecasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from dashboard.forecasting.seasonality import HISTORY, Day
from dashboard.query.question import REPORTING, Filter, Period, SpendQuery
from dashboard.query.run import run
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.zone import date_of, day_number, instant


@dataclass(frozen=True, slots=True)
class Series:
    """Consecutive days up to today, the oldest first, in total or of one value of a dimension."""

    days: Sequence[Day]
    part: Fraction
    """The part of today that is over."""
    of: str | None = None
    """The dimension's value; for a user, the number of the directory entry as text. None in total."""


def series(
    ledger: Ledger,
    now: int,
    filters: Sequence[Filter] = (),
    *,
    metric: str = "total_cost",
    each: str | None = None,
    first: date | None = None,
) -> list[Series]:
    """The metric of each of the last days and of today so far.

    With `each`, there is a series for each value of that dimension, the largest first. The days begin with
    `first`, or twelve weeks and two days ago, whichever is earlier.
    """
    zone = ledger.zone
    today = zone.day(now)
    start = min(today - HISTORY - 1, today if first is None else day_number(first))
    query = SpendQuery(
        period=Period(instant(zone.midnight(start)), instant(zone.midnight(today + 1))),
        zone=zone.name,
        metrics=(metric,),
        dimensions=("time",) if each is None else ("time", each),
        interval="day",
        filters=tuple(filters),
        currency=REPORTING,
        by_entry=True,
    )
    result = run(ledger, query)
    by_value: dict[str | None, dict[str, int]] = {} if each else {None: {}}
    for row in result.rows:
        if result.has_money and row.currency != result.totals.currency:
            continue
        of = None if each is None else _text(row.key[1])
        value = row.values[0]
        amount = money.pico_of(value) if isinstance(value, Decimal) else int(value or 0)
        days = by_value.setdefault(of, {})
        days[str(row.key[0])] = days.get(str(row.key[0]), 0) + amount
    part = Fraction(now - zone.midnight(today), zone.midnight(today + 1) - zone.midnight(today))
    first_day = date_of(start)
    span = [first_day + timedelta(days=number) for number in range(today - start + 1)]
    all_series = [
        Series([Day(day, amounts.get(day.isoformat(), 0)) for day in span], part, of)
        for of, amounts in by_value.items()
    ]
    return sorted(all_series, key=lambda each_series: -sum(day.value for day in each_series.days))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
