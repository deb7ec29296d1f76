"""The outbox: what is to be sent to whom, in a table with a status, the attempts, and when the next one is due.

Whoever sends a row claims it first, in a transaction of its own, so that of several processes one sends. A claim has an end: what a process that died has
claimed is taken up again after it.
"""

import time
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import sqlalchemy as sa

Status = Literal["waiting", "sending", "sent", "failing", "given up", "unknown"]
CLAIM: Final = 15 * 60 * 1_000_000
"""Microseconds after which a process that claimed a row is taken for dead."""
MOST_ATTEMPTS: Final = 20
_MINUTE: Final = 60 * 1_000_000
_LONGEST_WAIT: Final = 6 * 60


class Claimed(Protocol):
    """A row that is being sent, as it was before."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def status(self) -> Status:
        """`sending` where a process that died has claimed it before."""

    @property
    def attempts(self) -> int:
        """How often it was tried before."""


class OutboxRow(NamedTuple):
    """What the outbox itself knows of a row that is being sent."""

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


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is to be sent of one table."""

    table: sa.Table
    command: str
    """What sends a row again that is in doubt."""

    def claim(self, connection: sa.Connection, now: int, claimed_at: int | None = None) -> OutboxRow | None:
        """The next row that was due at an instant, claimed until it is said what became of it; None where nothing was due.

        A claim begins at `claimed_at`, where it is later than that.
        """
        c = self.table.c
        end = max(now, claimed_at or now) + CLAIM
        due = sa.and_(
            c.status.in_(("waiting", "failing", "sending")), c.due_at <= sa.literal(now, sa.BigInteger)
        )
        rows = connection.execute(
            sa.select(c.number, c.status, c.attempts).where(due).order_by(c.number)
        ).all()
        for one in (OutboxRow(*row) for row in rows):
            changes = {"status": "sending", "attempts": one.attempts + 1, "due_at": end}
            same = sa.and_(c.number == one.number, c.attempts == one.attempts, c.status == one.status)
            claimed = self.table.update().where(same).values(changes).returning(c.number)
            if connection.execute(claimed).scalar():
                return one
        return None

    def sent(self, connection: sa.Connection, one: Claimed, now: int) -> None:
        """A row has arrived."""
        self._set(connection, one, {"status": "sent", "sent_at": now, "said": ""})

    def failed(self, connection: sa.Connection, one: Claimed, now: int, said: str) -> None:
        """A row has not arrived: it is tried again after a wait that doubles, and given up at last."""
        attempts = one.attempts + 1
        wait = min(2 ** (attempts - 1), _LONGEST_WAIT) * _MINUTE
        status: Status = "given up" if attempts >= MOST_ATTEMPTS else "failing"
        self._set(connection, one, {"status": status, "due_at": now + wait, "said": said[:500]})

    def doubted(self, connection: sa.Connection, one: Claimed) -> None:
        """Nobody knows whether a row has arrived: a process died while it was sent. It is not sent twice."""
        said = f"interrupted while it was sent: look whether it arrived, and send it with `{self.command} --again NUMBER`"
        self._set(connection, one, {"status": "unknown", "said": said})

    def again(self, connection: sa.Connection, number: int, now: int) -> bool:
        """Let a row be sent again; whether there is one that was given up, failing or in doubt."""
        c = self.table.c
        stuck = c.status.in_(("given up", "unknown", "failing"))
        changes = {"status": "waiting", "attempts": 0, "due_at": now, "said": ""}
        retried = self.table.update().where(c.number == number, stuck).values(changes)
        return connection.execute(retried.returning(c.number)).scalar() is not None

    def withdraw(self, connection: sa.Connection, where: sa.ColumnElement[bool], said: str) -> None:
        """Send no more of some rows what has not been sent yet."""
        waiting = self.table.c.status.in_(("waiting", "failing"))
        connection.execute(self.table.update().where(waiting, where).values(status="given up", said=said))

    def _set(self, connection: sa.Connection, one: Claimed, values: dict[str, object]) -> None:
        connection.execute(self.table.update().where(self.table.c.number == one.number).values(values))
