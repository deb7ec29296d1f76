"""The listing: the entries of a file, and the faults of the rows that are not valid."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ingest.ledger.directory import DirectoryEntry, Kind, Link, NameRefused, clean
from ingest.ledger.key_hashes import KeyRing, hint, looks_secret

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_IDENT: Final = 255


class NotAList(Exception):
    """The file has no list of keys, teams and customers; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not a valid entry.

    `line` is its line in the file, or its position in a JSON list, from 1.
    """

    kind: str
    line: int
    code: str
    reason: str


@dataclass(slots=True)
class Listing:
    """The list in a file."""

    form: str
    entries: list[DirectoryEntry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    """Columns that are not read."""

    def put(
        self,
        keyring: KeyRing,
        kind: Kind,
        line: int,
        *,
        ident: str | None,
        name: str | None,
        value: str | None = None,
        digest: str | None = None,
        links: Sequence[Link] = (),
        gl_code: str | None = None,
    ) -> None:
        """Add an entry, or a fault if it is not valid.

        `value` is a virtual key itself, `digest` its hex SHA-256; either
        connects the entry with the hash of the key.
        """
        try:
            entry = _listed(keyring, kind, ident, name, value, digest)
            for link in links:
                _check_ident(link.target)
            self.entries.append(replace(entry, links=tuple(links), gl_code=gl_code))
        except (NameRefused, ValueError) as error:
            code = "bad_name" if isinstance(error, NameRefused) else "bad_id"
            self.faults.append(Fault(kind, line, code, str(error)))


def links_of(kind: Kind, team: str | None, customer: str | None) -> list[Link]:
    """The owner that Bifrost names: the team or the customer of a key, the customer of a team."""
    if kind == "virtual_key" and team:
        return [Link("team", team)]
    return [Link("customer", customer)] if customer and kind in ("virtual_key", "team") else []


def _check_ident(ident: str) -> None:
    if len(ident) > _LONGEST_IDENT or not ident.isprintable():
        raise ValueError(f"an id has at most {_LONGEST_IDENT} characters, all of which can be seen")


def _listed(
    keyring: KeyRing, kind: Kind, ident: str | None, name: str | None, value: str | None, digest: str | None
) -> DirectoryEntry:
    own_ident = (ident or "").strip()
    if value is not None and not looks_secret(value):
        value = None  # a reference to an environment variable, or encrypted
    if kind == "virtual_key" and looks_secret(own_ident):
        value, own_ident = own_ident, ""
    if value is not None:
        digest = hashlib.sha256(value.encode()).hexdigest()
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise ValueError("the hash of a key is its SHA-256 as 64 hexadecimal digits")
    hashed = keyring.ident_of_digest(digest) if digest else None
    own_ident = own_ident or hashed or ""
    if not own_ident:
        raise ValueError("it has no id")
    _check_ident(own_ident)
    aliases = (hashed,) if hashed is not None and hashed != own_ident else ()
    return DirectoryEntry(kind, own_ident, clean(name), hint(value) if value else None, aliases)
