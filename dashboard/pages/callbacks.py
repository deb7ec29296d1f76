"""Callbacks that several pages share: clicks on charts, the list of calls, one call in detail, and names.

Each callback only passes values between the browser and a plain function.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, no_update

from dashboard.calls.calls import read_call
from dashboard.pages import whatif
from dashboard.pages.requests import detail
from dashboard.pages.requests import page as requests
from dashboard.prices.explanation import explain
from dashboard.ui import clicks
from dashboard.ui.clicks import in_thread
from dashboard.ui.components import CHART, error_alert
from dashboard.ui.view import from_search, to_search
from ingest.clock import now
from ingest.directory.service import rename_entry
from ingest.ledger.engine import DatabaseError, Ledger, LedgerBusy
from ingest.ledger.price_book import LiveBook
from ingest.model.invalid import Invalid
from ingest.model.principal import NotAllowed, require
from ingest.pricing.book import PriceBooks

_SEARCH: Any = Output("url", "search", allow_duplicate=True)


def add_callbacks(app: Dash, ledger: Ledger) -> None:
    """Register the callbacks that do not belong to one page."""
    _add_charts(app, ledger)
    _add_list(app, ledger)
    _add_call_detail(app, ledger)
    _add_names(app, ledger)
    _add_what_if(app)


def _add_charts(app: Dash, ledger: Ledger) -> None:
    kinds = {
        "time": {"type": CHART, "name": ALL, "dimension": "time", "interval": ALL},
        "other": {"type": CHART, "name": ALL, "dimension": ALL},
    }
    for chart_id in kinds.values():

        @app.callback(
            _SEARCH, Input(chart_id, "clickData"), State("url", "search"), prevent_initial_call=True
        )
        async def narrow(clicked: list[Any], search: str | None) -> Any:  # noqa: ARG001 - context has it
            """Filter the page by the value of the clicked bar."""
            if not isinstance(ctx.triggered_id, dict):
                return no_update
            value = ctx.triggered[0]["value"]
            today = datetime.now(UTC)
            view = clicks.view_of_chart_click(
                from_search(search), ctx.triggered_id, value, ledger.zone, today
            )
            return no_update if view is None else to_search(view)


def _add_list(app: Dash, ledger: Ledger) -> None:
    grid = {"type": requests.GRID, "search": MATCH}
    cursors = {"type": requests.CURSORS, "search": MATCH}

    @app.callback(
        Output(grid, "getRowsResponse"),
        Output(cursors, "data"),
        Input(grid, "getRowsRequest"),
        State(cursors, "data"),
        State(grid, "id"),
    )
    async def load_rows(
        request: dict[str, Any] | None, known_cursors: dict[str, str] | None, grid_id: dict[str, str]
    ) -> Any:
        """Load the next calls of the list."""
        if request is None:
            return no_update, no_update
        start = int(request["startRow"])
        block = await in_thread(requests.block, ledger, grid_id["search"], start, known_cursors or {})
        return {"rowData": block.rows, "rowCount": block.count}, block.cursors

    @app.callback(
        _SEARCH,
        Input({"type": requests.GRID, "search": ALL}, "selectedRows"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def open_call(selected: list[Any], search: str | None) -> Any:
        """Put the selected call into the URL, which opens its detail."""
        view = clicks.view_of_selected_call(from_search(search), next(filter(None, selected), None))
        return no_update if view is None else to_search(view)


def _add_call_detail(app: Dash, ledger: Ledger) -> None:
    grids = {"type": requests.GRID, "search": ALL}
    books = LiveBook(ledger)

    @app.callback(
        Output("detail", "children"),
        Output(grids, "selectedRows"),
        Input("url", "search"),
        State("detail", "children"),
        State(grids, "selectedRows"),
    )
    async def show_call(search: str | None, shown: Any, selected: list[Any]) -> Any:
        """Show the call of the URL in detail; if there is none, clear the selection for the next click."""
        if (
            shown and ctx.triggered_id is None
        ):  # a new grid triggers this too; a call being closed stays closed
            return no_update, [no_update] * len(selected)
        event_id = from_search(search).request
        if event_id is not None:
            return await in_thread(call_detail, ledger, books, event_id), [no_update] * len(selected)
        return (None, [[]] * len(selected)) if shown else (no_update, [no_update] * len(selected))

    @app.callback(_SEARCH, Input(detail.DRAWER, "opened"), State("url", "search"), prevent_initial_call=True)
    async def close_call(opened: bool | None, search: str | None) -> Any:
        """Remove the call from the URL when its detail is closed."""
        return no_update if opened is not False else to_search(from_search(search).page)


def call_detail(ledger: Ledger, books: PriceBooks, event_id: str) -> Any:
    """The drawer with the detail of one call.

    Raises:
        LedgerBusy: the ledger is away; the page's script asks again.
    """
    try:
        call = read_call(ledger, UUID(event_id))
        cost = explain(ledger, UUID(event_id), books.current())
    except LedgerBusy:
        raise
    except DatabaseError:
        return detail.drawer(error_alert("The ledger cannot be read now. Reload the page to try again."))
    content = (
        detail.missing(event_id)
        if call is None or cost is None
        else detail.detail(call, cost, ledger.zone.info, ledger.zone.name)
    )
    return detail.drawer(content)


def _add_what_if(app: Dash) -> None:
    controls = {"type": whatif.CONTROL, "name": ALL}

    @app.callback(
        _SEARCH,
        Input("whatif-compare", "n_clicks"),
        State(controls, "value"),
        State(controls, "id"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def compare(
        clicked: int | None, values: list[Any], ids: list[dict[str, str]], search: str | None
    ) -> Any:
        """Put the changes of the what-if controls into the URL."""
        if not clicked:
            return no_update
        chosen = {control["name"]: value for control, value in zip(ids, values, strict=True)}
        return to_search(whatif.changed(from_search(search), chosen))


def _add_names(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("renamed", "data"),
        Output("name-said", "children"),
        Input("name-save", "n_clicks"),
        Input("name-clear", "n_clicks"),
        Input("given-name", "n_submit"),
        State("given-name", "value"),
        State("name-entry", "data"),
        prevent_initial_call=True,
    )
    async def rename(
        saved: int | None, cleared: int | None, submitted: int | None, name: str | None, entry_id: int | None
    ) -> Any:
        """Give a key or a team a name, or clear it, which restores the gateway's name."""
        if entry_id is None or not (saved or cleared or submitted):
            return no_update, no_update
        given_name = None if ctx.triggered_id == "name-clear" else name
        refusal = await in_thread(set_given_name, ledger, entry_id, given_name)
        return (no_update, refusal) if refusal else (datetime.now(UTC).isoformat(), no_update)


def set_given_name(ledger: Ledger, entry_id: int, given_name: str | None) -> str | None:
    """Rename a key or a team; returns the message of a refusal, else None."""
    try:
        rename_entry(ledger, entry_id, given_name, by=require("finance").name, at=now())
    except (Invalid, NotAllowed) as error:
        return f"Not saved: {error}."
    except DatabaseError:
        return "Not saved: the ledger is busy. Try again."
    return None
