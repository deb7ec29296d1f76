"""Add, rename and import entries of the directory. Each change is checked, recorded and audited."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ingest.directory.assign import AssignOptions, RecordedAssignment, assign_within
from ingest.directory.links import chunks_of, record_links
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import KIND_NAMES, DirectoryEntry, ImportCounts, Kind, NotKnown, clean
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import TargetKind

GIVE_WAY_SECONDS: Final = 0.1
"""The pause between two transactions: a waiting writer looks for the lock at least as often."""
_LONGEST: Final = 255

Change = Literal["added", "changed", "is there already"]


class EntryRefused(Invalid):
    """An entry that is not valid; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEntryOptions:
    """An entry to add to the directory, as the user writes it."""

    kind: Kind
    ident: str
    """Its id as calls carry it; for a key also the key itself, which is not stored."""
    name: str | None = None
    customer: str | None = None
    """The customer of a team, by its id or name."""
    cost_center: str | None = None
    """The cost centre of a team, by its code or name."""
    gl_code: str | None = None
    """The general-ledger account of a cost centre."""


@dataclass(frozen=True, slots=True)
class AddedEntry:
    """The result of adding an entry."""

    kind: Kind
    shown: str
    """The shown name."""
    change: Change
    owners: tuple[RecordedAssignment, ...]
    """The owners that were assigned to it."""
    new_center: str | None = None
    """The code of its cost centre, if the directory did not have it."""


@dataclass(frozen=True, slots=True)
class ImportedList:
    """The result of importing a list: counts of entries, and the number of new owners."""

    entered: ImportCounts
    owners: int


def add_entry(ledger: Ledger, options: AddEntryOptions, *, by: str, at: int) -> AddedEntry:
    """Add an entry, or update an existing entry by the options.

    The customer and cost centre of a team hold for all days where none was assigned before, else from today.
    A cost centre that the directory does not have is added to it.

    Raises:
        EntryRefused: an id is not valid.
        NameRefused: the name is not valid.
        NotKnown: the directory has no such customer, or several such customers or cost centres.
    """
    text = _ident(options.ident)
    key = ledger.keyring.conceal(text) if options.kind == "virtual_key" else None
    entry = DirectoryEntry(
        options.kind, key.ident if key else text, clean(options.name), key.hint if key else None
    )
    shown = options.name or entry.hint or entry.ident
    with ledger.writing() as connection:
        if options.customer is not None or options.cost_center is not None:
            ownership.lock_attributions(connection)
        entered = directory.enter_some(connection, [entry], at)
        entry_id = directory.find(connection, entry.kind, entry.ident, ledger.keyring)
        gl_code = options.gl_code
        is_other_code = gl_code is not None and ownership.set_gl_code(connection, entry_id, gl_code.strip())
        change: Change = "is there already"
        if entered.added or entered.changed or is_other_code:
            change = "added" if entered.added else "changed"
            action = f"{KIND_NAMES[entry.kind]} {'add' if entered.added else 'change'}"
            detail = {"name": options.name, "gl_code": gl_code}
            audit.note(connection, audit.Entry(at=at, by=by, action=action, subject=shown, detail=detail))
        new_center = _add_center(connection, ledger, options.cost_center, by=by, at=at)
        of_entry = ownership.assignments_of(connection, {("team", str(entry_id))})
        assigned = {assignment.about for assignment in of_entry}
        owners = [
            assign_within(
                connection,
                ledger,
                home
                if ("team", str(entry_id), home.target_kind) in assigned
                else replace(home, first="always"),
                at=at,
                by=by,
            )
            for home in _homes(options, entry.ident)
        ]
    return AddedEntry(entry.kind, shown, change, tuple(owners), new_center)


def _ident(text: str) -> str:
    ident = text.strip()
    if not ident or len(ident) > _LONGEST or not ident.isprintable():
        raise EntryRefused("bad_id", f"an id has 1 to {_LONGEST} characters that can be seen")
    return ident


def _add_center(connection: Connection, ledger: Ledger, code: str | None, *, by: str, at: int) -> str | None:
    """Add the cost centre of a team, if the directory does not have it; the code that was added."""
    if code is None:
        return None
    try:
        directory.find(connection, "cost_center", code, ledger.keyring)
    except NotKnown as unknown:
        if unknown.several:
            raise
        ident = _ident(code)
        directory.add(connection, DirectoryEntry("cost_center", ident), at)
        action, detail = f"{KIND_NAMES['cost_center']} add", {"name": None, "gl_code": None}
        audit.note(connection, audit.Entry(at=at, by=by, action=action, subject=ident, detail=detail))
        return ident
    return None


def _homes(options: AddEntryOptions, team: str) -> list[AssignOptions]:
    """The customer and the cost centre of a team, as assignments from today."""
    chosen: list[tuple[TargetKind, str | None]] = [
        ("customer", options.customer),
        ("cost_center", options.cost_center),
    ]
    return [
        AssignOptions(subject_kind="team", subject=team, target_kind=kind, targets=(target.strip(),))
        for kind, target in chosen
        if target is not None
    ]


def rename_entry(ledger: Ledger, entry_id: int, given_name: str | None, *, by: str, at: int) -> None:
    """Give an entry a name; None or only spaces restores the gateway's name.

    Raises:
        NameRefused: the name is too long or has unprintable characters.
        NotKnown: there is no such entry.
    """
    name = clean(given_name)
    with ledger.writing() as connection:
        kind, before = directory.kind_of(connection, entry_id), directory.shown(connection, entry_id)
        if directory.rename(connection, entry_id, name):
            audit.note(connection, _renamed(kind, before, name, by, at))


def _renamed(kind: Kind, before: str, name: str | None, by: str, at: int) -> audit.Entry:
    action = f"{KIND_NAMES[kind]} change"
    return audit.Entry(at=at, by=by, action=action, subject=before, detail={"given_name": name})


def import_list(
    ledger: Ledger,
    listed: Sequence[DirectoryEntry],
    *,
    by: str,
    at: int,
    pause: Callable[[float], None] = time.sleep,
) -> ImportedList:
    """Import a list with the owners that it names. Importing the same list again changes nothing.

    Entries are committed in small batches together with their owners, with a pause between two, so that other
    writers do not wait for long. After an interruption, importing the list again completes it.
    """
    entered, owners = ImportCounts(), 0
    for number, chunk in enumerate(chunks_of(listed)):
        if number:
            pause(GIVE_WAY_SECONDS)
        with ledger.writing() as connection:
            if any(entry.links or entry.aliases for entry in chunk):
                ownership.lock_attributions(connection)
            entered.add(directory.enter_some(connection, chunk, at))
            owners += record_links(connection, ledger, chunk, at=at, by=by)
    return ImportedList(entered, owners)
