"""The dictionaries: integers for repeated text, for keys and teams, for attributions and for price sets.

Look-ups run inside the transaction that needs them and are remembered only after it has committed, so that an id
that was rolled back is never used. New rows are inserted in sorted order: two writers that meet wait for each other
and do not lock each other out.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from ingest.ledger import dialects, ownership
from ingest.ledger.entry import PriceSetRow
from ingest.ledger.fields import WHO
from ingest.ledger.tables import attribution, directory, directory_alias, price_set, term

K = TypeVar("K", bound=Hashable)
Who = tuple[str | None, ...]
Ids = Mapping[str | None, int | None]

_REMEMBERED = 200_000
_PEOPLE = ("virtual_key", "team", "customer", "business_unit")
_PLACES = ("project", "environment", "application")


class Dictionary:
    """What this process knows to be committed. Safe to share: dictionary rows never change their meaning."""

    def __init__(self) -> None:
        self.terms: dict[str, int] = {}
        self.attributions: dict[Who, int] = {}
        self.price_sets: dict[str, int] = {}

    def lookup(self, connection: sa.Connection, now: int) -> "Lookup":
        """Look-ups in the transaction that is open on `connection`; `now` dates what is first seen."""
        return Lookup(self, connection, now)


class Lookup:
    """Ids inside one open transaction; `keep` them once it has committed."""

    def __init__(self, dictionary: Dictionary, connection: sa.Connection, now: int) -> None:
        self._known = dictionary
        self._connection = connection
        self._now = now
        self._new: list[tuple[dict[Any, int], dict[Any, int]]] = []

    def keep(self) -> None:
        """Remember what this transaction looked up: it is committed."""
        for known, new in self._new:
            if len(known) > _REMEMBERED:
                known.clear()
            known.update(new)

    def terms(self, texts: Iterable[str | None]) -> Ids:
        """The id of each text, and None for None."""
        wanted = {text for text in texts if text is not None}
        return _with_none(self._ids(self._known.terms, wanted, self._find_terms))

    def attributions(self, hints: Mapping[Who, str | None]) -> Mapping[Who, int]:
        """The id of each combination of who a call belongs to; `hints` says what may be shown of its key."""
        return self._ids(
            self._known.attributions, hints.keys(), lambda new: self._find_attributions(new, hints)
        )

    def price_sets(self, rows: Sequence[PriceSetRow]) -> Ids:
        """The id of each price set by its digest, and None for None."""
        by_digest = {row.digest: row for row in rows}
        found = self._ids(
            self._known.price_sets, by_digest, lambda new: self._find_price_sets(new, by_digest)
        )
        return _with_none(found)

    def _ids(
        self, known: dict[K, int], wanted: Iterable[K], find: Callable[[list[K]], dict[K, int]]
    ) -> dict[K, int]:
        ids = {key: known[key] for key in wanted if key in known}
        if new := [key for key in wanted if key not in ids]:
            found = find(new)
            self._new.append((known, found))
            ids.update(found)
        return ids

    def _find_terms(self, texts: list[str]) -> dict[str, int]:
        return self._add(term, term.c.term_id, [{"text": text} for text in sorted(texts)], "text")

    def _find_price_sets(self, digests: list[str], rows: Mapping[str, PriceSetRow]) -> dict[str, int]:
        values = [_columns(rows[digest]) for digest in sorted(digests)]
        return self._add(price_set, price_set.c.price_set_id, values, "digest")

    def _find_attributions(self, whos: list[Who], hints: Mapping[Who, str | None]) -> dict[Who, int]:
        parts = [dict(zip(WHO, who, strict=True)) for who in whos]
        people = self._people([(part, hints[who]) for part, who in zip(parts, whos, strict=True)])
        places = self.terms(part[place] for part in parts for place in _PLACES)
        rows: dict[Who, dict[str, Any]] = {}
        for part, who in zip(parts, whos, strict=True):
            ids = {f"{kind}_id": people.get((kind, _ident(part, kind))) for kind in _PEOPLE}
            ids |= {f"{place}_id": places[part[place]] for place in _PLACES}
            rows[who] = {"digest": _digest(ids.values()), **ids}
        values = sorted({row["digest"]: row for row in rows.values()}.values(), key=lambda row: row["digest"])
        ownership.expect(self._connection)
        found = self._add(attribution, attribution.c.attribution_id, values, "digest")
        ownership.arrive(self._connection, list(found.values()))
        return {who: found[row["digest"]] for who, row in rows.items()}

    def _people(
        self, parts: list[tuple[dict[str, str | None], str | None]]
    ) -> dict[tuple[str, str | None], int]:
        """Directory entries of all parts. A name that the gateway has changed is followed; given names stay."""
        wanted: dict[tuple[str, str | None], dict[str, Any]] = {}
        for part, hint in parts:
            for kind in _PEOPLE:
                if ident := _ident(part, kind):
                    shown = hint if kind == "virtual_key" else None
                    before = wanted.get((kind, ident), {"name": None, "hint": None})
                    named = part[f"{kind}_name"] or before["name"]
                    wanted[kind, ident] = {"name": named, "hint": before["hint"] or shown}
        ids: dict[tuple[str, str | None], int] = {}
        for kind in _PEOPLE:
            rows = [
                {"kind": kind, "ident": ident, "first_seen_at": self._now, **entry}
                for (of_kind, ident), entry in sorted(wanted.items())
                if of_kind == kind
            ]
            if rows:
                ids |= {(kind, ident): entry for ident, entry in self._find_people(kind, rows).items()}
        return ids

    def _find_people(self, kind: str, rows: list[dict[str, Any]]) -> dict[str, int]:
        """Entries by ident: those that an ident is an alias of, and for the others entries of their own.

        Aliases are looked for again at the end: one may have been made while this transaction waited.
        """
        tied = self._aliases(kind, [row["ident"] for row in rows])
        own = [row for row in rows if row["ident"] not in tied]
        if not own:
            return tied
        added = self._add_people(kind, own)
        return tied | added | self._aliases(kind, list(added))

    def _aliases(self, kind: str, idents: Sequence[str]) -> dict[str, int]:
        c = directory_alias.c
        tied: dict[str, int] = {}
        for some in dialects.chunks(idents):
            query = sa.select(c.ident, c.entry_id).where(c.kind == kind, c.ident.in_(some))
            tied.update(tuple(row) for row in self._connection.execute(query))
        return tied

    def _add_people(self, kind: str, rows: list[dict[str, Any]]) -> dict[str, int]:
        statement = dialects.insert(self._connection, directory)
        name = sa.func.coalesce(statement.excluded.name, directory.c.name)
        hint = sa.func.coalesce(directory.c.hint, statement.excluded.hint)
        upsert = statement.on_conflict_do_update(
            index_elements=["kind", "ident"], set_={"name": name, "hint": hint}
        )
        self._connection.execute(upsert, rows)
        ids: dict[str, int] = {}
        for some in dialects.chunks([row["ident"] for row in rows]):
            found = sa.select(directory.c.ident, directory.c.entry_id).where(
                directory.c.kind == kind, directory.c.ident.in_(some)
            )
            ids.update(tuple(row) for row in self._connection.execute(found))
        return ids

    def _add(
        self, table: sa.Table, id_column: sa.Column[Any], rows: list[dict[str, Any]], key: str
    ) -> dict[Any, int]:
        """Insert what is missing; the ids of all rows by their key."""
        self._connection.execute(dialects.insert(self._connection, table).on_conflict_do_nothing(), rows)
        ids: dict[Any, int] = {}
        for some in dialects.chunks([row[key] for row in rows]):
            found = sa.select(table.c[key], id_column).where(table.c[key].in_(some))
            ids.update((_hashable(k), i) for k, i in self._connection.execute(found))
        return ids


def _ident(part: Mapping[str, str | None], kind: str) -> str | None:
    """What a key, team or customer is known by: its id, else its name."""
    return part[kind] or part[f"{kind}_name"]


def _digest(values: Iterable[object]) -> bytes:
    return hashlib.blake2b(repr(tuple(values)).encode(), digest_size=16).digest()


def _with_none(ids: Mapping[str, int]) -> Ids:
    return {None: None, **dict(ids.items())}


def _columns(row: PriceSetRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PriceSetRow.__struct_fields__}


def _hashable(key: object) -> object:
    return bytes(key) if isinstance(key, memoryview) else key
