"""What happens on the page Teams: somebody gives a key to a team from a day on, or takes it back."""

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
class Typed:
    """What the form holds."""

    key: str | None
    teams: Sequence[str] | None = ()
    parts: str | None = None
    first: str | None = None
    reason: str | None = None


def add(app: Dash, ledger: Ledger) -> None:
    """Listen on the page."""
    _add_owners(app, ledger)
    _add_homes(app, ledger)


def _add_owners(app: Dash, ledger: Ledger) -> None:
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
    async def own(set_: int | None, taken: int | None, *held: Any) -> Any:
        """Somebody says who owns a key; figures and histories follow."""
        if not (set_ or taken):
            return no_update, no_update, no_update
        *values, search = held
        gives = ctx.triggered_id == "owner-set"
        told = await in_thread(partial(assigned, gives=gives), ledger, Typed(*values))
        if isinstance(told, str):
            return html.Span(told, className="refused"), no_update, no_update
        return await in_thread(_followed, ledger, [told], search)


def _add_homes(app: Dash, ledger: Ledger) -> None:
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
    async def house(clicked: int | None, *held: Any) -> Any:
        """Somebody says which customer and cost centre a team has."""
        if not clicked:
            return no_update, no_update, no_update
        *values, search = held
        told = await in_thread(homed, ledger, *values)
        if isinstance(told, str):
            return html.Span(told, className="refused"), no_update, no_update
        return await in_thread(_followed, ledger, told, search)


def assigned(ledger: Ledger, typed: Typed, *, gives: bool = True) -> RecordedAssignment | str:
    """Record who owns a key, or that nobody does; what was recorded, or why it was refused."""
    if not typed.key:
        return "Not assigned: choose a key."
    if gives and not typed.teams:
        return "Not assigned: choose a team."
    try:
        wanted = AssignOptions(
            subject_kind="virtual_key",
            subject=typed.key,
            targets=_targets(typed) if gives else (),
            first=typed.first or None,
            reason=(typed.reason or "").strip(),
        )
    except OwnerRefused as error:
        return _refused(error)
    return _recorded(ledger, wanted)


def homed(
    ledger: Ledger, team: str, customer: str | None, cost_center: str | None, first: str | None
) -> list[RecordedAssignment] | str:
    """Record whose a team is; what was recorded, or why it was refused."""
    chosen: list[tuple[TargetKind, str | None]] = [("customer", customer), ("cost_center", cost_center)]
    done: list[RecordedAssignment] = []
    for kind, target in chosen:
        if target:
            targets = (f"{target}=1",)
            said = _recorded(
                ledger,
                AssignOptions(
                    subject_kind="team", subject=team, target_kind=kind, targets=targets, first=first or None
                ),
            )
            if isinstance(said, str):
                return f"{said} The customer was recorded." if done else said
            done.append(said)
    return done or "Not assigned: choose a customer or a cost centre."


def _recorded(ledger: Ledger, wanted: AssignOptions) -> RecordedAssignment | str:
    try:
        return assign(ledger, wanted, at=now(), by=require("finance").name)
    except (Invalid, NotAllowed) as error:
        return _refused(error)
    except DatabaseError:
        return "Not assigned: the ledger is busy. Try again."


def _refused(error: Invalid | NotAllowed) -> str:
    """Why nothing was assigned, with the label of a field that the message does not quote."""
    label = "Reason: " if isinstance(error, Invalid) and error.field == "reason" else ""
    return f"Not assigned: {label}{error}."


def _targets(typed: Typed) -> tuple[str, ...]:
    """The teams with their parts; equal ones where none are typed."""
    chosen = typed.teams or ()
    parts = (typed.parts or "").replace(",", " ").replace("%", " ").split() or ["1"] * len(chosen)
    if len(parts) != len(chosen):
        message = f"{len(chosen)} teams have {len(chosen)} parts, such as 60, 40; {len(parts)} are given"
        raise OwnerRefused("bad_parts", message)
    return tuple(f"{team}={part}" for team, part in zip(chosen, parts, strict=True))


def _followed(ledger: Ledger, recorded: Sequence[RecordedAssignment], search: str | None) -> Any:
    """What is told of what was recorded, and what follows from it."""
    view = from_search(search).page
    targets = {one.entry_id for done in recorded for one in done.assignment.targets}
    called = names.called(ledger, targets)
    said = [
        part
        for done in recorded
        for part in ownership.was_assigned(
            done, [(called[one.entry_id], one.parts) for one in done.assignment.targets]
        )
    ]
    return said, teams.shown(ledger, view), ownership.histories(ledger, view)
