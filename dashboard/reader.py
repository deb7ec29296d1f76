"""Who reads a page: the locale of their browser, in which numbers and dates are written.

The words of the pages are English. What others read by program (answers, CSV) is the same for everybody and does not
ask here.
"""

from contextvars import ContextVar
from functools import cache
from typing import Final

from babel import Locale, localedata
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULT: Final = "en"
_MOST_ASKED: Final = 20
"""So many languages are looked at; browsers send a handful."""

_tag: ContextVar[str] = ContextVar("tag", default=DEFAULT)


def locale() -> Locale:
    """The locale of whoever asked for the page that is being made."""
    return _locale(_tag.get())


def preferred(accept_language: str) -> str:
    """The first locale there is of an `Accept-Language` header, best liked first (RFC 9110, 12.5.4)."""
    liked: list[tuple[float, str]] = []
    for one in accept_language.split(",")[:_MOST_ASKED]:
        tag, _, weight = one.partition(";")
        liked.append((_quality(weight), tag.strip().replace("-", "_")))
    for quality, tag in sorted(liked, key=lambda one: -one[0]):
        for candidate in (tag, tag.partition("_")[0]):
            if quality > 0 and (known := localedata.normalize_locale(candidate)):
                return known
    return DEFAULT


class Reader:
    """Knows the reader of each request while it is handled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = _tag.set(preferred(Headers(scope=scope).get("accept-language", "")))
        try:
            await self._app(scope, receive, send)
        finally:
            _tag.reset(token)


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(tag)


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
