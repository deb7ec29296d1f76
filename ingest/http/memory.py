"""Memory: what the bodies of all requests hold together is bounded.

Every body claims what it holds: its block, its unpacker, records that have not ended, calls before their
commit. A quarter is reserved for small bodies. A large body that finds no room takes the place of the slowest
large body that waits for its client, if that is much slower; otherwise it is refused itself.
"""

import time
from collections.abc import Callable
from typing import Final, Self

from ingest.http import limits

_GRACE_SECONDS: Final = 2.0
"""A body this young makes no room for others."""
_MUCH_SLOWER: Final = 4


class OutOfMemory(Exception):
    """The memory for bodies is used up at the moment."""


class Memory:
    """The memory for the bodies of all requests."""

    def __init__(self, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.held = 0
        """Bytes that bodies underway hold."""
        self._size = size
        self._claims: set[Claim] = set()

    @property
    def bodies(self) -> int:
        """The number of bodies underway."""
        return len(self._claims)

    def claim(self) -> "Claim":
        """The claim of a new body. Use it as a context manager."""
        return Claim(self)

    def add(self, claim: "Claim") -> None:
        """Begin a claim."""
        self._claims.add(claim)

    def remove(self, claim: "Claim") -> None:
        """End a claim."""
        self._claims.discard(claim)
        self.held -= claim.size
        claim.size = 0

    def resize(self, claim: "Claim", size: int) -> None:
        """Let a body hold `size` bytes.

        Raises:
            OutOfMemory: there is no room for them.
        """
        room = self._size if size <= limits.SMALL_BODY_BYTES else self._size - self._size // 4
        while size > claim.size and self.held - claim.size + size > room:
            if not self._stop_slowest(claim):
                raise OutOfMemory
        self.held += size - claim.size
        claim.size = size

    def _stop_slowest(self, asking: "Claim") -> bool:
        """Stop the slowest large body that waits for its client; False if none is much slower."""
        large = [
            claim
            for claim in self._claims
            if claim.stop is not None
            and claim is not asking
            and claim.size > limits.SMALL_BODY_BYTES
            and claim.age > _GRACE_SECONDS
        ]
        slowest = min(large, key=lambda claim: claim.speed, default=None)
        if slowest is None or slowest.stop is None or slowest.speed * _MUCH_SLOWER > asking.speed:
            return False
        slowest.stop()
        self.remove(slowest)
        return True


class Claim:
    """What one body holds."""

    def __init__(self, memory: Memory) -> None:
        self.size = 0
        self.stop: Callable[[], None] | None = None
        """Refuses the body, while it waits for its client."""
        self._memory = memory
        self._began = memory.clock()
        self._received = 0

    @property
    def age(self) -> float:
        """Seconds since the body began."""
        return self._memory.clock() - self._began

    @property
    def speed(self) -> float:
        """Bytes a second that have come, on average."""
        return self._received / max(self.age, 1.0)

    def received(self, size: int) -> None:
        """Note that `size` more bytes have come."""
        self._received += size

    def resize(self, size: int) -> None:
        """Hold `size` bytes.

        Raises:
            OutOfMemory: there is no room for them.
        """
        self._memory.resize(self, size + limits.BODY_BYTES)

    def __enter__(self) -> Self:
        self._memory.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.remove(self)
