"""Bodies of requests that are not for ingestion are read whole, so they are small."""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.http import limits
from ingest.http.otlp import responses
from ingest.http.problems import Problem, problem

_STREAMED: Final = ("/v1/ingest", responses.PATH)


class OtherBodies:
    """ASGI middleware that refuses large bodies on their way to anything but ingestion."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].startswith(_STREAMED):
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > limits.OTHER_BODY_BYTES:
            await problem(_too_large(), scope)(scope, receive, send)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limits.OTHER_BODY_BYTES:
                raise _too_large()
            return message

        await self._app(scope, bounded, send)


def _too_large() -> Problem:
    detail = f"the body is larger than {limits.OTHER_BODY_BYTES} bytes"
    return Problem(413, "too_large", "Body too large", detail, headers={"Connection": "close"})
