"""What happens on a page beside the filter bar: clicks on charts, the list of calls, a call in full, a new name.

Each callback only carries values between the browser and a plain function.
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
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.ledger.price_book import LiveBook
from ingest.model.invalid import Invalid
from ingest.model.principal import NotAllowed, require
from ingest.pricing.book import PriceBooks

_SEARCH: Any = Output("url", "search", allow_duplicate=True)


def add(app: Dash, ledger: Ledger) -> None:
    """Listen on every page."""
    _add_charts(app, ledger)
    _add_list(app, ledger)
    _add_call(app, ledger)
    _add_names(app, ledger)
    _add_change(app)


def _add_charts(app: Dash, ledger: Ledger) -> None:
    kinds = {
        "time": {"type": CHART, "name": ALL, "dimension": "time", "interval": ALL},
        "other": {"type": CHART, "name": ALL, "dimension": ALL},
    }
    for which in kinds.values():

        @app.callback(_SEARCH, Input(which, "clickData"), State("url", "search"), prevent_initial_call=True)
        async def narrow(clicked: list[Any], search: str | None) -> Any:  # noqa: ARG001 - read from the context
            """A click on a bar narrows the page to what it stands for."""
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
    async def more(asked: dict[str, Any] | None, known: dict[str, str] | None, name: dict[str, str]) -> Any:
        """The next calls of the list."""
        if asked is None:
            return no_update, no_update
        start = int(asked["startRow"])
        block = await in_thread(requests.block, ledger, name["search"], start, known or {})
        return {"rowData": block.rows, "rowCount": block.count}, block.cursors

    @app.callback(
        _SEARCH,
        Input({"type": requests.GRID, "search": ALL}, "selectedRows"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def choose(selected: list[Any], search: str | None) -> Any:
        """A chosen call is laid over the page."""
        view = clicks.view_of_selected_call(from_search(search), next(filter(None, selected), None))
        return no_update if view is None else to_search(view)


def _add_call(app: Dash, ledger: Ledger) -> None:
    grids = {"type": requests.GRID, "search": ALL}
    books = LiveBook(ledger)

    @app.callback(
        Output("detail", "children"),
        Output(grids, "selectedRows"),
        Input("url", "search"),
        State("detail", "children"),
        State(grids, "selectedRows"),
    )
    async def lay_over(search: str | None, shown: Any, selected: list[Any]) -> Any:
        """The call that the URL names, in full; where it names none, none is selected, so that it can be chosen again."""
        if shown and ctx.triggered_id is None:  # a grid has come: it does not open again what is being closed
            return no_update, [no_update] * len(selected)
        event_id = from_search(search).request
        if event_id is not None:
            return await in_thread(call_in_full, ledger, books, event_id), [no_update] * len(selected)
        return (None, [[]] * len(selected)) if shown else (no_update, [no_update] * len(selected))

    @app.callback(_SEARCH, Input(detail.DRAWER, "opened"), State("url", "search"), prevent_initial_call=True)
    async def put_away(opened: bool | None, search: str | None) -> Any:
        """A closed call leaves the URL."""
        return no_update if opened is not False else to_search(from_search(search).page)


def call_in_full(ledger: Ledger, books: PriceBooks, event_id: str) -> Any:
    """A call as it is laid over a page."""
    try:
        call = read_call(ledger, UUID(event_id))
        cost = explain(ledger, UUID(event_id), books.current())
    except DatabaseError:
        return detail.drawer(error_alert("The ledger cannot be read now. Reload the page to try again."))
    inside = (
        detail.missing(event_id)
        if call is None or cost is None
        else detail.detail(call, cost, ledger.zone.info, ledger.zone.name)
    )
    return detail.drawer(inside)


def _add_change(app: Dash) -> None:
    controls = {"type": whatif.CONTROL, "name": ALL}

    @app.callback(
        _SEARCH,
        Input("whatif-compare", "n_clicks"),
        State(controls, "value"),
        State(controls, "id"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def change(
        clicked: int | None, values: list[Any], names: list[dict[str, str]], search: str | None
    ) -> Any:
        """What is different there, as its controls say, goes into the URL."""
        if not clicked:
            return no_update
        chosen = {one["name"]: value for one, value in zip(names, values, strict=True)}
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
        """A person names a key or a team, or gives it back the gateway's name."""
        if entry_id is None or not (saved or cleared or submitted):
            return no_update, no_update
        given = None if ctx.triggered_id == "name-clear" else name
        said = await in_thread(renamed, ledger, entry_id, given)
        return (no_update, said) if said else (datetime.now(UTC).isoformat(), no_update)


def renamed(ledger: Ledger, entry_id: int, given_name: str | None) -> str | None:
    """Rename a key or a team; why it was refused, or nothing."""
    try:
        rename_entry(ledger, entry_id, given_name, by=require("finance").name, at=now())
    except (Invalid, NotAllowed) as error:
        return f"Not saved: {error}."
    except DatabaseError:
        return "Not saved: the ledger is busy. Try again."
    return None
