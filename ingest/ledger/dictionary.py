"""The dictionaries: integer ids for repeated text, directory entries, attributions and price sets.

Look-ups run inside the transaction that needs them and are cached only after it has committed, so that an id
that was rolled back is never used. New rows are inserted in sorted order, so that concurrent writers wait for
each other and cannot deadlock.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from ingest.ledger import dialects, ownership
from ingest.ledger.entry import PriceSetRow
from ingest.ledger.fields import WHO
from ingest.ledger.tables.calls import attribution, directory, directory_alias, price_set, term

K = TypeVar("K", bound=Hashable)
AttributionKey = tuple[str | None, ...]
Ids = Mapping[str | None, int | None]

_CACHE_SIZE = 200_000
_DIRECTORY_KINDS = ("virtual_key", "team", "customer", "business_unit")
_TERM_FIELDS = ("project", "environment", "application")


class Dictionary:
    """The committed ids that this process has cached.

    Safe to share: dictionary rows never change their meaning.
    """

    def __init__(self) -> None:
        self.terms: dict[str, int] = {}
        self.attributions: dict[AttributionKey, int] = {}
        self.price_sets: dict[str, int] = {}

    def lookup(self, connection: sa.Connection, now: int) -> "Lookup":
        """Look-ups in the transaction open on `connection`. `now` is the first-seen time of new entries."""
        return Lookup(self, connection, now)


class Lookup:
    """Ids inside one open transaction. Call `remember` once it has committed."""

    def __init__(self, dictionary: Dictionary, connection: sa.Connection, now: int) -> None:
        self._dictionary = dictionary
        self._connection = connection
        self._now = now
        self._new: list[tuple[dict[Any, int], dict[Any, int]]] = []

    def remember(self) -> None:
        """Cache the ids of this transaction, which has committed."""
        for cache, new in self._new:
            if len(cache) > _CACHE_SIZE:
                cache.clear()
            cache.update(new)

    def mark(self) -> int:
        """What has been found so far, for `forget_since`."""
        return len(self._new)

    def forget_since(self, mark: int) -> None:
        """Forget the ids that were found since a mark: a savepoint was rolled back, and new ids with it."""
        del self._new[mark:]

    def terms(self, texts: Iterable[str | None]) -> Ids:
        """The id of each text, and None for None."""
        unique_texts = {text for text in texts if text is not None}
        return _with_none(self._ids(self._dictionary.terms, unique_texts, self._find_terms))

    def attributions(self, hints: Mapping[AttributionKey, str | None]) -> Mapping[AttributionKey, int]:
        """The id of each attribution key. `hints` gives the displayable part of its virtual key."""
        return self._ids(
            self._dictionary.attributions, hints.keys(), lambda new: self._find_attributions(new, hints)
        )

    def price_sets(self, rows: Sequence[PriceSetRow]) -> Ids:
        """The id of each price set by its digest, and None for None."""
        by_digest = {row.digest: row for row in rows}
        ids = self._ids(
            self._dictionary.price_sets, by_digest, lambda new: self._find_price_sets(new, by_digest)
        )
        return _with_none(ids)

    def _ids(
        self, cache: dict[K, int], keys: Iterable[K], find: Callable[[list[K]], dict[K, int]]
    ) -> dict[K, int]:
        ids = {key: cache[key] for key in keys if key in cache}
        if new := [key for key in keys if key not in ids]:
            found_ids = find(new)
            self._new.append((cache, found_ids))
            ids.update(found_ids)
        return ids

    def _find_terms(self, texts: list[str]) -> dict[str, int]:
        return self._add(term, term.c.term_id, [{"text": text} for text in sorted(texts)], "text")

    def _find_price_sets(self, digests: list[str], rows: Mapping[str, PriceSetRow]) -> dict[str, int]:
        values = [_columns(rows[digest]) for digest in sorted(digests)]
        return self._add(price_set, price_set.c.price_set_id, values, "digest")

    def _find_attributions(
        self, combinations: list[AttributionKey], hints: Mapping[AttributionKey, str | None]
    ) -> dict[AttributionKey, int]:
        fields_of_calls = [dict(zip(WHO, who, strict=True)) for who in combinations]
        entries = self._find_or_add_entries(
            [(fields, hints[who]) for fields, who in zip(fields_of_calls, combinations, strict=True)]
        )
        term_ids = self.terms(fields[place] for fields in fields_of_calls for place in _TERM_FIELDS)
        rows: dict[AttributionKey, dict[str, Any]] = {}
        for fields, who in zip(fields_of_calls, combinations, strict=True):
            ids = {f"{kind}_id": entries.get((kind, _ident(fields, kind))) for kind in _DIRECTORY_KINDS}
            ids |= {f"{place}_id": term_ids[fields[place]] for place in _TERM_FIELDS}
            rows[who] = {"digest": _digest(ids.values()), **ids}
        unique_rows = sorted(
            {row["digest"]: row for row in rows.values()}.values(), key=lambda row: row["digest"]
        )
        ownership.lock_assignments(self._connection)
        ids_by_digest = self._add(attribution, attribution.c.attribution_id, unique_rows, "digest")
        ownership.add_owners(self._connection, list(ids_by_digest.values()))
        return {who: ids_by_digest[row["digest"]] for who, row in rows.items()}

    def _find_or_add_entries(
        self, fields_of_calls: list[tuple[dict[str, str | None], str | None]]
    ) -> dict[tuple[str, str | None], int]:
        """Directory entries of all keys, teams, customers and business units, by kind and ident.

        A name changed by the gateway is updated. Names given in the ledger stay.
        """
        entries: dict[tuple[str, str | None], dict[str, Any]] = {}
        for fields, hint in fields_of_calls:
            for kind in _DIRECTORY_KINDS:
                if ident := _ident(fields, kind):
                    key_hint = hint if kind == "virtual_key" else None
                    previous = entries.get((kind, ident), {"name": None, "hint": None})
                    name = fields[f"{kind}_name"] or previous["name"]
                    entries[kind, ident] = {"name": name, "hint": previous["hint"] or key_hint}
        ids: dict[tuple[str, str | None], int] = {}
        for kind in _DIRECTORY_KINDS:
            rows = [
                {"kind": kind, "ident": ident, "first_seen_at": self._now, **values}
                for (of_kind, ident), values in sorted(entries.items())
                if of_kind == kind
            ]
            if rows:
                ids |= {
                    (kind, ident): entry_id for ident, entry_id in self._entries_of_kind(kind, rows).items()
                }
        return ids

    def _entries_of_kind(self, kind: str, rows: list[dict[str, Any]]) -> dict[str, int]:
        """Entries by ident: the aliased entry of an ident, else an entry of its own.

        Aliases are read again at the end, because an alias may have been made while this transaction waited.
        """
        aliased = self._aliases(kind, [row["ident"] for row in rows])
        unaliased = [row for row in rows if row["ident"] not in aliased]
        if not unaliased:
            return aliased
        added = self._add_entries(kind, unaliased)
        return aliased | added | self._aliases(kind, list(added))

    def _aliases(self, kind: str, idents: Sequence[str]) -> dict[str, int]:
        c = directory_alias.c
        aliased: dict[str, int] = {}
        for chunk in dialects.chunks(idents):
            query = sa.select(c.ident, c.entry_id).where(c.kind == kind, c.ident.in_(chunk))
            aliased.update(tuple(row) for row in self._connection.execute(query))
        return aliased

    def _add_entries(self, kind: str, rows: list[dict[str, Any]]) -> dict[str, int]:
        statement = dialects.insert(self._connection, directory)
        name = sa.func.coalesce(statement.excluded.name, directory.c.name)
        hint = sa.func.coalesce(directory.c.hint, statement.excluded.hint)
        upsert = statement.on_conflict_do_update(
            index_elements=["kind", "ident"], set_={"name": name, "hint": hint}
        )
        self._connection.execute(upsert, rows)
        ids: dict[str, int] = {}
        for chunk in dialects.chunks([row["ident"] for row in rows]):
            query = sa.select(directory.c.ident, directory.c.entry_id).where(
                directory.c.kind == kind, directory.c.ident.in_(chunk)
            )
            ids.update(tuple(row) for row in self._connection.execute(query))
        return ids

    def _add(
        self, table: sa.Table, id_column: sa.Column[Any], rows: list[dict[str, Any]], key: str
    ) -> dict[Any, int]:
        """Insert missing rows. Returns the ids of all rows by their key."""
        self._connection.execute(dialects.insert(self._connection, table).on_conflict_do_nothing(), rows)
        ids: dict[Any, int] = {}
        for chunk in dialects.chunks([row[key] for row in rows]):
            query = sa.select(table.c[key], id_column).where(table.c[key].in_(chunk))
            ids.update((_hashable(value), row_id) for value, row_id in self._connection.execute(query))
        return ids


def _ident(fields: Mapping[str, str | None], kind: str) -> str | None:
    """The ident of a key, team, customer or business unit: its id, else its name."""
    return fields[kind] or fields[f"{kind}_name"]


def _digest(values: Iterable[object]) -> bytes:
    return hashlib.blake2b(repr(tuple(values)).encode(), digest_size=16).digest()


def _with_none(ids: Mapping[str, int]) -> Ids:
    return {None: None, **dict(ids.items())}


def _columns(row: PriceSetRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PriceSetRow.__struct_fields__}


def _hashable(key: object) -> object:
    return bytes(key) if isinstance(key, memoryview) else key
