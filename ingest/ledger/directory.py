"""The directory: the names of keys, teams and customers.

A name given by a user is shown instead of the gateway's name and is never changed by
an import. Names change no count: events and rollups refer to the number of the entry.

A key may have several idents: the id that its gateway uses, and the hash of the key. `enter` makes
them aliases of one entry: calls under any of them, earlier calls included, are calls of that entry.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from ingest.ledger import dialects, ownership
from ingest.ledger.engine import Ledger
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import attribution, directory, directory_alias
from ingest.model.invalid import Invalid

LONGEST_NAME: Final = 120

Kind = Literal["virtual_key", "team", "customer", "business_unit", "cost_center"]

KIND_NAMES: Final[Mapping[Kind, str]] = {
    "virtual_key": "key",
    "team": "team",
    "customer": "customer",
    "business_unit": "business unit",
    "cost_center": "cost centre",
}
ADDED_BY: Final[Mapping[Kind, str]] = {
    "virtual_key": "key add",
    "team": "team add",
    "customer": "customer add",
    "business_unit": "directory import",
    "cost_center": "cost-center add",
}
"""The command that adds an entry of each kind."""

_CHUNK: Final = 200
"""Entries in one transaction, so that it is short."""


class NameRefused(Invalid):
    """A name that is not valid; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_name", message)


def rename(connection: sa.Connection, entry_id: int, given_name: str | None) -> bool:
    """Give an entry a clean name, or with None restore the gateway's name; whether it has changed."""
    had = directory.c.given_name.is_distinct_from(given_name)
    change = directory.update().where(directory.c.entry_id == entry_id, had).values(given_name=given_name)
    return connection.execute(change.returning(directory.c.entry_id)).scalar() is not None


def clean(given_name: str | None) -> str | None:
    """The name as it is stored, without spaces around it; None for an empty name.

    Raises:
        NameRefused: it is too long or has unprintable characters.
    """
    name = (given_name or "").strip()
    if len(name) > LONGEST_NAME:
        raise NameRefused(f"a name has at most {LONGEST_NAME} characters, this one {len(name)}")
    if not name.isprintable():
        raise NameRefused("a name holds no line breaks and no characters that cannot be seen")
    return name or None


class NotKnown(Invalid):
    """A name that no entry has, or several entries have; the message says what to write."""

    def __init__(self, message: str, *, several: bool = False) -> None:
        super().__init__("ambiguous" if several else "not_known", message)
        self.several = several


def find(connection: sa.Connection, kind: Kind, text: str, keyring: KeyRing) -> int:
    """The entry that a text names: by id or the key itself, else by a unique name or hint.

    Raises:
        NotKnown: there is no such entry, or several.
    """
    c = directory.c
    ident = keyring.conceal(text).ident if kind == "virtual_key" else text
    query = sa.select(c.entry_id, c.ident).where(c.kind == kind)
    named = sa.or_(c.given_name == text, c.name == text, c.hint == text)
    rows = (
        connection.execute(query.where(c.ident == ident)).all()
        or _of_alias(connection, kind, ident)
        or connection.execute(query.where(named).order_by(c.ident)).all()
    )
    word = KIND_NAMES[kind]
    if not rows:
        raise NotKnown(
            f"the directory knows no {word} {_shown(text, ident)!r}; add it with `tallybook {ADDED_BY[kind]}`"
        )
    if len(rows) > 1:
        message = f"{text!r} is what {len(rows)} {word}s are called: write the id, one of {_few(rows)}"
        raise NotKnown(message, several=True)
    return int(rows[0].entry_id)


def find_team(connection: sa.Connection, text: str, keyring: KeyRing, refused: type[Invalid]) -> int:
    """The team that a text names.

    Raises:
        Invalid: an error of the class `refused` with the field `team`: there is no such team, or several.
    """
    try:
        return find(connection, "team", text, keyring)
    except NotKnown as error:
        raise refused("unknown_team", str(error), "team") from error


def idents_named(connection: sa.Connection, kind: Kind, text: str) -> list[str]:
    """The ids of the entries whose id, given name or name is `text`, the oldest entry first."""
    c = directory.c
    called = sa.or_(c.ident == text, c.given_name == text, c.name == text)
    query = sa.select(c.ident).where(c.kind == kind, called).order_by(c.entry_id)
    return list(connection.execute(query).scalars())


def entries(connection: sa.Connection, kind: str, idents: Sequence[str]) -> set[int]:
    """The entries with these ids or aliases."""
    c, alias = directory.c, directory_alias.c
    own = sa.select(c.entry_id).where(c.kind == kind, c.ident.in_(idents))
    aliased = sa.select(alias.entry_id).where(alias.kind == kind, alias.ident.in_(idents))
    return {int(entry_id) for select in (own, aliased) for entry_id in connection.execute(select).scalars()}


def entries_of(connection: sa.Connection, idents: Collection["Ident"]) -> dict["Ident", int]:
    """The entry of each id or alias that the directory has."""
    return aliases(connection, list(idents)) | _own_entries(connection, idents)


def _own_entries(connection: sa.Connection, idents: Collection["Ident"]) -> dict["Ident", int]:
    """The entry of each id, aliases left out."""
    c = directory.c
    found: dict[Ident, int] = {}
    for chunk in dialects.chunks(sorted({ident for _, ident in idents})):
        query = sa.select(c.kind, c.ident, c.entry_id).where(c.ident.in_(chunk))
        found.update(((row.kind, row.ident), row.entry_id) for row in connection.execute(query))
    return {ident: entry_id for ident, entry_id in found.items() if ident in idents}


def ident(connection: sa.Connection, entry_id: int) -> str:
    """The id of an entry."""
    return str(
        connection.execute(sa.select(directory.c.ident).where(directory.c.entry_id == entry_id)).scalar()
    )


def kind_of(connection: sa.Connection, entry_id: int) -> Kind:
    """The kind of an entry.

    Raises:
        NotKnown: there is no such entry.
    """
    query = sa.select(directory.c.kind).where(directory.c.entry_id == entry_id)
    kind: Kind | None = connection.execute(query).scalar()
    if kind is None:
        raise NotKnown(f"the directory has no entry {entry_id}")
    return kind


def shown(connection: sa.Connection, entry_id: int) -> str:
    """The shown name of an entry."""
    c = directory.c
    name = sa.func.coalesce(c.given_name, c.name, c.hint, c.ident)
    return str(connection.execute(sa.select(name).where(c.entry_id == entry_id)).scalar())


def _of_alias(connection: sa.Connection, kind: Kind, ident: str) -> Sequence[Any]:
    c = directory_alias.c
    query = sa.select(c.entry_id, c.ident).where(c.kind == kind, c.ident == ident)
    return connection.execute(query).all()


def _shown(text: str, ident: str) -> str:
    """The text for a message; for a secret key its ident, so that the key is not shown."""
    return text if text == ident else ident


def _few(rows: Sequence[Any]) -> str:
    return ", ".join(row.ident for row in rows[:5])


@dataclass(frozen=True, slots=True)
class Link:
    """The owner of a listed key or team: a team, customer or cost centre by its id or name."""

    kind: Literal["team", "customer", "cost_center"]
    target: str
    """Empty for no owner."""
    parts: int = 1
    first: str | None = None
    """The first day as a date, or `always`; None if the list has no day."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A key, team, customer or cost centre to enter into the directory."""

    kind: Kind
    ident: str
    """The id that calls carry; for a secret key its keyed hash."""
    name: str | None = None
    hint: str | None = None
    aliases: tuple[str, ...] = ()
    """Other idents of the entry that calls may carry."""
    links: tuple["Link", ...] = ()
    """Its owners."""
    gl_code: str | None = None
    """The general-ledger account of a cost centre."""


@dataclass(slots=True)
class ImportCounts:
    """The numbers of entries that an import added, changed and left unchanged."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, other: "ImportCounts") -> None:
        """Add the counts of `other`."""
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged


def enter(ledger: Ledger, listed: Sequence[DirectoryEntry], now: int) -> ImportCounts:
    """Enter a list into the directory. The same list again changes nothing; names given by users stay."""
    total = ImportCounts()
    for chunk in dialects.chunks(listed, _CHUNK):
        with ledger.writing() as connection:
            total.add(enter_some(connection, chunk, now))
    return total


def enter_some(connection: sa.Connection, listed: Sequence[DirectoryEntry], now: int) -> ImportCounts:
    """Enter a short list into the directory, in the caller's transaction."""
    counts = ImportCounts()
    aliased = aliases(connection, [(e.kind, ident) for e in listed for ident in (e.ident, *e.aliases)])
    rows = _existing_rows(connection, listed, aliased)
    merged: dict[Ident, int] = {}
    for entry in listed:
        row = rows.get((entry.kind, entry.ident))
        is_new = row is None
        if row is None:
            row = rows[entry.kind, entry.ident] = _add(connection, entry, now)
        is_changed = not is_new and _update(connection, entry, row)
        new = {(entry.kind, alias) for alias in entry.aliases if alias != entry.ident}
        new = {alias for alias in new if aliased.get(alias) != row["entry_id"]}
        merged |= dict.fromkeys(new, row["entry_id"])
        aliased |= dict.fromkeys(new, row["entry_id"])
        rows |= dict.fromkeys(new, row)
        counts.add(_counted(is_new=is_new, is_changed=is_changed or bool(new)))
    if merged:
        _add_aliases(connection, merged)
        _merge(connection, merged)
    return counts


def _counted(*, is_new: bool, is_changed: bool) -> ImportCounts:
    if is_new:
        return ImportCounts(added=1)
    return ImportCounts(changed=1) if is_changed else ImportCounts(unchanged=1)


def add(connection: sa.Connection, entry: DirectoryEntry, now: int) -> int:
    """Add an entry, or update the existing entry with its ident; its number."""
    return int(_add(connection, entry, now)["entry_id"])


Ident = tuple[str, str]
"""Kind and ident."""


def aliases(connection: sa.Connection, idents: Sequence[Ident]) -> dict[Ident, int]:
    """The directory entry of each alias."""
    entry_ids: dict[Ident, int] = {}
    c = directory_alias.c
    for chunk in dialects.chunks(sorted({ident for _, ident in idents})):
        query = sa.select(c.kind, c.ident, c.entry_id).where(c.ident.in_(chunk))
        entry_ids.update(((row.kind, row.ident), row.entry_id) for row in connection.execute(query))
    return entry_ids


def _existing_rows(
    connection: sa.Connection, listed: Sequence[DirectoryEntry], aliased: Mapping[Ident, int]
) -> dict[Ident, dict[str, Any]]:
    """The rows of the listed entries that exist, by their listed idents."""
    c = directory.c
    columns = sa.select(c.entry_id, c.kind, c.ident, c.name, c.hint)
    rows: dict[Ident, dict[str, Any]] = {}
    for chunk in dialects.chunks([entry.ident for entry in listed]):
        for row in connection.execute(columns.where(c.ident.in_(chunk))).mappings():
            rows[row["kind"], row["ident"]] = dict(row)
    under_alias = {ident: aliased[ident] for e in listed if (ident := (e.kind, e.ident)) in aliased}
    for chunk in dialects.chunks(sorted(set(under_alias.values()))):
        query = columns.where(c.entry_id.in_(chunk))
        by_id = {row["entry_id"]: dict(row) for row in connection.execute(query).mappings()}
        rows |= {ident: by_id[entry_id] for ident, entry_id in under_alias.items() if entry_id in by_id}
    return rows


def _add(connection: sa.Connection, entry: DirectoryEntry, now: int) -> dict[str, Any]:
    facts = {"name": entry.name, "hint": entry.hint}
    row = {"kind": entry.kind, "ident": entry.ident, "first_seen_at": now, **facts}
    upsert = dialects.insert(connection, directory).values(row)
    upsert = upsert.on_conflict_do_update(index_elements=["kind", "ident"], set_=facts)
    return {"entry_id": connection.execute(upsert.returning(directory.c.entry_id)).scalar_one(), **facts}


def _update(connection: sa.Connection, entry: DirectoryEntry, row: dict[str, Any]) -> bool:
    """Update the name and the hint of a row, if they are listed; whether they have changed."""
    listed = {"name": entry.name, "hint": entry.hint}
    new = {field: value for field, value in listed.items() if value is not None and value != row[field]}
    if not new:
        return False
    row.update(new)
    connection.execute(directory.update().where(directory.c.entry_id == row["entry_id"]).values(new))
    return True


def _add_aliases(connection: sa.Connection, merged: Mapping[Ident, int]) -> None:
    """Make idents aliases of entries."""
    statement = dialects.insert(connection, directory_alias)
    upsert = statement.on_conflict_do_update(
        index_elements=["kind", "ident"], set_={"entry_id": statement.excluded.entry_id}
    )
    rows = [
        {"kind": kind, "ident": ident, "entry_id": into} for (kind, ident), into in sorted(merged.items())
    ]
    connection.execute(upsert, rows)


def _merge(connection: sa.Connection, merged: Mapping[Ident, int]) -> None:
    """Merge the entries of idents into other entries, whose calls theirs become.

    Rollups refer to attributions and stay true. The entries are deleted before their attributions are moved.
    The deletion waits for a writer of calls that has locked a row, so the next statement sees the
    attributions that the writer has added.
    """
    deleted = _deleted(connection, merged)
    into = {old.entry_id: merged[old.kind, old.ident] for old in deleted}
    moved: dict[str, dict[int, int]] = {}
    for old in deleted:
        last = into[old.entry_id]
        while last in into:  # which was merged itself
            last = into[last]
        moved.setdefault(old.kind, {})[old.entry_id] = last
        if old.given_name is not None:
            given_name = sa.func.coalesce(directory.c.given_name, old.given_name)
            rename_it = directory.update().where(directory.c.entry_id == last)
            connection.execute(rename_it.values(given_name=given_name))
    for kind, entry_ids in moved.items():
        for column in (attribution.c[f"{kind}_id"], directory_alias.c.entry_id):
            move = column.table.update().where(column.in_(entry_ids))
            connection.execute(move.values({column: sa.case(entry_ids, value=column)}))
        ownership.move_assignments(connection, entry_ids)


def _deleted(connection: sa.Connection, merged: Mapping[Ident, int]) -> list[Any]:
    """The entries of the idents, which are deleted, but for those that are merged into themselves."""
    c = directory.c
    old = [
        entry_id
        for (kind, ident), entry_id in _own_entries(connection, merged).items()
        if entry_id != merged[kind, ident]
    ]
    deleted: list[Any] = []
    for chunk in dialects.chunks(sorted(old)):
        gone = directory.delete().where(c.entry_id.in_(chunk))
        deleted += connection.execute(gone.returning(c.entry_id, c.kind, c.ident, c.given_name)).all()
    return deleted
