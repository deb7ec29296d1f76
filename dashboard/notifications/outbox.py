"""The outbox: a table of messages to be sent, with their status, attempts, and when the next attempt is due.

A process claims a row in a transaction of its own before sending it, so that only one process sends it. A
claim expires, so that a row claimed by a process that died is sent by another.
"""

import time
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import sqlalchemy as sa

Status = Literal["waiting", "sending", "sent", "failing", "given up", "unknown"]
CLAIM: Final = 15 * 60 * 1_000_000
"""Microseconds until a claim expires."""
MOST_ATTEMPTS: Final = 20
_MINUTE: Final = 60 * 1_000_000
_LONGEST_WAIT: Final = 6 * 60


class Claimed(Protocol):
    """A claimed row, as it was before the claim."""

    @property
    def number(self) -> int:
        """The number of the row."""

    @property
    def status(self) -> Status:
        """The status before the claim; `sending` if a process died after claiming the row."""

    @property
    def attempts(self) -> int:
        """The number of attempts before the claim."""


class OutboxRow(NamedTuple):
    """The columns of a claimed row that every outbox table has."""

    number: int
    status: Status
    attempts: int


class Clock:
    """A clock that starts at a given instant.

    Rows sent after slow ones need the time that has passed, or their claims would expire at once.
    """

    def __init__(self, at: int) -> None:
        self._at = at
        self._began = time.monotonic_ns()

    @property
    def now(self) -> int:
        """The instant, in microseconds."""
        return self._at + (time.monotonic_ns() - self._began) // 1_000


@dataclass(frozen=True, slots=True)
class Outbox:
    """The rows of a table that are to be sent."""

    table: sa.Table
    command: str
    """The command that sends a row again whose arrival is unknown."""

    def claim(self, connection: sa.Connection, now: int, claimed_at: int | None = None) -> OutboxRow | None:
        """Claim the next row that is due at `now`, and return it as it was before; None if no row is due.

        The claim starts at `now`, or at `claimed_at` if that is later.
        """
        c = self.table.c
        end = max(now, claimed_at or now) + CLAIM
        due = sa.and_(
            c.status.in_(("waiting", "failing", "sending")), c.due_at <= sa.literal(now, sa.BigInteger)
        )
        rows = connection.execute(
            sa.select(c.number, c.status, c.attempts).where(due).order_by(c.number)
        ).all()
        for row in (OutboxRow(*columns) for columns in rows):
            changes = {"status": "sending", "attempts": row.attempts + 1, "due_at": end}
            is_unchanged = sa.and_(c.number == row.number, c.attempts == row.attempts, c.status == row.status)
            claimed = self.table.update().where(is_unchanged).values(changes).returning(c.number)
            if connection.execute(claimed).scalar():
                return row
        return None

    def record_sent(self, connection: sa.Connection, row: Claimed, now: int) -> None:
        """Record that a row has arrived."""
        self._set(connection, row, {"status": "sent", "sent_at": now, "said": ""})

    def record_failed(self, connection: sa.Connection, row: Claimed, now: int, reason: str) -> None:
        """Record that a row did not arrive. It is tried up to `MOST_ATTEMPTS` times, with doubling waits."""
        attempts = row.attempts + 1
        wait = min(2 ** (attempts - 1), _LONGEST_WAIT) * _MINUTE
        status: Status = "given up" if attempts >= MOST_ATTEMPTS else "failing"
        self._set(connection, row, {"status": status, "due_at": now + wait, "said": reason[:500]})

    def record_unknown(self, connection: sa.Connection, row: Claimed) -> None:
        """Record that a process died while sending a row. The row may have arrived, so it is not retried."""
        reason = (
            "interrupted while it was sent: look whether it arrived, "
            f"and send it with `{self.command} --again NUMBER`"
        )
        self._set(connection, row, {"status": "unknown", "said": reason})

    def retry(self, connection: sa.Connection, number: int, now: int) -> bool:
        """Make a row due again; whether there is such a row that was given up, is failing or is unknown."""
        c = self.table.c
        stuck = c.status.in_(("given up", "unknown", "failing"))
        changes = {"status": "waiting", "attempts": 0, "due_at": now, "said": ""}
        retried = self.table.update().where(c.number == number, stuck).values(changes)
        return connection.execute(retried.returning(c.number)).scalar() is not None

    def withdraw(self, connection: sa.Connection, where: sa.ColumnElement[bool], reason: str) -> None:
        """Give up the rows that meet a condition and have not been sent yet."""
        is_waiting = self.table.c.status.in_(("waiting", "failing"))
        update = self.table.update().where(is_waiting, where)
        connection.execute(update.values(status="given up", said=reason))

    def _set(self, connection: sa.Connection, row: Claimed, values: dict[str, object]) -> None:
        connection.execute(self.table.update().where(self.table.c.number == row.number).values(values))
