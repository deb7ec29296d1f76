"""The totals of a view as cards: spend, requests, tokens, errors and savings, beside the previous period."""

from typing import Any, Final

from dashboard.formatting import format as wording
from dashboard.query.run import Result, run
from dashboard.ui.components import card, cards
from dashboard.ui.view import View, question
from ingest.ledger.engine import Ledger

_MONEY_METRICS: Final = ("total_cost", "cache_savings", "cost_per_request", "unpriced_requests")
_USAGE_METRICS: Final = ("requests", "total_tokens", "input_tokens", "output_tokens", "error_rate", "errors")
"""Metrics without a currency, which are totals over all currencies."""
METRICS: Final = (*_MONEY_METRICS, *_USAGE_METRICS)
"""The metrics of the cards."""


def totals_of(ledger: Ledger, view: View) -> Result:
    """The totals of a view, with those of the previous period."""
    return run(ledger, question(view, ledger.zone, METRICS, compare=True))


def total_cards(ledger: Ledger, view: View, totals: Result) -> Any:
    """A card for each of the totals of a view."""
    usage = totals
    if totals.other_currencies or (totals.comparison and totals.comparison.other_currencies):
        usage = run(ledger, question(view, ledger.zone, _USAGE_METRICS, compare=True))
    inputs, outputs = (wording.compact(usage.total(f"{kind}_tokens")) for kind in ("input", "output"))
    previous_rate = usage.comparison.total("error_rate") if usage.comparison else None
    return cards(
        [
            card(
                "Spend",
                _amount(totals, "total_cost"),
                _unpriced_note(totals, f"{_amount(totals, 'cost_per_request')} a priced request"),
                _change(totals, "total_cost"),
                "total_cost",
            ),
            card(
                "Requests",
                wording.compact(usage.total("requests")),
                "cache hits and errors included",
                _change(usage, "requests"),
                "requests",
            ),
            card(
                "Tokens",
                wording.compact(usage.total("total_tokens")),
                f"{inputs} in, {outputs} out",
                _change(usage, "total_tokens"),
                "total_tokens",
            ),
            card(
                "Error rate",
                wording.percent(usage.total("error_rate")),
                _errors_note(usage.total("errors")),
                wording.points_change(usage.total("error_rate"), previous_rate),
                "error_rate",
            ),
            card(
                "Cache savings",
                _amount(totals, "cache_savings"),
                "net of cache writes",
                _change(totals, "cache_savings"),
                "cache_savings",
            ),
        ]
    )


def _amount(result: Result, metric: str) -> str:
    return wording.amount(result.total(metric), result.totals.currency)


def _change(result: Result, metric: str) -> str | None:
    """The change since the previous period; None if the previous period has another currency."""
    previous = result.comparison
    if previous is None or previous.totals.currency != result.totals.currency:
        return None
    return wording.relative_change(result.total(metric), previous.total(metric))


def _unpriced_note(totals: Result, otherwise: str) -> str:
    count = totals.unpriced_requests
    return (
        f"without {wording.number(count)} unpriced {'call' if count == 1 else 'calls'}"
        if count
        else otherwise
    )


def _errors_note(count: Any) -> str:
    return "1 request failed" if count == 1 else f"{wording.compact(count)} requests failed"
