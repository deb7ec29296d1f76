"""Charts as plotly figures: how they look, not what they show.

Figures carry no colours of text or ground: the style sheet colours both for light and dark, so one figure serves both.
Their legend is HTML beside them (`dashboard.pages.parts`), which wraps on a narrow screen as plotly's own does not.
Numbers become floats here, for the height of a bar; what a person reads at it is exact text.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import plotly.graph_objects as go

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


def stacked_bars(
    x: Sequence[str], series: Mapping[str, Sequence[Decimal]], texts: Mapping[str, Sequence[str]]
) -> go.Figure:
    """Bars over time, one colour per series; all others together are grey."""
    figure = _figure()
    for place, (name, values) in enumerate(series.items()):
        figure.add_bar(
            x=list(x),
            y=list(map(float, values)),
            name=_short(name),
            customdata=list(texts[name]),
            marker_color=colour(name, place),
            hovertemplate=f"{_escaped(name)}: %{{customdata}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.18, hovermode="x unified")
    return _timed(figure, x)


def ranked_bars(names: Sequence[str], values: Sequence[Decimal], texts: Sequence[str]) -> go.Figure:
    """Horizontal bars, the largest on top, with what they stand for written at their end."""
    figure = _figure()
    figure.add_bar(
        x=list(map(float, values)),
        y=list(range(len(names))),
        orientation="h",
        marker_color=PALETTE[0],
        text=list(texts),
        textposition="outside",
        cliponaxis=False,
        customdata=list(map(_escaped, names)),
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    widest = max(map(float, values), default=0.0)
    figure.update_xaxes(visible=False, range=[min(0.0, *map(float, values), 0.0), widest * 1.4 or 1])
    figure.update_yaxes(
        range=[max(len(names), _FEWEST_ROWS) - 0.5, -0.5],
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[_escaped(_short(name)) for name in names],
        showgrid=False,
        ticklabelstandoff=6,
    )
    figure.update_layout(bargap=0.35)
    return figure


def lines(x: Sequence[str], series: Mapping[str, Sequence[float | None]], unit: str) -> go.Figure:
    """Lines over time; where nothing was measured a line has a gap."""
    figure = _figure()
    for place, (name, values) in enumerate(series.items()):
        figure.add_scatter(
            x=list(x),
            y=list(values),
            name=name,
            mode="lines+markers",
            line={"color": PALETTE[place], "width": 2, "dash": ("solid", "dot")[place % 2]},
            marker={"size": 5},
            hovertemplate=f"{name}: %{{y:,.2f}} {unit}<extra></extra>",
        )
    figure.update_layout(hovermode="x unified")
    figure.update_yaxes(ticksuffix=f" {unit}", rangemode="tozero")
    return _timed(figure, x)


def colour(name: str, place: int) -> str:
    """The colour of the series at `place`."""
    return REST if name == OTHER or place >= len(PALETTE) else PALETTE[place]


def _figure() -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        template=None,
        height=HEIGHT,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12},
        showlegend=False,
        dragmode=False,
        separators=".,",
    )
    figure.update_xaxes(showgrid=False, zeroline=False, automargin=True, fixedrange=True, showspikes=False)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False, automargin=True, fixedrange=True)
    return figure


def _timed(figure: go.Figure, x: Sequence[str]) -> go.Figure:
    """A time axis that shows every bucket, as text: no chart library moves our hours and months."""
    step = max(1, -(-len(x) // _MOST_TICKS))
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=list(x),
        tickmode="array",
        tickvals=list(x)[::step],
        ticktext=[tick(bucket) for bucket in x][::step],
        tickangle=0,
    )
    return figure


def tick(bucket: str) -> str:
    """A time bucket, short enough for an axis."""
    if "T" in bucket:
        day, time = bucket[5:10], bucket[11:16]
        return f"{time}<br>{day}" if time == "00:00" else time
    return bucket[5:] if len(bucket) == len("2026-10-31") else bucket


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _escaped(text: str) -> Any:
    """Text that plotly shows as it is: it reads a little HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
