"""Turns: the bodies of all requests share one thread, and each gives it back after a short turn.

One thread is fastest and fairest with a single writer such as SQLite; to use more cores, run more server
processes. Senders take turns one after another, and so do the bodies of one sender. A body that has used
little of the thread, and has little to do, goes before the others three times out of four: a small post waits
behind a few short turns, whatever the bodies before it are, and a large body always gets on.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

T = TypeVar("T")

QUEUE: Final = 256
"""Bodies that may wait for a turn; further requests are answered with 503."""
LITTLE_SECONDS: Final = 0.1
"""The time in the thread up to which a body goes before bodies that have used more."""
LITTLE_BYTES: Final = 2**16
"""The size of a block up to which its body goes before bodies with larger ones."""
_LITTLE_TURNS: Final = 3
"""Turns of bodies that have used little, for one of a body that has used much."""


@dataclass(eq=False, slots=True)
class TurnTaker:
    """What takes turns: the work on the body of one request."""

    sender: str
    """Who sends it: senders have equal shares of the thread, however many bodies they send."""
    used: float = 0.0
    """Seconds in the thread so far."""
    block: int = 0
    """Bytes of the block that waits for its turns."""

    @property
    def is_little(self) -> bool:
        """Whether it has used little of the thread, and will not use much now."""
        return self.used < LITTLE_SECONDS and self.block <= LITTLE_BYTES


class _Waiting:
    """A body that waits for its turn."""

    def __init__(self, body: TurnTaker) -> None:
        self.body = body
        self.called = anyio.Event()
        self.refused: Exception | None = None


class _Lane:
    """Bodies that wait: the sender whose turn is longest ago goes first, with the body that waits longest."""

    def __init__(self, turn_of: dict[str, int]) -> None:
        self._bodies: dict[str, deque[_Waiting]] = {}
        self._turn_of = turn_of
        self.size = 0

    def add(self, one: _Waiting) -> None:
        self._bodies.setdefault(one.body.sender, deque()).append(one)
        self.size += 1

    def next(self) -> _Waiting:
        sender = min(self._bodies, key=lambda name: self._turn_of.get(name, 0))
        one = self._bodies[sender][0]
        self.remove(one)
        return one

    def remove(self, one: _Waiting) -> None:
        bodies = self._bodies[one.body.sender]
        bodies.remove(one)
        if not bodies:
            del self._bodies[one.body.sender]
        self.size -= 1


class Turns:
    """Lets bodies take turns in one thread. All methods but the work itself run in the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._thread = CapacityLimiter(1)
        self._is_taken = False
        self._turn_of: dict[str, int] = {}  # the number of each sender's last turn
        self._number = 0
        self._little, self._much = _Lane(self._turn_of), _Lane(self._turn_of)
        self._in_a_row = 0  # turns of bodies that have used little

    @property
    def waiting(self) -> int:
        """How many bodies wait for a turn."""
        return self._little.size + self._much.size

    @property
    def is_full(self) -> bool:
        """Whether no more bodies may begin."""
        return self.waiting >= QUEUE

    async def run(self, body: TurnTaker, work: Callable[[], T]) -> T:
        """The result of `work`, one turn of `body` in the thread."""
        await self._wait(body)
        self._number += 1
        self._turn_of[body.sender] = self._number
        started = self._clock()
        try:
            return await to_thread.run_sync(work, limiter=self._thread)
        finally:
            body.used += self._clock() - started
            self._call_next()

    def refuse_waiting(self, error: Callable[[], Exception]) -> None:
        """Raise an error in all that wait for a turn now."""
        while self.waiting:
            one = self._next()
            one.refused = error()
            one.called.set()

    async def _wait(self, body: TurnTaker) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        lane = self._little if body.is_little else self._much
        one = _Waiting(body)
        lane.add(one)
        try:
            await one.called.wait()
        except BaseException:  # the request was cancelled
            if not one.called.is_set():
                lane.remove(one)
            elif one.refused is None:
                self._call_next()
            raise
        if one.refused is not None:
            raise one.refused

    def _call_next(self) -> None:
        self._is_taken = self.waiting > 0
        if self._is_taken:
            self._next().called.set()
        else:
            self._turn_of.clear()

    def _next(self) -> _Waiting:
        much_goes = self._in_a_row >= _LITTLE_TURNS or not self._little.size
        if self._much.size and much_goes:
            self._in_a_row = 0
            return self._much.next()
        self._in_a_row += 1
        return self._little.next()
