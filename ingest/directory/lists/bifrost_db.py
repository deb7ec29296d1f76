"""Bifrost's `config.db`: its tables of virtual keys, teams and customers, read while the gateway runs.

Bifrost's hash of a key in `value_hash` is enough, even if the key is encrypted. The key
itself is read, to be hashed, only from tables of older versions, which have no hash.
"""

from pathlib import Path
from typing import Any, Final

from ingest.directory.lists.listing import Listing, NotAList, links_of
from ingest.ledger.directory import Kind
from ingest.ledger.key_hashes import KeyRing
from ingest.sync.sqlite_store import SqliteStore
from ingest.sync.store import StoreError

FORM: Final = "bifrost-config-db"

_TABLES: Final[tuple[tuple[str, Kind], ...]] = (
    ("governance_customers", "customer"),
    ("governance_teams", "team"),
    ("governance_virtual_keys", "virtual_key"),
)
_HASHED: Final[tuple[str, ...]] = ("id", "name", "value_hash")
_PLAIN: Final[tuple[str, ...]] = ("id", "name", "value")
_LINKS: Final = ("team_id", "customer_id")


def read(path: Path, keyring: KeyRing) -> Listing:
    """The list in the file.

    Raises:
        NotAList: the file cannot be read, or has no table of keys.
    """
    listing = Listing(FORM)
    store = SqliteStore(path)
    try:
        if not store.columns("governance_virtual_keys"):
            raise NotAList(
                f"{path}: it has no table governance_virtual_keys: this is not Bifrost's config.db"
            )
        for table, kind in _TABLES:
            has_hash = "value_hash" in store.columns(table)
            columns = _PLAIN if kind == "virtual_key" and not has_hash else _HASHED
            columns += tuple(name for name in _LINKS if name in store.columns(table))
            for at, row in enumerate(store.listing(table, "id", columns), start=1):
                _put(listing, keyring, kind, at, row)
    except StoreError as error:
        raise NotAList(str(error)) from None
    return listing


def _put(listing: Listing, keyring: KeyRing, kind: Kind, at: int, row: dict[str, Any]) -> None:
    ident, name, value, digest = (_text(row.get(column)) for column in ("id", "name", "value", "value_hash"))
    links = links_of(kind, *(_text(row.get(column)) for column in _LINKS))
    listing.put(keyring, kind, at, ident=ident, name=name, value=value, digest=digest, links=links)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
