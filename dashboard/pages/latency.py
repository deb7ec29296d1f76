"""Latency: how long answers and their first tokens took, over time, in all, by model and by key.

Percentiles come from merged histograms. None is computed from other percentiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import dash_mantine_components as dmc

from dashboard import catalogue, figures, people, wording
from dashboard.filters import View, only, question
from dashboard.links import spend_csv
from dashboard.pages import tables
from dashboard.pages.most import of_most
from dashboard.pages.parts import card, cards, chart, empty, known_as, later, over_time, page
from dashboard.pages.series import named, seconds, seconds_over_time
from dashboard.question import Filter
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

SHOWN_SERIES: Final = 5
_LATENCIES: Final = ("latency_p50", "latency_p90", "latency_p95", "latency_p99")
_FIRST_TOKENS: Final = ("ttft_p50", "ttft_p95")
_METRICS: Final = ("requests", *_LATENCIES, "latency_avg", *_FIRST_TOKENS, "tokens_per_second")


@known_as("latency:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    total = run(ledger, question(view, ledger.zone, _METRICS))
    if not total.requests:
        return empty(ledger, view)
    half = {"base": 12, "lg": 6}
    return page(
        "Latency",
        total.query,
        [
            _cards(total),
            later(over_time_of_all, view),
            _distribution(total),
            dmc.Grid(
                [
                    dmc.GridCol(later(models_over_time, view), span=half),
                    dmc.GridCol(later(keys_over_time, view), span=half),
                ],
                gutter="md",
            ),
            later(models, view),
            later(keys, view),
        ],
        _METRICS,
    )


@known_as("latency:over_time_of_all")
def over_time_of_all(ledger: Ledger, view: View) -> Any:
    """How long answers and first tokens took, over time."""
    result = run(ledger, question(view, ledger.zone, (*_LATENCIES, *_FIRST_TOKENS), ("time",)))
    half = {"base": 12, "lg": 6}
    answers = _lines("latency-over-time", "Latency over time", result, _LATENCIES)
    first_tokens = _lines("ttft-over-time", "Time to first token over time", result, _FIRST_TOKENS)
    return dmc.Grid(
        [dmc.GridCol(answers, span=half), dmc.GridCol(first_tokens, span=half)],
        gutter="md",
    )


@known_as("latency:models")
def models(ledger: Ledger, view: View) -> Any:
    """Each model's latencies."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("model",)))
    return tables.of_metrics(
        "latency-by-model", "By model", result, _METRICS, link=lambda key: only(view, ("model", key[0]))
    )


@known_as("latency:keys")
def keys(ledger: Ledger, view: View) -> Any:
    """Each key's latencies."""
    idents = people.idents(ledger, "virtual_key")
    asked = question(view, ledger.zone, _METRICS, ("virtual_key",))
    result, in_all = of_most(ledger, asked, tables.SHOWN_ROWS, idents)
    return tables.of_metrics(
        "latency-by-key",
        "By virtual key",
        result,
        _METRICS,
        in_all=in_all,
        csv=spend_csv(asked),
        link=lambda key: only(view, ("virtual_key", idents.get(str(key[0])))),
        none=people.NO_KEY,
    )


@known_as("latency:models_over_time")
def models_over_time(ledger: Ledger, view: View) -> Any:
    """The p95 of the models with most calls, over time."""
    return _split(ledger, view, "model", {})


@known_as("latency:keys_over_time")
def keys_over_time(ledger: Ledger, view: View) -> Any:
    """The p95 of the keys with most calls, over time."""
    return _split(ledger, view, "virtual_key", people.idents(ledger, "virtual_key"))


def _cards(total: Result) -> Any:
    timed = total.totals.histograms["latency_histogram"].total
    first = total.totals.histograms["ttft_histogram"].total
    notes = {
        "latency_p50": f"{wording.compact(timed)} calls are timed",
        "latency_p95": "one call in 20 takes longer",
        "latency_p99": "one call in 100 takes longer",
        "ttft_p50": f"{wording.compact(first)} calls name it",
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
        figures.lines(result.buckets, series, "s"),
        [*series],
        means=over_time(result.query),
        csv=spend_csv(replace(result.query, metrics=tuple(metrics))),
    )


def _distribution(total: Result) -> Any:
    held = total.totals.histograms
    histograms = {"Latency": held["latency_histogram"], "Time to first token": held["ttft_histogram"]}
    shown = {name: histogram for name, histogram in histograms.items() if histogram.total}
    marks = {
        metric.rpartition("_")[2]: at
        for metric in ("latency_p50", "latency_p95", "latency_p99")
        if (at := seconds(total.total(metric)))
    }
    return chart(
        "latency-distribution",
        "How many calls took how long (logarithmic; lines at the latency's p50, p95 and p99)",
        figures.distribution(shown, marks),
        [*shown],
    )


def _split(ledger: Ledger, view: View, dimension: str, idents: Mapping[str, str]) -> Any:
    """The p95 over time of those with the most calls, each asked for alone."""
    none = people.NO_KEY if dimension == "virtual_key" else "unknown"
    ranked = run(ledger, question(view, ledger.zone, ("requests",), (dimension,)))
    most = sorted(ranked.rows, key=lambda row: -int(row.values[0] or 0))[:SHOWN_SERIES]
    wanted = {
        named(row.key[0], none): None if row.key[0] is None else idents.get(str(row.key[0]), str(row.key[0]))
        for row in most
    }
    asked = question(view, ledger.zone, ("latency_p95",), ("time", dimension))
    others = tuple(one for one in asked.filters if one.dimension != dimension)
    result = run(ledger, replace(asked, filters=(*others, Filter(dimension, tuple(wanted.values())))))
    lines = seconds_over_time(result, "latency_p95", [*wanted], none)
    return chart(
        f"latency-by-{dimension.replace('_', '-')}-over-time",
        f"Latency p95 of the {catalogue.DIMENSIONS[dimension].label.lower()}s with most calls (logarithmic)",
        figures.lines(result.buckets, lines, "s", logarithmic=True),
        [*wanted],
        means=over_time(result.query),
        links={name: only(view, (dimension, value)) for name, value in wanted.items() if value is not None},
        csv=spend_csv(result.query),
    )


PARTS: Final = (over_time_of_all, models_over_time, keys_over_time, models, keys)
