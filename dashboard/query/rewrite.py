"""Rewriting: steps that complete a question (`COMPLETE`), then checks of the complete question (`CHECK`).

After `rewrite` a question has metrics, an order, and an interval exactly when it has the dimension `time`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from dashboard.query import catalogue
from dashboard.query.question import Interval, QuestionError, SpendQuery

Step = Callable[[SpendQuery], SpendQuery]
Check = Callable[[SpendQuery], None]

_LONGEST: Final[tuple[tuple[timedelta, Interval], ...]] = (
    (timedelta(hours=49), "hour"),
    (timedelta(days=41), "day"),
    (timedelta(weeks=52), "week"),
)
_LENGTHS: Final[dict[Interval, timedelta]] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
}
MOST_BUCKETS: Final = 10_000


def default_metrics(query: SpendQuery) -> SpendQuery:
    """Ask for the default metrics if the question names none."""
    return query if query.metrics else replace(query, metrics=catalogue.DEFAULT_METRICS)


def time_for_interval(query: SpendQuery) -> SpendQuery:
    """Group by time if the question names an interval."""
    if query.interval is None or "time" in query.dimensions:
        return query
    return replace(query, dimensions=("time", *query.dimensions))


def interval_for_range(query: SpendQuery) -> SpendQuery:
    """Choose an interval by the period's length: hours up to two days, days up to 40, weeks up to a year."""
    if "time" not in query.dimensions or query.interval is not None:
        return query
    length = query.period.length
    interval: Interval = next((interval for longest, interval in _LONGEST if length <= longest), "month")
    return replace(query, interval=interval)


def default_order(query: SpendQuery) -> SpendQuery:
    """Sort by time, then by spend or else by the first metric, the largest first."""
    if query.order:
        return query
    largest = "total_cost" if "total_cost" in query.metrics else query.metrics[0]
    time = ("time",) if "time" in query.dimensions else ()
    return replace(query, order=(*time, f"-{largest}"))


def bounded_buckets(query: SpendQuery) -> None:
    """Refuse a question with more than `MOST_BUCKETS` time buckets."""
    if query.interval and query.period.length / _LENGTHS[query.interval] > MOST_BUCKETS:
        message = (
            f"interval: {query.interval} over this period makes more than {MOST_BUCKETS} rows; "
            "use a longer one"
        )
        raise QuestionError("interval_too_short", "interval", message)


COMPLETE: Final[tuple[Step, ...]] = (default_metrics, time_for_interval, interval_for_range, default_order)
"""The steps that complete a question, in order."""
CHECK: Final[tuple[Check, ...]] = (bounded_buckets,)
"""The checks of a complete question."""


def rewrite(query: SpendQuery) -> SpendQuery:
    """The question, complete and checked.

    Raises:
        QuestionError: a check refuses the question.
    """
    for step in COMPLETE:
        query = step(query)
    for check in CHECK:
        check(query)
    return query
