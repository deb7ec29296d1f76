"""Keyed hashes of virtual keys, so that a stored key can be recognised and never read back.

The hash is HMAC-SHA-256(secret, hex SHA-256 of the key). A gateway's own SHA-256 of a key (Bifrost's `value_hash`,
LiteLLM's `api_key`) is therefore enough to find the same key. A hint is kept only of keys of 16 characters and more.
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

from ingest.event import DIGEST

VERSION = 1
HINT_FROM = 16

_DIGEST = re.compile(f"{DIGEST}[0-9a-fA-F]{{64}}")


class Concealed(msgspec.Struct, frozen=True, gc=False):
    """A key as the ledger knows it."""

    ident: str
    hint: str | None


class KeyRing:
    """Turns virtual keys into what may be stored. Holds the ledger's secret; never prints it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.conceal = lru_cache(maxsize=65_536)(self._conceal)

    def _conceal(self, key: str) -> Concealed:
        if _DIGEST.fullmatch(key):
            return Concealed(self.ident_of_digest(key.removeprefix(DIGEST)), None)
        if not looks_secret(key):
            return Concealed(key, None)
        return Concealed(self.ident_of_digest(hashlib.sha256(key.encode()).hexdigest()), hint(key))

    def ident_of_digest(self, sha256_hex: str) -> str:
        """The ident of the key whose hex SHA-256 is known, as gateways keep it."""
        keyed = hmac.new(self._secret, sha256_hex.lower().encode(), hashlib.sha256).hexdigest()
        return f"key:v{VERSION}:{keyed[:40]}"

    def proof(self, text: str) -> str:
        """The keyed hash by which a token or a session is known."""
        return hmac.new(self._secret, b"access:" + text.encode(), hashlib.sha256).hexdigest()

    def __reduce__(self) -> tuple[type["KeyRing"], tuple[bytes]]:
        return KeyRing, (self._secret,)


def looks_secret(text: str) -> bool:
    """Whether `text` is a key itself and not the id or name of one."""
    return text.startswith("sk-")


def hint(key: str) -> str | None:
    """A few characters by which the holder knows the key again; None for a key too short to show any of."""
    if len(key) < HINT_FROM:
        return None
    start = "sk-bf-" if key.startswith("sk-bf-") else key[:3]
    return f"{start}…{key[-4:]}"


def secret_beside(path: Path) -> bytes:
    """The secret kept in `path`, made with owner-only rights on first use.

    The file appears whole or not at all, so two processes that start together agree on one secret.
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
    return path.read_bytes().strip()
