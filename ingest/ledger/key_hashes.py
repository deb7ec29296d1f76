"""Keyed hashes of virtual keys, so that a stored key can be recognised and never read back.

The hash is HMAC-SHA-256(secret, hex SHA-256 of the key). A gateway's own SHA-256 of a key (Bifrost's
`value_hash`, LiteLLM's `api_key`) is therefore enough to find the same key. A hint is stored only for keys of
16 characters or more.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from functools import lru_cache
from pathlib import Path

import msgspec

from ingest.model.event import DIGEST

VERSION = 1
HINT_MIN_LENGTH = 16

_DIGEST_TEXT = re.compile(f"{DIGEST}[0-9a-fA-F]{{64}}")


class NoSecret(Exception):
    """The secret of a ledger cannot be read; the message says what to do."""


class ConcealedKey(msgspec.Struct, frozen=True, gc=False):
    """A virtual key as stored: its ident (a keyed hash, or the text if it is not secret) and its hint."""

    ident: str
    hint: str | None


class KeyRing:
    """Turns virtual keys into idents that may be stored. Contains the ledger's secret and never prints it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.conceal = lru_cache(maxsize=65_536)(self._conceal)

    def _conceal(self, key: str) -> ConcealedKey:
        if _DIGEST_TEXT.fullmatch(key):
            return ConcealedKey(self.ident_of_digest(key.removeprefix(DIGEST)), None)
        if not looks_secret(key):
            return ConcealedKey(key, None)
        return ConcealedKey(self.ident_of_digest(hashlib.sha256(key.encode()).hexdigest()), hint(key))

    def ident_of_digest(self, sha256_hex: str) -> str:
        """The ident of the key with this hex SHA-256, the form that gateways store."""
        keyed = hmac.new(self._secret, sha256_hex.lower().encode(), hashlib.sha256).hexdigest()
        return f"key:v{VERSION}:{keyed[:40]}"

    def proof(self, text: str) -> str:
        """The keyed hash that identifies a token or a session."""
        return hmac.new(self._secret, b"access:" + text.encode(), hashlib.sha256).hexdigest()

    def __reduce__(self) -> tuple[type["KeyRing"], tuple[bytes]]:
        return KeyRing, (self._secret,)


def looks_secret(text: str) -> bool:
    """Whether `text` is a secret key, and not the id or name of a key."""
    return text.startswith("sk-")


def hint(key: str) -> str | None:
    """A few characters by which its holder recognises the key; None for a key too short to show any."""
    if len(key) < HINT_MIN_LENGTH:
        return None
    start = "sk-bf-" if key.startswith("sk-bf-") else key[:3]
    return f"{start}…{key[-4:]}"


def fingerprint(secret: bytes) -> str:
    """What tells one secret from another, and nothing about it."""
    return hashlib.blake2b(secret, digest_size=8).hexdigest()


def secret_beside(path: Path) -> bytes:
    """The secret stored in `path`, created on first use and readable by the file's owner only.

    The file appears complete or not at all, so that processes that start together agree on one secret.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return read_secret(path)


def read_secret(path: Path) -> bytes:
    """The secret stored in `path`.

    Raises:
        NoSecret: the file is missing or empty.
    """
    try:
        secret = path.read_bytes().strip()
    except FileNotFoundError:
        raise NoSecret(f"the secret file {path} is missing: bring it back (it is in your backups)") from None
    if not secret:
        raise NoSecret(f"the secret file {path} is empty: bring it back (it is in your backups)")
    return secret
