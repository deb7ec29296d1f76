"""What happens on the page Prices: words that are searched for, and a price that somebody sets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, html, no_update

from dashboard.pages import NOT_OPEN, is_open
from dashboard.pages.prices import model as one_price
from dashboard.pages.prices import page as prices
from dashboard.ui.clicks import in_thread
from dashboard.ui.components import error_alert
from dashboard.ui.view import View, from_search, question, to_search
from ingest.clock import now
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.model.principal import NotAllowed, require
from ingest.model.zone import micros
from ingest.parse.dates import NotATime, read_moment
from ingest.price_book.service import SetPriceOptions, set_price
from ingest.price_book.set_price import PriceRefused
from ingest.pricing.point import PricePoint


def add(app: Dash, ledger: Ledger) -> None:
    """Listen on the page."""
    _add_search(app, ledger)
    _add_setting(app, ledger)


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


def _add_setting(app: Dash, ledger: Ledger) -> None:
    fields = [one_price.field_id(meter) for meter in one_price.FORM]

    @app.callback(
        Output("price-said", "children"),
        Output("price-shown", "children"),
        Output("price-rows-shown", "children"),
        *(Output(one, "value") for one in fields),
        Input("price-set", "n_clicks"),
        *(Input(one, "n_submit") for one in fields),
        *(State(one, "value") for one in fields),
        State("price-from", "value"),
        State("price-of", "data"),
        State("url", "search"),
        running=[(Output("price-set", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def set_price(*held: Any) -> Any:
        """Somebody sets prices; the chart, the prices of now and the rows follow."""
        pressed, typed = held[: 1 + len(fields)], held[1 + len(fields) : 1 + 2 * len(fields)]
        first, of, search = held[-3:]
        unchanged = (no_update,) * (2 + len(fields))
        if not any(pressed) or not of:
            return (no_update, *unchanged)
        amounts = dict(zip(one_price.FORM, typed, strict=True))
        told = await in_thread(entered, ledger, of, amounts, first)
        if isinstance(told, str):
            return (html.Span(told, className="refused"), *unchanged)
        view = from_search(search).page
        again = one_price.shown(view), one_price.shown_rows(view)
        return (one_price.was_set(told, ledger), *again, *("" for _ in fields))


def entered(
    ledger: Ledger, of: Sequence[str], amounts: Mapping[str, str | None], first: str | None
) -> list[PricePoint] | str:
    """Add the prices that were typed, from a day on; why they were refused, or the points."""
    provider, model, currency = of
    try:
        by = require("finance").name
        options = SetPriceOptions(
            provider=provider,
            model=model,
            assignments=[f"{meter}={text}" for meter, text in amounts.items() if text and text.strip()],
            valid_from=micros(read_moment("from", first or "", ledger.zone)),
            currency=currency,
        )
        changes = set_price(ledger, options, by=by, at=now())
    except NotATime as error:
        return f"Not set: From: {error}."
    except (PriceRefused, NotAllowed) as error:
        return f"Not set: {error}."
    except DatabaseError:
        return "Not set: the ledger is busy. Try again."
    return [change.point for change in changes]


def found_by(ledger: Ledger, view: View) -> Any:
    """The table of what a search finds; the ledger's prices tell of everybody's contracts."""
    if not is_open("prices"):
        return error_alert(NOT_OPEN)
    return prices.matches(
        ledger, view, prices.listed(ledger, view, question(view, ledger.zone, ("requests",)))
    )
