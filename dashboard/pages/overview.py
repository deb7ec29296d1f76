"""Overview: what was spent and used, on which models and keys, and how fast the answers came."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard import figures, wording
from dashboard.filters import View, question
from dashboard.pages.parts import card, chart, empty, notes, table
from dashboard.question import SpendQuery
from dashboard.runner import Result, Row, run
from ingest.ledger.engine import Ledger

SHOWN_MODELS: Final = 7
SHOWN_KEYS: Final = 10
SHOWN_ROWS: Final = 20
_TOTALS: Final = (
    "total_cost",
    "requests",
    "input_tokens",
    "output_tokens",
    "error_rate",
    "cost_per_request",
    "errors",
)
_MODEL_COLUMNS: Final = (
    ("Requests", "requests", wording.compact),
    ("Input tokens", "input_tokens", wording.compact),
    ("Output tokens", "output_tokens", wording.compact),
    ("Errors", "error_rate", wording.percent),
    ("p95", "latency_p95", wording.duration),
)


def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""

    def ask(metrics: Sequence[str], *by: str, compare: bool = False) -> Result:
        query: SpendQuery = question(view, ledger.zone, metrics, by, compare=compare)
        return run(ledger, query)

    totals = ask(_TOTALS, compare=True)
    if not any(row.values[_TOTALS.index("requests")] for row in totals.rows):
        return empty(ledger, view)
    over_time = ask(("total_cost",), "time", "model")
    by_key = ask(("total_cost", "requests"), "virtual_key")
    latency = ask(("latency_p50", "latency_p95"), "time")
    by_model = ask(
        (
            "total_cost",
            *(metric for _, metric, _ in _MODEL_COLUMNS),
            "cost_per_million_tokens",
            "unpriced_requests",
        ),
        "model",
        "provider",
    )
    return dmc.Stack(
        [
            _cards(totals),
            *notes(totals),
            dmc.Grid(
                [
                    dmc.GridCol(_spend(over_time), span={"base": 12, "lg": 8}),
                    dmc.GridCol(_keys(by_key), span={"base": 12, "lg": 4}),
                ],
                gutter="md",
            ),
            _latency(latency),
            _models(by_model),
        ],
        gap="md",
    )


def _cards(totals: Result) -> Any:
    currency = totals.totals.currency
    before = totals.comparison

    def changed(metric: str) -> str | None:
        return wording.change(totals.total(metric), before.total(metric)) if before else None

    inputs, outputs = totals.total("input_tokens"), totals.total("output_tokens")
    per_request = wording.amount(totals.total("cost_per_request"), currency)
    cards = [
        card(
            "Spend",
            wording.amount(totals.total("total_cost"), currency),
            f"{per_request} a request",
            changed("total_cost"),
        ),
        card(
            "Requests",
            wording.compact(totals.total("requests")),
            "cache hits and errors included",
            changed("requests"),
        ),
        card("Input tokens", wording.compact(inputs), "cached ones included", changed("input_tokens")),
        card("Output tokens", wording.compact(outputs), "reasoning included", changed("output_tokens")),
        card("Error rate", wording.percent(totals.total("error_rate")), _errors(totals.total("errors"))),
    ]
    return dmc.SimpleGrid(cards, cols={"base": 2, "sm": 3, "lg": 5}, spacing="md", id="totals")


def _errors(count: Any) -> str:
    return "1 request failed" if count == 1 else f"{wording.compact(count)} requests failed"


def _spend(result: Result) -> Any:
    """A chart of spend per bucket of the models that cost most; the others together."""
    currency = result.totals.currency
    rows = [row for row in result.rows if row.currency == currency]
    by_model: dict[str, Decimal] = {}
    for row in rows:
        by_model[_name(row.key[1])] = by_model.get(_name(row.key[1]), Decimal()) + _money(row)
    names = sorted(by_model, key=lambda name: (-by_model[name], name))[:SHOWN_MODELS]
    x = result.buckets
    place = {bucket: index for index, bucket in enumerate(x)}
    series = {
        name: [Decimal()] * len(x)
        for name in (*names, *([figures.OTHER] if len(by_model) > len(names) else []))
    }
    for row in rows:
        name = _name(row.key[1])
        series[name if name in names else figures.OTHER][place[str(row.key[0])]] += _money(row)
    texts = {name: [wording.amount(value, currency) for value in values] for name, values in series.items()}
    return chart(
        "spend-over-time",
        f"Spend over time by model ({currency})",
        figures.stacked_bars(x, series, texts),
        [*series],
    )


def _keys(result: Result) -> Any:
    currency = result.totals.currency
    rows = [row for row in result.rows if row.currency == currency][:SHOWN_KEYS]
    values = [_money(row) for row in rows]
    names = [_name(row.key[0], "no key") for row in rows]
    figure = figures.ranked_bars(names, values, [wording.amount(value) for value in values])
    return chart("spend-by-key", f"Spend by virtual key ({currency})", figure)


def _latency(result: Result) -> Any:
    def seconds(at: int) -> list[float | None]:
        return [None if row.values[at] is None else float(str(row.values[at])) / 1000 for row in result.rows]

    series = {"p50": seconds(0), "p95": seconds(1)}
    return chart(
        "latency-over-time", "Latency over time", figures.lines(result.buckets, series, "s"), [*series]
    )


def _models(result: Result) -> Any:
    metrics = result.query.metrics

    def cells(row: Row) -> list[str]:
        value = dict(zip(metrics, row.values, strict=True))
        return [
            _name(row.key[0]),
            _name(row.key[1]),
            _spend_text(value, row.currency),
            *(show(value[metric]) for _, metric, show in _MODEL_COLUMNS),
            wording.amount(value["cost_per_million_tokens"], row.currency),
        ]

    header = ["Model", "Provider", "Spend", *(label for label, _, _ in _MODEL_COLUMNS), "Per 1M tokens"]
    remarks = []
    if result.unpriced_requests:
        remarks.append("* without calls that have no known price")
    if (more := len(result.rows) - SHOWN_ROWS) > 0:
        remarks.append(f"{more} more with less spend are not shown")
    rows = [cells(row) for row in result.rows[:SHOWN_ROWS]]
    return table(
        "models", "Models", header, rows, texts=2, note=[html.P(note, className="note") for note in remarks]
    )


def _spend_text(value: dict[str, Any], currency: str) -> str:
    """Spend, marked where calls are missing from it; where nothing else cost anything, there is no amount to show."""
    if value["unpriced_requests"] and not value["total_cost"]:
        return "no known price"
    return wording.amount(value["total_cost"], currency) + (" *" if value["unpriced_requests"] else "")


def _name(value: Any, none: str = "unknown") -> str:
    return none if value is None else str(value)


def _money(row: Row) -> Decimal:
    value = row.values[0]
    assert isinstance(value, Decimal), "a sum of money is never unknown"
    return value
