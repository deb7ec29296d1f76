"""Charts as plotly figures: how they look, not what they show.

Figures carry no colours of text or ground: the style sheet colours both for light and dark, so one figure serves both.
Their legend is HTML beside them (`dashboard.pages.parts`), which wraps on a narrow screen as plotly's own does not.
Numbers become floats here, for the height of a bar; what a person reads at it is exact text. A figure is written as
plotly's JSON and checked by plotly once, as a whole: built call by call it takes eight times as long.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import plotly.graph_objects as go

from dashboard import wording
from ingest.ledger.histogram import RATIO, Histogram
from ingest.money import plain_decimal

Part = dict[str, Any]
"""A part of a figure in plotly's JSON."""

CONFIG: Final[Any] = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
    "scrollZoom": False,
}
"""No chart leaves the server: plotly's own bar has a button that uploads."""

PALETTE: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5BBE")
"""Okabe and Ito's colours, told apart with any colour vision; violet in place of a yellow that white swallows."""
REST: Final = "#8A8F98"
OTHER: Final = "Other"
"""The series of everything that has none of its own."""
HEIGHT: Final = 320
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_GRID: Final = "rgba(128,128,128,0.22)"
_MOST_TICKS: Final = 6
_FEWEST_ROWS: Final = 8
"""A ranking of two is not two huge bars."""
_WIDER: Final = 12
"""So many of a histogram's buckets make one step of a chart: each is 27% wider than the one before."""
_WIDE: Final = 30
"""Values that differ by more than this many times are not told apart on an axis from zero."""
_CLOSE_POWERS: Final = 4
"""So few powers of ten leave room for ticks between them."""
_CALENDAR_TICKS: Final = 4
_MONTHS_SHOWN: Final = 120
"""A calendar of more days than this names months."""
_TIMES: Final = {
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
    """Where a line of steps changes: an instant as plotly reads it, the height from there on, and what is told of it."""

    at: str
    height: Decimal | None
    text: str = ""
    is_step: bool = True
    """Not the end of a line at the edge of the chart."""


def stacked_bars(
    x: Sequence[str], series: Mapping[str, Sequence[Decimal]], texts: Mapping[str, Sequence[str]]
) -> go.Figure:
    """Bars over time, one colour per series; all others together are grey."""
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
    names: Sequence[str], values: Sequence[Decimal], texts: Sequence[str], means: Sequence[str | None] = ()
) -> go.Figure:
    """Horizontal bars, the largest on top, with what they stand for written at their end.

    `means` holds the value of a filter for each bar, for whoever clicks on it.
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
            [_escaped(name), value] for name, value in zip(names, means or (None,) * len(names), strict=True)
        ],
        "hovertemplate": "%{customdata[0]}: %{text}<extra></extra>",
    }
    # The text at the end of the longest bar needs room.
    reach = [min(0.0, *lengths, 0.0) * 1.4, max(lengths, default=0.0) * 1.4 or 1]
    return _figure([bar], {"visible": False, "range": reach}, _rows(names), bargap=0.35)


def composed_bars(
    names: Sequence[str],
    parts: Mapping[str, Sequence[Decimal]],
    texts: Mapping[str, Sequence[str]],
    means: Sequence[str | None],
    unit: str,
) -> go.Figure:
    """Horizontal bars, each made of the same parts."""
    bars = [
        {
            "type": "bar",
            "x": list(map(float, values)),
            "y": list(range(len(names))),
            "name": part,
            "orientation": "h",
            "marker": {"color": colour(part, place)},
            "customdata": [[text, value] for text, value in zip(texts[part], means, strict=True)],
            "hovertemplate": f"{_escaped(part)}: %{{customdata[0]}}<extra></extra>",
        }
        for place, (part, values) in enumerate(parts.items())
    ]
    amounts = {"showgrid": True, "gridcolor": _GRID, "ticksuffix": f" {unit}", "nticks": 5}
    return _figure(bars, amounts, _rows(names), barmode="relative", bargap=0.35, hovermode="y unified")


def distribution(histograms: Mapping[str, Histogram], marks: Mapping[str, float]) -> go.Figure:
    """How many calls took how long, in seconds on a logarithmic axis, with marks at percentiles."""
    decades = {at: text for at, text in _TIMES.items() if "3" not in text}
    times = {
        "type": "log",
        "tickvals": list(decades),
        "ticktext": list(decades.values()),
        "tickangle": 0,
        "showgrid": True,
        "gridcolor": _GRID,
    }
    return _figure(
        [_steps_line(name, histogram, place) for place, (name, histogram) in enumerate(histograms.items())],
        times,
        {"ticksuffix": "%", "rangemode": "tozero"},
        hovermode="closest",
        hoverdistance=40,
        shapes=[_mark(at) for at in marks.values()],
        annotations=[_mark_name(name, at, place) for place, (name, at) in enumerate(marks.items())],
    )


def _steps_line(name: str, histogram: Histogram, place: int) -> Part:
    steps = _steps(histogram)
    total = histogram.total or 1
    told = [
        [f"{wording.duration(1000 * left)} to {wording.duration(1000 * right)}", count]
        for left, right, count in steps
    ]
    return {
        "type": "scatter",
        "x": [edge for left, right, _ in steps for edge in (left, right)],
        "y": [100 * count / total for _, _, count in steps for _ in range(2)],
        "customdata": [one for one in told for _ in range(2)],
        "name": name,
        "mode": "lines",
        "line": {"color": PALETTE[place], "width": 2, "dash": ("solid", "dot")[place % 2]},
        "fill": "tozeroy",
        "fillcolor": _faint(PALETTE[place]),
        "hovertemplate": f"{name}: %{{customdata[0]}}: %{{customdata[1]:,}} calls (%{{y:.1f}}%)<extra></extra>",
    }


def _mark(at: float) -> Part:
    line = {"color": REST, "width": 1, "dash": "dash"}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "y domain", "line": line}


def _mark_name(name: str, at: float, place: int) -> Part:
    where = {"x": math.log10(at), "y": 1, "yref": "paper", "xshift": 3, "yshift": -14 * place}
    return {**where, "text": name, "showarrow": False, "xanchor": "left", "yanchor": "top"}


def _steps(histogram: Histogram) -> list[tuple[float, float, int]]:
    """The histogram in wider steps: from, to (seconds), and the calls between; none left out in the middle."""
    tally: dict[int, int] = {}
    for index, count in zip(histogram.buckets.tolist(), histogram.counts.tolist(), strict=True):
        # Bucket b ends at 1.02^b, so the step it lies in is the one that its end reaches.
        step = -(-index // _WIDER)
        tally[step] = tally.get(step, 0) + count
    if not tally:
        return []
    edge = [RATIO ** (_WIDER * at) / 1e6 for at in range(min(tally) - 1, max(tally) + 1)]
    return [
        (left, right, tally.get(step, 0))
        for step, (left, right) in enumerate(pairwise(edge), start=min(tally))
    ]


def burn_down(
    left: Sequence[tuple[date, Decimal, str]],
    plan: tuple[date, date, Decimal, str],
    outlook: tuple[tuple[Decimal, str], tuple[Decimal, str], tuple[Decimal, str]] | None,
) -> go.Figure:
    """What is left of a budget at the end of each day, against a plan that uses it up evenly, and what is expected to be left at the end.

    `plan` is the first and the last day with the whole limit, `outlook` what is left at the end: expected, at least, at most.
    """
    first, last, limit, whole = plan
    start = (first - timedelta(days=1)).isoformat()  # the evening before, when all of it was there
    days = [start, *(day.isoformat() for day, _, _ in left)]
    heights = [float(limit), *(float(height) for _, height, _ in left)]
    texts = [whole, *(text for _, _, text in left)]
    lines_of = [
        _course("Left", 0, "solid", days, heights, texts),
        _course(
            "Plan",
            1,
            "dot",
            [start, last.isoformat()],
            [float(limit), 0.0],
            [whole, plain_decimal(Decimal(0))],
        ),
    ]
    if outlook is not None and left:
        (expected, text), (least, _), (most, _) = outlook
        way = [days[-1], last.isoformat()]
        lines_of += [
            {
                "type": "scatter",
                "x": [way[0], way[1], way[1], way[0]],
                "y": [heights[-1], float(most), float(least), heights[-1]],
                "fill": "toself",
                "fillcolor": _faint(PALETTE[2]),
                "line": {"width": 0},
                "mode": "lines",
                "hoverinfo": "skip",
            },
            _course("Forecast", 2, "dash", way, [heights[-1], float(expected)], [texts[-1], text]),
        ]
    ends = (first - timedelta(days=1), last + timedelta(days=1))
    return _figure(lines_of, _calendar_axis(*ends), {"nticks": 6}, hovermode="closest", hoverdistance=40)


def _course(
    name: str, place: int, dash: str, x: Sequence[str], y: Sequence[float], texts: Sequence[str]
) -> Part:
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


def _faint(colour_of: str) -> str:
    red, green, blue = (int(colour_of[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"


def lines(
    x: Sequence[str], series: Mapping[str, Sequence[float | None]], unit: str, *, logarithmic: bool = False
) -> go.Figure:
    """Lines over time; where nothing was measured a line has a gap."""
    drawn = [
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
    plain = {"ticksuffix": f" {unit}", "rangemode": "tozero"}
    by_powers = {"type": "log", "tickvals": list(_TIMES), "ticktext": list(_TIMES.values())}
    return _figure(drawn, _time_axis(x), by_powers if logarithmic else plain, hovermode="x unified")


def steps(
    series: Mapping[str, Sequence[Step]], ends: tuple[date, date], changes: Mapping[str, str], unit: str
) -> go.Figure:
    """Prices that hold from one step to the next, each line to the right edge; where there is none a line has a gap.

    `changes` names what changes at an instant, told at its top. Prices that differ much are on a logarithmic axis.
    """
    heights = [float(one.height) for line in series.values() for one in line if one.height is not None]
    is_wide = bool(heights) and min(heights) > 0 and max(heights) > _WIDE * min(heights)
    drawn = [_step_line(name, line, place) for place, (name, line) in enumerate(series.items())]
    plain = {"rangemode": "tozero", "ticksuffix": f" {unit}", "nticks": 6}
    by_powers = _powers(min(heights), max(heights), unit) if is_wide else {}
    return _figure(
        drawn,
        _calendar_axis(*ends),
        by_powers or plain,
        hovermode="closest",
        hoverdistance=40,
        shapes=[{**_mark(0), "x0": at, "x1": at} for at in changes],
        annotations=[_change_name(text, at, place) for place, (at, text) in enumerate(changes.items())],
    )


def _powers(lowest: float, highest: float, unit: str) -> Part:
    """A logarithmic axis that names few round values."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    steps_of = (1, 2, 5) if len(powers) <= _CLOSE_POWERS else (1,)
    ticks = [Decimal(step).scaleb(power) for power in powers for step in steps_of]
    shown = [one for one in ticks if lowest / 2 <= one <= highest * 2]
    texts = [f"{plain_decimal(one)} {unit}" for one in shown]
    return {"type": "log", "tickmode": "array", "tickvals": list(map(float, shown)), "ticktext": texts}


def _step_line(name: str, line: Sequence[Step], place: int) -> Part:
    return {
        "type": "scatter",
        "x": [one.at for one in line],
        "y": [None if one.height is None else float(one.height) for one in line],
        "customdata": [one.text for one in line],
        "name": _short(name),
        "mode": "lines+markers",
        "line": {
            "shape": "hv",
            "color": colour(name, place),
            "width": 2,
            "dash": ("solid", "dot", "dash", "dashdot")[place % 4],
        },
        "marker": {"size": [7 if one.is_step else 0 for one in line], "color": colour(name, place)},
        "hovertemplate": f"{_escaped(name)}: %{{customdata}}<extra></extra>",
    }


def _change_name(text: str, at: str, place: int) -> Part:
    where = {"x": at, "y": 1, "yref": "paper", "xshift": 3, "yshift": -14 * (place % 3)}
    return {**where, "text": _escaped(text), "showarrow": False, "xanchor": "left", "yanchor": "top"}


def _calendar_axis(first: date, last: date) -> Part:
    """A calendar whose few ticks are written as the reader writes days."""
    days = [first + timedelta(days=at) for at in range((last - first).days)]
    in_months = len(days) > _MONTHS_SHOWN
    marked = [one for one in days if one.day == 1] if in_months else days
    ticks = marked[len(marked) % _CALENDAR_TICKS // 2 :: -(-len(marked) // _CALENDAR_TICKS)]
    written = [one.isoformat()[:7] if in_months else one.isoformat() for one in ticks]
    return {
        "type": "date",
        "range": [first.isoformat(), last.isoformat()],
        "tickmode": "array",
        "tickvals": [one.isoformat() for one in ticks],
        "ticktext": [wording.bucket_label(one) for one in written],
        "tickangle": 0,
        "ticklabelstandoff": 4,
    }


def colour(name: str, place: int) -> str:
    """The colour of the series at `place`."""
    return REST if name == OTHER or place >= len(PALETTE) else PALETTE[place]


def _figure(traces: Sequence[Part], x_axis: Part, y_axis: Part, **layout: Any) -> go.Figure:
    """A figure in the manner of all: no ground, no legend, nothing to zoom or drag."""
    both = {"zeroline": False, "automargin": True, "fixedrange": True}
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
            "xaxis": {**both, "showgrid": False, "showspikes": False, **x_axis},
            "yaxis": {**both, "gridcolor": _GRID, **y_axis},
            **layout,
        },
    )


def _time_axis(x: Sequence[str]) -> Part:
    """A time axis that shows every bucket, as text: no chart library moves our hours and months."""
    step = max(1, -(-len(x) // _MOST_TICKS))
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(x),
        "tickmode": "array",
        "tickvals": list(x)[::step],
        "ticktext": [wording.bucket_label(one, before) for before, one in pairwise(["", *x[::step]])],
        "tickangle": 0,
        "ticklabelstandoff": 4,
    }


def _rows(names: Sequence[str]) -> Part:
    """An axis that names each row, the first on top."""
    return {
        "range": [max(len(names), _FEWEST_ROWS) - 0.5, -0.5],
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [_escaped(_short(name)) for name in names],
        "showgrid": False,
        "ticklabelstandoff": 6,
    }


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _escaped(text: str) -> str:
    """Text that plotly shows as it is: it reads a little HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
