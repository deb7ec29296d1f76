"""Schedules in the ledger, and the deliveries of reports to their targets.

Each report of a closed month to a target is a row of `delivery`. It is added once and sent as the outbox does
(`dashboard.notifications.outbox`).
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from dashboard.notifications.outbox import Outbox, Status
from ingest.ledger import dialects, periods
from ingest.ledger.tables.periods import delivery, schedule

OUTBOX: Final = Outbox(delivery, "tallybook report send")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Sends the report of every closed month to a target."""

    target: str
    by: str
    form: str
    recorded_at: int
    recorded_by: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """The sending of a month's report to a target."""

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

    @property
    def statement_number(self) -> int:
        """The number of the statement within its month: 2 of `2026-10/2`."""
        return int(self.what.split()[1].partition("/")[2])


def add(connection: sa.Connection, new: Schedule) -> int:
    """Add a schedule unless there is an equal one; the number of the schedule."""
    for known in schedules(connection):
        if (known.target, known.by, known.form) == (new.target, new.by, new.form):
            return known.number
    row = {
        "target": new.target,
        "by": new.by,
        "form": new.form,
        "recorded_at": new.recorded_at,
        "recorded_by": new.recorded_by,
    }
    return int(connection.execute(schedule.insert().returning(schedule.c.number), row).scalar_one())


def end(connection: sa.Connection, number: int, now: int) -> bool:
    """End a schedule and withdraw its waiting deliveries; False if there is no such schedule."""
    c = schedule.c
    ended = schedule.update().where(c.number == number, c.ended_at.is_(None)).values(ended_at=now)
    was_active = connection.execute(ended.returning(c.number)).scalar() is not None
    if was_active:
        OUTBOX.withdraw(connection, delivery.c.schedule_number == number, "the schedule was ended")
    return was_active


def schedules(connection: sa.Connection) -> list[Schedule]:
    """The schedules that have not ended."""
    c = schedule.c
    at = sa.type_coerce(c.recorded_at, sa.BigInteger)
    query = sa.select(c.target, c.by, c.form, at, c.recorded_by, c.number).where(c.ended_at.is_(None))
    return [
        Schedule(target=target, by=by, form=form, recorded_at=recorded, recorded_by=who, number=number)
        for target, by, form, recorded, who, number in connection.execute(query.order_by(c.number))
    ]


def queue_deliveries(connection: sa.Connection, now: int) -> None:
    """Add a delivery for every schedule and every month that was closed since, unless it exists."""
    closings = Counter(event.period for event in periods.events(connection) if event.status == "closed")
    for active in schedules(connection):
        for event in periods.closed(connection).values():
            if event.at < active.recorded_at:
                continue
            number = f"{event.period}/{closings[event.period]}"
            row = {
                "what": f"chargeback {number} by {active.by} as {active.form}",
                "target": active.target,
                "schedule_number": active.number,
                "period": event.period,
                "status": "waiting",
                "attempts": 0,
                "due_at": now,
                "said": "",
            }
            connection.execute(dialects.insert(connection, delivery).on_conflict_do_nothing(), row)


def claim(connection: sa.Connection, now: int, claimed_at: int | None = None) -> Delivery | None:
    """The next due delivery as it was before it was claimed, or None. See `Outbox.claim`."""
    claimed = OUTBOX.claim(connection, now, claimed_at)
    if claimed is None:
        return None
    (row,) = _read(connection, delivery.c.number == claimed.number)
    return replace(row, status=claimed.status, attempts=claimed.attempts)


def deliveries(connection: sa.Connection) -> list[Delivery]:
    """All deliveries, newest first."""
    return _read(connection, sa.true())[::-1]


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Delivery]:
    c = delivery.c
    due, arrived = (sa.type_coerce(column, sa.BigInteger) for column in (c.due_at, c.sent_at))
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
