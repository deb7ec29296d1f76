"""The outbox: what is to be sent to whom, in a table with a status, the attempts, and when the next one is due.

Whoever sends a row claims it first, in a transaction of its own, so that of several processes one sends. A claim has an end: what a process that died has
claimed is taken up again after it.
"""

import time
from typing import Final, Literal, NamedTuple

import sqlalchemy as sa

Status = Literal["waiting", "sending", "sent", "failing", "given up", "unknown"]
CLAIM: Final = 15 * 60 * 1_000_000
"""Microseconds after which a process that claimed a row is taken for dead."""
MOST_ATTEMPTS: Final = 20
_MINUTE: Final = 60 * 1_000_000
_LONGEST_WAIT: Final = 6 * 60


class Claimed(NamedTuple):
    """A row that is being sent, as it was before."""

    number: int
    status: Status
    attempts: int


class Clock:
    """The time as it goes on from an instant. What is sent after slow others is claimed from then on, or its claim would be over at once."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._began = time.monotonic_ns()

    @property
    def now(self) -> int:
        """The instant, in microseconds."""
        return self._at + (time.monotonic_ns() - self._began) // 1_000


def claim(
    connection: sa.Connection, table: sa.Table, now: int, claimed_at: int | None = None
) -> Claimed | None:
    """The next row that was due at an instant, claimed until it is said what became of it; None where nothing was due.

    A claim begins at `claimed_at`, where it is later than that.
    """
    c = table.c
    end = max(now, claimed_at or now) + CLAIM
    due = sa.and_(c.status.in_(("waiting", "failing", "sending")), c.due_at <= sa.literal(now, sa.BigInteger))
    rows = connection.execute(sa.select(c.number, c.status, c.attempts).where(due).order_by(c.number)).all()
    for one in (Claimed(*row) for row in rows):
        changes = {"status": "sending", "attempts": one.attempts + 1, "due_at": end}
        same = sa.and_(c.number == one.number, c.attempts == one.attempts, c.status == one.status)
        if connection.execute(table.update().where(same).values(changes).returning(c.number)).scalar():
            return one
    return None


def sent(connection: sa.Connection, table: sa.Table, number: int, now: int) -> None:
    """A row has arrived."""
    _set(connection, table, number, {"status": "sent", "sent_at": now, "said": ""})


def failed(connection: sa.Connection, table: sa.Table, one: Claimed, now: int, said: str) -> None:
    """A row has not arrived: it is tried again after a wait that doubles, and given up at last."""
    attempts = one.attempts + 1
    wait = min(2 ** (attempts - 1), _LONGEST_WAIT) * _MINUTE
    status: Status = "given up" if attempts >= MOST_ATTEMPTS else "failing"
    _set(connection, table, one.number, {"status": status, "due_at": now + wait, "said": said[:500]})


def doubted(connection: sa.Connection, table: sa.Table, number: int, said: str) -> None:
    """Nobody knows whether a row has arrived: a process died while it was sent. It is not sent twice."""
    _set(connection, table, number, {"status": "unknown", "said": said})


def again(connection: sa.Connection, table: sa.Table, number: int, now: int) -> bool:
    """Let a row be sent again; whether there is one that was given up, failing or in doubt."""
    c = table.c
    stuck = c.status.in_(("given up", "unknown", "failing"))
    changes = {"status": "waiting", "attempts": 0, "due_at": now, "said": ""}
    retried = table.update().where(c.number == number, stuck).values(changes)
    return connection.execute(retried.returning(c.number)).scalar() is not None


def _set(connection: sa.Connection, table: sa.Table, number: int, values: dict[str, object]) -> None:
    connection.execute(table.update().where(table.c.number == number).values(values))
