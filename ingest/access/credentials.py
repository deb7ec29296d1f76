"""Credentials: what a request shows to be let in, and whose that is.

A token of the ledger, the admin token of the settings, the session of a browser, or, for its own use alone, a virtual key. What
the ledger says of one is taken for true for a second, so that a token is looked up once and not for each request: what is revoked opens nothing after it.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from ingest.access import store as access
from ingest.access.store import Token
from ingest.clock import now
from ingest.ledger import directory
from ingest.ledger.engine import Ledger
from ingest.ledger.key_hashes import looks_secret
from ingest.model.principal import Principal
from ingest.settings import Settings

TOKEN_HEADER: Final = "x-tallybook-token"  # noqa: S105 - the name of a header
COOKIE: Final = "tallybook_session"
ADMIN: Final = Principal(name="admin token", scopes=frozenset(("admin",)))
_KEPT_SECONDS: Final = 1.0
_MOST_KEPT: Final = 4_096
_LONGEST: Final = 4_096


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows."""

    tokens: tuple[str, ...] = ()
    session: str | None = None

    @property
    def is_token(self) -> bool:
        """Whether it shows what can only be one of our tokens."""
        return any(one.startswith(access.TOKEN_PREFIX) for one in self.tokens)


def shown(headers: Headers) -> Shown:
    """What could let a request in: in a header of our own, as a bearer, as a Basic password, in the session's cookie."""
    offered = [headers.get(TOKEN_HEADER, "")]
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        offered.append(rest.strip())
    elif scheme.lower() == "basic":
        offered.append(_password(rest))
    cookies = cookie_parser(headers.get("cookie", ""))
    tokens = tuple(one for one in offered if 0 < len(one) <= _LONGEST)
    return Shown(tokens, cookies.get(COOKIE) or None)


class Credentials:
    """Knows whose credentials are, in one process."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        token = settings.admin_token
        self._admin = token.get_secret_value() if token else None
        self._issuer = settings.oidc_issuer
        self._hours = settings.session_hours
        self._kept: dict[str, tuple[float, Principal | None]] = {}

    @property
    def are_needed(self) -> bool:
        """Whether nobody is let in without them."""
        return self._admin is not None or self._issuer is not None

    def is_admin(self, token: str) -> bool:
        """Whether a token is the admin token of the settings."""
        return self._admin is not None and hmac.compare_digest(self._admin.encode(), token.encode())

    def is_guessable(self, token: str) -> bool:
        """Whether somebody may have thought of a token; one that the ledger makes nobody guesses."""
        chosen = (self._admin or "").startswith(access.TOKEN_PREFIX)
        return chosen or not token.startswith(access.TOKEN_PREFIX)

    async def of_token(self, text: str) -> Principal | None:
        """Whose a token of the ledger is."""
        if not text.startswith(access.TOKEN_PREFIX):
            return None
        return await self._looked_up(text, self._token)

    async def of_session(self, text: str) -> Principal | None:
        """Whose a session is."""
        return await self._looked_up(text, self._session)

    async def of_key(self, text: str) -> Principal | None:
        """Who holds a virtual key: whoever shows the key itself. Its id is no secret and shows nothing."""
        return await self._looked_up(text, self._key) if looks_secret(text) else None

    def signed_in(self, text: str) -> str | None:
        """Begin a session for a token; what the browser keeps, or None for a token that opens nothing."""
        ring = self._ledger.keyring
        if self.is_admin(text):
            return self._begin(ADMIN, proof=ring.proof(text))
        with self._ledger.reading() as connection:
            token = access.token_of(connection, text, ring, now())
        if token is None or not token.principal.may("read"):
            return None
        return self._begin(token.principal, token=token)

    def known(self, principal: Principal) -> str:
        """Begin a session for somebody whom the provider of identities knows; what the browser keeps."""
        return self._begin(principal, proof=self._ledger.keyring.proof(f"issuer {self._issuer}"))

    def _begin(self, principal: Principal, proof: str | None = None, token: Token | None = None) -> str:
        ring = self._ledger.keyring
        with self._ledger.writing() as connection:
            return access.begin_session(
                connection, principal, ring, now=now(), hours=self._hours, proof=proof, token=token
            )

    def signed_out(self, text: str) -> None:
        """End a session."""
        with self._ledger.writing() as connection:
            access.end_session(connection, text, self._ledger.keyring, now())
        self._kept.clear()

    async def _looked_up(self, text: str, look: Callable[[str], Principal | None]) -> Principal | None:
        key = f"{getattr(look, '__name__', look)}:{self._ledger.keyring.proof(text)}"
        held = self._kept.get(key)
        if held is None or time.monotonic() >= held[0]:
            found = await run_in_threadpool(look, text)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            held = self._kept[key] = time.monotonic() + _KEPT_SECONDS, found
        return held[1]

    def _token(self, text: str) -> Principal | None:
        with self._ledger.reading() as connection:
            found = access.token_of(connection, text, self._ledger.keyring, now())
        return None if found is None else found.principal

    def _session(self, text: str) -> Principal | None:
        ring = self._ledger.keyring
        proofs = [f"issuer {self._issuer}"] if self._issuer else []
        proofs += [self._admin] if self._admin else []
        with self._ledger.reading() as connection:
            return access.session_of(connection, text, ring, now(), frozenset(map(ring.proof, proofs)))

    def _key(self, text: str) -> Principal | None:
        ident = self._ledger.keyring.conceal(text).ident
        with self._ledger.reading() as connection:
            is_known = bool(directory.entries(connection, "virtual_key", [ident]))
        if not is_known:
            return None
        return Principal(name="holder of a key", scopes=frozenset(), virtual_key=ident)


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).partition(b":")[2].decode()
    except (binascii.Error, ValueError):
        return ""
