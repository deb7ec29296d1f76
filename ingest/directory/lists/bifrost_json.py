"""Bifrost's `config.json`: the keys, teams and customers of its section `governance`.

Only this section is decoded, so the keys of providers in the same file are
never read. A value that refers to an environment variable is not looked up.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from ingest.directory.lists.listing import Fault, Listing, NotAList, links_of
from ingest.ledger.directory import Kind
from ingest.ledger.key_hashes import KeyRing

FORM: Final = "bifrost-config"


class _Entry(Struct, gc=False):
    id: str | None = None
    name: str | None = None
    value: Any = None
    team_id: str | None = None
    customer_id: str | None = None


class _Governance(Struct, gc=False):
    virtual_keys: list[msgspec.Raw] | None = None
    teams: list[msgspec.Raw] | None = None
    customers: list[msgspec.Raw] | None = None


class _Config(Struct, gc=False):
    governance: _Governance | None = None


_SECTIONS: Final[tuple[tuple[str, Kind], ...]] = (
    ("customers", "customer"),
    ("teams", "team"),
    ("virtual_keys", "virtual_key"),
)
_decode = msgspec.json.Decoder(_Config).decode
_decode_entry = msgspec.json.Decoder(_Entry).decode


def read(path: Path, keyring: KeyRing) -> Listing:
    """The list in the file.

    Raises:
        NotAList: the file is not JSON, or has no section `governance`.
    """
    try:
        governance = _decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf")).governance
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAList(f"{path}: this is not Bifrost's config.json: {error}") from None
    except RecursionError:
        raise NotAList(f"{path}: its JSON is nested too deeply to be Bifrost's config.json") from None
    if governance is None:
        raise NotAList(
            f"{path}: it has no section governance: where keys are made in Bifrost's pages, "
            "import its config.db"
        )
    listing = Listing(FORM)
    for section, kind in _SECTIONS:
        for at, raw in enumerate(getattr(governance, section) or (), start=1):
            _put(listing, keyring, kind, at, raw)
    return listing


def _put(listing: Listing, keyring: KeyRing, kind: Kind, at: int, raw: msgspec.Raw) -> None:
    try:
        entry = _decode_entry(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        listing.faults.append(Fault(kind, at, "wrong_type", str(error)))
        return
    value = entry.value if isinstance(entry.value, str) and kind == "virtual_key" else None
    links = links_of(kind, entry.team_id, entry.customer_id)
    listing.put(keyring, kind, at, ident=entry.id, name=entry.name, value=value, links=links)
