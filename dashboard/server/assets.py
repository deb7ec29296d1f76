"""The dashboard's scripts and styles: packed once, kept in memory, and kept by the browser.

The charts' library alone is 1.2 MB; packing it for every visitor would hold up the event loop.
"""

import gzip
from collections.abc import Sequence
from typing import Final

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PLACES: Final = ("/dashboard/_dash-component-suites/", "/dashboard/assets/", "/dashboard/_favicon.ico")
_DAY: Final = "public, max-age=86400"
_MOST: Final = 500
_OK: Final = 200


class KeptAssets:
    """ASGI middleware in front of the dashboard."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for an asset; everything else passes."""
        if not _is_asset(scope) or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            await self._app(scope, receive, send)
            return
        place = str(scope["path"])
        answer = self._kept.get(place) or await self._packed(place, scope, receive)
        await answer(scope, receive, send)

    async def _packed(self, place: str, scope: Scope, receive: Receive) -> Response:
        """The app's answer, packed; kept if it is a good one."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        plain = [
            (k, v)
            for k, v in scope["headers"]
            if k not in (b"accept-encoding", b"if-none-match", b"if-modified-since")
        ]
        await self._app({**scope, "headers": plain}, receive, keep)
        answer = await run_in_threadpool(_pack, messages)
        if answer.status_code == _OK and len(self._kept) < _MOST:
            self._kept[place] = answer
        return answer


def _is_asset(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and str(scope["path"]).startswith(_PLACES)


def _pack(messages: Sequence[Message]) -> Response:
    start = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    headers = MutableHeaders(raw=list(start["headers"]))
    del headers["content-length"]
    if start["status"] == _OK:
        body = gzip.compress(body, 6, mtime=0)
        headers["content-encoding"] = "gzip"
        headers["vary"] = "Accept-Encoding"
        headers.setdefault("cache-control", _DAY)
    return Response(body, start["status"], dict(headers.items()))
