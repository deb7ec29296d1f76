"""Parts that pages are made of: cards, charts, tables, and what is shown where there is nothing or an error."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import figures, wording
from dashboard.filters import View, to_search
from dashboard.requests import last_call
from dashboard.runner import Result
from ingest.ledger.engine import Ledger


def card(label: str, value: str, note: str, change: str | None = None) -> Any:
    """One number, what it is, and by how much it has changed since the period before."""
    changed = [html.Span(f"{change} on the period before", className="change")] if change else []
    return dmc.Paper(
        [
            html.Div(label, className="card-label"),
            html.Div(value, className="card-value"),
            html.Div([html.Span(note), *changed], className="note"),
        ],
        withBorder=True,
        p="md",
        radius="md",
    )


def chart(name: str, title: str, figure: Any, series: Sequence[str] = ()) -> Any:
    """A chart with its title, and a legend where it has several series."""
    graph = dcc.Graph(id=name, figure=figure, config=figures.CONFIG, style={"height": f"{figures.HEIGHT}px"})
    return _panel(title, [graph, *([_legend(series)] if series else [])])


def _legend(series: Sequence[str]) -> Any:
    entries = [
        html.Span([html.I(style={"background": figures.colour(one, place)}), one], className="legend-entry")
        for place, one in enumerate(series)
    ]
    return html.Div(entries, className="chart-legend")


def table(
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    texts: int,
    note: Sequence[Any] = (),
) -> Any:
    """A table whose first `texts` columns are text and whose others are numbers."""

    def cells(kind: Any, values: Sequence[str]) -> list[Any]:
        return [kind(text, className="text" if at < texts else "number") for at, text in enumerate(values)]

    head = dmc.TableThead(dmc.TableTr(cells(dmc.TableTh, header)))
    body = dmc.TableTbody([dmc.TableTr(cells(dmc.TableTd, row)) for row in rows])
    shown = dmc.Table([head, body], id=name, highlightOnHover=True, verticalSpacing="xs")
    return _panel(title, [dmc.TableScrollContainer(shown, minWidth=860), *note])


def notes(result: Result) -> list[Any]:
    """Sentences about calls that are in no sum, and about those of other currencies; nothing where there are none."""
    found = []
    if result.unpriced_requests:
        text = f"{wording.unpriced(result.unpriced_requests)}: the spend shown is that of the priced calls."
        found.append(dmc.Alert(text, color="yellow", variant="light", id="unpriced", p="sm"))
    if result.other_currencies:
        at = result.query.metrics.index("total_cost")
        others = " and ".join(wording.amount(one.values[at], one.currency) for one in result.other_currencies)
        text = f"Everything below is of calls in {result.totals.currency}. Beside it there are {others}."
        found.append(dmc.Alert(text, color="blue", variant="light", id="other-currencies", p="sm"))
    return found


def empty(ledger: Ledger, view: View) -> Any:
    """What stands where no call is in the view: why, and the way out."""
    last = last_call(ledger)
    if last is None:
        send = [
            "Send some to ",
            html.Code("POST /v1/ingest"),
            " or read a log with ",
            html.Code("tallybook import FILE"),
            ".",
        ]
        return _message("Nothing here yet", ["This ledger holds no calls. ", *send])
    day = last.astimezone(ledger.zone.info).date()
    recent = View(preset=None, first=(day - timedelta(days=29)).isoformat(), last=day.isoformat())
    narrowed = bool(view.filters)
    words = f"No call {'with these filters ' if narrowed else ''}falls into this period. The newest call was on {day}. "
    way_out = f"Show the 30 days up to then{' without filters' if narrowed else ''}"
    return _message("No calls in this view", [words, dcc.Link(way_out, href=to_search(recent))])


def failed(detail: str) -> Any:
    """What stands where a page could not be made."""
    return dmc.Alert(detail, title="This page cannot be shown", color="red", variant="light", id="failed")


def _message(title: str, words: Sequence[Any]) -> Any:
    inside = [dmc.Title(title, order=3), dmc.Text(list(words), c="dimmed")]
    return dmc.Paper(
        dmc.Stack(inside, align="center", gap="xs"), withBorder=True, p="xl", radius="md", id="empty"
    )


def _panel(title: str, inside: Any) -> Any:
    children = inside if isinstance(inside, list) else [inside]
    return dmc.Paper(
        [html.H2(title, className="panel-title"), *children],
        withBorder=True,
        p="md",
        radius="md",
        className="panel",
    )
