"""Credentials: what a request authenticates with, and which principal that is.

They are an access token of the ledger, the admin token of the settings, the session
of a browser, or a virtual key, which shows its own usage only. Look-ups in the ledger
are cached for a second, so a revoked token is refused after a second at the latest.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

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
_CACHE_SECONDS: Final = 1.0
_MOST_CACHED: Final = 4_096
_LONGEST: Final = 4_096

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class OfferedCredentials:
    """The credentials that a request carries, not yet checked."""

    tokens: tuple[str, ...] = ()
    session: str | None = None

    @property
    def is_token(self) -> bool:
        """Whether a token has the prefix of this ledger's tokens."""
        return any(token.startswith(access.TOKEN_PREFIX) for token in self.tokens)


def offered_credentials(headers: Headers) -> OfferedCredentials:
    """The credentials in X-Tallybook-Token, the Authorization header (bearer or Basic), and the cookie."""
    offered = [headers.get(TOKEN_HEADER, "")]
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        offered.append(rest.strip())
    elif scheme.lower() == "basic":
        offered.append(_password(rest))
    cookies = cookie_parser(headers.get("cookie", ""))
    tokens = tuple(token for token in offered if 0 < len(token) <= _LONGEST)
    return OfferedCredentials(tokens, cookies.get(COOKIE) or None)


class Credentials:
    """Looks up the principals of credentials, with a cache for this process."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        token = settings.admin_token
        self._admin = ledger.keyring.proof(token.get_secret_value()) if token else None
        self._issuer = settings.oidc_issuer
        self._hours = settings.session_hours
        self._tokens = _Cache[Token](ledger, self._token)
        self._sessions = _Cache[Principal](ledger, self._session)
        self._keys = _Cache[Principal](ledger, self._key)

    @property
    def are_needed(self) -> bool:
        """Whether the settings require credentials: there is an admin token or an OIDC provider."""
        return self._admin is not None or self._issuer is not None

    def is_admin(self, token: str) -> bool:
        """Whether a token is the admin token of the settings, in a time that tells nothing of it."""
        proof = self._ledger.keyring.proof(token)
        return self._admin is not None and hmac.compare_digest(self._admin, proof)

    async def of_token(self, text: str) -> Principal | None:
        """The principal of the admin token or of an access token of the ledger; None if it is not valid."""
        if self.is_admin(text):
            return ADMIN
        token = await self._access_token(text)
        return token.principal if token and token.is_active(now()) else None

    async def why_ended(self, text: str) -> str | None:
        """Why an access token that was valid once is not valid now; None for all other texts."""
        token = await self._access_token(text)
        if token is None or token.is_active(now()):
            return None
        state = "was revoked" if token.revoked_at is not None else "has expired"
        return f"the token {token.name} {state}: ask for a new one"

    async def why_no_session(self, text: str) -> str | None:
        """Why a token of the ledger begins no session; None for all other texts."""
        if reason := await self.why_ended(text):
            return reason
        token = await self._access_token(text)
        return f"the token {token.name} may not read, so it opens no page" if token else None

    async def of_session(self, text: str) -> Principal | None:
        """The principal of a session; None if it is not valid."""
        return await self._sessions.look_up(text)

    async def of_key(self, text: str) -> Principal | None:
        """The principal of a virtual key, from the key itself.

        The id of a key is no secret and opens nothing.
        """
        return await self._keys.look_up(text) if looks_secret(text) else None

    def sign_in(self, text: str) -> str | None:
        """Begin a session for a token; the text for the cookie, or None for a token that is not valid."""
        ring = self._ledger.keyring
        if self.is_admin(text):
            return self._begin(ADMIN, proof=ring.proof(text))
        with self._ledger.reading() as connection:
            token = access.token_of(connection, text, ring)
        if token is None or not token.is_active(now()) or not token.principal.may("read"):
            return None
        return self._begin(token.principal, token=token)

    def begin_oidc_session(self, principal: Principal) -> str:
        """Begin a session for a user that the OIDC provider has authenticated; the text for the cookie."""
        return self._begin(principal, proof=self._ledger.keyring.proof(f"issuer {self._issuer}"))

    def _begin(self, principal: Principal, proof: str | None = None, token: Token | None = None) -> str:
        ring = self._ledger.keyring
        with self._ledger.writing() as connection:
            return access.begin_session(
                connection, principal, ring, now=now(), hours=self._hours, proof=proof, token=token
            )

    def sign_out(self, text: str) -> None:
        """End a session."""
        with self._ledger.writing() as connection:
            access.end_session(connection, text, self._ledger.keyring, now())
        self._sessions.clear()

    async def _access_token(self, text: str) -> Token | None:
        """The token of the ledger with this text, also one that has ended."""
        return await self._tokens.look_up(text) if text.startswith(access.TOKEN_PREFIX) else None

    def _token(self, text: str) -> Token | None:
        with self._ledger.reading() as connection:
            return access.token_of(connection, text, self._ledger.keyring)

    def _session(self, text: str) -> Principal | None:
        ring = self._ledger.keyring
        proofs = {ring.proof(f"issuer {self._issuer}")} if self._issuer else set()
        if self._admin is not None:
            proofs.add(self._admin)
        with self._ledger.reading() as connection:
            return access.session_of(connection, text, ring, now(), frozenset(proofs))

    def _key(self, text: str) -> Principal | None:
        ident = self._ledger.keyring.conceal(text).ident
        with self._ledger.reading() as connection:
            is_known = bool(directory.entries(connection, "virtual_key", [ident]))
        if not is_known:
            return None
        return Principal(name="holder of a key", scopes=frozenset(), virtual_key=ident)


class _Cache(Generic[Found]):
    """What texts were found to be, for a second each. It holds keyed hashes of the texts, not the texts."""

    def __init__(self, ledger: Ledger, find: Callable[[str], Found | None]) -> None:
        self._proof = ledger.keyring.proof
        self._find = find
        self._found: dict[str, tuple[float, Found | None]] = {}

    async def look_up(self, text: str) -> Found | None:
        """What a text stands for; None for nothing."""
        key = self._proof(text)
        expires, found = self._found.get(key, (0.0, None))
        if time.monotonic() >= expires:
            found = await run_in_threadpool(self._find, text)
            if len(self._found) >= _MOST_CACHED:
                self._found.clear()
            self._found[key] = time.monotonic() + _CACHE_SECONDS, found
        return found

    def clear(self) -> None:
        """Forget what was found."""
        self._found.clear()


def _password(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).partition(b":")[2].decode()
    except (binascii.Error, ValueError):
        return ""
