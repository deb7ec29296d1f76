"""Schedules in the ledger: who is sent what when a month is closed, and what became of it.

Each report of a closed month to a target is a row of `delivery`, made once and sent as the outbox does (`dashboard.notifications.outbox`).
"""

from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from dashboard.notifications.outbox import Outbox, Status
from ingest.ledger import dialects, periods
from ingest.ledger.tables.periods import delivery, schedule

OUTBOX: Final = Outbox(delivery, "tallybook report send")


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
    found = connection.execute(ended.returning(c.number)).scalar() is not None
    if found:
        OUTBOX.withdraw(connection, delivery.c.schedule_number == number, "the schedule was ended")
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
        for event in periods.latest_events(connection).values():
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


def claim(connection: sa.Connection, now: int, claimed_at: int | None = None) -> Delivery | None:
    """The next delivery that was due, as it was before it was claimed; None where nothing was due. See `Outbox.claim`."""
    one = OUTBOX.claim(connection, now, claimed_at)
    if one is None:
        return None
    (found,) = _read(connection, delivery.c.number == one.number)
    return replace(found, status=one.status, attempts=one.attempts)


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
