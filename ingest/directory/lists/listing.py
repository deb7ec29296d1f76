"""The listing: what a file lists, and what of it could not be taken."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ingest.ledger.directory import Kind, Link, Listed, NameRefused, clean
from ingest.ledger.key_hashes import KeyRing, hint, looks_secret

_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST_IDENT: Final = 255


class NotAList(Exception):
    """A file holds no list of keys, teams and customers; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that could not be taken. `line` is that of the file, or its position in a list, from 1."""

    kind: str
    line: int
    code: str
    reason: str


@dataclass(slots=True)
class Listing:
    """What a file lists."""

    form: str
    entries: list[Listed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing here."""

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
        """Take an entry, or note why it cannot be.

        `value` is a virtual key itself, `digest` the hex SHA-256 of it; either ties the key to its hash.
        """
        try:
            entry = _listed(keyring, kind, ident, name, value, digest)
            self.entries.append(replace(entry, links=tuple(links), gl_code=gl_code))
        except (NameRefused, ValueError) as error:
            code = "bad_name" if isinstance(error, NameRefused) else "bad_id"
            self.faults.append(Fault(kind, line, code, str(error)))


def links_of(kind: Kind, team: str | None, customer: str | None) -> list[Link]:
    """What Bifrost says a key or team belongs to: a key to a team or to a customer, a team to a customer."""
    if kind == "virtual_key" and team:
        return [Link("team", team)]
    return [Link("customer", customer)] if customer and kind in ("virtual_key", "team") else []


def _listed(
    keyring: KeyRing, kind: Kind, ident: str | None, name: str | None, value: str | None, digest: str | None
) -> Listed:
    given = (ident or "").strip()
    if value is not None and not looks_secret(value):
        value = None  # a reference to a variable, or encrypted
    if kind == "virtual_key" and looks_secret(given):
        value, given = given, ""
    if value is not None:
        digest = hashlib.sha256(value.encode()).hexdigest()
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise ValueError("the hash of a key is its SHA-256 as 64 hexadecimal digits")
    hashed = keyring.ident_of_digest(digest) if digest else None
    given = given or hashed or ""
    if not given:
        raise ValueError("it has no id")
    if len(given) > _LONGEST_IDENT or not given.isprintable():
        raise ValueError(f"an id has at most {_LONGEST_IDENT} characters, all of which can be seen")
    aliases = (hashed,) if hashed is not None and hashed != given else ()
    return Listed(kind, given, clean(name), hint(value) if value else None, aliases)
