"""The directory of keys, teams and customers: what people call them.

A given name stands before the gateway's word and is never changed by an import. It changes what is shown and nothing
that is counted: events and rollups hold the entry's id.

One key may be met under several idents: the gateway's id of it, and the hash of its value. `enter` ties them: calls
under either are calls of one entry from then on, those that are there already included.
"""

from collections.abc import Mapping, Sequence
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

WORDS: Final[Mapping[Kind, str]] = {
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
    """A name that cannot be given; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_name", message)


def rename(connection: sa.Connection, entry_id: int, given_name: str | None) -> bool:
    """Give an entry a name that is clean, or with None the gateway's again; whether it had another."""
    had = directory.c.given_name.is_distinct_from(given_name)
    change = directory.update().where(directory.c.entry_id == entry_id, had).values(given_name=given_name)
    return connection.execute(change.returning(directory.c.entry_id)).scalar() is not None


def clean(given_name: str | None) -> str | None:
    """The name as it is kept: spaces around it taken off; None for no name.

    Raises:
        NameRefused: it is too long or holds characters that cannot be seen.
    """
    name = (given_name or "").strip()
    if len(name) > LONGEST_NAME:
        raise NameRefused(f"a name has at most {LONGEST_NAME} characters, this one {len(name)}")
    if not name.isprintable():
        raise NameRefused("a name holds no line breaks and no characters that cannot be seen")
    return name or None


class NotKnown(Invalid):
    """A name that means nobody, or several; the message says what to write."""

    def __init__(self, message: str, *, several: bool = False) -> None:
        super().__init__("ambiguous" if several else "not_known", message)
        self.several = several


def find(connection: sa.Connection, kind: Kind, text: str, keyring: KeyRing) -> int:
    """The entry that a person means: by its id or the key itself, else by a name or hint that only it has.

    Raises:
        NotKnown: there is none, or several.
    """
    c = directory.c
    ident = keyring.conceal(text).ident if kind == "virtual_key" else text
    wanted = sa.select(c.entry_id, c.ident).where(c.kind == kind)
    named = sa.or_(c.given_name == text, c.name == text, c.hint == text)
    rows = (
        connection.execute(wanted.where(c.ident == ident)).all()
        or _of_alias(connection, kind, ident)
        or connection.execute(wanted.where(named).order_by(c.ident)).all()
    )
    word = WORDS[kind]
    if not rows:
        raise NotKnown(
            f"the directory knows no {word} {_shown(text, ident)!r}; add it with `tallybook {ADDED_BY[kind]}`"
        )
    if len(rows) > 1:
        message = f"{text!r} is what {len(rows)} {word}s are called: write the id, one of {_few(rows)}"
        raise NotKnown(message, several=True)
    return int(rows[0].entry_id)


def idents_named(connection: sa.Connection, kind: Kind, text: str) -> list[str]:
    """The ids of the entries whose id, given name or name is a text, the oldest entry first."""
    c = directory.c
    called = sa.or_(c.ident == text, c.given_name == text, c.name == text)
    wanted = sa.select(c.ident).where(c.kind == kind, called).order_by(c.entry_id)
    return list(connection.execute(wanted).scalars())


def entries(connection: sa.Connection, kind: str, idents: Sequence[str]) -> set[int]:
    """The entries that are known by some ids."""
    c, alias = directory.c, directory_alias.c
    own = sa.select(c.entry_id).where(c.kind == kind, c.ident.in_(idents))
    tied = sa.select(alias.entry_id).where(alias.kind == kind, alias.ident.in_(idents))
    return {int(one) for select in (own, tied) for one in connection.execute(select).scalars()}


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
    wanted = sa.select(directory.c.kind).where(directory.c.entry_id == entry_id)
    kind: Kind | None = connection.execute(wanted).scalar()
    if kind is None:
        raise NotKnown(f"the directory has no entry {entry_id}")
    return kind


def shown(connection: sa.Connection, entry_id: int) -> str:
    """What an entry is called."""
    c = directory.c
    name = sa.func.coalesce(c.given_name, c.name, c.hint, c.ident)
    return str(connection.execute(sa.select(name).where(c.entry_id == entry_id)).scalar())


def _of_alias(connection: sa.Connection, kind: Kind, ident: str) -> Sequence[Any]:
    c = directory_alias.c
    wanted = sa.select(c.entry_id, c.ident).where(c.kind == kind, c.ident == ident)
    return connection.execute(wanted).all()


def _shown(text: str, ident: str) -> str:
    """What may be told of what was asked for: a key that is secret is not told."""
    return text if text == ident else ident


def _few(rows: Sequence[Any]) -> str:
    return ", ".join(row.ident for row in rows[:5])


@dataclass(frozen=True, slots=True)
class Link:
    """Whom a key or team of a list belongs to: a team, customer or cost centre by its id or name."""

    kind: Literal["team", "customer", "cost_center"]
    target: str
    """Nothing for one that belongs to none."""
    parts: int = 1
    first: str | None = None
    """From which day on, as a date or `always`; None where the list does not say."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A key, team or customer as a gateway or a person lists it."""

    kind: Kind
    ident: str
    """What calls say; for a key that is secret, its keyed hash."""
    name: str | None = None
    hint: str | None = None
    aliases: tuple[str, ...] = ()
    """Other idents that calls may come under."""
    links: tuple["Link", ...] = ()
    """Whom it belongs to."""
    gl_code: str | None = None
    """The account of a cost centre in the general ledger."""


@dataclass(slots=True)
class ImportCounts:
    """How many entries an import of a list added, changed, and found as they are."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def add(self, other: "ImportCounts") -> None:
        """Count `other` in."""
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged


def enter(ledger: Ledger, listed: Sequence[DirectoryEntry], now: int) -> ImportCounts:
    """Put a list into the directory. The same list again changes nothing; given names stand."""
    total = ImportCounts()
    for some in dialects.chunks(listed, _CHUNK):
        with ledger.writing() as connection:
            total.add(enter_some(connection, some, now))
    return total


def enter_some(connection: sa.Connection, listed: Sequence[DirectoryEntry], now: int) -> ImportCounts:
    """Put a short list into the directory, in the transaction of something else."""
    entered = ImportCounts()
    tied = aliases(connection, [(one.kind, ident) for one in listed for ident in (one.ident, *one.aliases)])
    standing = _standing(connection, listed, tied)
    for one in listed:
        entry = standing.get((one.kind, one.ident))
        if entry is None:
            entry = standing[one.kind, one.ident] = _add(connection, one, now)
            entered.added += 1
            _tie(connection, one, entry["entry_id"], tied)
            continue
        renamed = _update(connection, one, entry)
        if _tie(connection, one, entry["entry_id"], tied) or renamed:
            entered.changed += 1
        else:
            entered.unchanged += 1
    return entered


def add(connection: sa.Connection, one: DirectoryEntry, now: int) -> int:
    """Add an entry, or bring one that is there up to it; its number."""
    return int(_add(connection, one, now)["entry_id"])


Ident = tuple[str, str]
"""Kind and ident."""


def aliases(connection: sa.Connection, idents: Sequence[Ident]) -> dict[Ident, int]:
    """The entries that these are other idents of."""
    found: dict[Ident, int] = {}
    c = directory_alias.c
    for some in dialects.chunks(sorted({ident for _, ident in idents})):
        query = sa.select(c.kind, c.ident, c.entry_id).where(c.ident.in_(some))
        found.update(((row.kind, row.ident), row.entry_id) for row in connection.execute(query))
    return found


def _standing(
    connection: sa.Connection, listed: Sequence[DirectoryEntry], tied: Mapping[Ident, int]
) -> dict[Ident, dict[str, Any]]:
    """The entries of those that are there, under the idents they are listed by."""
    c = directory.c
    columns = sa.select(c.entry_id, c.kind, c.ident, c.name, c.hint)
    found: dict[Ident, dict[str, Any]] = {}
    for some in dialects.chunks([one.ident for one in listed]):
        for row in connection.execute(columns.where(c.ident.in_(some))).mappings():
            found[row["kind"], row["ident"]] = dict(row)
    known = {ident: tied[ident] for one in listed if (ident := (one.kind, one.ident)) in tied}
    for many in dialects.chunks(sorted(set(known.values()))):
        rows = {
            r["entry_id"]: dict(r) for r in connection.execute(columns.where(c.entry_id.in_(many))).mappings()
        }
        found |= {ident: rows[entry_id] for ident, entry_id in known.items() if entry_id in rows}
    return found


def _add(connection: sa.Connection, one: DirectoryEntry, now: int) -> dict[str, Any]:
    facts = {"name": one.name, "hint": one.hint}
    row = {"kind": one.kind, "ident": one.ident, "first_seen_at": now, **facts}
    upsert = dialects.insert(connection, directory).values(row)
    upsert = upsert.on_conflict_do_update(index_elements=["kind", "ident"], set_=facts)
    return {"entry_id": connection.execute(upsert.returning(directory.c.entry_id)).scalar_one(), **facts}


def _update(connection: sa.Connection, one: DirectoryEntry, entry: dict[str, Any]) -> bool:
    """Bring name and hint up to what is listed, where it says anything; whether that changed something."""
    said = {"name": one.name, "hint": one.hint}
    new = {field: value for field, value in said.items() if value is not None and value != entry[field]}
    if not new:
        return False
    entry.update(new)
    connection.execute(directory.update().where(directory.c.entry_id == entry["entry_id"]).values(new))
    return True


def _tie(connection: sa.Connection, one: DirectoryEntry, entry_id: int, tied: dict[Ident, int]) -> bool:
    """Make the listed aliases those of the entry; whether any was not. Calls under them become the entry's."""
    new = [alias for alias in one.aliases if alias != one.ident and tied.get((one.kind, alias)) != entry_id]
    for alias in new:
        statement = dialects.insert(connection, directory_alias)
        upsert = statement.on_conflict_do_update(
            index_elements=["kind", "ident"], set_={"entry_id": statement.excluded.entry_id}
        )
        connection.execute(upsert, [{"kind": one.kind, "ident": alias, "entry_id": entry_id}])
        _merge(connection, one.kind, alias, entry_id)
        tied[one.kind, alias] = entry_id
    return bool(new)


def _merge(connection: sa.Connection, kind: str, ident: str, into: int) -> None:
    """Make an entry that calls have been booked under part of another. Rollups hold attributions and stay true.

    The entry goes before the attributions are moved: a writer that is about to book a call under it holds its row, and
    what that writer has added is seen by the statement that comes after it.
    """
    c = directory.c
    gone = directory.delete().where(c.kind == kind, c.ident == ident, c.entry_id != into)
    old = connection.execute(gone.returning(c.entry_id, c.given_name)).first()
    if old is None:
        return
    column = attribution.c[f"{kind}_id"]
    connection.execute(attribution.update().where(column == old.entry_id).values({column: into}))
    ownership.follow(connection, old.entry_id, into)
    kept = sa.func.coalesce(c.given_name, old.given_name)
    connection.execute(directory.update().where(c.entry_id == into).values(given_name=kept))
