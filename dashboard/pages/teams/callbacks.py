"""Callbacks of the page Teams: assigning keys to teams, and teams to customers and cost centres."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from dash import Dash, Input, Output, State, ctx, html, no_update

from dashboard.directory import names
from dashboard.pages.teams import ownership
from dashboard.pages.teams import page as teams
from dashboard.ui.clicks import in_thread
from dashboard.ui.view import from_search
from ingest.clock import now
from ingest.directory.assign import AssignOptions, OwnerRefused, RecordedAssignment, assign
from ingest.ledger.engine import DatabaseError, Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import TargetKind
from ingest.model.principal import NotAllowed, require

_FIELDS: Final = ("key", "teams", "parts", "from", "reason")


@dataclass(frozen=True, slots=True)
class AssignmentForm:
    """The values of the form that assigns a key."""

    key: str | None
    teams: Sequence[str] | None = ()
    parts: str | None = None
    first: str | None = None
    reason: str | None = None


def add_callbacks(app: Dash, ledger: Ledger) -> None:
    """Register the callbacks of the page."""
    _add_key_owners(app, ledger)
    _add_team_owners(app, ledger)


def _add_key_owners(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("owner-said", "children"),
        Output("teams-shown", "children"),
        Output("owners-shown", "children"),
        Input("owner-set", "n_clicks"),
        Input("owner-none", "n_clicks"),
        *(State(f"owner-{name}", "value") for name in _FIELDS),
        State("url", "search"),
        running=[
            (Output("owner-set", "disabled"), True, False),
            (Output("owner-none", "disabled"), True, False),
        ],
        prevent_initial_call=True,
    )
    async def assign_owners(set_: int | None, removed: int | None, *arguments: Any) -> Any:
        """Assign a key or take its assignment back, then renew figures and histories."""
        if not (set_ or removed):
            return no_update, no_update, no_update
        *values, search = arguments
        is_assigned = ctx.triggered_id == "owner-set"
        outcome = await in_thread(
            partial(assign_key, is_assigned=is_assigned), ledger, AssignmentForm(*values)
        )
        if isinstance(outcome, str):
            return html.Span(outcome, className="refused"), no_update, no_update
        return await in_thread(_renewed, ledger, [outcome], search)


def _add_team_owners(app: Dash, ledger: Ledger) -> None:
    @app.callback(
        Output("home-said", "children"),
        Output("teams-shown", "children", allow_duplicate=True),
        Output("owners-shown", "children", allow_duplicate=True),
        Input("home-set", "n_clicks"),
        State("home-of", "data"),
        *(State(f"home-{name}", "value") for name in ("customer", "cost-center", "from")),
        State("url", "search"),
        running=[(Output("home-set", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def assign_team_owners(clicked: int | None, *arguments: Any) -> Any:
        """Assign a team to a customer and a cost centre, then renew figures and histories."""
        if not clicked:
            return no_update, no_update, no_update
        *values, search = arguments
        outcome = await in_thread(assign_team, ledger, *values)
        if isinstance(outcome, str):
            return html.Span(outcome, className="refused"), no_update, no_update
        return await in_thread(_renewed, ledger, outcome, search)


def assign_key(ledger: Ledger, form: AssignmentForm, *, is_assigned: bool = True) -> RecordedAssignment | str:
    """Assign a key to teams, or take its assignment back; returns the record, or a message of refusal."""
    if not form.key:
        return "Not assigned: choose a key."
    if is_assigned and not form.teams:
        return "Not assigned: choose a team."
    try:
        options = AssignOptions(
            subject_kind="virtual_key",
            subject=form.key,
            targets=_targets(form) if is_assigned else (),
            first=form.first or None,
            reason=(form.reason or "").strip(),
        )
    except OwnerRefused as error:
        return _refusal(error)
    return _record(ledger, options)


def assign_team(
    ledger: Ledger, team: str, customer: str | None, cost_center: str | None, first: str | None
) -> list[RecordedAssignment] | str:
    """Assign a team to a customer and a cost centre; returns the records, or a message of refusal."""
    chosen: list[tuple[TargetKind, str | None]] = [("customer", customer), ("cost_center", cost_center)]
    recorded: list[RecordedAssignment] = []
    for kind, target in chosen:
        if not target:
            continue
        options = AssignOptions(
            subject_kind="team",
            subject=team,
            target_kind=kind,
            targets=(f"{target}=1",),
            first=first or None,
        )
        outcome = _record(ledger, options)
        if isinstance(outcome, str):
            return f"{outcome} The customer was recorded." if recorded else outcome
        recorded.append(outcome)
    return recorded or "Not assigned: choose a customer or a cost centre."


def _record(ledger: Ledger, options: AssignOptions) -> RecordedAssignment | str:
    try:
        return assign(ledger, options, at=now(), by=require("finance").name)
    except (Invalid, NotAllowed) as error:
        return _refusal(error)
    except DatabaseError:
        return "Not assigned: the ledger is busy. Try again."


def _refusal(error: Invalid | NotAllowed) -> str:
    """The message of a refused assignment, with the label of the field where the error does not quote it."""
    label = "Reason: " if isinstance(error, Invalid) and error.field == "reason" else ""
    return f"Not assigned: {label}{error}."


def _targets(form: AssignmentForm) -> tuple[str, ...]:
    """The teams with their parts, which are equal if no parts are typed."""
    chosen = form.teams or ()
    typed = form.parts or ""
    percent = "%" if "%" in typed else ""
    numbers = typed.replace(",", " ").replace("%", " ").split()
    parts = [f"{number}{percent}" for number in numbers] or ["1"] * len(chosen)
    if len(parts) != len(chosen):
        message = f"{len(chosen)} teams have {len(chosen)} parts, such as 60, 40; {len(parts)} are given"
        raise OwnerRefused("bad_parts", message)
    return tuple(f"{team}={part}" for team, part in zip(chosen, parts, strict=True))


def _renewed(ledger: Ledger, recorded: Sequence[RecordedAssignment], search: str | None) -> Any:
    """The messages about recorded assignments, and the renewed figures and histories."""
    view = from_search(search).page
    targets = {target.entry_id for done in recorded for target in done.assignment.targets}
    target_names = names.called(ledger, targets)
    messages = [
        paragraph
        for done in recorded
        for paragraph in ownership.assigned_message(
            done, [(target_names[target.entry_id], target.parts) for target in done.assignment.targets]
        )
    ]
    return messages, teams.figures(ledger, view), ownership.histories(ledger, view)
