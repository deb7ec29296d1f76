"""The breaker: a ledger that cannot be written is not waited for by one request after another."""

import pytest

from ingest.http import limits
from ingest.http.breaker import Breaker
from ingest.ledger.engine import LedgerBusy


class Clock:
    """A clock that only moves when told."""

    time = 100.0

    def __call__(self) -> float:
        return self.time


def lock(breaker: Breaker) -> None:
    with pytest.raises(LedgerBusy, match="locked"), breaker.trying():
        raise LedgerBusy("database is locked", "OperationalError")


def test_one_write_a_second_is_tried_while_the_ledger_is_away() -> None:
    clock, tried = Clock(), 0
    breaker = Breaker(clock)
    lock(breaker)
    for _ in range(100):
        clock.time += 0.1
        try:
            breaker.check()
        except LedgerBusy:
            continue
        tried += 1
        lock(breaker)
    assert tried in (9, 10)


def test_the_first_write_that_succeeds_closes_it() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    lock(breaker)
    clock.time += limits.RETRY_SECONDS
    with breaker.trying():
        pass
    assert not breaker.is_open
    breaker.check()


def test_other_errors_do_not_open_it() -> None:
    breaker = Breaker(Clock())
    with pytest.raises(ZeroDivisionError), breaker.trying():
        raise ZeroDivisionError
    breaker.check()
