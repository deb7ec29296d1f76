"""Overview: what was spent and used, on which models and keys, how it ended, and how fast the answers came."""

from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard import figures, people, wording
from dashboard.filters import View, question, to_search
from dashboard.links import spend_csv
from dashboard.pages import tables
from dashboard.pages.parts import card, cards, chart, empty, later, notes, over_time, page
from dashboard.pages.series import money, named, of_currency, seconds
from dashboard.pages.spending import spend_chart
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

SHOWN_KEYS: Final = 10
SHOWN_ROWS: Final = 20
_TOTALS: Final = (
    "total_cost",
    "requests",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "error_rate",
    "cache_savings",
    "cost_per_request",
    "errors",
    "unpriced_requests",
)
_MODEL_COLUMNS: Final = (
    "total_cost",
    "requests",
    "input_tokens",
    "output_tokens",
    "error_rate",
    "latency_p95",
    "cost_per_million_tokens",
)
_OUTCOME_COLUMNS: Final = ("requests", "total_cost", "total_tokens", "unpriced_requests")


def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    totals = run(ledger, question(view, ledger.zone, _TOTALS, compare=True))
    if not totals.total("requests"):
        return empty(ledger, view)
    wide, narrow, half = ({"base": 12, "lg": columns} for columns in (8, 4, 6))
    return page(
        "Overview",
        totals.query,
        [
            _cards(totals),
            *notes(totals),
            dmc.Grid(
                [dmc.GridCol(later(spend, view), span=wide), dmc.GridCol(later(keys, view), span=narrow)],
                gutter="md",
            ),
            later(models, view),
            dmc.Grid(
                [dmc.GridCol(later(latency, view), span=half), dmc.GridCol(later(outcomes, view), span=half)],
                gutter="md",
            ),
        ],
        (*_TOTALS, "cost_per_million_tokens", "latency_p50", "latency_p95"),
    )


def _only_model(view: View) -> tables.Links:
    return lambda name: to_search(view.narrowed("model", name))


def _cards(totals: Result) -> Any:
    currency = totals.totals.currency
    before = totals.comparison

    def changed(metric: str) -> str | None:
        return wording.change(totals.total(metric), before.total(metric)) if before else None

    def amount(metric: str) -> str:
        return wording.amount(totals.total(metric), currency)

    inputs, outputs = (wording.compact(totals.total(f"{kind}_tokens")) for kind in ("input", "output"))
    rate = totals.total("error_rate")
    rate_before = before.total("error_rate") if before else None
    return cards(
        [
            card(
                "Spend",
                amount("total_cost"),
                _left_out(totals, f"{amount('cost_per_request')} a priced request"),
                changed("total_cost"),
                "total_cost",
            ),
            card(
                "Requests",
                wording.compact(totals.total("requests")),
                "cache hits and errors included",
                changed("requests"),
                "requests",
            ),
            card(
                "Tokens",
                wording.compact(totals.total("total_tokens")),
                f"{inputs} in, {outputs} out",
                changed("total_tokens"),
                "total_tokens",
            ),
            card(
                "Error rate",
                wording.percent(rate),
                _errors(totals.total("errors")),
                wording.points(rate, rate_before),
                "error_rate",
            ),
            card(
                "Cache savings",
                amount("cache_savings"),
                "net of cache writes",
                changed("cache_savings"),
                "cache_savings",
            ),
        ]
    )


def _left_out(totals: Result, otherwise: str) -> str:
    count = totals.unpriced_requests
    return (
        f"without {wording.number(count)} unpriced {'call' if count == 1 else 'calls'}"
        if count
        else otherwise
    )


def _errors(count: Any) -> str:
    return "1 request failed" if count == 1 else f"{wording.compact(count)} requests failed"


def spend(ledger: Ledger, view: View) -> Any:
    """Spend over time of the models that cost most."""
    return spend_chart(
        ledger,
        question(view, ledger.zone, ("total_cost",), ("time", "model")),
        run(ledger, question(view, ledger.zone, ("total_cost",), ("model",))),
        "Spend over time by model",
        link=_only_model(view),
    )


def keys(ledger: Ledger, view: View) -> Any:
    """The keys that spent most; a click on one shows that key alone."""
    result = run(ledger, question(view, ledger.zone, ("total_cost", "requests"), ("virtual_key",)))
    known = people.by_name(ledger, "virtual_key")
    rows = of_currency(result)[:SHOWN_KEYS]
    names = [named(row.key[0], "no key") for row in rows]
    figure = figures.ranked_bars(
        names,
        [money(row) for row in rows],
        [wording.amount(money(row)) for row in rows],
        [known[name].ident if name in known else None for name in names],
    )
    return chart(
        "spend-by-key",
        f"Spend by virtual key ({result.totals.currency})",
        figure,
        means={"dimension": "virtual_key"},
        csv=spend_csv(result.query),
        height=figures.HEIGHT + 30,
    )


def models(ledger: Ledger, view: View) -> Any:
    """The models that cost most, with what is to be known of each."""
    asked = question(view, ledger.zone, (*_MODEL_COLUMNS, "unpriced_requests"), ("model", "provider"))
    return tables.of_metrics(
        "models", "Models", run(ledger, asked), _MODEL_COLUMNS, link=_only_model(view), most=SHOWN_ROWS
    )


def latency(ledger: Ledger, view: View) -> Any:
    """How long answers took over time."""
    result = run(ledger, question(view, ledger.zone, ("latency_p50", "latency_p95"), ("time",)))
    series = {
        name: [seconds(row.values[at]) for row in result.rows] for at, name in enumerate(("p50", "p95"))
    }
    return chart(
        "latency-over-time",
        "Latency over time",
        figures.lines(result.buckets, series, "s"),
        [*series],
        means=over_time(result.query),
        csv=spend_csv(result.query),
    )


def outcomes(ledger: Ledger, view: View) -> Any:
    """How calls ended: answered by a model, from the gateway's cache, failed or cancelled, and how they were priced."""
    result = run(
        ledger, question(view, ledger.zone, _OUTCOME_COLUMNS, ("status", "cache_hit", "cost_source"))
    )
    together: dict[tuple[str, bool, str], tuple[int, Decimal]] = {}
    for row in of_currency(result):
        status, cached, source = named(row.key[0]), bool(row.key[1]), named(row.key[2])
        requests, spend = together.get((status, cached, source), (0, Decimal()))
        together[status, cached, source] = (requests + int(row.values[0] or 0), spend + money(row, 1))
    currency, total = result.totals.currency, result.total("requests")
    rows = [
        [
            tables.Text(
                f"{status}, from the cache" if cached else status, to_search(view.narrowed("status", status))
            ),
            tables.Text(source),
            wording.compact(requests),
            wording.percent_of(requests, total),
            "no known price" if source == "unpriced" else wording.amount(spend, currency),
        ]
        for (status, cached, source), (requests, spend) in sorted(
            together.items(), key=lambda one: -one[1][0]
        )
    ]
    header = ["Outcome", "Cost", "Requests", "Share", "Spend"]
    csv = spend_csv(result.query)
    return tables.table("outcomes", "How calls ended", header, rows, texts=2, csv=csv, width=420)


PARTS: Final = (spend, keys, models, latency, outcomes)
