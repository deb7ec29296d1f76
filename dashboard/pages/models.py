"""Models: what each costs and what that is made of, how much it is used, how often it fails and how fast it is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard import figures, wording
from dashboard.filters import View, question, to_search
from dashboard.links import spend_csv
from dashboard.pages import tables
from dashboard.pages.parts import chart, empty, notes, over_time, page
from dashboard.pages.series import money, named, of_currency, spend_over_time
from dashboard.runner import Result, Row, run
from ingest.ledger.engine import Ledger

SHOWN: Final = 10
SHOWN_SERIES: Final = 7
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
_PARTS: Final = {
    "Input": ("input_cost",),
    "Output": ("output_cost",),
    "Reasoning": ("reasoning_cost",),
    "Search, citations, requests": ("search_cost", "citation_cost", "request_cost"),
}
_REST: Final = "Cache, tools, other"
"""What the total holds beyond the parts that can be asked for by name."""


def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""

    def ask(metrics: Sequence[str], *by: str) -> Result:
        return run(ledger, question(view, ledger.zone, metrics, by))

    result = ask(_METRICS, "model", "provider")
    if not result.total("requests"):
        return empty(ledger, view)
    made_of = ask(("total_cost", *(key for keys in _PARTS.values() for key in keys)), "model")
    return page(
        "Models",
        result.query,
        [
            *notes(result),
            dmc.Grid(
                [
                    dmc.GridCol(
                        _over_time(ask(("total_cost",), "time", "model"), view), span={"base": 12, "lg": 6}
                    ),
                    dmc.GridCol(_composition(made_of), span={"base": 12, "lg": 6}),
                ],
                gutter="md",
            ),
            tables.of_metrics(
                "models",
                "Models",
                result,
                _COLUMNS,
                link=lambda name: to_search(view.narrowed("model", name)),
            ),
        ],
        _METRICS,
    )


def _over_time(result: Result, view: View) -> Any:
    found = spend_over_time(result, SHOWN_SERIES)
    return chart(
        "spend-over-time",
        f"Spend over time ({result.totals.currency})",
        figures.stacked_bars(result.buckets, found.values, found.texts),
        [*found.values],
        means=over_time(result),
        links={
            name: to_search(view.narrowed("model", name)) for name in found.values if name != figures.OTHER
        },
        csv=spend_csv(result.query),
    )


def _composition(result: Result) -> Any:
    """What the spend of the dearest models is made of; the parts of a bar add up to its model's spend."""
    currency = result.totals.currency
    rows = of_currency(result)[:SHOWN]
    parts = {part: values for part, values in composition(result, rows).items() if any(values)}
    names = [named(row.key[0]) for row in rows]
    texts = {part: [wording.amount(value, currency) for value in values] for part, values in parts.items()}
    return chart(
        "spend-made-of",
        f"What the spend is made of ({currency})",
        figures.composed_bars(names, parts, texts, names, currency),
        [*parts],
        means={"dimension": "model"},
        csv=spend_csv(result.query),
    )


def composition(result: Result, rows: Sequence[Row]) -> dict[str, list[Decimal]]:
    """The parts of each row's spend, by name."""
    metrics = result.query.metrics

    def together(row: Row, keys: Sequence[str]) -> Decimal:
        return sum((money(row, metrics.index(key)) for key in keys), Decimal())

    parts = {part: [together(row, keys) for row in rows] for part, keys in _PARTS.items()}
    parts[_REST] = [
        money(row, metrics.index("total_cost")) - sum((values[at] for values in parts.values()), Decimal())
        for at, row in enumerate(rows)
    ]
    return parts
