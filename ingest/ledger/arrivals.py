"""Arrival: which calls a snapshot has, told by a single sequence number.

A call draws its sequence number before its transaction commits, so on PostgreSQL a smaller number may be
committed after a larger one. Transactions that add calls therefore share a lock, and a settled snapshot
begins at a moment when no transaction has it: the snapshot has every call up to its newest, and every call
that is committed later has a larger number. On SQLite writers follow each other: every snapshot is settled.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.engine import Ledger, LedgerBusy, translated_errors, writing
from ingest.ledger.tables.calls import usage_event

_LOCK: Final = 0x7A110002
"""The lock that transactions adding calls (shared) and the start of a settled snapshot (exclusive) take."""
_WAIT_SECONDS: Final = 0.3
"""How long the start waits for writers, which meanwhile wait for it."""
_ATTEMPTS: Final = 40
_PAUSE_SECONDS: Final = 0.2


def lock_arrivals(connection: sa.Connection) -> None:
    """Tell settled snapshots that this transaction is going to add calls."""
    dialects.lock_by_number(connection, _LOCK, shared=True)


def newest_call(connection: sa.Connection) -> int:
    """The sequence number of the newest call; 0 if there is none."""
    return connection.execute(sa.select(sa.func.max(usage_event.c.seq))).scalar() or 0


@contextmanager
def settled_snapshot(ledger: Ledger, pause: Callable[[float], None] = time.sleep) -> Iterator[Ledger]:
    """The ledger in a settled snapshot.

    Raises:
        LedgerBusy: a transaction that adds calls has not ended in some 20 seconds.
    """
    for _ in range(_ATTEMPTS):
        with ledger.snapshot() as snapshot:
            if _is_settled(ledger, snapshot):
                yield snapshot
                return
        pause(_PAUSE_SECONDS)
    raise LedgerBusy("a transaction that adds calls does not end: wait for it, or end its process")


def _is_settled(ledger: Ledger, snapshot: Ledger) -> bool:
    """Begin the snapshot while no writer is underway; whether it was possible in a short time."""
    if ledger.engine.dialect.name == "sqlite":
        _begin(snapshot)
        return True
    try:
        # not as a write of the ledger: that it has to wait is no failure
        with translated_errors(), writing(ledger.engine, _WAIT_SECONDS) as connection:
            dialects.lock_by_number(connection, _LOCK, shared=False)
            _begin(snapshot)
    except LedgerBusy:
        return False
    return True


def _begin(snapshot: Ledger) -> None:
    """A snapshot begins with its first statement."""
    with snapshot.reading() as connection:
        newest_call(connection)
