"""The directory as people change it: entries added, renamed and read from lists, each change with its audit entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ingest.directory.assign import Done, Wanted, assign_within
from ingest.directory.links import link
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import WORDS, Entered, Kind, Listed, clean
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import TargetKind

_LONGEST: Final = 255

Change = Literal["added", "changed", "is there already"]


class EntryRefused(Invalid):
    """An entry that the directory cannot have; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddEntryOptions:
    """An entry of the directory, in the words of the person who adds it."""

    kind: Kind
    ident: str
    """Its id as calls say it; of a key also the key itself, which is not kept."""
    name: str | None = None
    customer: str | None = None
    """The customer of a team, by its id or name."""
    cost_center: str | None = None
    """The cost centre of a team, by its code or name."""
    gl_code: str | None = None
    """The account of a cost centre in the general ledger."""


@dataclass(frozen=True, slots=True)
class AddedEntry:
    """What became of an entry that was added."""

    kind: Kind
    shown: str
    """What people call it."""
    change: Change
    owners: tuple[Done, ...]
    """Whom it was assigned to."""


@dataclass(frozen=True, slots=True)
class ImportedList:
    """What a list changed: entries, and how many owners are new."""

    entered: Entered
    owners: int


def add_entry(ledger: Ledger, options: AddEntryOptions, *, by: str, at: int) -> AddedEntry:
    """Add an entry, or bring one that is there up to the options; a new team has its customer and cost centre always.

    Raises:
        EntryRefused: the id is none.
        NameRefused: the name cannot be given.
        NotKnown: the directory knows no such customer or cost centre, or several.
    """
    text = options.ident.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise EntryRefused("bad_id", f"an id has 1 to {_LONGEST} characters that can be seen")
    key = ledger.keyring.conceal(text) if options.kind == "virtual_key" else None
    entry = Listed(options.kind, key.ident if key else text, clean(options.name), key.hint if key else None)
    shown = options.name or entry.hint or entry.ident
    with ledger.writing() as connection:
        if options.customer is not None or options.cost_center is not None:
            ownership.hold_back(connection)
        entered = directory.enter_some(connection, [entry], at)
        entry_id = directory.find(connection, entry.kind, entry.ident, ledger.keyring)
        gl_code = options.gl_code
        is_other_code = gl_code is not None and ownership.set_gl_code(connection, entry_id, gl_code.strip())
        change: Change = "is there already"
        if entered.added or entered.changed or is_other_code:
            change = "added" if entered.added else "changed"
            action = f"{WORDS[entry.kind]} {'add' if entered.added else 'change'}"
            detail = {"name": options.name, "gl_code": gl_code}
            audit.note(connection, audit.Entry(at=at, by=by, action=action, subject=shown, detail=detail))
        first = "always" if entered.added else None
        owners = [
            assign_within(connection, ledger, wanted, at=at, by=by)
            for wanted in _homes(options, entry.ident, first)
        ]
    return AddedEntry(entry.kind, shown, change, tuple(owners))


def _homes(options: AddEntryOptions, team: str, first: str | None) -> list[Wanted]:
    """The customer and the cost centre of a team, as assignments."""
    chosen: list[tuple[TargetKind, str | None]] = [
        ("customer", options.customer),
        ("cost_center", options.cost_center),
    ]
    return [
        Wanted(subject_kind="team", subject=team, target_kind=kind, targets=(target,), first=first)
        for kind, target in chosen
        if target is not None
    ]


def rename_entry(ledger: Ledger, entry_id: int, given_name: str | None, *, by: str, at: int) -> None:
    """Give an entry a name; None or nothing but spaces gives it back the gateway's.

    Raises:
        NameRefused: the name is too long or holds characters that cannot be seen.
        NotKnown: there is no such entry.
    """
    name = clean(given_name)
    with ledger.writing() as connection:
        kind, before = directory.kind_of(connection, entry_id), directory.shown(connection, entry_id)
        if directory.rename(connection, entry_id, name):
            audit.note(connection, _renamed(kind, before, name, by, at))


def _renamed(kind: Kind, before: str, name: str | None, by: str, at: int) -> audit.Entry:
    action = f"{WORDS[kind]} change"
    return audit.Entry(at=at, by=by, action=action, subject=before, detail={"given_name": name})


def import_list(ledger: Ledger, listed: Sequence[Listed], *, by: str, at: int) -> ImportedList:
    """Put a list into the directory with the owners that it names. The same list again changes nothing.

    The entries come in a few at a time, so that no other writer waits for long; the owners are one transaction.
    """
    return ImportedList(directory.enter(ledger, listed, at), link(ledger, listed, at=at, by=by))
