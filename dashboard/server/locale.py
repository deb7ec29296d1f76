"""The locale of a request, taken from the `Accept-Language` header of the browser."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.formatting.locale import preferred_locale, using_locale


class LocaleMiddleware:
    """ASGI middleware that sets the reader's locale while a request is handled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with using_locale(preferred_locale(Headers(scope=scope).get("accept-language", ""))):
            await self._app(scope, receive, send)
