"""LiteLLM's lists of keys, teams and organizations, as its management API answers.

`GET /key/list?return_full_object=true`, `GET /team/list` and `GET /organization/list`, each alone or
as fields of one object. `token` is the SHA-256 of a key; an organization is the customer of its teams.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ingest.directory.lists.listing import Fault, Listing, NotAList
from ingest.ledger.directory import Kind, Link
from ingest.ledger.key_hashes import KeyRing

FORM: Final = "litellm-list"
_FIELDS: Final[Mapping[str, Kind]] = {"organizations": "customer", "teams": "team", "keys": "virtual_key"}
_KNOWN_BY: Final[tuple[tuple[str, Kind], ...]] = (
    ("token", "virtual_key"),
    ("team_id", "team"),
    ("organization_id", "customer"),
)


def is_list(content: Any) -> bool:
    """Whether decoded JSON is one of these lists."""
    return any(True for _ in _entries(content))


def read(path: Path, keyring: KeyRing) -> Listing:
    """The list in the file.

    Raises:
        NotAList: the file is not JSON, or has no list.
    """
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotAList(f"{path}: this is no JSON: {error}") from None
    except RecursionError:
        raise NotAList(f"{path}: its JSON is nested too deeply to be a list") from None
    if not is_list(content):
        raise NotAList(
            f"{path}: it lists no keys, teams or organizations: save the answers of LiteLLM's "
            "/key/list?return_full_object=true and /team/list, or Bifrost's config.json"
        )
    listing = Listing(FORM)
    for at, (kind, entry) in enumerate(_entries(content), start=1):
        _put(listing, keyring, kind, at, entry)
    return listing


def _entries(content: Any) -> Iterator[tuple[Kind, Any]]:
    """Every entry with its kind."""
    if isinstance(content, list):
        for entry in content:
            if kind := _kind(entry):
                yield kind, entry
    elif isinstance(content, dict):
        for field, kind in _FIELDS.items():
            items = content.get(field)
            if isinstance(items, list):
                yield from ((kind, entry) for entry in items if _kind(entry) == kind)


def _kind(entry: Any) -> Kind | None:
    if not isinstance(entry, dict):
        return None
    return next((kind for field, kind in _KNOWN_BY if isinstance(entry.get(field), str)), None)


def _put(listing: Listing, keyring: KeyRing, kind: Kind, at: int, entry: Mapping[str, Any]) -> None:
    texts = {name: value for name, value in entry.items() if isinstance(value, str) and value}
    links: list[Link] = []
    match kind:
        case "virtual_key":
            if team := texts.get("team_id"):
                links.append(Link("team", team))
            elif organization := texts.get("organization_id"):
                links.append(Link("customer", organization))
            listing.put(
                keyring,
                kind,
                at,
                ident=None,
                name=texts.get("key_alias"),
                digest=texts.get("token"),
                links=links,
            )
        case "team":
            if organization := texts.get("organization_id"):
                links.append(Link("customer", organization))
            listing.put(
                keyring, kind, at, ident=texts.get("team_id"), name=texts.get("team_alias"), links=links
            )
        case "customer":
            name = texts.get("organization_alias")
            listing.put(keyring, kind, at, ident=texts.get("organization_id"), name=name)
        case _:
            listing.faults.append(
                Fault(kind, at, "unknown_kind", "it is neither a key nor a team nor an organization")
            )
