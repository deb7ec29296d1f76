"""Requests: all calls, newest first, loaded block by block; a selected call is shown in full (`request`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import dash_ag_grid as dag
from dash import dcc, html

from dashboard.calls.calls import Call, list_calls, read_cursor
from dashboard.calls.store import CallsQuery
from dashboard.formatting import format as wording
from dashboard.query.run import Result, run
from dashboard.ui.components import card, cards, no_calls, notes, page, panel, registered_as
from dashboard.ui.links import requests_csv
from dashboard.ui.view import View, from_search, question, to_search
from ingest.ledger.engine import Ledger

GRID: Final = "calls"
CURSORS: Final = "cursors"
"""The `type` of the id of the store that keeps the cursors of blocks."""
BLOCK: Final = 100
"""Rows in a block."""
_METRICS: Final = ("requests", "errors", "unpriced_requests", "total_cost")

Cursors = Mapping[str, str]
"""The cursor before each block that was reached, by the number of the block's first row."""


@dataclass(frozen=True)
class Block:
    """A block of rows, the count of all rows if the block is the last, and the cursors known so far."""

    rows: list[dict[str, Any]]
    count: int | None
    """None if more rows follow."""
    cursors: Cursors


@registered_as("requests:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("status", "cache_hit")))
    if not result.requests:
        return no_calls(ledger, view)
    search = to_search(view.page)
    return page(
        "Requests",
        result.query,
        [
            *notes(result),
            _cards(result),
            panel(
                "Calls, newest first",
                [
                    html.P(
                        "Choose a call (click it, or the arrow keys and Space) to see it in full.",
                        className="note",
                    ),
                    html.P("The CSV file holds all calls; their list is not printed.", className="on-paper"),
                    html.Div(_grid(search, ledger.zone.name), key=search, className="calls"),
                    dcc.Store(id={"type": CURSORS, "search": search}, data={}),
                ],
                csv=requests_csv(result.query.period, result.query.filters),
            ),
        ],
        _METRICS,
    )


def _cards(result: Result) -> Any:
    """All calls, and calls by outcome; the four outcomes add up to all calls."""
    total = result.requests

    def count_of(status: str, *, cached: bool | None = None) -> int:
        return sum(
            int(row.values[0] or 0)
            for row in result.rows
            if row.key[0] == status and (cached is None or bool(row.key[1]) is cached)
        )

    def outcome_card(label: str, count: int) -> Any:
        return card(label, wording.compact(count), f"{wording.percent_of(count, total)} of all calls")

    spend = wording.amount(result.total("total_cost"), result.totals.currency)
    unpriced = (
        f"{wording.number(result.unpriced_requests)} unpriced" if result.unpriced_requests else "all priced"
    )
    return cards(
        [
            card("Calls", wording.compact(total), f"{spend}, {unpriced}", metric="requests"),
            outcome_card("Answered by a model", count_of("success", cached=False)),
            outcome_card("Answered from the cache", count_of("success", cached=True)),
            outcome_card("Failed", count_of("error")),
            outcome_card("Cancelled", count_of("cancelled")),
        ]
    )


def block(ledger: Ledger, search: str, start: int, cursors: Cursors) -> Block:
    """The block of rows from number `start` on.

    Blocks before it that were not reached yet are read too, because each block holds the cursor of the next.
    """
    query = question(from_search(search), ledger.zone, ("requests",))
    period, cursors = query.period, dict(cursors)
    at = max((int(first) for first in cursors if int(first) <= start), default=0)
    while True:
        cursor = cursors.get(str(at))
        after = read_cursor(cursor) if cursor else None
        calls_page = list_calls(ledger, CallsQuery(period.start, period.end, query.filters, BLOCK, after))
        end = at + len(calls_page.calls)
        if calls_page.next_cursor:
            cursors[str(end)] = calls_page.next_cursor
        if at >= start or not calls_page.next_cursor:
            rows = [_row(call, ledger.zone.info) for call in calls_page.calls] if at >= start else []
            return Block(rows, None if calls_page.next_cursor else end, cursors)
        at = end


def _row(call: Call, zone: tzinfo) -> dict[str, Any]:
    """The cells of a call in the list, as text by column."""
    at = datetime.fromisoformat(call["occurred_at"]).astimezone(UTC)
    return {
        "id": call["event_id"],
        "time": wording.short_date_time(at, zone),
        "clock": wording.date_time(at, zone),
        "model": call["model"],
        "provider": call["provider"],
        "key": call["virtual_key"] or "no key",
        "type": call["request_type"],
        "outcome": outcome(call),
        "input": _count(call["input_tokens"]),
        "output": _count(call["output_tokens"]),
        "latency": wording.duration(call["latency_ms"]),
        "first": wording.duration(call["time_to_first_token_ms"]),
        "cost": wording.call_cost(call["total_cost"], call["currency"]),
        "source": call["cost_source"],
        "flags": ", ".join(call["flags"]),
    }


def outcome(call: Call) -> str:
    """The status of a call, and whether the gateway's cache answered it."""
    return f"{call['status']}, cached" if call["cache_hit"] else str(call["status"])


def _count(count: int | None) -> str:
    return wording.NOTHING if count is None else wording.number(count)


def _column(
    field: str, name: str, width: int, *, number: bool = False, grows: int = 0, tooltip: str | None = None
) -> dict[str, Any]:
    column: dict[str, Any] = {
        "field": field,
        "headerName": name,
        "minWidth": width,
        "width": width,
        "tooltipField": tooltip or field,
    }
    if number:
        column |= {"type": "rightAligned"}
    if grows:
        column |= {"flex": grows}
    return column


def _grid(search: str, zone: str) -> Any:
    columns = [
        _column("time", f"Time ({zone})", 132, tooltip="clock"),
        _column("model", "Model", 120, grows=3),
        _column("provider", "Provider", 86),
        _column("key", "Virtual key", 116, grows=2),
        _column("type", "Type", 108),
        _column("outcome", "Outcome", 96),
        _column("input", "Input", 68, number=True),
        _column("output", "Output", 68, number=True),
        _column("latency", "Latency", 76, number=True),
        _column("first", "First token", 88, number=True),
        _column("cost", "Cost", 122, number=True),
        _column("source", "Priced", 82),
        _column("flags", "Flags", 88),
    ]
    return dag.AgGrid(
        id={"type": GRID, "search": search},
        columnDefs=columns,
        defaultColDef={"sortable": False, "resizable": True, "suppressMovable": True},
        rowModelType="infinite",
        getRowId="params.data.id",
        dashGridOptions={
            "cacheBlockSize": BLOCK,
            "maxConcurrentDatasourceRequests": 1,
            "infiniteInitialRowCount": 1,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "rowHeight": 36,
            "headerHeight": 38,
            "tooltipShowDelay": 300,
            "suppressCellFocus": False,
        },
        className="ag-theme-quartz",
        style={"height": "620px", "width": "100%"},
        rowClassRules={
            "failed-call": "params.data && params.data.outcome.startsWith('error')",
            "cancelled-call": "params.data && params.data.outcome.startsWith('cancelled')",
            "cached-call": "params.data && params.data.outcome.endsWith('cached')",
        },
    )
