"""Components of pages: headings, cards, charts, definitions, and messages for empty views and errors."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.calls.calls import last_call
from dashboard.formatting import format as wording
from dashboard.query import catalogue
from dashboard.query.question import SpendQuery
from dashboard.query.run import Result, Totals
from dashboard.ui import charts
from dashboard.ui.links import PRICES_PAGE
from dashboard.ui.view import View, to_search
from ingest.ledger.engine import Ledger
from ingest.model.zone import Zone

CHART: Final = "chart"
"""The `type` of a chart's id; the rest of the id says what a click narrows (`dashboard.ui.clicks`)."""
PART: Final = "part"
"""The `type` of the id of a part that is loaded later; the `name` of the id is that of `registered_as`."""

Content = Callable[[Ledger, View], Any]
"""Makes the components of a page, or of a part of a page, for a view."""

_NAMES: Final[dict[Content, str]] = {}


def registered_as(name: str) -> Callable[[Content], Content]:
    """Decorator that names a page or a part of a page, for requests of the browser and for the log.

    Raises:
        ValueError: another page or part has this name.
    """

    def register(content: Content) -> Content:
        if name in _NAMES.values():
            raise ValueError(f"two parts of pages are named {name}")
        _NAMES[content] = name
        return content

    return register


def part_name(content: Content) -> str:
    """The name of a page or a part, as set by `registered_as`."""
    return _NAMES[content]


def lazy_part(content: Content, view: View, height: int = charts.HEIGHT + 90) -> Any:
    """A placeholder, about as high as the part, which the browser replaces once the page is shown.

    So the first figures of a page do not wait for the part, and no callback does the work of a whole page.
    """
    part_id = {"type": PART, "name": part_name(content), "search": to_search(view.page)}
    return html.Div(
        html.Div(className="waiting", style={"minHeight": f"{height}px"}), id=part_id, className="later"
    )


def aria(label: str) -> dict[str, Any]:
    """The attribute that names an element for screen readers."""
    return {"aria-label": label}


def page(title: str, query: SpendQuery, children: Sequence[Any], metrics: Sequence[str] = ()) -> Any:
    """A page: its title, the days that it shows, its parts, and the definitions of its metrics."""
    shown = [child for child in children if child is not None]
    return dmc.Stack(
        [_head(title, _period_text(query)), *shown, *([definitions(metrics)] if metrics else [])], gap="md"
    )


def current_page(title: str, zone: Zone, children: Sequence[Any]) -> Any:
    """A page of the current state, which days and filters do not narrow."""
    at = wording.date_time(datetime.now(UTC), zone.info, seconds=False)
    return dmc.Stack(
        [_head(title, f"As of {at}, days and times in {zone.name}"), *children], gap="md", className="of-now"
    )


def _head(title: str, period: str) -> Any:
    return html.Div([html.H1(title), html.P(period, id="about", className="note")], className="page-head")


def _period_text(query: SpendQuery) -> str:
    """The days and the time zone of a page."""
    first, last = _days(query)
    days = wording.day(first) if first == last else f"{wording.day(first)} to {wording.day(last)}"
    return f"{days}, days and times in {query.zone}"


def _days(query: SpendQuery) -> tuple[date, date]:
    zone = Zone(query.zone).info
    first = query.period.start.astimezone(zone).date()
    return first, (query.period.end - timedelta(microseconds=1)).astimezone(zone).date()


def card(label: str, value: str, note: str, change: str | None = None, metric: str | None = None) -> Any:
    """A card: a number, its label, a note, and the change since the previous period if there is one."""
    title = "Against the period before, as far into it as this one has come"
    change_text = [html.Span(f"{change} on the period before", className="change", title=title)]
    return dmc.Paper(
        [
            html.Div(label_with_definition(label, metric), className="card-label"),
            html.Div(value, className="card-value"),
            html.Div([html.Span(note), *(change_text if change else [])], className="note"),
        ],
        withBorder=True,
        p="md",
        radius="md",
    )


def cards(children: Sequence[Any]) -> Any:
    """A row of cards."""
    return dmc.SimpleGrid(list(children), cols={"base": 2, "sm": 3, "lg": 5}, spacing="md", id="totals")


def label_with_definition(label: str, key: str | None) -> Any:
    """A label with the definition of a metric as its tooltip; the label alone if there is no metric."""
    if key is None:
        return label
    metric = catalogue.METRICS[key]
    text = html.Span(label, className="defined", tabIndex=0)
    return dmc.Tooltip(
        text,
        label=f"{metric.label}: {metric.definition}",
        multiline=True,
        w=280,
        withArrow=True,
        events={"hover": True, "focus": True, "touch": True},
    )


def definitions(metrics: Sequence[str]) -> Any:
    """A list of the definitions of a page's metrics, folded."""
    entries = [
        html.Div([html.Dt(catalogue.METRICS[key].label), html.Dd(catalogue.METRICS[key].definition)])
        for key in dict.fromkeys(metrics)
    ]
    summary = html.Summary("How these numbers are defined")
    return html.Details([summary, html.Dl(entries)], className="definitions", id="definitions")


def chart(
    name: str,
    title: str,
    figure: Any,
    series: Sequence[str] = (),
    *,
    narrows: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    items: Sequence[tuple[str, str | None]] = (),
    csv: str | None = None,
    height: int = charts.HEIGHT,
) -> Any:
    """A chart with its title, and a legend if `series` names any.

    `narrows` is the part of the chart's id that says what a click narrows. `links` are the targets of legend
    entries by series. `items` are the chart as text with the target of a click, for keyboards and screen
    readers.
    """
    graph = dcc.Graph(
        id={"type": CHART, "name": name, **(narrows or {})},
        figure=figure,
        config=charts.CONFIG,
        style={"height": f"{height}px"},
    )
    image = html.Div(graph, id=name, role="img", **aria(title), className="clicks" if narrows else "")
    legend = [_legend(series, links or {})] if series else []
    return panel(title, [image, *legend, *([_text_list(items)] if items else [])], csv=csv, png=name)


def time_bucket(query: SpendQuery) -> Mapping[str, str]:
    """The `narrows` of a chart over time: a click narrows the page to the days of the bucket."""
    return {"dimension": "time", "interval": query.interval or ""}


def _legend(series: Sequence[str], links: Mapping[str, str]) -> Any:
    entries = []
    for place, name in enumerate(series):
        key = html.I(style={"background": charts.colour(name, place)})
        target = links.get(name)
        entries.append(
            dcc.Link([key, name], href=target, className="legend-entry", title=f"Show {name} only")
            if target
            else html.Span([key, name], className="legend-entry")
        )
    return html.Div(entries, className="chart-legend")


def _text_list(items: Sequence[tuple[str, str | None]]) -> Any:
    return html.Ul(
        [html.Li(dcc.Link(text, href=href) if href else text) for text, href in items], className="in-words"
    )


def notes(result: Result) -> list[Any]:
    """Alerts about unpriced calls and about calls in other currencies, if there are any."""
    alerts = []
    currency = result.totals.currency
    if result.unpriced_requests:
        notice = wording.unpriced_notice(result.unpriced_requests)
        text = f"{notice}: the spend shown is that of the priced calls."
        link = dcc.Link("Set their prices", href=f"{PRICES_PAGE}{_search_of(result.query)}")
        alerts.append(dmc.Alert([f"{text} ", link], color="yellow", variant="light", id="unpriced", p="sm"))
    if result.converted:
        costs = _costs(result, result.converted)
        text = f"{costs} were paid in other currencies and are counted in {currency} by the rate of each day."
        alerts.append(dmc.Alert(text, color="blue", variant="light", id="converted", p="sm"))
    if result.other_currencies:
        costs = _costs(result, result.other_currencies)
        reason = f" They are not converted: {result.no_rate}." if result.no_rate else ""
        text = f"Totals of money and charts of it are in {currency}; calls in other currencies cost {costs}."
        alerts.append(dmc.Alert(text + reason, color="blue", variant="light", id="other-currencies", p="sm"))
    return alerts


def _costs(result: Result, totals: Sequence[Totals]) -> str:
    """The cost of calls in each currency, as text."""
    at = result.query.metrics.index("total_cost")
    return " and ".join(wording.amount(total.values[at], total.currency) for total in totals)


def _search_of(query: SpendQuery) -> str:
    """The URL's query part of a page that shows the same days and filters."""
    first, last = _days(query)
    filters = tuple((filter_.dimension, value or "") for filter_ in query.filters for value in filter_.values)
    return to_search(View(preset=None, first=first.isoformat(), last=last.isoformat(), filters=filters))


def no_calls(ledger: Ledger, view: View) -> Any:
    """A message for a view without calls: how to send calls, or a link to the days of the latest ones."""
    last = last_call(ledger)
    if last is None:
        instructions = [
            "Send some to ",
            html.Code("POST /v1/ingest"),
            " or read a log with ",
            html.Code("tallybook import FILE"),
            ".",
        ]
        return _message("Nothing here yet", ["This ledger holds no calls. ", *instructions])
    day = last.astimezone(ledger.zone.info).date()
    recent = View(preset=None, first=(day - timedelta(days=29)).isoformat(), last=day.isoformat())
    is_filtered = bool(view.filters)
    text = (
        f"No call {'with these filters ' if is_filtered else ''}falls into this period. "
        f"The newest call was on {wording.day(day)}. "
    )
    link_text = f"Show the 30 days up to then{' without filters' if is_filtered else ''}"
    return _message("No calls in this view", [text, dcc.Link(link_text, href=to_search(recent))])


def error_alert(detail: str, what: str = "part") -> Any:
    """An error message in place of a page, or of a part of a page, that could not be made."""
    alert = dmc.Alert(detail, title=f"This {what} cannot be shown", color="red", variant="light")
    return html.Div(alert, className=f"failed-{what}", role="alert")


def _message(title: str, text: Sequence[Any]) -> Any:
    children = [dmc.Title(title, order=1, size="h3"), dmc.Text(list(text), c="dimmed")]
    return dmc.Paper(
        dmc.Stack(children, align="center", gap="xs"), withBorder=True, p="xl", radius="md", id="empty"
    )


def panel(title: str, children: Sequence[Any], *, csv: str | None = None, png: str | None = None) -> Any:
    """A framed part of a page, with a link to the URL `csv` and a button that saves the chart named `png`."""
    downloads = [*([_png_button(title, png)] if png else []), *([_csv_link(title, csv)] if csv else [])]
    heading = html.Div(
        [html.H2(title, className="panel-title"), html.Div(downloads, className="ways-out")],
        className="panel-head",
    )
    return dmc.Paper([heading, *children], withBorder=True, p="md", radius="md", className="panel")


def _png_button(title: str, name: str) -> Any:
    """A button that saves the chart of its panel as an image (`assets/png.js`)."""
    return html.Button(
        "PNG", type="button", className="png", **{"data-name": name, **aria(f"{title} as a PNG image")}
    )


def _csv_link(title: str, href: str) -> Any:
    """A link that downloads the figures of a panel at full precision."""
    return html.A("CSV", href=href, download="", className="csv", **aria(f"{title} as a CSV file"))
