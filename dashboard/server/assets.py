"""The dashboard's scripts and styles: compressed once, cached in memory, and cached by the browser.

The charts' library alone is 1.2 MB; compressing it for each request would block the event loop.
"""

import gzip
from collections.abc import Sequence
from typing import Final

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATHS: Final = ("/dashboard/_dash-component-suites/", "/dashboard/assets/", "/dashboard/_favicon.ico")
_CACHE_CONTROL: Final = "public, max-age=86400"
_MAX_ASSETS: Final = 500
_OK: Final = 200
_DROPPED_HEADERS: Final = (b"accept-encoding", b"if-none-match", b"if-modified-since")
"""Headers that would make the app answer with a compressed or an empty body."""


class AssetCache:
    """ASGI middleware in front of the dashboard that answers for its assets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._responses: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for an asset from the cache; pass on all other requests."""
        if not _is_asset(scope) or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        response = self._responses.get(path) or await self._compressed(path, scope, receive)
        await response(scope, receive, send)

    async def _compressed(self, path: str, scope: Scope, receive: Receive) -> Response:
        """The app's response, compressed; cached if its status is 200."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        headers = [(name, value) for name, value in scope["headers"] if name not in _DROPPED_HEADERS]
        await self._app({**scope, "headers": headers}, receive, collect)
        response = await run_in_threadpool(_compress, messages)
        if response.status_code == _OK and len(self._responses) < _MAX_ASSETS:
            self._responses[path] = response
        return response


def _is_asset(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and str(scope["path"]).startswith(_PATHS)


def _compress(messages: Sequence[Message]) -> Response:
    start = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    headers = MutableHeaders(raw=list(start["headers"]))
    del headers["content-length"]
    if start["status"] == _OK:
        body = gzip.compress(body, 6, mtime=0)
        headers["content-encoding"] = "gzip"
        headers["vary"] = "Accept-Encoding"
        headers.setdefault("cache-control", _CACHE_CONTROL)
    return Response(body, start["status"], dict(headers.items()))
