"""The answer to a what-if as JSON and CSV: money as plain decimal strings at full precision."""

from collections.abc import Iterator
from typing import Any, Final

from dashboard.prices.explanation import exact_text
from dashboard.query.serialize import write_csv
from dashboard.whatif.whatif import TOKENIZERS, Answer, Compared, Key
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


def as_json(found: Answer, currency: str) -> dict[str, Any]:
    """The answer as `GET /v1/whatif` and `tallybook whatif --json` give it; totals are of `currency` where it has any."""
    query, totals = found.query, found.totals
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
        "rows": list(_rows(found)),
        "totals": _facts(first, totals.get(first, Compared())),
        "other_currencies": [_facts(name, one) for name, one in totals.items() if name != first],
        "not_priced_there": [
            {"reason": reason, "requests": calls} for reason, calls in found.reasons.items()
        ],
        "period": {
            "from": rfc3339(micros(query.period.start)),
            "to": rfc3339(micros(query.period.end)),
            "timezone": query.zone,
        },
        "note": TOKENIZERS,
    }


def as_csv(found: Answer) -> str:
    """The rows as CSV."""
    header = (*_names(found), *_COLUMNS)
    return write_csv(header, ([row[name] for name in header] for row in _rows(found)))


def _rows(found: Answer) -> Iterator[dict[str, Any]]:
    for (key, currency), one in found.rows.items():
        yield {**dict(zip(_names(found), key, strict=True)), **_facts(currency, one)}


def _names(found: Answer) -> Key:
    return ("provider", "model") if found.query.by == "model" else ("day",)


def _facts(currency: str, one: Compared) -> dict[str, Any]:
    return {
        "currency": currency,
        "requests": one.calls,
        "compared_requests": one.compared,
        "cost": plain(one.cost),
        "cost_there": plain(one.there),
        "difference": plain(one.there - one.cost),
        "unpriced_requests": one.unpriced_here,
        "unpriced_priced_there": one.found_there,
        "unpriced_cost_there": plain(one.found_cost),
        "unpriced_there": one.unpriced_there,
    }
