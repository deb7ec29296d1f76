"""Names in LiteLLM's tables: keys by the hash of their token, teams, and organisations as customers."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ingest.ledger.directory import LONGEST_NAME, DirectoryEntry, Kind
from ingest.ledger.key_hashes import KeyRing
from ingest.model.event import DIGEST
from ingest.sync.store import Store

_TABLES: Final[tuple[tuple[Kind, str, str, str], ...]] = (
    ("customer", "LiteLLM_OrganizationTable", "organization_id", "organization_alias"),
    ("team", "LiteLLM_TeamTable", "team_id", "team_alias"),
    ("virtual_key", "LiteLLM_VerificationToken", "token", "key_alias"),
)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_HINT_COLUMN: Final = "key_name"
"""The column with LiteLLM's own hint of a key: `sk-...` and its last four characters."""


def directory_entries(store: Store, keyring: KeyRing) -> Iterator[DirectoryEntry]:
    """The keys, teams and customers in the store, with their names and hints."""
    for kind, table, key, name in _TABLES:
        columns = (key, name, _HINT_COLUMN) if kind == "virtual_key" else (key, name)
        for row in store.listing(table, key, columns):
            if ident := _ident(keyring, kind, row[key]):
                yield DirectoryEntry(kind, ident, _text(row.get(name)), _hint(row.get(_HINT_COLUMN)))


def _ident(keyring: KeyRing, kind: Kind, key: Any) -> str | None:
    text = _text(key)
    if text is None or kind != "virtual_key":
        return text
    return keyring.conceal(f"{DIGEST}{text}" if _SHA256.fullmatch(text) else text).ident


def _hint(shown: Any) -> str | None:
    """The hint in the ledger's own spelling. Text of any other form may be the key itself and is dropped."""
    text = _text(shown)
    return (
        f"sk-…{text[-4:]}" if text and text.startswith("sk-...") and len(text) == len("sk-...") + 4 else None
    )


def _text(value: Any) -> str | None:
    text = str(value).strip() if value is not None else ""
    return text[:LONGEST_NAME] or None
