"""The incoming body: its bytes as they come, with limits of time.

A client that sends nothing for too long, or too little on average, is given up. The time that a body waits
for its own turns does not count against its client.
"""

import asyncio
import time
from collections.abc import Callable

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from ingest.http import limits


class TooSlow(Exception):
    """The client sends too slowly; the message says how slowly."""


class Pace:
    """Compares what has come with the time that was spent waiting for it."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._received = 0

    def note(self, seconds: float, size: int) -> None:
        """Note that `size` bytes came after `seconds` of waiting.

        Raises:
            TooSlow: the client has sent less than the least speed.
        """
        self._waited += seconds
        self._received += size
        if self._waited < limits.SPEED_SECONDS:
            return
        if self._received < limits.LEAST_SPEED * self._waited:
            raise TooSlow(f"{self._received} bytes came in {self._waited:.0f} seconds")
        self._waited, self._received = 0.0, 0


class Incoming:
    """The body of one request, read in the event loop."""

    def __init__(self, receive: Receive, clock: Callable[[], float] = time.monotonic) -> None:
        self._receive = receive
        self._clock = clock
        self._pace = Pace()
        self._ended = False
        self._next: asyncio.Task[Message] | None = None
        self._waiting: anyio.CancelScope | None = None
        self._stopped: Exception | None = None

    async def chunk(self) -> bytes | None:
        """The next bytes; None after the last.

        Raises:
            TooSlow: the client was silent, or slow, for too long.
            ClientDisconnect: the client has gone.
        """
        if self._ended:
            return None
        began = self._clock()
        with anyio.move_on_after(limits.SILENCE_SECONDS) as self._waiting:
            message = await self._message()
        silent, self._waiting = self._waiting.cancelled_caught, None
        if self._stopped is not None:
            raise self._stopped
        if silent:
            raise TooSlow(f"nothing came for {limits.SILENCE_SECONDS:.0f} seconds")
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        data: bytes = message.get("body", b"")
        self._ended = not message.get("more_body", False)
        if not self._ended:
            self._pace.note(self._clock() - began, len(data))
        return data

    async def check_connected(self) -> None:
        """Look whether the client is still there, without losing what it has sent.

        Raises:
            ClientDisconnect: the client has gone.
        """
        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
            await asyncio.sleep(0)
        if self._next.done() and self._next.result()["type"] == "http.disconnect":
            raise ClientDisconnect

    def stop(self, error: Exception) -> None:
        """Raise `error` in `chunk`, which is waiting."""
        self._stopped = error
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Stop looking whether the client is there."""
        if self._next is not None:
            self._next.cancel()

    async def _message(self) -> Message:
        if self._next is None:
            return await self._receive()
        await asyncio.wait({self._next})
        message, self._next = self._next.result(), None
        return message
