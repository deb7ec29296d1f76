"""Problems: every error of the HTTP interface is `application/problem+json` (RFC 9457) with a stable `code`.

The exception is the receiver of traces, because OTLP prescribes the form of its errors.

No answer and no log line contains a body, a secret or the text of an unexpected error, which may quote them.
"""

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.http.otlp import responses
from ingest.logs import logger

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
    return Response(msgspec.json.encode(body), refused.status, refused.headers, MEDIA_TYPE)


def bad_parameter(name: str, value: object, expected: str) -> Problem:
    """The problem of a parameter with an invalid value; `expected` describes a valid one."""
    shown = repr(value) if len(repr(value)) <= _VALUE_SHOWN else f"{repr(value)[:_VALUE_SHOWN]}..."
    extra = {"parameter": name, "value": shown}
    return Problem(
        422, "bad_parameter", "A parameter cannot be used", f"{name}: {expected}; it is {shown}", extra=extra
    )


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


class AnswerUnexpectedErrors:
    """Middleware that answers unexpected errors with 500, and logs where they happened."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            _log.error("request failed", method=scope["method"], path=scope["path"], **place_of(error))
            if not started:
                internal = Problem(500, "internal", "Internal error", INTERNAL)
                await problem(internal, scope)(scope, receive, send)


def place_of(error: BaseException) -> dict[str, object]:
    """The class of an error and the last lines of its traceback, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__qualname__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }
