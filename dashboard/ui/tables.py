"""Tables on pages: rows of an answer with metrics rounded for reading and links that narrow the view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import dcc, html

from dashboard.formatting import format as wording
from dashboard.query import catalogue
from dashboard.query.apportion import Key
from dashboard.query.catalogue import Value
from dashboard.query.run import Result, Row
from dashboard.ui import series
from dashboard.ui.components import aria, label_with_definition, panel
from dashboard.ui.links import spend_csv

SHOWN_ROWS: Final = 50
SHARE: Final = "share"
"""A column that is computed here: the row's share of the total spend."""
_SHORT_LABELS: Final = {
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

_TEXT_CLASSES: Final = ("text", "text beside")
"""The CSS classes of the first column of text, and of the others, which a narrow screen leaves out."""

NameLink = Callable[[str], str | None]
"""The target of a name."""
RowLink = Callable[[Key], str | None]
"""The target of a row, by the values of its dimensions."""


@dataclass(frozen=True)
class Text:
    """A cell of text, and the target of its link if it is one."""

    text: str
    href: str | None = None


def metric_table(
    name: str,
    title: str,
    result: Result,
    columns: Sequence[str],
    *,
    link: RowLink | None = None,
    second_link: NameLink | None = None,
    unknown: str = "unknown",
    limit: int = SHOWN_ROWS,
    row_count: int | None = None,
    csv: str | None = None,
) -> Any:
    """The table of an answer: its dimensions, then `columns`; its CSV has all rows.

    `link` is the target of a row, `second_link` that of the name in its second column. `unknown` stands for a
    row without a name. `row_count` is the count of all rows if `result` holds only the shown rows.
    """
    dimensions = [catalogue.dimension(key) for key in result.query.dimensions]
    labels = [dimension.label for dimension in dimensions if dimension]
    header = [*labels, *(_header(column) for column in columns)]
    rows = [
        [*_texts(row, unknown, link, second_link), *(cell(result, row, column) for column in columns)]
        for row in result.rows[:limit]
    ]
    return table(
        name,
        title,
        header,
        rows,
        texts=len(labels),
        csv=csv or spend_csv(result.query),
        remarks=_remarks(result, columns, limit, row_count or len(result.rows)),
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
    """A table whose first `texts` columns are text and whose others are numbers.

    Long text is wrapped if `is_wrapped`, and cut otherwise. `width` is the least width in pixels.
    """

    def css_class(at: int) -> str:
        return "number" if at >= texts else _TEXT_CLASSES[at > 0]

    def table_row(row: Sequence[Any]) -> Any:
        first, *others = row
        cells = [
            html.Td(_cell_content(value, "cell-link"), className=css_class(at))
            for at, value in enumerate(others, start=1)
        ]
        return html.Tr(
            [html.Th(_cell_content(first, "row-link"), className=css_class(0), scope="row"), *cells]
        )

    titles = [html.Th(title, className=css_class(at), scope="col") for at, title in enumerate(header)]
    head, body = html.Thead(html.Tr(titles)), html.Tbody([table_row(row) for row in rows])
    element = html.Table([head, body], id=name, className="figures wrapped" if is_wrapped else "figures")
    scroller = html.Div(
        element,
        className="scroller",
        tabIndex=0,
        role="region",
        style={"--least": f"{width}px"},
        **aria(title),
    )
    return panel(title, [scroller, *(html.P(remark, className="note") for remark in remarks)], csv=csv)


def cell(result: Result, row: Row, column: str) -> Any:
    """A metric of a row as text. A share is of the total spend, and exists only in its currency."""
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
    """Spend, with an asterisk if some calls have no price; no amount if no priced call cost anything."""
    if unpriced and not spend:
        return "no known price"
    return wording.amount(spend, currency) + (" *" if unpriced else "")


def _texts(row: Row, unknown: str, link: RowLink | None, second_link: NameLink | None) -> list[Any]:
    first, *others = row.key
    cells = [Text(series.display_name(first, unknown), link(row.key) if link and first is not None else None)]
    for at, value in enumerate(others):
        target = second_link(str(value)) if second_link and at == 0 and value is not None else None
        cells.append(Text(wording.NOTHING if value is None else str(value), target))
    return cells


def _cell_content(value: Any, link_class: str) -> Any:
    if not isinstance(value, Text):
        return value
    if value.href:
        return dcc.Link(value.text, href=value.href, className=link_class, title=value.text)
    return html.Span(value.text, title=value.text)


def _header(column: str) -> Any:
    if column == SHARE:
        return "Share"
    return label_with_definition(_SHORT_LABELS.get(column, catalogue.METRICS[column].label), column)


def _remarks(result: Result, columns: Sequence[str], limit: int, row_count: int) -> list[str]:
    remarks = []
    has_asterisks = "total_cost" in columns and any(
        value_of(result, row, "unpriced_requests") and value_of(result, row, "total_cost")
        for row in result.rows[:limit]
    )
    if has_asterisks:
        remarks.append("* without calls that have no known price")
    if (hidden := row_count - limit) > 0:
        remarks.append(f"{wording.number(hidden)} more are not shown here; the CSV has them all")
    return remarks
