"""Readiness: answered at once from the latest look, whatever the look itself is doing."""

import threading
from collections.abc import Callable

import pytest
from dirty_equals import IsStr

from ingest.http.readiness import FAILURE_SECONDS, NOT_YET, STALE_SECONDS, STALLED, Readiness
from ingest.ledger.engine import LedgerBusy
from ingest.ledger.health import Figures
from ingest.ledger.outage import DISK_FULL, LOCKED, Outage
from ingest.ledger.writes import Writes


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Looker:
    """Sees what it is told."""

    def __init__(self, look: Callable[[], Outage | None]) -> None:
        self.outage = look

    def figures(self) -> Figures | None:
        return None

    def close(self) -> None:
        pass


FINE = Looker(lambda: None)


def failed_write(writes: Writes, outage: Outage) -> None:
    with pytest.raises(LedgerBusy), writes.noted():
        raise LedgerBusy("no", outage=outage)


def test_a_look_counts_until_it_is_too_old() -> None:
    clock = Clock()
    readiness = Readiness(lambda: FINE, Writes(clock), clock)
    seen = [readiness.outage]
    for later in (0, STALE_SECONDS, 0.1):
        clock.now += later
        if not later:
            readiness.look(FINE)
        seen.append(readiness.outage)
    assert seen == [NOT_YET, None, None, STALLED]


def test_a_look_that_hangs_is_noticed_and_answered_at_once() -> None:
    clock, let_go = Clock(), threading.Event()
    looks = iter([None])

    def hang_the_second_time() -> Outage | None:
        if next(looks, "hangs") == "hangs":
            let_go.wait(60)
        return None

    readiness = Readiness(lambda: Looker(hang_the_second_time), Writes(clock), clock)
    readiness.start()
    assert readiness.first_outage() is None
    clock.now += STALE_SECONDS + 1
    assert readiness.outage is STALLED
    readiness.stop()
    let_go.set()


def test_a_look_that_breaks_is_not_ready_and_the_next_counts() -> None:
    def break_off() -> Outage | None:
        raise RuntimeError("the secret of the probe")

    readiness = Readiness(lambda: FINE, Writes())
    seen = []
    for looker in (Looker(break_off), FINE):
        readiness.look(looker)
        seen.append(readiness.outage)
    assert seen == [STALLED, None]


def test_figures_that_cannot_be_read_end_no_look() -> None:
    class Blind(Looker):
        def figures(self) -> Figures | None:
            raise RuntimeError("the secret of the probe")

    readiness = Readiness(lambda: FINE, Writes())
    readiness.look(Blind(lambda: None))
    assert (readiness.outage, readiness.figures) == (None, None)


def test_a_failed_write_counts_for_a_while_or_until_one_succeeds() -> None:
    clock = Clock()
    writes = Writes(clock)
    readiness = Readiness(lambda: FINE, writes, clock)
    failed_write(writes, DISK_FULL)
    readiness.look(FINE)
    seen = [readiness.outage]
    clock.now += FAILURE_SECONDS
    readiness.look(FINE)
    seen.append(readiness.outage)
    failed_write(writes, DISK_FULL)
    seen.append(readiness.outage)
    with writes.noted():
        pass
    assert [*seen, readiness.outage] == [DISK_FULL, None, DISK_FULL, None]


def test_a_failure_that_a_look_can_see_ends_with_the_next_look() -> None:
    clock = Clock()
    writes = Writes(clock)
    readiness = Readiness(lambda: FINE, writes, clock)
    readiness.look(FINE)
    clock.now += 1
    failed_write(writes, LOCKED)
    seen = [readiness.outage]
    clock.now += 1
    readiness.look(FINE)
    assert [*seen, readiness.outage] == [LOCKED, None]


def test_a_refused_statement_is_no_failed_write() -> None:
    writes = Writes()
    with pytest.raises(ValueError), writes.noted():  # noqa: PT011 - any error that tells of no outage
        raise ValueError
    assert writes.latest_failure(FAILURE_SECONDS) is None


def test_only_changes_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Outage | None] = [None, LOCKED, LOCKED, DISK_FULL, None, None]
    readiness = Readiness(lambda: FINE, Writes())
    for outage in seen:
        readiness.look(Looker(lambda outage=outage: outage))  # type: ignore[misc]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        IsStr(regex=".*ledger is not ready.*locked.*"),
        IsStr(regex=".*ledger is not ready.*disk_full.*"),
        IsStr(regex=".*ledger is ready again.*"),
    ]
