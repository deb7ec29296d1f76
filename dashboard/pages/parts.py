"""Parts that pages are made of: headings, cards, charts, definitions, and what stands where there is nothing or an error."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import catalogue, figures, wording
from dashboard.filters import View, to_search
from dashboard.links import PRICES_PAGE
from dashboard.question import SpendQuery
from dashboard.requests import last_call
from dashboard.runner import Result
from ingest.ledger.engine import Ledger
from ingest.model.zone import Zone

CHART: Final = "chart"
"""The `type` of a chart's id; the rest of the id says what a click on it means (`dashboard.clicks`)."""


PART: Final = "part"
"""The `type` of the id of a part that is filled in later; its `name` is the one that the part was given (`known_as`)."""

Content = Callable[[Ledger, View], Any]
"""Makes a page, or a part of one, for a view of a ledger."""

_NAMES: Final[dict[Content, str]] = {}


def known_as(name: str) -> Callable[[Content], Content]:
    """Names a page or a part of one: so the browser asks for it, and so the log tells of it.

    Raises:
        ValueError: another page or part has this name.
    """

    def give(make: Content) -> Content:
        if name in _NAMES.values():
            raise ValueError(f"two parts of pages are named {name}")
        _NAMES[make] = name
        return make

    return give


def part_name(make: Content) -> str:
    """The name that a page or a part of one was given."""
    return _NAMES[make]


def later(make: Content, view: View, height: int = figures.HEIGHT + 90) -> Any:
    """The place of a part that the browser asks for when the page is there, and about how high it will be.

    The first figures do not wait for it, and no callback has the work of a whole page.
    """
    name = {"type": PART, "name": part_name(make), "search": to_search(view.page)}
    return html.Div(
        html.Div(className="waiting", style={"minHeight": f"{height}px"}), id=name, className="later"
    )


def aria(label: str) -> dict[str, Any]:
    """What a screen reader says of an element, as attributes."""
    return {"aria-label": label}


def page(title: str, query: SpendQuery, children: Sequence[Any], metrics: Sequence[str] = ()) -> Any:
    """A page: what it is and which days it shows, its parts, and how its numbers are defined."""
    shown = [child for child in children if child is not None]
    return dmc.Stack(
        [_head(title, about(query)), *shown, *([definitions(metrics)] if metrics else [])], gap="md"
    )


def page_of_now(title: str, zone: Zone, children: Sequence[Any]) -> Any:
    """A page of what is so now, which neither days nor filters narrow."""
    at = wording.date_time(datetime.now(UTC), zone.info, seconds=False)
    return dmc.Stack(
        [_head(title, f"As of {at}, days and times in {zone.name}"), *children], gap="md", className="of-now"
    )


def _head(title: str, about: str) -> Any:
    return html.Div([html.H1(title), html.P(about, id="about", className="note")], className="page-head")


def about(query: SpendQuery) -> str:
    """The days and the time zone that a page shows."""
    first, last = _days(query)
    days = wording.day(first) if first == last else f"{wording.day(first)} to {wording.day(last)}"
    return f"{days}, days and times in {query.zone}"


def _days(query: SpendQuery) -> tuple[date, date]:
    zone = Zone(query.zone).info
    first = query.period.start.astimezone(zone).date()
    return first, (query.period.end - timedelta(microseconds=1)).astimezone(zone).date()


def card(label: str, value: str, note: str, change: str | None = None, metric: str | None = None) -> Any:
    """One number, what it is, and by how much it has changed since the period before."""
    against = "Against the period before, as far into it as this one has come"
    changed = [html.Span(f"{change} on the period before", className="change", title=against)]
    return dmc.Paper(
        [
            html.Div(defined(label, metric), className="card-label"),
            html.Div(value, className="card-value"),
            html.Div([html.Span(note), *(changed if change else [])], className="note"),
        ],
        withBorder=True,
        p="md",
        radius="md",
    )


def cards(children: Sequence[Any]) -> Any:
    """A row of cards."""
    return dmc.SimpleGrid(list(children), cols={"base": 2, "sm": 3, "lg": 5}, spacing="md", id="totals")


def defined(label: str, metric: str | None) -> Any:
    """A label that says how its metric is defined when it is pointed at or has the focus."""
    if metric is None:
        return label
    found = catalogue.METRICS[metric]
    text = html.Span(label, className="defined", tabIndex=0)
    return dmc.Tooltip(
        text,
        label=f"{found.label}: {found.definition}",
        multiline=True,
        w=280,
        withArrow=True,
        events={"hover": True, "focus": True, "touch": True},
    )


def definitions(metrics: Sequence[str]) -> Any:
    """How the metrics of a page are defined."""
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
    means: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
    listed: Sequence[tuple[str, str | None]] = (),
    csv: str | None = None,
    height: int = figures.HEIGHT,
) -> Any:
    """A chart with its title, and a legend where it has several series.

    `means` says what a click on the chart narrows, `links` where the legend's entries lead. `listed` is the chart in
    words, each leading where a click would, for whoever has a keyboard or a screen reader.
    """
    graph = dcc.Graph(
        id={"type": CHART, "name": name, **(means or {})},
        figure=figure,
        config=figures.CONFIG,
        style={"height": f"{height}px"},
    )
    picture = html.Div(graph, id=name, role="img", **aria(title), className="clicks" if means else "")
    legend = [_legend(series, links or {})] if series else []
    return panel(title, [picture, *legend, *([_in_words(listed)] if listed else [])], csv=csv, png=name)


def over_time(query: SpendQuery) -> Mapping[str, str]:
    """What a click on a chart over time means: the days of that bucket."""
    return {"dimension": "time", "interval": query.interval or ""}


def _legend(series: Sequence[str], links: Mapping[str, str]) -> Any:
    entries = []
    for place, one in enumerate(series):
        key = html.I(style={"background": figures.colour(one, place)})
        target = links.get(one)
        entries.append(
            dcc.Link([key, one], href=target, className="legend-entry", title=f"Show {one} only")
            if target
            else html.Span([key, one], className="legend-entry")
        )
    return html.Div(entries, className="chart-legend")


def _in_words(listed: Sequence[tuple[str, str | None]]) -> Any:
    return html.Ul(
        [html.Li(dcc.Link(text, href=href) if href else text) for text, href in listed], className="in-words"
    )


def notes(result: Result) -> list[Any]:
    """Sentences about calls that are in no sum, and about those of other currencies; nothing where there are none."""
    found = []
    if result.unpriced_requests:
        text = f"{wording.unpriced_notice(result.unpriced_requests)}: the spend shown is that of the priced calls."
        way = dcc.Link("Set their prices", href=f"{PRICES_PAGE}{_search_of(result.query)}")
        found.append(dmc.Alert([f"{text} ", way], color="yellow", variant="light", id="unpriced", p="sm"))
    if result.converted:
        at = result.query.metrics.index("total_cost")
        paid = " and ".join(wording.amount(one.values[at], one.currency) for one in result.converted)
        text = f"{paid} were paid in other currencies and are counted in {result.totals.currency} by the rate of each day."
        found.append(dmc.Alert(text, color="blue", variant="light", id="converted", p="sm"))
    if result.other_currencies:
        at = result.query.metrics.index("total_cost")
        others = " and ".join(wording.amount(one.values[at], one.currency) for one in result.other_currencies)
        why = f" They are not converted: {result.no_rate}." if result.no_rate else ""
        text = f"Totals of money and charts of it are in {result.totals.currency}; calls in other currencies cost {others}."
        found.append(dmc.Alert(text + why, color="blue", variant="light", id="other-currencies", p="sm"))
    return found


def _search_of(query: SpendQuery) -> str:
    """The query part of the URL of a page that shows the same days and filters."""
    first, last = _days(query)
    filters = tuple((one.dimension, value or "") for one in query.filters for value in one.values)
    return to_search(View(preset=None, first=first.isoformat(), last=last.isoformat(), filters=filters))


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
    words = f"No call {'with these filters ' if narrowed else ''}falls into this period. The newest call was on {wording.day(day)}. "
    way_out = f"Show the 30 days up to then{' without filters' if narrowed else ''}"
    return _message("No calls in this view", [words, dcc.Link(way_out, href=to_search(recent))])


def failed(detail: str, what: str = "part") -> Any:
    """What stands where a page or a part of it could not be made."""
    words = dmc.Alert(detail, title=f"This {what} cannot be shown", color="red", variant="light")
    return html.Div(words, className=f"failed-{what}", role="alert")


def _message(title: str, words: Sequence[Any]) -> Any:
    inside = [dmc.Title(title, order=1, size="h3"), dmc.Text(list(words), c="dimmed")]
    return dmc.Paper(
        dmc.Stack(inside, align="center", gap="xs"), withBorder=True, p="xl", radius="md", id="empty"
    )


def panel(title: str, inside: Sequence[Any], *, csv: str | None = None, png: str | None = None) -> Any:
    """A framed part of a page, with a link to its figures as CSV, and its chart as an image called `png`."""
    ways_out = [*([png_button(title, png)] if png else []), *([csv_link(title, csv)] if csv else [])]
    heading = html.Div(
        [html.H2(title, className="panel-title"), html.Div(ways_out, className="ways-out")],
        className="panel-head",
    )
    return dmc.Paper([heading, *inside], withBorder=True, p="md", radius="md", className="panel")


def png_button(what: str, name: str) -> Any:
    """A button that saves the chart of its panel as an image (`assets/png.js`)."""
    return html.Button(
        "PNG", type="button", className="png", **{"data-name": name, **aria(f"{what} as a PNG image")}
    )


def csv_link(what: str, href: str) -> Any:
    """A link that downloads a table at full precision."""
    return html.A("CSV", href=href, download="", className="csv", **aria(f"{what} as a CSV file"))
