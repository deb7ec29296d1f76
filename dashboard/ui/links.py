"""Links from pages to the read API: CSV files of what a page shows, at full precision."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from dashboard.query.question import Filter, Period, SpendQuery
from ingest.clock import rfc3339_text

_SPEND: Final = "/v1/spend"
_REQUESTS: Final = "/v1/requests"
_PRICES: Final = "/v1/prices"
_WHATIF: Final = "/v1/whatif"

PRICES_PAGE: Final = "/dashboard/prices"
"""The page on which prices are set."""

Parameters = list[tuple[str, str]]
"""Names and values of a URL's query part."""


def spend_csv(query: SpendQuery) -> str:
    """`GET /v1/spend` as a CSV file: every row of the answer, also those that the page leaves out."""
    parameters = [*_period(query.period), ("timezone", query.zone)]
    if query.dimensions:
        parameters.append(("by", ",".join(query.dimensions)))
    if query.interval:
        parameters.append(("interval", query.interval))
    parameters.append(("metric", ",".join(query.metrics)))
    if query.currency:
        parameters.append(("currency", query.currency))
    return _link(_SPEND, parameters, query.filters)


def prices_csv(query: SpendQuery, search: str) -> str:
    """`GET /v1/prices` as a CSV file: every line that a search finds.

    A filter on provider or model narrows the price list, too.
    """
    parameters = [*_period(query.period), ("timezone", query.zone), *([("search", search)] if search else [])]
    parameters += [(key, value) for key, value in _pairs(query.filters) if key in ("provider", "model")]
    return _link(_PRICES, parameters, query.filters)


def variance_csv(query: SpendQuery) -> str:
    """`GET /v1/prices/variance` as a CSV file."""
    return _link(f"{_PRICES}/variance", [*_period(query.period), ("timezone", query.zone)], query.filters)


def unpriced_csv(query: SpendQuery) -> str:
    """`GET /v1/prices/unpriced` as a CSV file: models with calls that have no price, or only in part."""
    return _link(f"{_PRICES}/unpriced", [*_period(query.period), ("timezone", query.zone)], query.filters)


def requests_csv(period: Period, filters: Iterable[Filter]) -> str:
    """`GET /v1/requests` as a CSV file of all calls."""
    return _link(_REQUESTS, _period(period), filters)


def whatif_csv(query: SpendQuery, change: Iterable[tuple[str, str]]) -> str:
    """`GET /v1/whatif` as a CSV file."""
    return _link(_WHATIF, [*_period(query.period), ("timezone", query.zone), *change], query.filters)


def _link(path: str, parameters: Parameters, filters: Iterable[Filter]) -> str:
    conditions = [("where", f"{dimension}={value}") for dimension, value in _pairs(filters)]
    return f"{path}?{urlencode([*parameters, *conditions, ('format', 'csv')])}"


def _pairs(filters: Iterable[Filter]) -> Parameters:
    """Each dimension that is filtered with each of its values; an empty text is no value."""
    return [(filter_.dimension, value or "") for filter_ in filters for value in filter_.values]


def _period(period: Period) -> Parameters:
    edges = (("from", period.start), ("to", period.end))
    return [(name, rfc3339_text(edge)) for name, edge in edges]
