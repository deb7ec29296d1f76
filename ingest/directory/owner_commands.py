"""`tallybook owner set`, `team add`, `customer add`, `cost-center add`, `key add`: names and owners."""

import json
import sys
from typing import Any

from ingest import terminal
from ingest.clock import now
from ingest.directory.assign import AssignOptions, RecordedAssignment, assign
from ingest.directory.service import AddEntryOptions, add_entry
from ingest.ledger.directory import KIND_NAMES, Kind
from ingest.ledger.engine import open_ledger
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, say


def set_owner(options: AssignOptions, *, as_json: bool) -> int:
    """Record the owners of a key, team or project; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            recorded = assign(ledger, options, at=now(), by=current_user())
    except Invalid as error:
        return terminal.refuse("owner", error)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(recorded), ensure_ascii=False) + "\n")
        return ExitCode.OK
    say(_sentence(recorded))
    if recorded.note:
        say(f"note: {recorded.note}", style="yellow")
    _say_closed(recorded)
    return ExitCode.OK


def _say_closed(recorded: RecordedAssignment) -> None:
    """Name the closed months that an assignment reaches."""
    if recorded.closed:
        months = ", ".join(recorded.closed)
        say(
            f"closed already: {months}; what changes there is booked in the next open month",
            style="yellow",
        )


def add(
    kind: Kind,
    ident: str,
    name: str | None,
    *,
    customer: str | None = None,
    cost_center: str | None = None,
    gl_code: str | None = None,
) -> int:
    """Add an entry to the directory, or name it anew; the exit code."""
    options = AddEntryOptions(
        kind=kind, ident=ident, name=name, customer=customer, cost_center=cost_center, gl_code=gl_code
    )
    try:
        with open_ledger(Settings()) as ledger:
            added = add_entry(ledger, options, by=current_user(), at=now())
    except Invalid as error:
        return terminal.refuse(KIND_NAMES[kind], error)
    say(f"{KIND_NAMES[kind]} {added.shown}: {added.change}")
    if added.new_center is not None:
        say(f"{KIND_NAMES['cost_center']} {added.new_center}: added, because the directory did not have it")
    for recorded in added.owners:
        say(_sentence(recorded))
        _say_closed(recorded)
    return ExitCode.OK


def _as_json(recorded: RecordedAssignment) -> dict[str, Any]:
    assignment = recorded.assignment
    return {
        "subject_kind": assignment.subject_kind,
        "subject": recorded.subject,
        "target_kind": assignment.target_kind,
        "targets": [{"name": name, "parts": parts} for name, parts in recorded.targets.items()],
        "from": None if recorded.first is None else str(recorded.first),
        "to": None if recorded.end is None else str(recorded.end),
        "closed_periods": list(recorded.closed),
        "note": recorded.note,
    }


def _sentence(recorded: RecordedAssignment) -> str:
    whole = sum(recorded.targets.values())
    names = [
        name if len(recorded.targets) == 1 else f"{name} ({parts}/{whole})"
        for name, parts in recorded.targets.items()
    ]
    word = (
        KIND_NAMES["cost_center"]
        if recorded.assignment.target_kind == "cost_center"
        else recorded.assignment.target_kind
    )
    whose = f"{word} {' and '.join(names)}" if names else f"no {word} of its own"
    since = f" from {recorded.first}" if recorded.first else ", always"
    until = f" until {recorded.end}" if recorded.end else ""
    return f"{recorded.subject} belongs to {whose}{since}{until}"
