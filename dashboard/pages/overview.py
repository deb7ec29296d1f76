"""Overview: spend and usage, by model and by virtual key, with outcomes and latency."""

from typing import Any, Final

import dash_mantine_components as dmc

from dashboard.directory import names as people
from dashboard.fees.summary import fees_of, totals_by_currency
from dashboard.formatting import format as wording
from dashboard.query.question import SpendQuery
from dashboard.query.row_access import access_filters
from dashboard.query.run import run
from dashboard.ui import charts, tables, totals
from dashboard.ui.components import chart, lazy_part, no_calls, notes, page, registered_as, time_bucket
from dashboard.ui.links import spend_csv
from dashboard.ui.series import display_name, money, rows_in_currency, seconds
from dashboard.ui.spend_chart import spend_chart
from dashboard.ui.view import View, narrowed_search, question
from ingest.ledger.engine import Ledger
from ingest.model.money import from_pico

SHOWN_KEYS: Final = 10
SHOWN_ROWS: Final = 20
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


@registered_as("overview:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    result = totals.totals_of(ledger, view)
    if not result.requests:
        return no_calls(ledger, view)
    wide, narrow, half = ({"base": 12, "lg": columns} for columns in (8, 4, 6))
    return page(
        "Overview",
        result.query,
        [
            *notes(result),
            totals.total_cards(ledger, view, result),
            _fees(ledger, result.query),
            dmc.Grid(
                [
                    dmc.GridCol(lazy_part(spend, view), span=wide),
                    dmc.GridCol(lazy_part(keys, view), span=narrow),
                ],
                gutter="md",
            ),
            lazy_part(models, view),
            dmc.Grid(
                [
                    dmc.GridCol(lazy_part(latency, view), span=half),
                    dmc.GridCol(lazy_part(outcomes, view), span=half),
                ],
                gutter="md",
            ),
        ],
        (*totals.METRICS, "cost_per_million_tokens", "latency_p50", "latency_p95"),
    )


@registered_as("overview:spend")
def spend(ledger: Ledger, view: View) -> Any:
    """Spend over time of the models that cost most."""
    return spend_chart(
        ledger,
        question(view, ledger.zone, ("total_cost",), ("time", "model")),
        run(ledger, question(view, ledger.zone, ("total_cost",), ("model",))),
        "Spend over time by model",
        link=lambda name: narrowed_search(view, ("model", name)),
    )


def _fees(ledger: Ledger, query: SpendQuery) -> Any:
    """The fees of the period; None without fees, or if a filter or the caller's limits narrow the calls."""
    if query.filters or access_filters() or not (fees := fees_of(ledger, query.period)):
        return None
    rows = [
        [
            tables.Text(row.amounts.fee.name),
            tables.Text(row.team or "shared"),
            tables.Text(wording.day_of(row.amounts.fee.start, ledger.zone.info)),
            _amount(row.amounts.effective, row.amounts.fee.currency),
            _amount(row.amounts.billed, row.amounts.fee.currency),
        ]
        for row in fees
    ]
    remarks = [
        f"Together {_amount(effective, currency)} effective and {_amount(billed, currency)} billed. "
        "The spend above is that of calls alone."
        for currency, (effective, billed) in totals_by_currency(fees).items()
    ]
    header = ["Fee", "Borne by", "Since", "Effective", "Billed"]
    return tables.table("fees", "Fees", header, rows, texts=3, remarks=remarks, width=520)


def _amount(pico: int, currency: str) -> str:
    return wording.amount(from_pico(pico), currency)


@registered_as("overview:keys")
def keys(ledger: Ledger, view: View) -> Any:
    """The keys that spent most; a click on a key narrows the page to it."""
    result = run(ledger, question(view, ledger.zone, ("total_cost", "unpriced_requests"), ("virtual_key",)))
    idents = people.idents(ledger, "virtual_key")
    rows = rows_in_currency(result)[:SHOWN_KEYS]
    names = [display_name(row.key[0], people.NO_KEY) for row in rows]
    key_ids = [idents.get(str(row.key[0])) for row in rows]
    texts = [tables.spend_text(row.values[0], row.values[1], "") for row in rows]
    figure = charts.ranked_bars(names, [money(row) for row in rows], texts, key_ids)
    return chart(
        "spend-by-key",
        f"Spend by virtual key ({result.totals.currency})",
        figure,
        narrows={"dimension": "virtual_key"},
        items=[
            (f"{name}: {text}", narrowed_search(view, ("virtual_key", ident)) if ident else None)
            for name, text, ident in zip(names, texts, key_ids, strict=True)
        ],
        csv=spend_csv(result.query),
        height=charts.HEIGHT + 30,
    )


@registered_as("overview:models")
def models(ledger: Ledger, view: View) -> Any:
    """The models that cost most, with their usage, errors and latency."""
    query = question(view, ledger.zone, (*_MODEL_COLUMNS, "unpriced_requests"), ("model", "provider"))
    return tables.metric_table(
        "models",
        "Models",
        run(ledger, query),
        _MODEL_COLUMNS,
        link=lambda key: narrowed_search(view, ("model", key[0]), ("provider", key[1])),
        limit=SHOWN_ROWS,
    )


@registered_as("overview:latency")
def latency(ledger: Ledger, view: View) -> Any:
    """Latency over time."""
    result = run(ledger, question(view, ledger.zone, ("latency_p50", "latency_p95"), ("time",)))
    series = {
        name: [seconds(row.values[at]) for row in result.rows] for at, name in enumerate(("p50", "p95"))
    }
    return chart(
        "latency-over-time",
        "Latency over time",
        charts.lines(result.buckets, series, "s"),
        [*series],
        narrows=time_bucket(result.query),
        csv=spend_csv(result.query),
    )


@registered_as("overview:outcomes")
def outcomes(ledger: Ledger, view: View) -> Any:
    """Calls by outcome and cost source: answered by a model or the gateway's cache, failed or cancelled."""
    result = run(
        ledger, question(view, ledger.zone, _OUTCOME_COLUMNS, ("status", "cache_hit", "cost_source"))
    )
    rows = [
        [
            tables.Text(
                f"{display_name(status)}, from the cache" if cached else display_name(status),
                narrowed_search(view, ("status", status)),
            ),
            tables.Text(display_name(source)),
            wording.compact(tables.value_of(result, row, "requests")),
            wording.percent_of(tables.value_of(result, row, "requests"), result.requests),
            "no known price"
            if source == "unpriced"
            else wording.amount(tables.value_of(result, row, "total_cost"), row.currency),
        ]
        for row in sorted(result.rows, key=lambda row: -int(row.values[0] or 0))
        for status, cached, source in [row.key]
    ]
    header = ["Outcome", "Cost", "Requests", "Share", "Spend"]
    csv = spend_csv(result.query)
    return tables.table("outcomes", "How calls ended", header, rows, texts=2, csv=csv, width=420)


PARTS: Final = (spend, keys, models, latency, outcomes)
