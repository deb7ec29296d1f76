"""Following a store: one pass after another, until it is asked to stop, and through times when the store is away."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final

from ingest.clock import now
from ingest.decoding import Decoder
from ingest.ledger import directory, rollups
from ingest.ledger.directory import Entered
from ingest.ledger.engine import Ledger
from ingest.sync.gateway import Gateway
from ingest.sync.pull import Options, Puller, Report, Stopped
from ingest.sync.store import Store, StoreError, Unusable

SHORT_LOOK_BACK: Final = 15 * 60 * 1_000_000
"""The look-back of most passes of a follower, in microseconds."""
FULL_SECONDS: Final = 3600
"""How often a follower takes a pass with the whole look-back."""
LONGEST_WAIT: Final = 300
"""The longest time between two tries to read a store that is away, in seconds, unless passes are further apart."""


@dataclass(slots=True)
class Outcome:
    """What became of a store's rows, over any number of passes."""

    reports: list[Report] = field(default_factory=list)
    people: Entered = field(default_factory=Entered)
    passes: int = 0


class Sync:
    """Takes passes over all tables of one store."""

    def __init__(
        self, ledger: Ledger, decoder: Decoder, gateway: Gateway, store: Store, source: str | None = None
    ) -> None:
        self.outcome = Outcome()
        self._ledger = ledger
        self._gateway = gateway
        self._store = store
        self._source = source
        self._decoder = decoder
        self._pullers: dict[str, Puller] = {}

    def run(self, options: Options, stopping: Callable[[], bool], *, whole: bool = True) -> None:
        """Take one pass over everything; a pass that is not `whole` leaves out the names of keys and teams.

        Raises:
            Stopped: `stopping` became true; what the outcome counts is committed.
            StoreError: the store cannot be read, or not any further.
        """
        try:
            self._pass(options, stopping, whole=whole)
        except StoreError:
            self._sum()
            raise
        self._sum()
        self.outcome.passes += 1

    def _pass(self, options: Options, stopping: Callable[[], bool], *, whole: bool) -> None:
        if whole:
            people = list(self._gateway.people(self._store, self._ledger.keyring))
            self.outcome.people.add(directory.enter(self._ledger, people, now()))
        for puller in self._found():
            puller.run(options, stopping)

    def _sum(self) -> None:
        """Make the rollups of what came in. Who asks to stop does not wait for it: answers are right before it."""
        if rollups.count_dirty_slots(self._ledger):
            rollups.roll(self._ledger)

    def _found(self) -> Iterator[Puller]:
        """The tables that the store has. One that is not there yet may come with an update of the gateway."""
        for table in self._gateway.tables:
            if self._store.has(table):
                if table.name not in self._pullers:
                    report = Report(table)
                    self.outcome.reports.append(report)
                    self._pullers[table.name] = Puller(
                        self._ledger, self._decoder, self._store, report, self._source
                    )
                yield self._pullers[table.name]
            elif not table.optional:
                raise Unusable(
                    f"{self._store.place}: there is no {table.name} here: this is not a log store of "
                    f"{self._gateway.title}, or this user may not see it"
                )


Said = Callable[[str], None]
Passed = Callable[[], None]


def follow(sync: Sync, options: Options, every: float, stopping: Event, said: Said, passed: Passed) -> None:
    """Take passes, `every` so many seconds, until `stopping` is set.

    `said` hears once that the store went away, and once that it is back; `passed` is called after each pass.

    Raises:
        Unusable: the store could not be used from the start.
    """
    whole_at = 0.0
    tries = 0
    while not stopping.is_set():
        whole = whole_at == 0 or time.monotonic() - whole_at >= FULL_SECONDS
        try:
            sync.run(options if whole else _short(options), stopping.is_set, whole=whole)
        except Stopped:
            break
        except StoreError as error:
            if isinstance(error, Unusable) and whole_at == 0:
                raise
            if tries == 0:
                said(f"{error}; waiting for it")
            stopping.wait(_pause(every, tries))
            tries += 1
            continue
        finally:
            passed()
        if tries:
            said("it is back")
            tries = 0
        if whole:
            whole_at = time.monotonic()
            options = replace(options, since=None)
        stopping.wait(every)


def _short(options: Options) -> Options:
    return replace(options, look_back=min(options.look_back, SHORT_LOOK_BACK))


def _pause(every: float, tries: int) -> float:
    """Seconds before the next try: twice as long each time, up to a limit."""
    return min(max(every, 1) * 2.0 ** min(tries, 10), max(every, LONGEST_WAIT))
