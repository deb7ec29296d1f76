"""Problems: every error of the HTTP interface is `application/problem+json` (RFC 9457) with a stable `code`.

The exception is the receiver of traces, because OTLP prescribes the form of its errors.

No answer and no log line contains a body, a secret or the text of an unexpected error, which may quote them.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.http.limits import RETRY_AFTER
from ingest.http.otlp import responses
from ingest.http.request_log import request_id
from ingest.ledger.engine import LedgerBusy
from ingest.ledger.outage import Outage
from ingest.logs import logger, place_of

MEDIA_TYPE: Final = "application/problem+json"
INTERNAL: Final = "Something went wrong here; the log says where."
_VALUE_SHOWN: Final = 80
_log = logger("tallybook.http")


class Problem(Exception):
    """A request is refused; the fields are those of RFC 9457."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.headers = headers
        self.extra = extra


def problem(refused: Problem, scope: Scope | None = None) -> Response:
    """The answer with a problem, to the request of `scope`."""
    if scope is not None and scope["path"] == responses.PATH:
        body_of_traces, media = responses.failure(
            refused.status, refused.detail, responses.media_type(Headers(scope=scope))
        )
        return Response(body_of_traces, refused.status, refused.headers, media)
    body = {
        "type": "about:blank",
        "title": refused.title,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        **(refused.extra or {}),
    }
    if (known := request_id()) is not None:
        body["request_id"] = known
    return Response(msgspec.json.encode(body), refused.status, refused.headers, MEDIA_TYPE)


def bad_parameter(name: str, value: object, expected: str) -> Problem:
    """The problem of a parameter with an invalid value; `expected` describes a valid one."""
    shown = repr(value) if len(repr(value)) <= _VALUE_SHOWN else f"{repr(value)[:_VALUE_SHOWN]}..."
    extra = {"parameter": name, "value": shown}
    return Problem(
        422, "bad_parameter", "A parameter cannot be used", f"{name}: {expected}; it is {shown}", extra=extra
    )


def unavailable(outage: Outage, code: str = "unavailable") -> Problem:
    """The problem of a ledger that is away; `reason` is the code of the outage."""
    headers = {"Retry-After": RETRY_AFTER}
    return Problem(503, code, "Not now", outage.detail, headers=headers, extra={"reason": outage.code})


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_middleware(AnswerUnexpectedErrors)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem), "registered for this class"
    return problem(error, request.scope)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), "registered for this class"
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return problem(bad_parameter(name, first.get("input"), first["msg"]), request.scope)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for this class"
    status = HTTPStatus(error.status_code)
    code = status.name.lower()
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return problem(Problem(status, code, status.phrase, detail, headers=error.headers), request.scope)


Answer = Callable[[Problem, Scope], Response]
"""Makes the answer with a problem, to the request of a scope."""


class AnswerUnexpectedErrors:
    """Middleware for errors that nothing has answered: 503 while the ledger is away, else 500 and a log line.

    An answer that has begun is cut off, so that the client cannot take it for whole.
    """

    def __init__(self, app: ASGIApp, answer: Answer = problem) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - the last handler: no error may pass
            refused = _logged(error)
            if not started:
                await self._answer(refused, scope)(scope, receive, send)


def _logged(error: Exception) -> Problem:
    """The problem of an unexpected error, which is logged."""
    if isinstance(error, LedgerBusy):
        _log.warning("ledger unavailable", reason=error.outage.code, error=error.kind)
        return unavailable(error.outage)
    _log.error("request failed", **place_of(error))
    return Problem(500, "internal", "Internal error", INTERNAL)
