"""What happens on the page Prices: words that are searched for, and a price that somebody sets."""

from dataclasses import replace
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from dashboard.filters import View, from_search, question, to_search
from dashboard.pages import prices
from dashboard.threads import in_thread
from ingest.ledger.engine import Ledger


def add(app: Dash, ledger: Ledger) -> None:
    """Listen on the page."""
    _add_search(app, ledger)


def _add_search(app: Dash, ledger: Ledger) -> None:
    field = {"type": prices.FIELD, "name": ALL}

    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Output("shown", "data", allow_duplicate=True),
        Output({"type": prices.MATCHES, "name": ALL}, "children"),
        Input(field, "value"),
        State("url", "search"),
        State("url", "pathname"),
        prevent_initial_call=True,
    )
    async def search(values: list[str | None], search: str | None, pathname: str) -> Any:
        """The list of what is typed. The page around it stays, and with it the focus."""
        before = from_search(search).page
        if not ctx.triggered_id or not values or (values[0] or "").strip() == before.search:
            return no_update, no_update, [no_update] * len(ctx.outputs_list[2])
        view = replace(before, search=(values[0] or "").strip())
        found = await in_thread(found_by, ledger, view)
        return to_search(view), [pathname, to_search(view)], [found]


def found_by(ledger: Ledger, view: View) -> Any:
    """The table of what a search finds."""
    return prices.matches(ledger, view, prices.listed(ledger, view, question(view, ledger.zone, ("requests",))))
