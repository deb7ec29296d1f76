"""Callbacks of the pages of finance: months and their closing, allocation rules, and accepted variances."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output, State, html, no_update

from dashboard.chargeback import closing
from dashboard.chargeback.allocation_service import SetAllocationOptions, set_allocation
from dashboard.pages.chargeback import page as chargeback
from dashboard.query.calendar import read_month
from dashboard.query.question import QuestionError
from dashboard.reconciliation.service import AcceptVarianceOptions, accept_variances
from dashboard.ui.clicks import in_thread
from dashboard.ui.view import from_search, to_search
from ingest.clock import now
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.model.invalid import Invalid
from ingest.model.principal import NotAllowed, require


def add_callbacks(app: Dash, ledger: Ledger) -> None:
    """Register the callbacks of the pages Chargeback and Reconciliation."""
    _add_month(app)
    _add_closing(app, ledger)
    _add_rule(app, ledger)
    _add_acceptance(app, ledger)


def _add_month(app: Dash) -> None:
    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Input("chargeback-month", "value"),
        State("url", "search"),
        State("month-shown", "data"),
        prevent_initial_call=True,
    )
    async def choose(month: str | None, search: str | None, shown: str | None) -> Any:
        """Set the days of the view to the chosen month."""
        if not month or shown == month:
            return no_update
        first, last = chargeback.first_and_last(month)
        view = from_search(search)
        shown_month = replace(view, preset=None, first=first.isoformat(), last=last.isoformat())
        return to_search(replace(shown_month, adjustment=""))


def _add_closing(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("renamed", "data", allow_duplicate=True),
        Output("period-said", "children"),
        Input("period-turn", "n_clicks"),
        State("period-reason", "value"),
        State("period-of", "data"),
        running=[(Output("period-turn", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def close_or_reopen(clicked: int | None, reason: str | None, shown: dict[str, Any] | None) -> Any:
        """Close the month that is shown, or reopen it if it is closed."""
        if not clicked or not shown:
            return no_update, no_update
        change = reopen_month if shown["closed"] else close_month
        return _renewal(await in_thread(change, ledger, shown["month"], reason or ""))


def _add_rule(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("renamed", "data", allow_duplicate=True),
        Output("allocate-said", "children"),
        Input("allocate-set", "n_clicks"),
        State("allocate-pool", "value"),
        State("allocate-method", "value"),
        State("allocate-from", "value"),
        prevent_initial_call=True,
    )
    async def set_rule(clicked: int | None, pool: str | None, method: str | None, first: str | None) -> Any:
        """Set the allocation rule of a pool."""
        if not clicked:
            return no_update, no_update
        return _renewal(await in_thread(set_allocation_rule, ledger, pool or "", method or "", first))


def _add_acceptance(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("renamed", "data", allow_duplicate=True),
        Output("accept-said", "children"),
        Input("accept-book", "n_clicks"),
        State("accept-provider", "value"),
        State("accept-reason", "value"),
        State("accept-of", "data"),
        running=[(Output("accept-book", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def accept(clicked: int | None, provider: str | None, reason: str | None, month: str | None) -> Any:
        """Book the variance between a provider's invoice and the ledger."""
        if not clicked or not provider or not month:
            return no_update, no_update
        return _renewal(await in_thread(accept_variance, ledger, month, provider, reason or ""))


def _renewal(refusal: str | None) -> Any:
    """The outputs of a change: a new value that renews the page, or the message of the refusal."""
    if refusal:
        return no_update, html.Span(refusal, className="refused")
    return datetime.now(UTC).isoformat(), no_update


def accept_variance(ledger: Ledger, month: str, provider: str, reason: str) -> str | None:
    """Book the variance of a provider's month; returns the message of a refusal, else None."""

    def book(by: str) -> None:
        options = AcceptVarianceOptions(month=read_month(month), reason=reason, provider=provider)
        accept_variances(ledger, options, by=by, at=now())

    return _refusal("Not booked", book)


def reopen_month(ledger: Ledger, month: str, reason: str) -> str | None:
    """Reopen a closed month; returns the message of a refusal, else None."""

    def reopen(by: str) -> None:
        closing.reopen(ledger, read_month(month), reason=reason, by=by, now=now())

    return _refusal("Not opened", reopen)


def close_month(ledger: Ledger, month: str, reason: str) -> str | None:
    """Close a month; returns the message of a refusal, else None."""

    def close(by: str) -> str | None:
        done = closing.close(ledger, read_month(month), accept=reason, by=by, now=now())
        return None if done.hash else "say why it is closed although something stops it"

    return _refusal("Not closed", close)


def set_allocation_rule(ledger: Ledger, pool: str, method: str, first: str | None) -> str | None:
    """Set the allocation rule of a pool; returns the message of a refusal, else None."""

    def set_rule(by: str) -> None:
        set_allocation(ledger, SetAllocationOptions(pool, method, start=first or None), by=by, at=now())

    return _refusal("Not set", set_rule)


def _refusal(not_done: str, change: Callable[[str], str | None]) -> str | None:
    """Make a change in the name of the user; returns why it is not done, else None.

    `change` gets the user's name. It raises, or returns the reason, if the change is refused.
    """
    try:
        reason = change(require("finance").name)
    except (Invalid, QuestionError, NotAllowed) as error:
        reason = str(error)
    except DatabaseError:
        return f"{not_done}: the ledger is busy. Try again."
    return None if reason is None else f"{not_done}: {reason}."
