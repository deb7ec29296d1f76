"""How the latest write of a process went, so that a server can tell that it cannot write."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.ledger.outage import Outage
from ingest.timing import timed


class Writes:
    """The latest failure of a write transaction that no success has followed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failure: tuple[float, Outage] | None = None

    def latest_failure(self, seconds: float, looked_at: float = 0.0) -> Outage | None:
        """The outage that the latest write met, if it was less than `seconds` ago.

        A look that found the ledger well at `looked_at` ends it, unless only a write can tell.
        """
        if self._failure is None:
            return None
        at, outage = self._failure
        lasts = self._clock() - at < seconds and (outage.is_hidden or at >= looked_at)
        return outage if lasts else None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note how the write transaction of the block ends."""
        try:
            with timed("commit"):
                yield
        except Exception as error:
            if (outage := getattr(error, "outage", None)) is not None:
                self._failure = self._clock(), outage
            raise
        self._failure = None
