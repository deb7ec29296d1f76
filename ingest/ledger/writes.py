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

    def latest_failure(self, seconds: float) -> Outage | None:
        """The outage that the latest write met, if it was less than `seconds` ago."""
        failure = self._failure
        return failure[1] if failure is not None and self._clock() - failure[0] < seconds else None

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
