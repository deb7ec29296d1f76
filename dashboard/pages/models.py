"""Models: spend by model and by cost component, usage, error rate and latency."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard.formatting import format as wording
from dashboard.query.run import Result, Row, run
from dashboard.ui import charts, tables
from dashboard.ui.components import chart, lazy_part, no_calls, notes, page, registered_as
from dashboard.ui.links import spend_csv
from dashboard.ui.series import display_name, money, rows_in_currency
from dashboard.ui.spend_chart import spend_chart
from dashboard.ui.view import View, narrowed_search, question
from ingest.ledger.engine import Ledger

SHOWN_MODELS: Final = 10
_COLUMNS: Final = (
    "total_cost",
    tables.SHARE,
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "output_tokens",
    "reasoning_tokens",
    "error_rate",
    "cost_per_million_tokens",
    "latency_p95",
    "tokens_per_second",
)
_METRICS: Final = (*(key for key in _COLUMNS if key != tables.SHARE), "unpriced_requests")
_COST_PARTS: Final = {
    "Input": ("input_cost",),
    "Output": ("output_cost",),
    "Reasoning": ("reasoning_cost",),
    "Search, citations, requests": ("search_cost", "citation_cost", "request_cost"),
}
_REST: Final = "Cache, tools, other"
"""The rest of the total, for which there is no metric."""


@registered_as("models:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("model", "provider")))
    if not result.requests:
        return no_calls(ledger, view)
    half = {"base": 12, "lg": 6}
    return page(
        "Models",
        result.query,
        [
            *notes(result),
            dmc.Grid(
                [
                    dmc.GridCol(lazy_part(spend, view), span=half),
                    dmc.GridCol(lazy_part(cost_parts, view), span=half),
                ],
                gutter="md",
            ),
            tables.metric_table(
                "models",
                "Models",
                result,
                _COLUMNS,
                link=lambda key: narrowed_search(view, ("model", key[0]), ("provider", key[1])),
            ),
        ],
        _METRICS,
    )


@registered_as("models:spend")
def spend(ledger: Ledger, view: View) -> Any:
    """Spend over time of the models that cost most."""
    return spend_chart(
        ledger,
        question(view, ledger.zone, ("total_cost",), ("time", "model")),
        run(ledger, question(view, ledger.zone, ("total_cost",), ("model",))),
        "Spend over time",
        link=lambda name: narrowed_search(view, ("model", name)),
    )


@registered_as("models:made_of")
def cost_parts(ledger: Ledger, view: View) -> Any:
    """The spend of the most expensive models by cost component; the parts of a bar add up to its total."""
    metrics = ("total_cost", "unpriced_requests", *(key for keys in _COST_PARTS.values() for key in keys))
    result = run(ledger, question(view, ledger.zone, metrics, ("model",)))
    currency = result.totals.currency
    rows = rows_in_currency(result)[:SHOWN_MODELS]
    parts = {part: values for part, values in composition(result, rows).items() if any(values)}
    names = [
        display_name(row.key[0]) + (" *" if tables.value_of(result, row, "unpriced_requests") else "")
        for row in rows
    ]
    texts = {part: [wording.amount(value, currency) for value in values] for part, values in parts.items()}
    return chart(
        "spend-made-of",
        f"What the spend is made of ({currency})",
        charts.composed_bars(
            names,
            parts,
            texts,
            [str(row.key[0]) if row.key[0] is not None else None for row in rows],
            currency,
        ),
        [*parts],
        narrows={"dimension": "model"},
        csv=spend_csv(result.query),
    )


def composition(result: Result, rows: Sequence[Row]) -> dict[str, list[Decimal]]:
    """The parts of each row's spend, by the name of the part."""
    metrics = result.query.metrics

    def sum_of(row: Row, keys: Sequence[str]) -> Decimal:
        return sum((money(row, metrics.index(key)) for key in keys), Decimal())

    parts = {part: [sum_of(row, keys) for row in rows] for part, keys in _COST_PARTS.items()}
    parts[_REST] = [
        money(row, metrics.index("total_cost")) - sum((values[at] for values in parts.values()), Decimal())
        for at, row in enumerate(rows)
    ]
    return parts


PARTS: Final = (spend, cost_parts)
