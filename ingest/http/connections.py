"""Connections: the HTTP protocol of the server, with limits for clients that are slow, silent or too many.

The headers of a request must come within a time and a size, an answer must be read in a time, and there are
no more connections than the process has files for. A new connection over that number takes the place of the
oldest connection without a request, or else of the oldest that has been sending one for long. If there is
none, it is answered with 503.
"""

import asyncio
import json
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ingest.http import limits
from ingest.http.problems import MEDIA_TYPE

_TITLES: Final = {
    400: ("bad_request", "Not HTTP", "this is not a valid HTTP request"),
    408: ("too_slow", "Too slow", "the headers of the request did not come in time"),
    431: ("headers_too_large", "Headers too large", "the headers of the request are too large, or too many"),
    503: ("busy", "Not now", "too many connections are open: send it again in a while"),
}


class Connections:
    """The connections of this process that wait for their clients, the oldest first."""

    def __init__(self) -> None:
        self.most = limits.MOST_CONNECTIONS
        self._idle: dict[BoundedProtocol, float] = {}
        self._sending: dict[BoundedProtocol, float] = {}

    def rest(self, connection: "BoundedProtocol") -> None:
        """Note that a connection has no request."""
        self.work(connection)
        self._idle[connection] = connection.loop.time()

    def await_body(self, connection: "BoundedProtocol") -> None:
        """Note that the body of a connection's request has not ended."""
        self.work(connection)
        self._sending[connection] = connection.loop.time()

    def work(self, connection: "BoundedProtocol") -> None:
        """Note that a connection has a whole request, or is closed."""
        self._idle.pop(connection, None)
        self._sending.pop(connection, None)

    def close_oldest(self, now: float) -> bool:
        """Close the connection that has been without a request for longest, or else sends for longest.

        False if none is without a request, and none sends for long.
        """
        oldest = next(iter(self._idle), None)
        if oldest is None:
            oldest, since = next(iter(self._sending.items()), (None, now))
            if oldest is None or now - since < limits.SENDING_SECONDS:
                return False
        self.work(oldest)
        oldest.transport.abort()
        return True


CONNECTIONS: Final = Connections()


def raise_file_limit() -> None:
    """Let this process open files for all connections, as far as the system allows, and else for fewer."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.MOST_CONNECTIONS + limits.FILES_RESERVED
    allowed, files = (wanted if limit == resource.RLIM_INFINITY else limit for limit in (hard, soft))
    if files < min(wanted, allowed):
        with suppress(OSError, ValueError):  # macOS allows less than it states
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, allowed), hard))
            files = min(wanted, allowed)
    CONNECTIONS.most = min(limits.MOST_CONNECTIONS, max(files - limits.FILES_RESERVED, files // 2))


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with the limits of `ingest.http.limits`, which are checked every second."""

    _timer: asyncio.TimerHandle | None = None
    _is_over = False
    _refusal = 400
    _awaits_headers_since: float | None = None
    _head_size = 0  # bytes of the headers so far
    _is_in_body = False
    _is_refused = False
    _answered_at: float | None = None  # when the answer ended before the body
    _heard_at = 0.0
    _unread_since: float | None = None  # since when the client does not read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; over the limit, the oldest one without a request is closed."""
        super().connection_made(transport)
        self._await_headers()
        self._check()
        if len(self.connections) > CONNECTIONS.most and not CONNECTIONS.close_oldest(self.loop.time()):
            self._is_over = True
        CONNECTIONS.rest(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        CONNECTIONS.work(self)
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        if self.transport.is_closing() or self._is_refused:
            return
        self._heard_at = self.loop.time()
        if not self._is_in_body and self._awaits_headers_since is None:
            self._await_headers()
        super().data_received(data)
        if self._awaits_headers_since is not None:
            self._head_size += len(data)
            if self._head_size > limits.HEADERS_BYTES:
                self._refuse(431)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._check_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._check_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer the request, unless its target is no path, as for a proxy.

        uvicorn would hand on the path of such a target, and the guard would not see the host that it names.
        """
        if not self.url.startswith(b"/"):
            raise ValueError("the request's target is no path")
        self._awaits_headers_since = None
        self._is_in_body = True
        CONNECTIONS.await_body(self)
        if self._is_over:
            self._refusal = 503
            raise ConnectionRefusedError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the body of the request."""
        self._is_in_body = False
        self._answered_at = None
        CONNECTIONS.work(self)
        super().on_message_complete()
        if (cycle := self._current) is not None and cycle.response_complete:
            CONNECTIONS.rest(self)

    def on_response_complete(self) -> None:
        """End the answer."""
        super().on_response_complete()
        if self._is_in_body:
            self._answered_at = self.loop.time()
        elif self.cycle.response_complete:
            CONNECTIONS.rest(self)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the text of uvicorn
        """Answer what is not a request, or none that is taken."""
        self._refuse(self._refusal)

    def pause_writing(self) -> None:
        """The client does not read: there is too much to write."""
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        """The client has read on."""
        super().resume_writing()
        self._unread_since = None

    @property
    def _current(self) -> RequestResponseCycle | None:
        """The latest request; None before the first."""
        return self.cycle

    def _await_headers(self) -> None:
        self._awaits_headers_since = self.loop.time()
        self._head_size = 0

    def _check_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > limits.HEADERS_BYTES or len(self.headers) >= limits.MOST_HEADERS:
            self._refusal = 431
            raise ConnectionRefusedError

    def _check(self) -> None:
        """Close the connection if its client is too slow; else check again in a while."""
        now = self.loop.time()
        if self.transport.is_closing() and self._unread_since is None:
            self._unread_since = now
        if self._is_slow(now):
            self.transport.abort()
            return
        cycle = self._current
        is_answering = cycle is not None and not cycle.response_complete
        if not is_answering and _is_past(self._awaits_headers_since, limits.HEADERS_SECONDS, now):
            self._close_without_headers()
        self._timer = self.loop.call_later(limits.CHECK_SECONDS, self._check)

    def _is_slow(self, now: float) -> bool:
        is_silent = self._is_in_body and not self.flow.read_paused
        return (
            _is_past(self._unread_since, limits.READ_SECONDS, now)
            or _is_past(self._answered_at, limits.DRAIN_SECONDS, now)
            or (is_silent and _is_past(self._heard_at, 2 * limits.SILENCE_SECONDS, now))
        )

    def _close_without_headers(self) -> None:
        self._awaits_headers_since = None
        if self._head_size:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer with a problem. What the client still sends is dropped, so that it hears the answer."""
        if self.transport.is_closing() or self._is_refused:
            return
        cycle = self._current
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.abort()
            return
        code, title, detail = _TITLES[status]
        problem = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail}
        body = json.dumps(problem).encode()
        headers = {"content-type": MEDIA_TYPE, "content-length": len(body), "connection": "close"}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["retry-after"] = limits.RETRY_AFTER
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + body)
        self._is_refused = True
        self._answered_at = self.loop.time()
        self.transport.write_eof()
        CONNECTIONS.rest(self)


def _is_past(since: float | None, seconds: float, now: float) -> bool:
    return since is not None and now - since > seconds
