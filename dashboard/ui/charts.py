"""Charts as plotly figures: how values are drawn, not which values.

A figure sets no colour of text or background: the style sheet sets both, so that a figure serves light and
dark. The legend is HTML beside the figure (`dashboard.ui.components`): it wraps on a narrow screen, which
plotly's does not. Numbers become floats here, for the height of a bar; the text that a reader sees at the bar
is exact. A figure is written as plotly's JSON, and plotly checks it once as a whole: building it call by call
takes eight times as long.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from dashboard.formatting import format as wording
from ingest.ledger.histogram import RATIO, Histogram
from ingest.model.money import plain_decimal

PlotlyJson = dict[str, Any]
"""A trace, an axis or another object of a figure, in plotly's JSON."""

CONFIG: Final[Any] = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
    "scrollZoom": False,
}
"""Plotly's mode bar is off, because its button would upload the chart to another server."""

PALETTE: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5BBE")
"""Okabe and Ito's colours, distinct for any colour vision; violet replaces yellow, faint on white."""
OTHER_COLOUR: Final = "#8A8F98"
OTHER: Final = "Other"
"""The name of the series that sums up all values without a series of their own."""
HEIGHT: Final = 320
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_GRID: Final = "rgba(128,128,128,0.22)"
_MAX_TICKS: Final = 6
_MIN_ROWS: Final = 8
"""A ranking leaves room for this many bars, so that two bars do not fill the chart."""
_BUCKETS_PER_STEP: Final = 12
"""Buckets of a histogram in one step of a chart; each step is 27% wider than the step before."""
_LOGARITHMIC_RATIO: Final = 30
"""From this ratio of the largest to the smallest value on, a logarithmic axis keeps small values apart."""
_FEW_POWERS: Final = 4
"""Up to so many powers of ten, an axis has room for ticks between them."""
_CALENDAR_TICKS: Final = 4
_MONTHLY_FROM: Final = 120
"""A calendar of more days than this has ticks at months."""
_SECOND_TICKS: Final = {
    0.001: "1 ms",
    0.003: "3 ms",
    0.01: "10 ms",
    0.03: "30 ms",
    0.1: "100 ms",
    0.3: "300 ms",
    1: "1 s",
    3: "3 s",
    10: "10 s",
    30: "30 s",
    100: "100 s",
    300: "300 s",
    1000: "1000 s",
}


@dataclass(frozen=True)
class Step:
    """A change of a step line: an instant in plotly's format, the new height (None: a gap), a hover text."""

    at: str
    height: Decimal | None
    text: str = ""
    is_step: bool = True
    """False for the end of a line at the edge of the chart, which has no marker."""


def stacked_bars(
    x: Sequence[str], series: Mapping[str, Sequence[Decimal]], texts: Mapping[str, Sequence[str]]
) -> go.Figure:
    """Stacked bars over time, one colour per series; the series `OTHER` is grey."""
    bars = [
        {
            "type": "bar",
            "x": list(x),
            "y": list(map(float, values)),
            "name": _short(name),
            "customdata": list(texts[name]),
            "marker": {"color": colour(name, place)},
            "hovertemplate": f"{_escaped(name)}: %{{customdata}}<extra></extra>",
        }
        for place, (name, values) in enumerate(series.items())
    ]
    return _figure(bars, _time_axis(x), {}, barmode="stack", bargap=0.18, hovermode="x unified")


def ranked_bars(
    names: Sequence[str],
    values: Sequence[Decimal],
    texts: Sequence[str],
    filter_values: Sequence[str | None] = (),
) -> go.Figure:
    """Horizontal bars in the order given, the first on top, with their texts at their ends.

    A click on a bar filters the page on the bar's value of `filter_values`.
    """
    lengths = list(map(float, values))
    bar = {
        "type": "bar",
        "x": lengths,
        "y": list(range(len(names))),
        "orientation": "h",
        "marker": {"color": PALETTE[0]},
        "text": list(texts),
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [
            [_escaped(name), value]
            for name, value in zip(names, filter_values or (None,) * len(names), strict=True)
        ],
        "hovertemplate": "%{customdata[0]}: %{text}<extra></extra>",
    }
    # The text at the end of the longest bar needs room.
    reach = [min(0.0, *lengths, 0.0) * 1.4, max(lengths, default=0.0) * 1.4 or 1]
    return _figure([bar], {"visible": False, "range": reach}, _row_axis(names), bargap=0.35)


def composed_bars(
    names: Sequence[str],
    parts: Mapping[str, Sequence[Decimal]],
    texts: Mapping[str, Sequence[str]],
    filter_values: Sequence[str | None],
    unit: str,
) -> go.Figure:
    """Horizontal bars, each stacked of the same parts."""
    bars = [
        {
            "type": "bar",
            "x": list(map(float, values)),
            "y": list(range(len(names))),
            "name": part,
            "orientation": "h",
            "marker": {"color": colour(part, place)},
            "customdata": [[text, value] for text, value in zip(texts[part], filter_values, strict=True)],
            "hovertemplate": f"{_escaped(part)}: %{{customdata[0]}}<extra></extra>",
        }
        for place, (part, values) in enumerate(parts.items())
    ]
    amounts = {"showgrid": True, "gridcolor": _GRID, "ticksuffix": f" {unit}", "nticks": 5}
    return _figure(bars, amounts, _row_axis(names), barmode="relative", bargap=0.35, hovermode="y unified")


def distribution(histograms: Mapping[str, Histogram], marks: Mapping[str, float]) -> go.Figure:
    """The share of calls by duration, in seconds on a logarithmic axis, with a vertical line at each mark."""
    decades = {seconds: text for seconds, text in _SECOND_TICKS.items() if "3" not in text}
    times = {
        "type": "log",
        "tickvals": list(decades),
        "ticktext": list(decades.values()),
        "tickangle": 0,
        "showgrid": True,
        "gridcolor": _GRID,
    }
    return _figure(
        [
            _histogram_line(name, histogram, place)
            for place, (name, histogram) in enumerate(histograms.items())
        ],
        times,
        {"ticksuffix": "%", "rangemode": "tozero"},
        hovermode="closest",
        hoverdistance=40,
        shapes=[_mark(at) for at in marks.values()],
        annotations=[_mark_name(name, at, place) for place, (name, at) in enumerate(marks.items())],
    )


def _histogram_line(name: str, histogram: Histogram, place: int) -> PlotlyJson:
    intervals = _wider_steps(histogram)
    total = histogram.total or 1
    hover = [
        [f"{wording.duration(1000 * left)} to {wording.duration(1000 * right)}", count]
        for left, right, count in intervals
    ]
    return {
        "type": "scatter",
        "x": [edge for left, right, _ in intervals for edge in (left, right)],
        "y": [100 * count / total for _, _, count in intervals for _ in range(2)],
        "customdata": [pair for pair in hover for _ in range(2)],
        "name": name,
        "mode": "lines",
        "line": {"color": PALETTE[place], "width": 2, "dash": ("solid", "dot")[place % 2]},
        "fill": "tozeroy",
        "fillcolor": _transparent(PALETTE[place]),
        "hovertemplate": f"{name}: %{{customdata[0]}}: %{{customdata[1]:,}} calls (%{{y:.1f}}%)<extra></extra>",
    }


def _mark(at: float) -> PlotlyJson:
    line = {"color": OTHER_COLOUR, "width": 1, "dash": "dash"}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "y domain", "line": line}


def _mark_name(name: str, at: float, place: int) -> PlotlyJson:
    position = {"x": math.log10(at), "y": 1, "yref": "paper", "xshift": 3, "yshift": -14 * place}
    return {**position, "text": name, "showarrow": False, "xanchor": "left", "yanchor": "top"}


def _wider_steps(histogram: Histogram) -> list[tuple[float, float, int]]:
    """The histogram in wider steps, without gaps: start and end in seconds, and the calls between."""
    counts: dict[int, int] = {}
    for index, count in zip(histogram.buckets.tolist(), histogram.counts.tolist(), strict=True):
        # Bucket b ends at 1.02^b, so the end of a bucket names the step that the bucket lies in.
        step = -(-index // _BUCKETS_PER_STEP)
        counts[step] = counts.get(step, 0) + count
    if not counts:
        return []
    edges = [RATIO ** (_BUCKETS_PER_STEP * at) / 1e6 for at in range(min(counts) - 1, max(counts) + 1)]
    return [
        (left, right, counts.get(step, 0))
        for step, (left, right) in enumerate(pairwise(edges), start=min(counts))
    ]


def remaining_budget(
    remaining: Sequence[tuple[date, Decimal, str]],
    plan: tuple[date, date, Decimal, str],
    forecast: tuple[tuple[Decimal, str], tuple[Decimal, str], tuple[Decimal, str]] | None,
) -> go.Figure:
    """The remaining budget at the end of each day, beside a plan of even use and a forecast.

    `plan` is the first and the last day, the limit and its text. `forecast` is the remaining budget at the
    end: expected, lowest and highest, each with its text.
    """
    first, last, limit, limit_text = plan
    start = (first - timedelta(days=1)).isoformat()  # the evening before the period, with the whole limit
    days = [start, *(day.isoformat() for day, _, _ in remaining)]
    heights = [float(limit), *(float(height) for _, height, _ in remaining)]
    texts = [limit_text, *(text for _, _, text in remaining)]
    zero = plain_decimal(Decimal(0))
    traces = [
        _marked_line("Left", 0, "solid", days, heights, texts),
        _marked_line("Plan", 1, "dot", [start, last.isoformat()], [float(limit), 0.0], [limit_text, zero]),
    ]
    if forecast is not None and remaining:
        (expected, text), (lowest, _), (highest, _) = forecast
        span = [days[-1], last.isoformat()]
        traces += [
            {
                "type": "scatter",
                "x": [span[0], span[1], span[1], span[0]],
                "y": [heights[-1], float(highest), float(lowest), heights[-1]],
                "fill": "toself",
                "fillcolor": _transparent(PALETTE[2]),
                "line": {"width": 0},
                "mode": "lines",
                "hoverinfo": "skip",
            },
            _marked_line("Forecast", 2, "dash", span, [heights[-1], float(expected)], [texts[-1], text]),
        ]
    dates = _calendar_axis(first - timedelta(days=1), last + timedelta(days=1))
    return _figure(traces, dates, {"nticks": 6}, hovermode="closest", hoverdistance=40)


def _marked_line(
    name: str, place: int, dash: str, x: Sequence[str], y: Sequence[float], texts: Sequence[str]
) -> PlotlyJson:
    return {
        "type": "scatter",
        "x": list(x),
        "y": list(y),
        "customdata": list(texts),
        "name": name,
        "mode": "lines+markers",
        "line": {"color": colour(name, place), "width": 2, "dash": dash},
        "marker": {"size": 5},
        "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
    }


def _transparent(hex_colour: str) -> str:
    red, green, blue = (int(hex_colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def lines(
    x: Sequence[str], series: Mapping[str, Sequence[float | None]], unit: str, *, logarithmic: bool = False
) -> go.Figure:
    """Lines over time; None is a gap."""
    traces = [
        {
            "type": "scatter",
            "x": list(x),
            "y": list(values),
            "name": _short(name),
            "mode": "lines+markers",
            "line": {
                "color": colour(name, place),
                "width": 2,
                "dash": ("solid", "dot", "dash", "dashdot")[place % 4],
            },
            "marker": {"size": 5},
            "hovertemplate": f"{_escaped(name)}: %{{y:,.2f}} {unit}<extra></extra>",
        }
        for place, (name, values) in enumerate(series.items())
    ]
    linear_axis = {"ticksuffix": f" {unit}", "rangemode": "tozero"}
    log_axis = {"type": "log", "tickvals": list(_SECOND_TICKS), "ticktext": list(_SECOND_TICKS.values())}
    return _figure(traces, _time_axis(x), log_axis if logarithmic else linear_axis, hovermode="x unified")


def step_lines(
    series: Mapping[str, Sequence[Step]], ends: tuple[date, date], changes: Mapping[str, str], unit: str
) -> go.Figure:
    """Prices as step lines up to the right edge; None is a gap.

    `changes` are texts of changes by their instant, written at the top of the chart. Prices that differ by
    much are on a logarithmic axis.
    """
    heights = [float(step.height) for line in series.values() for step in line if step.height is not None]
    is_logarithmic = bool(heights) and min(heights) > 0 and max(heights) > _LOGARITHMIC_RATIO * min(heights)
    linear_axis = {"rangemode": "tozero", "ticksuffix": f" {unit}", "nticks": 6}
    return _figure(
        [_step_line(name, line, place) for place, (name, line) in enumerate(series.items())],
        _calendar_axis(*ends),
        _log_axis(min(heights), max(heights), unit) if is_logarithmic else linear_axis,
        hovermode="closest",
        hoverdistance=40,
        shapes=[{**_mark(0), "x0": at, "x1": at} for at in changes],
        annotations=[_change_name(text, at, place) for place, (at, text) in enumerate(changes.items())],
    )


def _log_axis(lowest: float, highest: float, unit: str) -> PlotlyJson:
    """A logarithmic axis with few ticks, at round values."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    digits = (1, 2, 5) if len(powers) <= _FEW_POWERS else (1,)
    round_values = [Decimal(digit).scaleb(power) for power in powers for digit in digits]
    ticks = [value for value in round_values if lowest / 2 <= value <= highest * 2]
    texts = [f"{plain_decimal(value)} {unit}" for value in ticks]
    return {"type": "log", "tickmode": "array", "tickvals": list(map(float, ticks)), "ticktext": texts}


def _step_line(name: str, line: Sequence[Step], place: int) -> PlotlyJson:
    return {
        "type": "scatter",
        "x": [step.at for step in line],
        "y": [None if step.height is None else float(step.height) for step in line],
        "customdata": [step.text for step in line],
        "name": _short(name),
        "mode": "lines+markers",
        "line": {
            "shape": "hv",
            "color": colour(name, place),
            "width": 2,
            "dash": ("solid", "dot", "dash", "dashdot")[place % 4],
        },
        "marker": {"size": [7 if step.is_step else 0 for step in line], "color": colour(name, place)},
        "hovertemplate": f"{_escaped(name)}: %{{customdata}}<extra></extra>",
    }


def _change_name(text: str, at: str, place: int) -> PlotlyJson:
    position = {"x": at, "y": 1, "yref": "paper", "xshift": 3, "yshift": -14 * (place % 3)}
    return {**position, "text": _escaped(text), "showarrow": False, "xanchor": "left", "yanchor": "top"}


def _calendar_axis(first: date, last: date) -> PlotlyJson:
    """An axis of days with few ticks, written in the reader's locale."""
    days = [first + timedelta(days=at) for at in range((last - first).days)]
    is_monthly = len(days) > _MONTHLY_FROM
    candidates = [day for day in days if day.day == 1] if is_monthly else days
    ticks = candidates[len(candidates) % _CALENDAR_TICKS // 2 :: -(-len(candidates) // _CALENDAR_TICKS)]
    buckets = [day.isoformat()[:7] if is_monthly else day.isoformat() for day in ticks]
    return {
        "type": "date",
        "range": [first.isoformat(), last.isoformat()],
        "tickmode": "array",
        "tickvals": [day.isoformat() for day in ticks],
        "ticktext": [wording.bucket_label(bucket) for bucket in buckets],
        "tickangle": 0,
        "ticklabelstandoff": 4,
    }


def colour(name: str, place: int) -> str:
    """The colour of the series at `place`."""
    return OTHER_COLOUR if name == OTHER or place >= len(PALETTE) else PALETTE[place]


def _figure(traces: Sequence[PlotlyJson], x_axis: PlotlyJson, y_axis: PlotlyJson, **layout: Any) -> go.Figure:
    """A figure without background and legend that cannot be zoomed or dragged."""
    axis = {"zeroline": False, "automargin": True, "fixedrange": True}
    return go.Figure(
        data=list(traces),
        layout={
            "template": "none",
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": 12},
            "showlegend": False,
            "dragmode": False,
            "separators": wording.separators(),
            "xaxis": {**axis, "showgrid": False, "showspikes": False, **x_axis},
            "yaxis": {**axis, "gridcolor": _GRID, **y_axis},
            **layout,
        },
    )


def _time_axis(x: Sequence[str]) -> PlotlyJson:
    """A time axis whose buckets are categories of text, so that plotly does not move hours and months."""
    step = max(1, -(-len(x) // _MAX_TICKS))
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(x),
        "tickmode": "array",
        "tickvals": list(x)[::step],
        "ticktext": [
            wording.bucket_label(bucket, previous) for previous, bucket in pairwise(["", *x[::step]])
        ],
        "tickangle": 0,
        "ticklabelstandoff": 4,
    }


def _row_axis(names: Sequence[str]) -> PlotlyJson:
    """An axis that names each row, the first on top."""
    return {
        "range": [max(len(names), _MIN_ROWS) - 0.5, -0.5],
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [_escaped(_short(name)) for name in names],
        "showgrid": False,
        "ticklabelstandoff": 6,
    }


def _short(name: str, length: int = 28) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _escaped(text: str) -> str:
    """Text for plotly, which reads some HTML tags in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
