"""Headers that tell a browser what an answer may do: run no foreign script, stand in no foreign frame, tell no other site, be kept by nobody."""

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HTTPS: Final = "max-age=31536000"


def content_policy(hashes: Iterable[str] = ()) -> str:
    """A Content-Security-Policy for pages whose inline scripts have these hashes. Components set styles on elements, so styles may stand there."""
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", *hashes)),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class SecurityHeaders:
    """ASGI middleware that puts the headers on every answer that has not its own."""

    def __init__(self, app: ASGIApp, hashes: Iterable[str] = (), *, is_https: bool = False) -> None:
        """`hashes` are those of inline scripts; `is_https` says that people reach the server over https, whoever stands before it."""
        self._app = app
        self._policy = content_policy(hashes)
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._put(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _put(self, headers: MutableHeaders, scope: Scope) -> None:
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", self._policy)
        headers.setdefault("Cache-Control", "no-store")
        if self._is_https or scope.get("scheme") == "https":
            headers.setdefault("Strict-Transport-Security", _HTTPS)
