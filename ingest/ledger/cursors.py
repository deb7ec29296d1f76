"""Cursors: how far each table of a gateway's own store has been read, and which calls had not ended by then.

A cursor moves in the transaction that commits the rows read, and only forwards. It tells where reading
continues, not what has been counted: rows that are read again are duplicates.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import sync_cursor, sync_waiting

_newest_at = sa.type_coerce(sync_cursor.c.newest_at, sa.BigInteger)


def newest(connection: sa.Connection, store: str) -> int | None:
    """The time of the newest row read so far, or None before the first."""
    return connection.execute(sa.select(_newest_at).where(sync_cursor.c.store == store)).scalar()


def move(connection: sa.Connection, store: str, newest_at: int | None, now: int) -> None:
    """Record that rows up to `newest_at` have been read. A cursor that is further ahead does not move."""
    statement = dialects.insert(connection, sync_cursor)
    current, new = sync_cursor.c.newest_at, statement.excluded.newest_at
    further = sa.case((current.is_(None), new), (new > current, new), else_=current)
    upsert = statement.on_conflict_do_update(
        index_elements=["store"], set_={"newest_at": further, "moved_at": statement.excluded.moved_at}
    )
    connection.execute(upsert, [{"store": store, "newest_at": newest_at, "moved_at": now}])


def wait_for(connection: sa.Connection, store: str, row_keys: Sequence[str], now: int) -> None:
    """Store the keys of rows whose call has not ended, to read them again."""
    if not row_keys:
        return
    statement = dialects.insert(connection, sync_waiting)
    upsert = statement.on_conflict_do_update(
        index_elements=["store", "row_key"], set_={"seen_at": statement.excluded.seen_at}
    )
    rows = [{"store": store, "row_key": key, "seen_at": now} for key in sorted(set(row_keys))]
    connection.execute(upsert, rows)


def settle(connection: sa.Connection, store: str, row_keys: Sequence[str]) -> None:
    """Delete waiting rows whose call has ended or which no longer exist."""
    for chunk in dialects.chunks(row_keys):
        connection.execute(
            sync_waiting.delete().where(sync_waiting.c.store == store, sync_waiting.c.row_key.in_(chunk))
        )


def waiting(
    connection: sa.Connection, store: str, *, seen_before: int, after: str = "", limit: int
) -> list[str]:
    """The keys of waiting rows last read before `seen_before`, a page at a time."""
    c = sync_waiting.c
    query = (
        sa.select(c.row_key)
        .where(c.store == store, c.seen_at < seen_before, c.row_key > after)
        .order_by(c.row_key)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def count_waiting(connection: sa.Connection, store: str) -> int:
    """The number of waiting rows."""
    count = sa.select(sa.func.count()).select_from(sync_waiting).where(sync_waiting.c.store == store)
    return connection.execute(count).scalar_one()
