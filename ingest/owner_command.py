"""`tallybook owner set`, `team add`, `customer add`, `cost-center add`, `key add`: names, and who owns what."""

import json
import sys
from typing import Any, Final

from rich.console import Console

from ingest.clock import now
from ingest.ledger import audit, directory
from ingest.ledger.directory import WORDS, Kind, Listed, NameRefused, NotKnown, clean
from ingest.ledger.engine import Ledger, open_ledger
from ingest.owning import Done, OwnerRefused, Wanted, assign, set_gl_code
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2
_LONGEST: Final = 255


def own(wanted: Wanted, *, as_json: bool) -> int:
    """Record who owns something; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            done = assign(ledger, wanted, at=now(), by=current_user())
    except (OwnerRefused, NotKnown) as error:
        return _refuse("owner", error)
    if as_json:
        sys.stdout.write(json.dumps(_facts(done), ensure_ascii=False) + "\n")
        return WELL
    out = Console()
    out.print(_sentence(done), highlight=False, markup=False, soft_wrap=True)
    if done.closed:
        months = ", ".join(done.closed)
        out.print(
            f"closed already: {months}; what changes there is booked in the next open month",
            highlight=False,
            style="yellow",
        )
    return WELL


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
    try:
        with open_ledger(Settings()) as ledger:
            said = _add(ledger, kind, ident.strip(), name, gl_code)
            for target_kind, target in (("customer", customer), ("cost_center", cost_center)):
                if target is not None:
                    known = said.entry.ident
                    wanted = Wanted(
                        subject_kind="team",
                        subject=known,
                        target_kind="customer" if target_kind == "customer" else "cost_center",
                        targets=(target,),
                        first="always" if said.is_new else None,
                    )
                    done = assign(ledger, wanted, at=now(), by=current_user())
                    said.lines.append(_sentence(done))
    except (OwnerRefused, NotKnown, NameRefused) as error:
        return _refuse(WORDS[kind], error)
    for line in said.lines:
        Console().print(line, highlight=False, markup=False, soft_wrap=True)
    return WELL


class _Said:
    """What was added, and what is to be told of it."""

    def __init__(self, entry: Listed, *, is_new: bool, lines: list[str]) -> None:
        self.entry, self.is_new, self.lines = entry, is_new, lines


def _add(ledger: Ledger, kind: Kind, text: str, name: str | None, gl_code: str | None) -> _Said:
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise NameRefused(f"an id has 1 to {_LONGEST} characters that can be seen")
    key = ledger.keyring.conceal(text) if kind == "virtual_key" else None
    ident = key.ident if key else text
    entry = Listed(kind, ident, clean(name), key.hint if key else None)
    entered = directory.enter(ledger, [entry], now())
    word = WORDS[kind]
    shown = name or (key.hint if key and key.hint else ident)
    what = "added" if entered.added else "changed" if entered.changed else "is there already"
    with ledger.writing() as connection:
        entry_id = directory.find(connection, kind, ident, ledger.keyring)
        if gl_code is not None and set_gl_code(connection, entry_id, gl_code.strip()):
            what = "added" if entered.added else "changed"
        if what != "is there already":
            detail = {"name": name, "gl_code": gl_code}
            action = f"{word} {'add' if entered.added else 'change'}"
            entry_of = audit.Entry(
                at=now(), by=current_user(), action=action, subject=str(shown), detail=detail
            )
            audit.note(connection, entry_of)
    return _Said(entry, is_new=bool(entered.added), lines=[f"{word} {shown}: {what}"])


def _facts(done: Done) -> dict[str, Any]:
    one = done.assignment
    return {
        "subject_kind": one.subject_kind,
        "subject": done.subject,
        "target_kind": one.target_kind,
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


def _refuse(command: str, error: Exception) -> int:
    Console(stderr=True).print(f"tallybook {command}: {error}", highlight=False, markup=False, soft_wrap=True)
    return USAGE
