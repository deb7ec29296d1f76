"""Requests: every call, newest first, a page of the list at a time; choosing one shows it in full (`request`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import dash_ag_grid as dag
from dash import dcc, html

from dashboard import wording
from dashboard.calls_store import CallsQuery
from dashboard.filters import View, from_search, question, to_search
from dashboard.links import requests_csv
from dashboard.pages.parts import card, cards, empty, known_as, notes, page, panel
from dashboard.requests import Call, listed, read_cursor
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

GRID: Final = "calls"
CURSORS: Final = "cursors"
"""Where a page of the list starts: from the number of its first row to the cursor before it."""
BLOCK: Final = 100
_METRICS: Final = ("requests", "errors", "unpriced_requests", "total_cost")

Cursors = Mapping[str, str]


@dataclass(frozen=True)
class Block:
    """Some rows of the list, how many there are in all (None while it goes on), and where pages start."""

    rows: list[dict[str, Any]]
    count: int | None
    cursors: Cursors


@known_as("requests:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("status", "cache_hit")))
    if not result.requests:
        return empty(ledger, view)
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
    """How many calls ended how: the four parts add up to the calls."""
    total = result.requests

    def counted(status: str, *, cached: bool | None = None) -> int:
        return sum(
            int(row.values[0] or 0)
            for row in result.rows
            if row.key[0] == status and (cached is None or bool(row.key[1]) is cached)
        )

    def part(label: str, count: int) -> Any:
        return card(label, wording.compact(count), f"{wording.percent_of(count, total)} of all calls")

    spend = wording.amount(result.total("total_cost"), result.totals.currency)
    unpriced = (
        f"{wording.number(result.unpriced_requests)} unpriced" if result.unpriced_requests else "all priced"
    )
    return cards(
        [
            card("Calls", wording.compact(total), f"{spend}, {unpriced}", metric="requests"),
            part("Answered by a model", counted("success", cached=False)),
            part("Answered from the cache", counted("success", cached=True)),
            part("Failed", counted("error")),
            part("Cancelled", counted("cancelled")),
        ]
    )


def block(ledger: Ledger, search: str, start: int, cursors: Cursors) -> Block:
    """The rows from number `start` on. A page that was not reached yet is reached through those before it."""
    view = from_search(search)
    period = question(view, ledger.zone, ("requests",))
    at = max((int(first) for first in cursors if int(first) <= start), default=0)
    found = dict(cursors)
    while True:
        cursor = found.get(str(at))
        query = CallsQuery(
            period.period.start,
            period.period.end,
            period.filters,
            BLOCK,
            read_cursor(cursor) if cursor else None,
        )
        calls = listed(ledger, query)
        following = at + len(calls.calls)
        if calls.next_cursor:
            found[str(following)] = calls.next_cursor
        if at >= start or not calls.next_cursor:
            rows = [as_row(call, ledger.zone.info) for call in calls.calls] if at >= start else []
            return Block(rows, None if calls.next_cursor else following, found)
        at = following


def as_row(call: Call, zone: tzinfo) -> dict[str, Any]:
    """A call as the list shows it: what the columns name, as text."""
    at = datetime.fromisoformat(call["occurred_at"]).astimezone(UTC)
    return {
        "id": call["event_id"],
        "time": wording.moment(at, zone),
        "clock": wording.clock(at, zone),
        "model": call["model"],
        "provider": call["provider"],
        "key": call["virtual_key"] or "no key",
        "type": call["request_type"],
        "outcome": outcome(call),
        "input": _count(call["input_tokens"]),
        "output": _count(call["output_tokens"]),
        "latency": wording.duration(call["latency_ms"]),
        "first": wording.duration(call["time_to_first_token_ms"]),
        "cost": wording.cost(call["total_cost"], call["currency"]),
        "source": call["cost_source"],
    }


def outcome(call: Call) -> str:
    """How a call ended."""
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
        _column("model", "Model", 132, grows=3),
        _column("provider", "Provider", 86),
        _column("key", "Virtual key", 128, grows=2),
        _column("type", "Type", 132),
        _column("outcome", "Outcome", 118),
        _column("input", "Input", 68, number=True),
        _column("output", "Output", 68, number=True),
        _column("latency", "Latency", 76, number=True),
        _column("first", "First token", 88, number=True),
        _column("cost", "Cost", 140, number=True),
        _column("source", "Priced", 82),
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
