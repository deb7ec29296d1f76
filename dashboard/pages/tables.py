"""Tables of an answer: one line per row, its metrics rounded for reading, its first column a link that narrows the view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import dcc, html

from dashboard import catalogue, wording
from dashboard.catalogue import Value
from dashboard.links import spend_csv
from dashboard.pages import series
from dashboard.pages.parts import aria, defined, panel
from dashboard.portions import Key
from dashboard.runner import Result, Row

SHOWN_ROWS: Final = 50
SHARE: Final = "share"
"""A column that is computed here: the row's part of the total spend."""
_SHORT: Final = {
    "input_tokens": "Input",
    "output_tokens": "Output",
    "total_tokens": "Tokens",
    "cache_read_tokens": "Cache read",
    "reasoning_tokens": "Reasoning",
    "error_rate": "Errors",
    "cost_per_request": "Per request",
    "cost_per_million_tokens": "Per 1M tokens",
    "latency_p50": "p50",
    "latency_p90": "p90",
    "latency_p95": "p95",
    "latency_p99": "p99",
    "latency_avg": "Average",
    "ttft_p50": "First token p50",
    "ttft_p95": "First token p95",
    "tokens_per_second": "Tokens/s",
    "unpriced_requests": "Unpriced",
}

_PLACES: Final = ("text", "text beside")
"""The first column of text, and those that a narrow screen can do without."""

Links = Callable[[str], str | None]
"""Where a name leads."""
RowLinks = Callable[[Key], str | None]
"""Where a row leads, by the values of its dimensions."""


@dataclass(frozen=True)
class Text:
    """A cell of text, and where it leads."""

    text: str
    href: str | None = None


def of_metrics(
    name: str,
    title: str,
    result: Result,
    columns: Sequence[str],
    *,
    link: RowLinks | None = None,
    second: Links | None = None,
    none: str = "unknown",
    most: int = SHOWN_ROWS,
    in_all: int | None = None,
    csv: str | None = None,
) -> Any:
    """The table of an answer: its dimensions, then `columns`; all rows are in its CSV.

    `in_all` is how many rows there are where `result` holds only those that are shown. `link` says where a row leads, `second` where its second name leads by itself.
    """
    labels = [found.label for key in result.query.dimensions if (found := catalogue.dimension(key))]
    header = [*labels, *(_header(column) for column in columns)]
    rows = [
        [*_texts(row, none, link, second), *(cell(result, row, column) for column in columns)]
        for row in result.rows[:most]
    ]
    return table(
        name,
        title,
        header,
        rows,
        texts=len(labels),
        csv=csv or spend_csv(result.query),
        remarks=_remarks(result, columns, most, in_all or len(result.rows)),
    )


def table(
    name: str,
    title: str,
    header: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    *,
    texts: int,
    csv: str | None = None,
    remarks: Sequence[Any] = (),
    width: int = 860,
    is_wrapped: bool = False,
) -> Any:
    """A table whose first `texts` columns are text and whose others are numbers. Long text takes several lines where it `is_wrapped`, and is cut elsewhere."""

    def place(at: int) -> str:
        return "number" if at >= texts else _PLACES[at > 0]

    def line(row: Sequence[Any]) -> Any:
        first, *others = row
        cells = [
            html.Td(_shown(one, row=False), className=place(at)) for at, one in enumerate(others, start=1)
        ]
        return html.Tr([html.Th(_shown(first, row=True), className=place(0), scope="row"), *cells])

    titles = [html.Th(one, className=place(at), scope="col") for at, one in enumerate(header)]
    head, body = html.Thead(html.Tr(titles)), html.Tbody([line(row) for row in rows])
    shown = html.Table([head, body], id=name, className="figures wrapped" if is_wrapped else "figures")
    scroller = html.Div(
        shown,
        className="scroller",
        tabIndex=0,
        role="region",
        style={"--least": f"{width}px"},
        **aria(title),
    )
    return panel(title, [scroller, *(html.P(one, className="note") for one in remarks)], csv=csv)


def cell(result: Result, row: Row, column: str) -> Any:
    """One metric of a row, rounded for reading. A share is of the totals, and so of their currency."""
    if column == SHARE:
        if row.currency != result.totals.currency:
            return wording.NOTHING
        return wording.percent_of(value_of(result, row, "total_cost"), result.total("total_cost"))
    value = value_of(result, row, column)
    if column == "total_cost" and "unpriced_requests" in result.query.metrics:
        return spend_text(value, value_of(result, row, "unpriced_requests"), row.currency)
    return wording.short_metric_value(catalogue.METRICS[column], value, row.currency)


def value_of(result: Result, row: Row, metric: str) -> Value:
    """The value of a metric in a row."""
    return row.values[result.query.metrics.index(metric)]


def spend_text(spend: Value, unpriced: Value, currency: str) -> str:
    """Spend, marked where calls are missing from it; where nothing else cost anything, there is no amount to show."""
    if unpriced and not spend:
        return "no known price"
    return wording.amount(spend, currency) + (" *" if unpriced else "")


def _texts(row: Row, none: str, link: RowLinks | None, second: Links | None) -> list[Any]:
    first, *others = row.key
    named = [Text(series.named(first, none), link(row.key) if link and first is not None else None)]
    for at, part in enumerate(others):
        leads = second(str(part)) if second and at == 0 and part is not None else None
        named.append(Text(wording.NOTHING if part is None else str(part), leads))
    return named


def _shown(value: Any, *, row: bool) -> Any:
    if not isinstance(value, Text):
        return value
    if value.href:
        kind = "row-link" if row else "cell-link"
        return dcc.Link(value.text, href=value.href, className=kind, title=value.text)
    return html.Span(value.text, title=value.text)


def _header(column: str) -> Any:
    if column == SHARE:
        return "Share"
    return defined(_SHORT.get(column, catalogue.METRICS[column].label), column)


def _remarks(result: Result, columns: Sequence[str], most: int, in_all: int) -> list[str]:
    found = []
    starred = "total_cost" in columns and any(
        value_of(result, row, "unpriced_requests") and value_of(result, row, "total_cost")
        for row in result.rows[:most]
    )
    if starred:
        found.append("* without calls that have no known price")
    if (more := in_all - most) > 0:
        found.append(f"{wording.number(more)} more are not shown here; the CSV has them all")
    return found
