"""Schedules in the ledger: who is sent what when a month is closed, and what became of it.

Each report of a closed month to a target is a row of `delivery`, made once. Whoever sends it claims the row first, in a transaction of
its own, so that of several processes one sends. A claim has an end: what a process that died has claimed is taken up again after it.
"""

from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa

from ingest.ledger import dialects, periods
from ingest.ledger.period_tables import delivery, schedule

Status = Literal["waiting", "sending", "sent", "failing", "given up", "unknown"]
CLAIM: Final = 15 * 60 * 1_000_000
"""Microseconds after which a process that claimed a delivery is taken for dead."""
_MINUTE: Final = 60 * 1_000_000
_LONGEST_WAIT: Final = 6 * 60
MOST_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Who is sent the report of every month that is closed."""

    target: str
    by: str
    form: str
    recorded_at: int
    recorded_by: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report of a month to a target."""

    number: int
    what: str
    target: str
    schedule_number: int
    period: str
    status: Status
    attempts: int
    due_at: int
    sent_at: int | None
    said: str


def add(connection: sa.Connection, one: Schedule) -> int:
    """Record a schedule, if there is none like it; its number."""
    for held in schedules(connection):
        if (held.target, held.by, held.form) == (one.target, one.by, one.form):
            return held.number
    row = {
        "target": one.target,
        "by": one.by,
        "form": one.form,
        "recorded_at": one.recorded_at,
        "recorded_by": one.recorded_by,
    }
    return int(connection.execute(schedule.insert().returning(schedule.c.number), row).scalar_one())


def end(connection: sa.Connection, number: int, now: int) -> bool:
    """End a schedule; whether there was one. What is not sent yet is not sent any more."""
    c = schedule.c
    ended = schedule.update().where(c.number == number, c.ended_at.is_(None)).values(ended_at=now)
    waiting = delivery.c.status.in_(("waiting", "failing"))
    found = connection.execute(ended.returning(c.number)).scalar() is not None
    if found:
        gone = delivery.update().where(delivery.c.schedule_number == number, waiting)
        connection.execute(gone.values(status="given up", said="the schedule was ended"))
    return found


def schedules(connection: sa.Connection) -> list[Schedule]:
    """The schedules that stand."""
    c = schedule.c
    at = sa.type_coerce(c.recorded_at, sa.BigInteger)
    wanted = sa.select(c.target, c.by, c.form, at, c.recorded_by, c.number).where(c.ended_at.is_(None))
    return [
        Schedule(target=target, by=by, form=form, recorded_at=recorded, recorded_by=who, number=number)
        for target, by, form, recorded, who, number in connection.execute(wanted.order_by(c.number))
    ]


def fill(connection: sa.Connection, now: int) -> None:
    """Make a delivery of every closed statement that a schedule is owed and that is not one yet."""
    for one in schedules(connection):
        for event in periods.standing(connection).values():
            if event.status != "closed" or event.at < one.recorded_at:
                continue
            row = {
                "what": f"chargeback {event.period}/{event.revision} by {one.by} as {one.form}",
                "target": one.target,
                "schedule_number": one.number,
                "period": event.period,
                "status": "waiting",
                "attempts": 0,
                "due_at": now,
                "said": "",
            }
            connection.execute(dialects.insert(connection, delivery).on_conflict_do_nothing(), row)


def claim(connection: sa.Connection, now: int) -> Delivery | None:
    """The next delivery that is due, claimed until it is said what became of it; None where nothing is due."""
    c = delivery.c
    due = sa.and_(c.status.in_(("waiting", "failing", "sending")), c.due_at <= _instant(now))
    for one in _read(connection, due):
        changes = {"status": "sending", "attempts": one.attempts + 1, "due_at": now + CLAIM}
        same = sa.and_(c.number == one.number, c.attempts == one.attempts, c.status == one.status)
        if connection.execute(delivery.update().where(same).values(changes).returning(c.number)).scalar():
            return one
    return None


def sent(connection: sa.Connection, number: int, now: int) -> None:
    """A delivery has arrived."""
    _set(connection, number, {"status": "sent", "sent_at": now, "said": ""})


def failed(connection: sa.Connection, one: Delivery, now: int, said: str) -> None:
    """A delivery has not arrived: it is tried again after a wait that doubles, and given up at last."""
    attempts = one.attempts + 1
    wait = min(2 ** (attempts - 1), _LONGEST_WAIT) * _MINUTE
    status: Status = "given up" if attempts >= MOST_ATTEMPTS else "failing"
    _set(connection, one.number, {"status": status, "due_at": now + wait, "said": said[:500]})


def doubted(connection: sa.Connection, one: Delivery) -> None:
    """Nobody knows whether a delivery has arrived: a process died while it was sent. It is not sent twice."""
    said = "interrupted while it was sent: look whether it arrived, and send it with `tallybook report send --again NUMBER`"
    _set(connection, one.number, {"status": "unknown", "said": said})


def again(connection: sa.Connection, number: int, now: int) -> bool:
    """Let a delivery be sent again; whether there is one that was given up, failing or in doubt."""
    c = delivery.c
    stuck = c.status.in_(("given up", "unknown", "failing"))
    retried = delivery.update().where(c.number == number, stuck)
    changes = {"status": "waiting", "attempts": 0, "due_at": now, "said": ""}
    return connection.execute(retried.values(changes).returning(c.number)).scalar() is not None


def deliveries(connection: sa.Connection) -> list[Delivery]:
    """Every delivery, the latest first."""
    return _read(connection, sa.true())[::-1]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Delivery]:
    c = delivery.c
    due, arrived = (sa.type_coerce(one, sa.BigInteger) for one in (c.due_at, c.sent_at))
    columns = (
        c.number,
        c.what,
        c.target,
        c.schedule_number,
        c.period,
        c.status,
        c.attempts,
        due,
        arrived,
        c.said,
    )
    return [Delivery(*row) for row in connection.execute(sa.select(*columns).where(where).order_by(c.number))]


def _set(connection: sa.Connection, number: int, values: dict[str, object]) -> None:
    connection.execute(delivery.update().where(delivery.c.number == number).values(values))


def _instant(at: int) -> sa.ColumnElement[int]:
    return sa.literal(at, sa.BigInteger)
