"""The breaker: while the ledger is locked or away, requests are refused at once.

Otherwise every request would wait for the lock in its turn, one after another. Once a second one write is
tried; the first that succeeds closes the breaker.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.http import limits
from ingest.ledger.engine import LedgerBusy
from ingest.ledger.outage import UNAVAILABLE


class Breaker:
    """Knows whether the ledger can be written. Open while it cannot."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_open = False
        self._clock = clock
        self._tried_at = 0.0
        self._outage = UNAVAILABLE

    def check(self) -> None:
        """Raise at once while the ledger is away, but for one try a second.

        Raises:
            LedgerBusy: the ledger was away when it was last tried.
        """
        if self.is_open and self._clock() - self._tried_at < limits.RETRY_SECONDS:
            raise LedgerBusy("the ledger was locked or away a moment ago", "still away", self._outage)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Around a write: whether it succeeds opens or closes the breaker.

        Raises:
            LedgerBusy: the ledger is away.
        """
        self.check()
        self._tried_at = self._clock()
        try:
            yield
        except LedgerBusy as error:
            self.strike(error)
            raise
        self.is_open = False

    def strike(self, error: LedgerBusy) -> None:
        """Open the breaker."""
        self.is_open = True
        self._outage = error.outage
        self._tried_at = self._clock()
