"""What browsers ask of Dash is checked before Dash reads it.

Dash trusts the page that it has sent, and answers 500 to a request that no page sends. Here a request that
names no callback, or whose values a callback cannot use, is answered 400, a script that does not exist 404,
and an error in a callback is logged.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final

import msgspec
from dash.exceptions import PreventUpdate
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.http.problems import Problem, problem, unavailable
from ingest.ledger.engine import DatabaseError, LedgerBusy
from ingest.logs import logger, place_of

MAX_BYTES: Final = 8 * 2**20
"""The largest request. The state of a page may hold a table that is shown."""
_SERVER_ERROR: Final = 500
_UNUSABLE: Final = (
    ArithmeticError,
    AttributeError,
    DatabaseError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors of a callback that gets a value of a kind that its page does not have."""
_TYPES: Final[Mapping[str, Any]] = {
    "clickData": dict[str, Any] | None,
    "getRowsRequest": dict[str, Any] | None,
    "id": dict[str, str] | str,
    "n_clicks": int | None,
    "n_submit": int | None,
    "opened": bool | None,
    "pathname": str | None,
    "search": str | None,
    "selectedRows": list[dict[str, Any]] | None,
    "value": str | list[str | None] | None,
}
"""What a property of a component holds; a property that is not here may hold anything."""
_log = logger("tallybook.dashboard")
_failures: ContextVar[list[Exception]] = ContextVar("failures")


class _Property(msgspec.Struct, frozen=True):
    """A property of a component and its value, as the browser sends it."""

    id: str | dict[str, str | int | bool]
    property: str
    value: Any = None


_Sent = _Property | list[_Property]
"""A list stands where the id is a pattern that several components fit."""


class _Request(msgspec.Struct, frozen=True, rename={"changed": "changedPropIds"}):
    """The body of a request."""

    output: str
    outputs: _Property | list[_Sent]
    inputs: list[_Sent]
    changed: list[str]
    state: list[_Sent] = []


class DashRequests:
    """ASGI middleware in front of Dash that checks requests."""

    def __init__(self, app: ASGIApp, prefix: str, callbacks: dict[str, Any]) -> None:
        """`prefix` is the path of the dashboard, and `callbacks` is Dash's map of them."""
        self._app = app
        self._callback_path = f"{prefix}_dash-update-component"
        self._scripts_path = f"{prefix}_dash-component-suites/"
        self._callbacks = {output: spec for output, spec in callbacks.items() if "callback" in spec}
        for spec in self._callbacks.values():
            spec["callback"] = _noting_failure(spec["callback"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check and pass on a request."""
        refused: Problem | None = None
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (scope["method"], scope["path"]) == ("POST", self._callback_path):
            refused = await self._call(scope, receive, send)
        elif scope["path"].startswith(self._scripts_path):
            is_failed = await self._passed_on(scope, receive, send)
            refused = _no_such_script(scope["path"]) if is_failed else None
        else:
            await self._app(scope, receive, send)
        if refused is not None:
            await problem(refused, scope)(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> Problem | None:
        """Let Dash answer the request of a callback; the problem if it cannot, and nothing has been sent."""
        failures: list[Exception] = []
        token = _failures.set(failures)
        try:
            body = await _body(receive)
            self._check(Headers(scope=scope), body)
            is_failed = await self._passed_on(scope, _replayed(body, receive), send)
        except Problem as refused:
            return refused
        finally:
            _failures.reset(token)
        return _problem_of(failures[0] if failures else None) if is_failed else None

    async def _passed_on(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let Dash answer. Whether it has failed: then nothing has been sent."""
        is_failed = False

        async def send_unless_failed(message: Message) -> None:
            nonlocal is_failed
            is_failed = is_failed or message.get("status", 0) >= _SERVER_ERROR
            if not is_failed:
                await send(message)

        await self._app(scope, receive, send_unless_failed)
        return is_failed

    def _check(self, headers: Headers, body: bytes) -> None:
        """Check that a body is the request of a callback.

        Raises:
            Problem: it is not.
        """
        if not headers.get("content-type", "").startswith("application/json"):
            raise _malformed("the request of a callback is application/json")
        try:
            request = msgspec.json.decode(body, type=_Request)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise _malformed(f"this is not the request of a callback: {error}") from None
        callback = self._callbacks.get(request.output)
        if callback is None:
            raise _malformed("output: there is no such callback")
        outputs = callback["output"] if isinstance(callback["output"], list) else [callback["output"]]
        sent = request.outputs if isinstance(callback["output"], list) else [request.outputs]
        _check_properties("outputs", [output.to_dict() for output in outputs], sent)
        _check_properties("inputs", callback["inputs"], request.inputs)
        _check_properties("state", callback["state"], request.state)


def _noting_failure(callback: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The callback, whose errors are noted for the answer: Dash answers 500 and drops them."""

    @wraps(callback)
    async def noting(*arguments: Any, **named: Any) -> Any:
        try:
            return await callback(*arguments, **named)
        except PreventUpdate:
            raise
        except Exception as error:
            _failures.get([]).append(error)
            raise

    return noting


def _problem_of(error: Exception | None) -> Problem:
    """The problem of a callback that failed. The log says where, without the values."""
    if isinstance(error, LedgerBusy):
        _log.warning("callback failed", error=type(error).__qualname__, reason=error.outage.code)
        return unavailable(error.outage)
    _log.warning("callback failed", **(place_of(error) if error is not None else {}))
    if isinstance(error, _UNUSABLE):
        return _malformed("the callback cannot use these values")
    return Problem(500, "internal", "Internal error", "Something went wrong here; the log says where.")


def _check_properties(name: str, expected: Sequence[Mapping[str, str]], sent: Any) -> None:
    """Check that the properties of a callback are sent in their order, each with a value that it can have.

    Raises:
        Problem: they are not.
    """
    if not isinstance(sent, list) or len(sent) != len(expected):
        raise _malformed(f"{name}: this callback has {len(expected)} of them")
    for spec, one in zip(expected, sent, strict=True):
        several = [one] if isinstance(one, _Property) else one
        pattern = json.loads(spec["id"]) if spec["id"].startswith("{") else spec["id"]
        is_list = isinstance(pattern, dict) and ["ALL"] in pattern.values()
        if is_list == isinstance(one, _Property):
            raise _malformed(f"{name}: {spec['id']} stands for {'a list' if is_list else 'one component'}")
        for each in several:
            # an output that several callbacks have is written with a number, as in search@1f0c
            if each.property.partition("@")[0] != spec["property"] or not _matches(pattern, each.id):
                raise _malformed(f"{name}: {spec['id']}.{spec['property']} is expected here")
            _check_value(f"{name}: {spec['id']}.{spec['property']}", spec["property"], each.value)


def _matches(pattern: str | dict[str, Any], ident: str | dict[str, str | int | bool]) -> bool:
    """Whether the id of a component is the expected one, or fits its pattern."""
    if isinstance(pattern, str) or isinstance(ident, str):
        return pattern == ident
    return pattern.keys() == ident.keys() and all(
        isinstance(part, list) or part == ident[key] for key, part in pattern.items()
    )


def _check_value(place: str, name: str, value: Any) -> None:
    try:
        msgspec.convert(value, _TYPES.get(name, Any))
    except msgspec.ValidationError as error:
        raise _malformed(f"{place}: {error}") from None


def _no_such_script(path: str) -> Problem:
    return Problem(404, "not_found", "Not Found", f"{path}: there is no such script")


def _malformed(detail: str) -> Problem:
    return Problem(400, "malformed_callback", "Not the request of a page", detail)


async def _body(receive: Receive) -> bytes:
    """The body of the request.

    Raises:
        Problem: it is too large, or the browser has gone.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _malformed("the request was cut")
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            detail = f"the request of a callback has at most {MAX_BYTES:,} bytes"
            raise Problem(413, "too_large", "Too large", detail)
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body has been read."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
