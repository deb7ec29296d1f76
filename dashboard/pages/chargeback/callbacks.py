"""What happens on the pages of finance: a month is chosen, closed or opened again, a rule is set, a variance accepted."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output, State, html, no_update

from dashboard.chargeback import closing
from dashboard.chargeback.allocation_service import AllocationRefused, SetAllocationOptions, set_allocation
from dashboard.chargeback.closing import CloseRefused
from dashboard.pages.chargeback import page as chargeback
from dashboard.query.calendar import read_month
from dashboard.query.question import QuestionError
from dashboard.reconciliation.service import AcceptRefused, AcceptVarianceOptions, accept_variances
from dashboard.ui.clicks import in_thread
from dashboard.ui.view import from_search, to_search
from ingest.clock import now
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.model.principal import NotAllowed, require


def add(app: Dash, ledger: Ledger) -> None:
    """Listen on the page."""
    _add_month(app)
    _add_turn(app, ledger)
    _add_rule(app, ledger)
    _add_accepting(app, ledger)


def _add_month(app: Dash) -> None:
    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Input("chargeback-month", "value"),
        State("url", "search"),
        State("month-shown", "data"),
        prevent_initial_call=True,
    )
    async def choose(month: str | None, search: str | None, shown: str | None) -> Any:
        """A month that is chosen becomes the days of the view."""
        if not month or shown == month:
            return no_update
        first, last = chargeback.first_and_last(month)
        view = from_search(search)
        return to_search(replace(view, preset=None, first=first.isoformat(), last=last.isoformat()))


def _add_turn(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("renamed", "data", allow_duplicate=True),
        Output("period-said", "children"),
        Input("period-turn", "n_clicks"),
        State("period-reason", "value"),
        State("period-of", "data"),
        running=[(Output("period-turn", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def turn(clicked: int | None, reason: str | None, shown: dict[str, Any] | None) -> Any:
        """Somebody closes the month that is shown, or opens it again."""
        if not clicked or not shown:
            return no_update, no_update
        act = closed_month_opened if shown["closed"] else month_closed
        said = await in_thread(act, ledger, shown["month"], reason or "")
        return (no_update, html.Span(said, className="refused")) if said else (_again(), no_update)


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
    async def rule(clicked: int | None, pool: str | None, method: str | None, first: str | None) -> Any:
        """Somebody says how a pool is shared."""
        if not clicked:
            return no_update, no_update
        said = await in_thread(ruled, ledger, pool or "", method or "", first)
        return (no_update, html.Span(said, className="refused")) if said else (_again(), no_update)


def _add_accepting(app: Dash, ledger: Ledger) -> None:
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
    async def book(clicked: int | None, provider: str | None, reason: str | None, month: str | None) -> Any:
        """Somebody accepts what a provider charges above the ledger."""
        if not clicked or not provider or not month:
            return no_update, no_update
        said = await in_thread(accepted, ledger, month, provider, reason or "")
        return (no_update, html.Span(said, className="refused")) if said else (_again(), no_update)


def accepted(ledger: Ledger, month: str, provider: str, reason: str) -> str | None:
    """Book the variance of a provider's month; why it was refused, or nothing."""
    try:
        by = require("finance").name
        options = AcceptVarianceOptions(month=read_month(month), reason=reason, provider=provider)
        accept_variances(ledger, options, by=by, at=now())
    except (AcceptRefused, QuestionError, NotAllowed) as error:
        return f"Not booked: {error}."
    except DatabaseError:
        return "Not booked: the ledger is busy. Try again."
    return None


def _again() -> str:
    """A new value for what makes the page anew."""
    return datetime.now(UTC).isoformat()


def closed_month_opened(ledger: Ledger, month: str, reason: str) -> str | None:
    """Open a closed month again; why it was refused, or nothing."""
    try:
        by = require("finance").name
        closing.reopen(ledger, read_month(month), reason=reason, by=by, now=now())
    except (CloseRefused, QuestionError, NotAllowed) as error:
        return f"Not opened: {error}."
    except DatabaseError:
        return "Not opened: the ledger is busy. Try again."
    return None


def month_closed(ledger: Ledger, month: str, reason: str) -> str | None:
    """Close a month; why it was refused, or nothing."""
    try:
        by = require("finance").name
        done = closing.close(ledger, read_month(month), accept=reason, by=by, now=now())
    except (CloseRefused, QuestionError, NotAllowed) as error:
        return f"Not closed: {error}."
    except DatabaseError:
        return "Not closed: the ledger is busy. Try again."
    return None if done.hash else "Not closed: say why it is closed although something stops it."


def ruled(ledger: Ledger, pool: str, method: str, first: str | None) -> str | None:
    """Set a rule of allocation; why it was refused, or nothing."""
    try:
        by = require("finance").name
        options = SetAllocationOptions(pool, method, start=first or None)
        set_allocation(ledger, options, by=by, at=now())
    except (AllocationRefused, NotAllowed) as error:
        return f"Not set: {error}."
    except DatabaseError:
        return "Not set: the ledger is busy. Try again."
    return None
