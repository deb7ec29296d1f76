"""Add, rename and import entries of the directory. Each change is checked, recorded and audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ingest.directory.assign import AssignOptions, RecordedAssignment, assign_within
from ingest.directory.links import record_links
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import KIND_NAMES, DirectoryEntry, ImportCounts, Kind, clean
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import TargetKind

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


@dataclass(frozen=True, slots=True)
class ImportedList:
    """The result of importing a list: counts of entries, and the number of new owners."""

    entered: ImportCounts
    owners: int


def add_entry(ledger: Ledger, options: AddEntryOptions, *, by: str, at: int) -> AddedEntry:
    """Add an entry, or update an existing entry by the options.

    The customer and cost centre of a new team hold for all days, those of an existing team from today.

    Raises:
        EntryRefused: the id is not valid.
        NameRefused: the name is not valid.
        NotKnown: the directory has no such customer or cost centre, or several.
    """
    text = options.ident.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise EntryRefused("bad_id", f"an id has 1 to {_LONGEST} characters that can be seen")
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
        first = "always" if entered.added else None
        owners = [
            assign_within(connection, ledger, home, at=at, by=by)
            for home in _homes(options, entry.ident, first)
        ]
    return AddedEntry(entry.kind, shown, change, tuple(owners))


def _homes(options: AddEntryOptions, team: str, first: str | None) -> list[AssignOptions]:
    """The customer and the cost centre of a team, as assignments."""
    chosen: list[tuple[TargetKind, str | None]] = [
        ("customer", options.customer),
        ("cost_center", options.cost_center),
    ]
    return [
        AssignOptions(subject_kind="team", subject=team, target_kind=kind, targets=(target,), first=first)
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


def import_list(ledger: Ledger, listed: Sequence[DirectoryEntry], *, by: str, at: int) -> ImportedList:
    """Import a list with the owners that it names. Importing the same list again changes nothing.

    Entries are committed in small batches, so that other writers do not wait
    for long; the owners in one transaction.
    """
    entered = directory.enter(ledger, listed, at)
    return ImportedList(entered, record_links(ledger, listed, at=at, by=by))
