"""Following a store: repeated passes until asked to stop, even while the store is unavailable for a time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final

from ingest.clock import now
from ingest.intake.decode import Decoder
from ingest.ledger import directory, rollups
from ingest.ledger.directory import ImportCounts
from ingest.ledger.engine import Ledger
from ingest.sync.gateway import Gateway
from ingest.sync.pull import Options, Puller, Report, Stopped
from ingest.sync.store import Store, StoreError, Unusable

SHORT_LOOK_BACK: Final = 15 * 60 * 1_000_000
"""The look-back of most passes of a follower, in microseconds."""
FULL_SECONDS: Final = 3600
"""Seconds between passes of a follower with the full look-back."""
LONGEST_WAIT: Final = 300
"""The longest wait between tries for an unavailable store, in seconds, unless passes are further apart."""


@dataclass(slots=True)
class Outcome:
    """The results of any number of passes over a store."""

    reports: list[Report] = field(default_factory=list)
    entered: ImportCounts = field(default_factory=ImportCounts)
    passes: int = 0


class Sync:
    """Makes passes over all tables of a store."""

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

    def run(self, options: Options, stopping: Callable[[], bool], *, with_directory: bool = True) -> None:
        """Make one pass over all tables, `with_directory` also over the names of keys and teams.

        Raises:
            Stopped: `stopping` became true; everything counted in the outcome is committed.
            StoreError: the store cannot be read, or not any further.
        """
        try:
            self._pass(options, stopping, with_directory=with_directory)
        except StoreError:
            self._roll_up()
            raise
        self._roll_up()
        self.outcome.passes += 1

    def _pass(self, options: Options, stopping: Callable[[], bool], *, with_directory: bool) -> None:
        if with_directory:
            entries = list(self._gateway.directory_entries(self._store, self._ledger.keyring))
            self.outcome.entered.add(directory.enter(self._ledger, entries, now()))
        for puller in self._pullers_of_tables():
            puller.run(options, stopping)

    def _roll_up(self) -> None:
        """Make the rollups of new events.

        A stopped pass skips this: answers are right without rollups too.
        """
        if rollups.count_dirty_slots(self._ledger):
            rollups.roll(self._ledger)

    def _pullers_of_tables(self) -> Iterator[Puller]:
        """A puller for each table in the store.

        A missing optional table may appear when the gateway is updated.
        """
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


Notify = Callable[[str], None]
PassDone = Callable[[], None]


def follow(
    sync: Sync, options: Options, every: float, stopping: Event, notify: Notify, pass_done: PassDone
) -> None:
    """Make passes, with `every` seconds between them, until `stopping` is set.

    `notify` is called once when the store becomes unavailable and once when it is back, `pass_done` after
    each pass.

    Raises:
        Unusable: the first pass found the store unusable.
    """
    last_full_at = 0.0
    tries = 0
    while not stopping.is_set():
        with_directory = last_full_at == 0 or time.monotonic() - last_full_at >= FULL_SECONDS
        try:
            sync.run(
                options if with_directory else _short(options), stopping.is_set, with_directory=with_directory
            )
        except Stopped:
            break
        except StoreError as error:
            if isinstance(error, Unusable) and last_full_at == 0:
                raise
            if tries == 0:
                notify(f"{error}; waiting for it")
            stopping.wait(_pause(every, tries))
            tries += 1
            continue
        finally:
            pass_done()
        if tries:
            notify("it is back")
            tries = 0
        if with_directory:
            last_full_at = time.monotonic()
            options = replace(options, since=None)
        stopping.wait(every)


def _short(options: Options) -> Options:
    return replace(options, look_back=min(options.look_back, SHORT_LOOK_BACK))


def _pause(every: float, tries: int) -> float:
    """Seconds before the next try: doubled each time, up to a limit."""
    return min(max(every, 1) * 2.0 ** min(tries, 10), max(every, LONGEST_WAIT))
