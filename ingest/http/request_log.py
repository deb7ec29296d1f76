"""Request ids, and one line in the log for each request.

The id is taken from `X-Request-ID` where it is a short word, else made anew. It is answered in that header,
stands in problems, and in every line that is logged while the request is handled, also from threads.
The line names the route as it is declared and never the path, which may hold an id or a secret.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest import logs
from ingest.model.principal import HERE, NOBODY, Principal

HEADER: Final = "X-Request-ID"
PRINCIPAL: Final = "tallybook.principal"
"""The key of a scope under which the guard leaves the principal of the request."""
_ID: Final = "request_id"
_SANE: Final = re.compile(r"[A-Za-z0-9._:=@/+-]{1,128}")
_UNSEEN: Final = frozenset(("/healthz",))
_QUIET: Final = (
    "/readyz",
    "/metrics",
    "/dashboard/assets/",
    "/dashboard/_dash-component-suites/",
    "/favicon.ico",
)
"""Routes that are asked all the time, by their beginning: logged at `debug`, unless they fail."""
_NO_ROUTE: Final = "none"
_CLIENT_GONE: Final = 499
_FAILED: Final = 500
_UNAVAILABLE: Final = 503
_log = logs.logger("tallybook.requests")


def request_id() -> str | None:
    """The id of the request that is being handled."""
    return logs.bound_fact(_ID)


class RequestLog:
    """ASGI middleware outside of everything. Inside another one it does nothing."""

    def __init__(self, app: ASGIApp, name_of: Callable[[str], str | None] = lambda _: None) -> None:
        """`name_of` knows what to call paths that no route has told of, such as those of refused requests."""
        self._app = app
        self._name_of = name_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or request_id() is not None:
            await self._app(scope, receive, send)
            return
        name = _id_of(Headers(scope=scope).getlist(HEADER))
        answer = _Answer()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = name
            elif message["type"] == "http.response.body":
                answer.size += len(message.get("body", b""))
                answer.is_whole = not message.get("more_body", False)
            await send(message)

        started = time.perf_counter()
        with logs.bound(**{_ID: name}):
            try:
                await self._app(scope, receive, noting)
            finally:
                self._tell(scope, answer, time.perf_counter() - started)

    def _tell(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        if scope["path"] in _UNSEEN:
            return
        route = self._route(scope)
        facts: dict[str, Any] = {
            "method": _method(scope),
            "route": route,
            "status": answer.status,
            "ms": round(seconds * 1000, 1),
            "bytes": answer.size,
            "principal": _kind(scope.get(PRINCIPAL)),
        }
        if not answer.is_whole:
            facts["cut"] = True
        _speaker(route, answer)("request", **facts)

    def _route(self, scope: Scope) -> str:
        """The path of the request as its route declares it."""
        declared = getattr(scope.get("route"), "path", "")
        return declared if declared.startswith("/") else self._name_of(scope["path"]) or _NO_ROUTE


class _Answer:
    """What has been sent of an answer."""

    status = _CLIENT_GONE
    size = 0
    is_whole = False


def _speaker(route: str, answer: _Answer) -> Any:
    if answer.status >= _FAILED and answer.status != _UNAVAILABLE:
        return _log.error
    if route.startswith(_QUIET):
        return _log.debug
    return _log.warning if answer.status == _UNAVAILABLE else _log.info


def _id_of(given: Sequence[str]) -> str:
    if len(given) == 1 and _SANE.fullmatch(given[0]):
        return given[0]
    return uuid4().hex


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method.isalpha() and len(method) < len(HEADER) else "other"


def _kind(principal: Principal | None) -> str:
    """Who asked: a kind, and for tokens and sessions the name under which the audit log knows them."""
    if principal is None or principal == NOBODY:
        return "nobody"
    if principal.virtual_key is not None:
        return "virtual key"
    if principal == HERE:
        return "local"
    return f"session of {principal.name}" if principal.is_signed_in else principal.name
