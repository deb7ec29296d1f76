"""Access: who may speak to the server at all, decided before anything reads the request.

With an admin token every path but the health checks needs it. Without one the server is for this machine only, and
a web page from elsewhere that a browser here has opened can neither read from it nor write to it: its requests carry
the name of another host, or come from another origin. Tokens are never logged or shown.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.problems import Problem, problem
from ingest.settings import LOOPBACK, Settings

TOKEN_HEADER: Final = "x-tallybook-token"  # noqa: S105 - the name of a header
OPEN_PATHS: Final = frozenset(("/healthz", "/readyz"))
_HARMLESS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_CHALLENGE: Final = 'Basic realm="Tallybook", charset="UTF-8", Bearer realm="Tallybook"'


def guarded(app: ASGIApp, settings: Settings) -> "Guard":
    """`app` behind the guard that the settings ask for."""
    token = settings.admin_token
    return Guard(app, token.get_secret_value() if token else None, settings.host)


class Guard:
    """ASGI middleware in front of everything."""

    def __init__(self, app: ASGIApp, admin_token: str | None, host: str = "127.0.0.1") -> None:
        """`host` is the address that is served on: callers may use it beside the loopback names."""
        self._app = app
        self._token = admin_token.encode() if admin_token else None
        self._hosts = LOOPBACK | {host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        refused = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
        else:
            await problem(refused, scope)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if scope["path"] in OPEN_PATHS:
            return None
        headers = Headers(scope=scope)
        if self._token is not None and not any(
            hmac.compare_digest(self._token, one) for one in _tokens(headers)
        ):
            detail = (
                f"send the access token as Authorization: Bearer, in {TOKEN_HEADER}, or as a Basic password"
            )
            return Problem(
                401, "no_access", "Access token needed", detail, headers={"WWW-Authenticate": _CHALLENGE}
            )
        if self._token is None and _host_name(headers.get("host", "")) not in self._hosts:
            detail = "a server without an access token answers only to the names of this machine"
            return Problem(403, "foreign_host", "Not the name of this server", detail)
        if _changes_things(scope) and _is_foreign(headers):
            detail = "a page of another origin may not write here"
            return Problem(403, "foreign_origin", "Request from another origin", detail)
        return None


def _tokens(headers: Headers) -> Iterator[bytes]:
    """Everything in the request that could be the token."""
    if offered := headers.get(TOKEN_HEADER):
        yield offered.encode("latin-1")
    scheme, _, offered = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield offered.strip().encode("latin-1")
    elif scheme.lower() == "basic":
        try:
            _, _, password = base64.b64decode(offered, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return
        yield password


def _changes_things(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in _HARMLESS


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page that this server has not served."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
