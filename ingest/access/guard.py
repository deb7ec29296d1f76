"""The guard: authentication and authorisation of every request, before anything else reads it.

With an admin token or an OIDC provider every path but the health checks and the sign-in needs
credentials (`ingest.access.credentials`) and the scope of the path
(`ingest.access.permissions`). Without either the server serves this machine only: it refuses
requests for another host name, requests of pages of another origin, and requests that a proxy
passes on, because a proxy may serve other machines. Credentials are never logged or shown.
"""

from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.access.credentials import Credentials, OfferedCredentials, offered_credentials
from ingest.access.permissions import Rights
from ingest.access.request_form import malformation
from ingest.access.tries import Tries
from ingest.http.problems import Problem, problem
from ingest.http.request_log import PRINCIPAL
from ingest.ledger.engine import Ledger
from ingest.model.principal import HERE, NOBODY, Principal, acting_as
from ingest.settings import LOOPBACK, Settings

SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
OPEN_PATHS: Final = frozenset(("/healthz", "/readyz", "/favicon.ico"))
OPEN_BELOW: Final = (f"{SIGN_IN}/", f"{SIGN_OUT}/", "/dashboard/assets/")
"""Prefixes of the paths that are open before the sign-in: they show nothing of the ledger."""
_HARMLESS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_HOW_TO: Final = "send an access token as Authorization: Bearer, in X-Tallybook-Token, or as a Basic password"
_BEARER: Final = 'Bearer realm="Tallybook"'
_BASIC: Final = 'Basic realm="Tallybook", charset="UTF-8"'
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-", "x-real-ip")
"""Prefixes of the names of headers that only proxies write."""


def guarded(
    app: ASGIApp,
    ledger: Ledger,
    settings: Settings,
    rights: Rights,
    tries: Tries | None = None,
    credentials: Credentials | None = None,
) -> "Guard":
    """`app` behind the guard, by the settings and the `rights` of each path.

    The sign-in must share `tries` and `credentials` with it.
    """
    return Guard(app, credentials or Credentials(ledger, settings), settings, rights, tries or Tries())


class Guard:
    """ASGI middleware in front of everything."""

    def __init__(
        self, app: ASGIApp, credentials: Credentials, settings: Settings, rights: Rights, tries: Tries
    ) -> None:
        self._app = app
        self._credentials = credentials
        self._rights = rights
        self._tries = tries
        self._hosts = LOOPBACK | {settings.host.lower()}
        public = urlsplit(settings.public_url or "").netloc.lower()
        self._origins = frozenset((public,)) if public else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            principal = await self._principal(scope)
        except Problem as refused:
            await _refuse(refused, scope, receive, send)
            return
        scope[PRINCIPAL] = principal
        with acting_as(principal):
            await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal:
        """The principal of the request, if it may use the path.

        Raises:
            Problem: it may not.
        """
        if reason := malformation(scope):
            raise Problem(400, "malformed_request", "Request cannot be understood", reason)
        headers = Headers(scope=scope)
        path = scope["path"]
        if path in OPEN_PATHS:
            return NOBODY
        if not self._credentials.are_needed:
            self._require_here(headers)
        self._require_own_page(scope, headers)
        if path in (SIGN_IN, SIGN_OUT) or path.startswith(OPEN_BELOW):
            return NOBODY
        principal = await self._authenticate(scope, offered_credentials(headers))
        if principal.is_signed_in and _changes_things(scope) and not self._is_own_page(headers):
            raise _foreign("a browser that is signed in writes from a page of this server only")
        if why := self._rights.refusal_reason(principal, path):
            raise Problem(403, "not_allowed", "Not allowed", f"{path}: {why}")
        return principal

    def _require_here(self, headers: Headers) -> None:
        """Refuse requests from elsewhere: a server without credentials serves this machine only."""
        if _host_name(headers.get("host", "")) not in self._hosts:
            detail = "a server without an access token answers only to the names of this machine"
            raise Problem(403, "foreign_host", "Not the name of this server", detail)
        if any(name.startswith(_FORWARDED) for name in headers):
            detail = "what a proxy passes on needs an access token: set TALLYBOOK_ADMIN_TOKEN"
            raise Problem(403, "forwarded", "Passed on by a proxy", detail)

    def _require_own_page(self, scope: Scope, headers: Headers) -> None:
        """Refuse writes of pages of another origin, and on a server without credentials also reads."""
        if not self._is_foreign(headers):
            return
        if _changes_things(scope):
            raise _foreign("a page of another origin may not write here")
        if not self._credentials.are_needed and headers.get("sec-fetch-mode") != "navigate":
            raise _foreign("a page of another origin may not read here")

    async def _authenticate(self, scope: Scope, offered: OfferedCredentials) -> Principal:
        """The principal of the credentials.

        Raises:
            Problem: credentials are needed, and these are missing or not valid.
        """
        for token in offered.tokens:
            if principal := await self._credentials.of_token(token):
                return principal
        if offered.session and (principal := await self._credentials.of_session(offered.session)):
            return principal
        needed = self._credentials.are_needed or offered.is_token
        if not needed and not self._rights.right_of(scope["path"]).is_of_key:
            return HERE
        for token in offered.tokens:
            if principal := await self._credentials.of_key(token):
                return principal
        if offered.tokens:
            raise await self._wrong(scope, offered)
        if needed:
            raise _no_access(scope)
        return HERE

    async def _wrong(self, scope: Scope, offered: OfferedCredentials) -> Problem:
        """The refusal of credentials of which none is valid. A token that has ended is no guess."""
        for token in offered.tokens:
            if reason := await self._credentials.why_ended(token):
                return _no_access(scope, reason)
        return self._tries.count(scope) or _no_access(scope)

    def _is_foreign(self, headers: Headers) -> bool:
        """Whether a browser marks the request as coming from a page of another server."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") in ("cross-site", "same-site")
        return not self._is_ours(origin, headers)

    def _is_own_page(self, headers: Headers) -> bool:
        """Whether a browser marks the request as coming from a page of this server."""
        origin = headers.get("origin")
        return (
            headers.get("sec-fetch-site") == "same-origin"
            if origin is None
            else self._is_ours(origin, headers)
        )

    def _is_ours(self, origin: str, headers: Headers) -> bool:
        """Whether an origin is this server; False for an origin that cannot be parsed."""
        try:
            place = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return bool(place) and (place == headers.get("host", "").lower() or place in self._origins)


async def _refuse(refused: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
        return
    await _answer(refused, scope)(scope, receive, send)


def _answer(refused: Problem, scope: Scope) -> Response:
    """The answer to a refused request: a page opened in a browser without access redirects to the sign-in."""
    headers = Headers(scope=scope)
    opens_page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
    if refused.code != "no_access" or not opens_page or "authorization" in headers:
        return problem(refused, scope)
    query = scope.get("query_string", b"").decode("latin-1")
    target = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(target, safe='')}", 303)


def _no_access(scope: Scope, detail: str = _HOW_TO) -> Problem:
    # Basic would make the browser open a password prompt over the page whose script made the request.
    challenge = _BEARER if "sec-fetch-mode" in Headers(scope=scope) else f"{_BASIC}, {_BEARER}"
    return Problem(401, "no_access", "Access token needed", detail, headers={"WWW-Authenticate": challenge})


def _foreign(detail: str) -> Problem:
    return Problem(403, "foreign_origin", "Request from another origin", detail)


def _changes_things(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in _HARMLESS


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
