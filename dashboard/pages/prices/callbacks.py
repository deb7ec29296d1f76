"""Callbacks of the page Prices: searching the price list, and setting prices of one model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update

from dashboard.pages import NOT_OPEN, is_open
from dashboard.pages.prices import model as model_page
from dashboard.pages.prices import page as prices
from dashboard.ui.clicks import in_thread
from dashboard.ui.components import error_alert
from dashboard.ui.view import View, from_search, question, to_search
from ingest.clock import now
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.model.principal import NotAllowed, require
from ingest.model.zone import micros
from ingest.parse.dates import NotATime, read_moment
from ingest.price_book import service
from ingest.price_book.service import SetPriceOptions
from ingest.price_book.set_price import PriceRefused
from ingest.pricing.point import PricePoint


def add_callbacks(app: Dash, ledger: Ledger) -> None:
    """Register the callbacks of the page."""
    _add_search(app, ledger)
    _add_setting(app, ledger)


def _add_search(app: Dash, ledger: Ledger) -> None:
    field = {"type": prices.SEARCH_FIELD, "name": ALL}

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
        """Show the lines that match the typed text. The rest of the page, and with it the focus, stays."""
        before = from_search(search).page
        if not ctx.triggered_id or not values or (values[0] or "").strip() == before.search:
            return no_update, no_update, [no_update] * len(ctx.outputs_list[2])
        view = replace(before, search=(values[0] or "").strip())
        result = await in_thread(search_result, ledger, view)
        return to_search(view), [pathname, to_search(view)], [result]


def _add_setting(app: Dash, ledger: Ledger) -> None:
    fields = [model_page.field_id(meter) for meter in model_page.FORM_METERS]

    @app.callback(
        Output("price-said", "children"),
        Output("price-shown", "children"),
        Output("price-rows-shown", "children"),
        *(Output(field, "value") for field in fields),
        Input("price-set", "n_clicks"),
        *(Input(field, "n_submit") for field in fields),
        *(State(field, "value") for field in fields),
        State("price-from", "value"),
        State("price-of", "data"),
        State("url", "search"),
        running=[(Output("price-set", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def set_price(*arguments: Any) -> Any:
        """Set the typed prices, then renew the chart, the current prices and the rows."""
        pressed, typed = arguments[: 1 + len(fields)], arguments[1 + len(fields) : 1 + 2 * len(fields)]
        first, target, search = arguments[-3:]
        unchanged = (no_update,) * (2 + len(fields))
        if not any(pressed) or not target:
            return (no_update, *unchanged)
        amounts = dict(zip(model_page.FORM_METERS, typed, strict=True))
        outcome = await in_thread(set_prices, ledger, target, amounts, first)
        if isinstance(outcome, str):
            return (html.Span(outcome, className="refused"), *unchanged)
        view = from_search(search).page
        renewed = model_page.price_parts(view), model_page.row_parts(view)
        return (model_page.set_message(outcome, ledger), *renewed, *("" for _ in fields))


def set_prices(
    ledger: Ledger, target: Sequence[str], amounts: Mapping[str, str | None], first: str | None
) -> list[PricePoint] | str:
    """Set the typed prices from a day on.

    `target` is the provider, the model and the currency. Returns the new points, or a message of refusal.
    """
    provider, model, currency = target
    try:
        by = require("finance").name
        options = SetPriceOptions(
            provider=provider,
            model=model,
            assignments=[f"{meter}={text}" for meter, text in amounts.items() if text and text.strip()],
            valid_from=micros(read_moment("from", first or "", ledger.zone)),
            currency=currency,
        )
        changes = service.set_price(ledger, options, by=by, at=now())
    except NotATime as error:
        return f"Not set: From: {error}."
    except (PriceRefused, NotAllowed) as error:
        return f"Not set: {error}."
    except DatabaseError:
        return "Not set: the ledger is busy. Try again."
    return [change.point for change in changes]


def search_result(ledger: Ledger, view: View) -> Any:
    """The table of the matching prices, or an error message if the page is closed to the reader."""
    if not is_open("prices"):
        return error_alert(NOT_OPEN)
    query = question(view, ledger.zone, ("requests",))
    return prices.price_table(ledger, view, prices.matching_prices(ledger, view, query))
