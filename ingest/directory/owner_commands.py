"""`tallybook owner set`, `team add`, `customer add`, `cost-center add`, `key add`: names, and who owns what."""

import json
import sys
from typing import Any

from ingest import terminal
from ingest.clock import now
from ingest.directory.assign import Done, Wanted, assign
from ingest.directory.service import AddEntryOptions, add_entry
from ingest.ledger.directory import WORDS, Kind
from ingest.ledger.engine import open_ledger
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, say


def own(wanted: Wanted, *, as_json: bool) -> int:
    """Record who owns something; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            done = assign(ledger, wanted, at=now(), by=current_user())
    except Invalid as error:
        return terminal.refuse("owner", error)
    if as_json:
        sys.stdout.write(json.dumps(_facts(done), ensure_ascii=False) + "\n")
        return ExitCode.OK
    say(_sentence(done))
    if done.closed:
        months = ", ".join(done.closed)
        say(
            f"closed already: {months}; what changes there is booked in the next open month",
            style="yellow",
        )
    return ExitCode.OK


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
        return terminal.refuse(WORDS[kind], error)
    say(f"{WORDS[kind]} {added.shown}: {added.change}")
    for done in added.owners:
        say(_sentence(done))
    return ExitCode.OK


def _facts(done: Done) -> dict[str, Any]:
    assignment = done.assignment
    return {
        "subject_kind": assignment.subject_kind,
        "subject": done.subject,
        "target_kind": assignment.target_kind,
        "targets": [{"name": name, "parts": parts} for name, parts in done.targets.items()],
        "from": None if done.first is None else str(done.first),
        "to": None if done.end is None else str(done.end),
        "closed_periods": list(done.closed),
    }


def _sentence(done: Done) -> str:
    whole = sum(done.targets.values())
    names = [
        name if len(done.targets) == 1 else f"{name} ({parts}/{whole})"
        for name, parts in done.targets.items()
    ]
    word = (
        WORDS["cost_center"] if done.assignment.target_kind == "cost_center" else done.assignment.target_kind
    )
    whose = f"{word} {' and '.join(names)}" if names else f"no {word} of its own"
    since = f" from {done.first}" if done.first else ", always"
    until = f" until {done.end}" if done.end else ""
    return f"{done.subject} belongs to {whose}{since}{until}"
