"""The totals of a view in cards: spend, requests, tokens, errors and savings, against the period before."""

from typing import Any, Final

from dashboard import wording
from dashboard.filters import View, question
from dashboard.pages.parts import card, cards
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

_SPENT: Final = ("total_cost", "cache_savings", "cost_per_request", "unpriced_requests")
_USED: Final = ("requests", "total_tokens", "input_tokens", "output_tokens", "error_rate", "errors")
"""Without money, so of all currencies together."""
METRICS: Final = (*_SPENT, *_USED)
"""What the cards show."""


def of(ledger: Ledger, view: View) -> Result:
    """The totals of a view, beside those of the period before."""
    return run(ledger, question(view, ledger.zone, METRICS, compare=True))


def in_cards(ledger: Ledger, view: View, spent: Result) -> Any:
    """A card for each of the totals that `of` gave."""
    used = spent
    if spent.other_currencies or (spent.comparison and spent.comparison.other_currencies):
        used = run(ledger, question(view, ledger.zone, _USED, compare=True))
    inputs, outputs = (wording.compact(used.total(f"{kind}_tokens")) for kind in ("input", "output"))
    rate_before = used.comparison.total("error_rate") if used.comparison else None
    return cards(
        [
            card(
                "Spend",
                _amount(spent, "total_cost"),
                _left_out(spent, f"{_amount(spent, 'cost_per_request')} a priced request"),
                _changed(spent, "total_cost"),
                "total_cost",
            ),
            card(
                "Requests",
                wording.compact(used.total("requests")),
                "cache hits and errors included",
                _changed(used, "requests"),
                "requests",
            ),
            card(
                "Tokens",
                wording.compact(used.total("total_tokens")),
                f"{inputs} in, {outputs} out",
                _changed(used, "total_tokens"),
                "total_tokens",
            ),
            card(
                "Error rate",
                wording.percent(used.total("error_rate")),
                _errors(used.total("errors")),
                wording.points_change(used.total("error_rate"), rate_before),
                "error_rate",
            ),
            card(
                "Cache savings",
                _amount(spent, "cache_savings"),
                "net of cache writes",
                _changed(spent, "cache_savings"),
                "cache_savings",
            ),
        ]
    )


def _amount(result: Result, metric: str) -> str:
    return wording.amount(result.total(metric), result.totals.currency)


def _changed(result: Result, metric: str) -> str | None:
    """The change since the period before; None where that spent in another currency."""
    before = result.comparison
    if before is None or before.totals.currency != result.totals.currency:
        return None
    return wording.relative_change(result.total(metric), before.total(metric))


def _left_out(totals: Result, otherwise: str) -> str:
    count = totals.unpriced_requests
    return (
        f"without {wording.number(count)} unpriced {'call' if count == 1 else 'calls'}"
        if count
        else otherwise
    )


def _errors(count: Any) -> str:
    return "1 request failed" if count == 1 else f"{wording.compact(count)} requests failed"
