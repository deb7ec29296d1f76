"""Readiness: whether records can be taken in now, known at every moment from a probe in the background.

The probe has a thread of its own, because it may hang with the disk or the database. An answer never waits
for it: a result that is too old is itself a reason not to be ready.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final, NamedTuple, Protocol

from ingest.ledger.health import Figures
from ingest.ledger.outage import Outage
from ingest.ledger.writes import Writes
from ingest.logs import logger

EVERY_SECONDS: Final = 1.5
STALE_SECONDS: Final = 3.0
FIRST_SECONDS: Final = 2.5
"""How long the first question waits for the first result."""
FIGURES_SECONDS: Final = 5.0
"""How often the sizes and ages of the ledger are read."""
FIGURES_STALE_SECONDS: Final = 15.0
FAILURE_SECONDS: Final = 10.0
"""How long a failed write counts that no other has followed."""
NOT_YET: Final = Outage("starting", "the ledger has not been looked at yet: ask again", stops_reading=False)
STALLED: Final = Outage(
    "stalled",
    "the ledger's disk or database does not answer in time: it goes on by itself",
    stops_reading=False,
)
_log = logger("tallybook.readiness")


class Looker(Protocol):
    """What looks at a ledger, such as `ingest.ledger.health.Probe`."""

    def outage(self) -> Outage | None:
        """Why the ledger cannot be written now; None if it can."""

    def figures(self) -> Figures | None:
        """The sizes and ages of the ledger; None while it is away."""

    def close(self) -> None:
        """Give back what it holds."""


class _Look(NamedTuple):
    at: float
    outage: Outage | None


class Readiness:
    """Whether one ledger is ready, as of its last look."""

    def __init__(
        self, make_probe: Callable[[], Looker], writes: Writes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """The probe is made in its thread; `writes` tells of writes that failed."""
        self._make_probe = make_probe
        self._writes = writes
        self._clock = clock
        self._last: _Look | None = None
        self._looked = threading.Event()
        self._stop: threading.Event | None = None
        self._told: str | None = None
        self._figures: tuple[float, Figures | None] | None = None

    @property
    def outage(self) -> Outage | None:
        """Why the ledger is not ready; None if it is. Answers at once."""
        last = self._last
        if last is None:
            return NOT_YET
        if self._clock() - last.at > STALE_SECONDS:
            return STALLED
        return last.outage or self._writes.latest_failure(FAILURE_SECONDS, last.at)

    @property
    def figures(self) -> Figures | None:
        """The latest sizes and ages of the ledger; None while it cannot be read."""
        outage = self.outage
        if outage is not None and outage.stops_reading:
            return None
        if self._figures is None or self._clock() - self._figures[0] > FIGURES_STALE_SECONDS:
            return None
        return self._figures[1]

    @property
    def must_wait(self) -> bool:
        """Whether there is nothing to answer with yet."""
        return self._stop is None or self._last is None

    def first_outage(self) -> Outage | None:
        """The same, after a wait for the first look; it looks itself where nothing does."""
        if self._stop is None:
            with closing(self._make_probe()) as probe:
                self.look(probe)
        self._looked.wait(FIRST_SECONDS)
        return self.outage

    def start(self) -> None:
        """Start to look, in a thread of its own, until `stop`."""
        self._stop = threading.Event()
        threading.Thread(target=self._look_until, args=(self._stop,), daemon=True).start()

    def stop(self) -> None:
        """Stop looking. A look that hangs is left alone."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def look(self, probe: Looker) -> None:
        """Look once, and log when the ledger becomes ready or stops being so."""
        found: Outage | None = STALLED
        with _living_on():
            found = probe.outage()
        self._last = _Look(self._clock(), found)
        if (found is None or not found.stops_reading) and self.figures_are_due:
            self._figures = self._clock(), None
            with _living_on():
                self._figures = self._clock(), probe.figures()
        self._looked.set()
        self.tell(self.outage)

    @property
    def figures_are_due(self) -> bool:
        """Whether it is time to read the sizes and ages again."""
        return self._figures is None or self._clock() - self._figures[0] >= FIGURES_SECONDS

    def tell(self, outage: Outage | None) -> None:
        """Log what is the matter, or that nothing is any more, if that was not the last thing logged."""
        code = None if outage is None else outage.code
        if code == self._told:
            return
        self._told = code
        if outage is None:
            _log.info("ledger is ready again")
        else:
            _log.warning("ledger is not ready", code=code, detail=outage.detail)

    def _look_until(self, stop: threading.Event) -> None:
        with closing(self._make_probe()) as probe:
            while not stop.is_set():
                self.look(probe)
                stop.wait(EVERY_SECONDS)


@contextmanager
def _living_on() -> Iterator[None]:
    """Log what the block raises and go on: nobody would start the thread again."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, what was not seen is not ready
        _log.exception("probe failed", error=type(error).__qualname__)
