"""Latency and time to first token: over time, as a distribution, by model and by virtual key.

Percentiles come from merged histograms, never from other percentiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard.directory import names
from dashboard.formatting import format as wording
from dashboard.query import catalogue
from dashboard.query.question import Filter
from dashboard.query.run import Result, run
from dashboard.ui import charts, tables
from dashboard.ui.components import card, cards, chart, lazy_part, no_calls, page, registered_as, time_bucket
from dashboard.ui.links import spend_csv
from dashboard.ui.series import display_name, filtered, seconds, seconds_over_time, top_rows
from dashboard.ui.view import View, narrowed_search, question
from ingest.ledger.engine import Ledger

SHOWN_SERIES: Final = 5
_LATENCY_METRICS: Final = ("latency_p50", "latency_p90", "latency_p95", "latency_p99")
_TTFT_METRICS: Final = ("ttft_p50", "ttft_p95")
_METRICS: Final = ("requests", *_LATENCY_METRICS, "latency_avg", *_TTFT_METRICS, "tokens_per_second")


@registered_as("latency:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    total = run(ledger, question(view, ledger.zone, _METRICS))
    if not total.requests:
        return no_calls(ledger, view)
    half = {"base": 12, "lg": 6}
    return page(
        "Latency",
        total.query,
        [
            _cards(total),
            lazy_part(over_time_of_all, view),
            _distribution(total),
            dmc.Grid(
                [
                    dmc.GridCol(lazy_part(models_over_time, view), span=half),
                    dmc.GridCol(lazy_part(keys_over_time, view), span=half),
                ],
                gutter="md",
            ),
            lazy_part(models, view),
            lazy_part(keys, view),
        ],
        _METRICS,
    )


@registered_as("latency:over_time_of_all")
def over_time_of_all(ledger: Ledger, view: View) -> Any:
    """Latency and time to first token over time."""
    result = run(ledger, question(view, ledger.zone, (*_LATENCY_METRICS, *_TTFT_METRICS), ("time",)))
    half = {"base": 12, "lg": 6}
    answers = _lines("latency-over-time", "Latency over time", result, _LATENCY_METRICS)
    first_tokens = _lines("ttft-over-time", "Time to first token over time", result, _TTFT_METRICS)
    return dmc.Grid(
        [dmc.GridCol(answers, span=half), dmc.GridCol(first_tokens, span=half)],
        gutter="md",
    )


@registered_as("latency:models")
def models(ledger: Ledger, view: View) -> Any:
    """Each model's latencies."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("model",)))
    return tables.metric_table(
        "latency-by-model",
        "By model",
        result,
        _METRICS,
        link=lambda key: narrowed_search(view, ("model", key[0])),
    )


@registered_as("latency:keys")
def keys(ledger: Ledger, view: View) -> Any:
    """Each key's latencies."""
    idents = names.idents(ledger, "virtual_key")
    query = question(view, ledger.zone, _METRICS, ("virtual_key",))
    result, row_count = top_rows(ledger, query, tables.SHOWN_ROWS, idents)
    return tables.metric_table(
        "latency-by-key",
        "By virtual key",
        result,
        _METRICS,
        row_count=row_count,
        csv=spend_csv(query),
        link=lambda key: narrowed_search(view, ("virtual_key", idents.get(str(key[0])))),
        unknown=names.NO_KEY,
    )


@registered_as("latency:models_over_time")
def models_over_time(ledger: Ledger, view: View) -> Any:
    """The p95 of the models with most calls, over time."""
    return _by_dimension(ledger, view, "model", {})


@registered_as("latency:keys_over_time")
def keys_over_time(ledger: Ledger, view: View) -> Any:
    """The p95 of the keys with most calls, over time."""
    return _by_dimension(ledger, view, "virtual_key", names.idents(ledger, "virtual_key"))


def _cards(total: Result) -> Any:
    latency_count = total.totals.histograms["latency_histogram"].total
    ttft_count = total.totals.histograms["ttft_histogram"].total
    notes = {
        "latency_p50": f"{wording.compact(latency_count)} calls are timed",
        "latency_p95": "one call in 20 takes longer",
        "latency_p99": "one call in 100 takes longer",
        "ttft_p50": f"{wording.compact(ttft_count)} calls name it",
        "ttft_p95": "one call in 20 takes longer",
    }
    return cards(
        [
            card(
                catalogue.METRICS[metric].label.replace("Time to first token", "First token"),
                wording.duration(total.total(metric)),
                note,
                metric=metric,
            )
            for metric, note in notes.items()
        ]
    )


def _lines(name: str, title: str, result: Result, metrics: Sequence[str]) -> Any:
    at = [result.query.metrics.index(metric) for metric in metrics]
    series = {
        metric.rpartition("_")[2]: [seconds(row.values[place]) for row in result.rows]
        for metric, place in zip(metrics, at, strict=True)
    }
    return chart(
        name,
        title,
        charts.lines(result.buckets, series, "s"),
        [*series],
        narrows=time_bucket(result.query),
        csv=spend_csv(replace(result.query, metrics=tuple(metrics))),
    )


def _distribution(total: Result) -> Any:
    all_histograms = {
        "Latency": total.totals.histograms["latency_histogram"],
        "Time to first token": total.totals.histograms["ttft_histogram"],
    }
    histograms = {name: histogram for name, histogram in all_histograms.items() if histogram.total}
    marks = {
        metric.rpartition("_")[2]: at
        for metric in ("latency_p50", "latency_p95", "latency_p99")
        if (at := seconds(total.total(metric)))
    }
    return chart(
        "latency-distribution",
        "How many calls took how long (logarithmic; lines at the latency's p50, p95 and p99)",
        charts.distribution(histograms, marks),
        [*histograms],
    )


def _by_dimension(ledger: Ledger, view: View, dimension: str, idents: Mapping[str, str]) -> Any:
    """The p95 over time of the models, or the keys, with the most calls."""
    unknown = names.NO_KEY if dimension == "virtual_key" else "unknown"
    ranked = run(ledger, question(view, ledger.zone, ("requests",), (dimension,)))
    top = sorted(ranked.rows, key=lambda row: -int(row.values[0] or 0))[:SHOWN_SERIES]
    filter_values = {
        display_name(name, unknown): None if name is None else idents.get(str(name), str(name))
        for name in (row.key[0] for row in top)
    }
    query = question(view, ledger.zone, ("latency_p95",), ("time", dimension))
    result = run(ledger, filtered(query, Filter(dimension, tuple(filter_values.values()))))
    lines = seconds_over_time(result, "latency_p95", [*filter_values], unknown)
    return chart(
        f"latency-by-{dimension.replace('_', '-')}-over-time",
        f"Latency p95 of the {catalogue.DIMENSIONS[dimension].label.lower()}s with most calls (logarithmic)",
        charts.lines(result.buckets, lines, "s", logarithmic=True),
        [*filter_values],
        narrows=time_bucket(result.query),
        links={
            name: narrowed_search(view, (dimension, value))
            for name, value in filter_values.items()
            if value is not None
        },
        csv=spend_csv(result.query),
    )


PARTS: Final = (over_time_of_all, models_over_time, keys_over_time, models, keys)
