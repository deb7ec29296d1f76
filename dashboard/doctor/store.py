"""What the checks ask of the ledger's tables. Each question reads an index or a bounded number of rows."""

from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from ingest.ledger.engine import Connection
from ingest.ledger.tables.alerts import alert_message
from ingest.ledger.tables.calls import (
    dirty_slot,
    import_batch,
    rejected_record,
    sync_cursor,
    usage_event,
)
from ingest.ledger.tables.periods import delivery

MOST_REJECTED: Final = 10_000
"""The newest rejected records that are counted."""
MOST_COUNTED: Final = 1_000
_OUTBOXES: Final = {"tallybook alert send": alert_message, "tallybook report send": delivery}
"""The tables of messages, by the command that sends what is due."""


class Rejected(NamedTuple):
    """Rejected records of a code."""

    code: str
    records: int
    newest_at: int
    reason: str
    """The reason of the newest."""


class Messages(NamedTuple):
    """The messages of an outbox that are in a state."""

    command: str
    status: str
    messages: int
    said: str
    """What the newest attempt came to."""


class Cursor(NamedTuple):
    """How far a gateway's store has been read."""

    store: str
    moved_at: int


def _micros(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.type_coerce(column, sa.BigInteger)


def newest_arrival(connection: Connection) -> int | None:
    """When the newest event was received."""
    query = sa.select(_micros(usage_event.c.received_at)).order_by(usage_event.c.seq.desc()).limit(1)
    return connection.execute(query).scalar()


def calls_after(connection: Connection, instant: int) -> int:
    """How many calls are dated after an instant; at most `MOST_COUNTED` are counted."""
    at = _micros(usage_event.c.occurred_at)
    some = sa.select(usage_event.c.seq).where(at > sa.literal(instant, sa.BigInteger)).limit(MOST_COUNTED)
    return int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())


def rejected_since(connection: Connection, instant: int) -> list[Rejected]:
    """The rejected records since an instant by code, the most first."""
    c = rejected_record.c
    columns = (c.code, c.times, _micros(c.rejected_at).label("at"), c.reason)
    newest = sa.select(*columns).order_by(c.rejected_id.desc()).limit(MOST_REJECTED)
    by_code: dict[str, Rejected] = {}
    for code, times, at, reason in connection.execute(newest):
        if at < instant:
            continue
        found = by_code.setdefault(code, Rejected(code, 0, at, reason))
        by_code[code] = found._replace(records=found.records + times)
    return sorted(by_code.values(), key=lambda rejected: -rejected.records)


def backlog(connection: Connection) -> tuple[int, int | None]:
    """How many slots wait for their rollups, and where the oldest begins."""
    query = sa.select(sa.func.count(), sa.func.min(dirty_slot.c.slot))
    count, oldest = connection.execute(query).one()
    return int(count), oldest


def undelivered(connection: Connection, *, since: int, overdue_before: int) -> list[Messages]:
    """Messages that could not be sent since an instant, and that are long due, by state."""
    found: list[Messages] = []
    for command, table in _OUTBOXES.items():
        c = table.c
        is_late = c.status.in_(("waiting", "sending")) & (
            _micros(c.due_at) < sa.literal(overdue_before, sa.BigInteger)
        )
        has_failed = c.status.in_(("failing", "given up", "unknown")) & (
            _micros(c.due_at) >= sa.literal(since, sa.BigInteger)
        )
        query = sa.select(c.status, c.said).where(is_late | has_failed).order_by(c.number.desc())
        by_status: dict[str, Messages] = {}
        for status, said in connection.execute(query.limit(MOST_COUNTED)):
            state = "late" if status in ("waiting", "sending") else status
            one = by_status.setdefault(state, Messages(command, state, 0, said))
            by_status[state] = one._replace(messages=one.messages + 1)
        found += by_status.values()
    return found


def cursors(connection: Connection) -> list[Cursor]:
    """The cursors of all stores."""
    query = sa.select(sync_cursor.c.store, _micros(sync_cursor.c.moved_at)).order_by(sync_cursor.c.store)
    return [Cursor(store, moved_at) for store, moved_at in connection.execute(query)]


def unfinished_imports(connection: Connection, before: int) -> list[str]:
    """The paths of files whose import began before an instant and has not ended, the newest first."""
    c = import_batch.c
    began = _micros(c.started_at) < sa.literal(before, sa.BigInteger)
    newest = sa.select(c.path, c.status, began.label("began")).order_by(c.batch_id.desc()).limit(MOST_COUNTED)
    return [
        path or "-" for path, status, is_old in connection.execute(newest) if status == "running" and is_old
    ]
