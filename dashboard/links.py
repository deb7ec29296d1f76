"""Links to the same question elsewhere: the read API's CSV of what a page shows, at full precision."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from dashboard.question import Filter, Period, SpendQuery

_SPEND: Final = "/v1/spend"
_REQUESTS: Final = "/v1/requests"
_PRICES: Final = "/v1/prices"
_WHATIF: Final = "/v1/whatif"

PRICES_PAGE: Final = "/dashboard/prices"
"""Where models without a price get one."""

Pairs = list[tuple[str, str]]


def spend_csv(query: SpendQuery) -> str:
    """`GET /v1/spend` as a CSV file: every row of the question, whatever part of them a page shows."""
    pairs = [*_period(query.period), ("timezone", query.zone)]
    if query.dimensions:
        pairs.append(("by", ",".join(query.dimensions)))
    if query.interval:
        pairs.append(("interval", query.interval))
    pairs.append(("metric", ",".join(query.metrics)))
    if query.currency:
        pairs.append(("currency", query.currency))
    return _link(_SPEND, pairs, query.filters)


def prices_csv(query: SpendQuery, search: str) -> str:
    """`GET /v1/prices` as a CSV file: every line of a search; a filter on provider or model is one of the list."""
    named = [(one.dimension, value or "") for one in query.filters for value in one.values]
    pairs = [*_period(query.period), ("timezone", query.zone), *([("search", search)] if search else [])]
    pairs += [(key, value) for key, value in named if key in ("provider", "model")]
    return _link(_PRICES, pairs, query.filters)


def variance_csv(query: SpendQuery) -> str:
    """`GET /v1/prices/variance` as a CSV file."""
    return _link(f"{_PRICES}/variance", [*_period(query.period), ("timezone", query.zone)], query.filters)


def requests_csv(period: Period, filters: Iterable[Filter]) -> str:
    """`GET /v1/requests` as a CSV file of all calls."""
    return _link(_REQUESTS, _period(period), filters)


def whatif_csv(query: SpendQuery, change: Iterable[tuple[str, str]]) -> str:
    """`GET /v1/whatif` as a CSV file."""
    return _link(_WHATIF, [*_period(query.period), ("timezone", query.zone), *change], query.filters)


def _link(path: str, pairs: Pairs, filters: Iterable[Filter]) -> str:
    wheres = [("where", f"{one.dimension}={value or ''}") for one in filters for value in one.values]
    return f"{path}?{urlencode([*pairs, *wheres, ('format', 'csv')])}"


def _period(period: Period) -> Pairs:
    edges = (("from", period.start), ("to", period.end))
    return [(name, edge.isoformat().replace("+00:00", "Z")) for name, edge in edges]
