"""A what-if result as JSON and CSV: money as plain decimal strings at full precision."""

from collections.abc import Iterator
from typing import Any, Final

from dashboard.prices.explanation import exact_text
from dashboard.query.serialize import write_csv
from dashboard.whatif.whatif import TOKENIZERS, CostComparison, Key, WhatIfResult
from ingest.clock import rfc3339
from ingest.model.money import plain
from ingest.model.zone import micros

_COLUMNS: Final = (
    "currency",
    "requests",
    "compared_requests",
    "cost",
    "cost_there",
    "difference",
    "unpriced_requests",
    "unpriced_priced_there",
    "unpriced_cost_there",
    "unpriced_there",
)


def as_json(result: WhatIfResult, currency: str) -> dict[str, Any]:
    """The result as `GET /v1/whatif` and `tallybook whatif --json` return it.

    `totals` is in `currency` if the result has it, else in the currency of most calls.
    """
    query, totals = result.query, result.totals
    first = currency if currency in totals or not totals else next(iter(totals))
    rate = query.change.cache_rate
    return {
        "there": {
            "provider": query.change.provider,
            "model": query.change.model,
            "service_tier": query.change.tier,
            "cache_hit_rate": None if rate is None else exact_text(rate),
        },
        "prices_at": None if query.prices_at is None else rfc3339(micros(query.prices_at)),
        "rows": list(_rows(result)),
        "totals": _facts(first, totals.get(first, CostComparison())),
        "other_currencies": [_facts(name, total) for name, total in totals.items() if name != first],
        "not_priced_there": [
            {"reason": reason, "requests": calls} for reason, calls in result.reasons.items()
        ],
        "period": {
            "from": rfc3339(micros(query.period.start)),
            "to": rfc3339(micros(query.period.end)),
            "timezone": query.zone,
        },
        "note": TOKENIZERS,
    }


def as_csv(result: WhatIfResult) -> str:
    """The rows of the result as CSV."""
    header = (*_names(result), *_COLUMNS)
    return write_csv(header, ([row[name] for name in header] for row in _rows(result)))


def _rows(result: WhatIfResult) -> Iterator[dict[str, Any]]:
    for (key, currency), row in result.rows.items():
        yield {**dict(zip(_names(result), key, strict=True)), **_facts(currency, row)}


def _names(result: WhatIfResult) -> Key:
    return ("provider", "model") if result.query.by == "model" else ("day",)


def _facts(currency: str, row: CostComparison) -> dict[str, Any]:
    return {
        "currency": currency,
        "requests": row.calls,
        "compared_requests": row.compared,
        "cost": plain(row.cost),
        "cost_there": plain(row.there),
        "difference": plain(row.there - row.cost),
        "unpriced_requests": row.unpriced_here,
        "unpriced_priced_there": row.priced_there,
        "unpriced_cost_there": plain(row.priced_there_cost),
        "unpriced_there": row.unpriced_there,
    }
