"""Rejected records: stored with their origin and without content, until they are repaired or discarded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import rejected_record
from ingest.model.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Origin:
    """The channel, time and file that records came from."""

    channel: str
    received_at: int
    path: str | None = None
    source: str | None = None
    batch_id: int | None = None


def store(connection: sa.Connection, rejections: Sequence[Rejection], origin: Origin) -> None:
    """Store rejected records. The same rejection of the same record is stored once and counted."""
    for rejection in sorted(rejections, key=lambda rejection: _digest(rejection, origin)):
        statement = dialects.insert(connection, rejected_record)
        upsert = statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={"times": rejected_record.c.times + 1, "rejected_at": statement.excluded.rejected_at},
        )
        connection.execute(upsert, [_row(rejection, origin)])


@dataclass(frozen=True, slots=True)
class StoredRejection:
    """A stored rejected record, with the reason and the place of its rejection."""

    rejected_id: int
    channel: str
    path: str | None
    line: int
    code: str
    field: str | None
    reason: str
    source: str | None
    record: str | None
    """The record without its content; None where it could not be stored."""
    rejected_at: datetime


_COLUMNS: Final = [rejected_record.c[field.name] for field in fields(StoredRejection)]


def newest(connection: sa.Connection, limit: int) -> list[StoredRejection]:
    """The latest rejected records, the newest first."""
    return _stored(
        connection, sa.select(*_COLUMNS).order_by(rejected_record.c.rejected_at.desc()).limit(limit)
    )


def with_record(connection: sa.Connection) -> list[StoredRejection]:
    """The rejected records that are stored with their record and can be read again."""
    return _stored(connection, sa.select(*_COLUMNS).where(rejected_record.c.record.is_not(None)))


def count(connection: sa.Connection) -> int:
    """The number of stored rejected records."""
    return connection.execute(sa.select(sa.func.count()).select_from(rejected_record)).scalar_one()


def drop(connection: sa.Connection, rejected_id: int) -> None:
    """Delete a rejected record."""
    connection.execute(rejected_record.delete().where(rejected_record.c.rejected_id == rejected_id))


def _stored(connection: sa.Connection, query: sa.Select[Any]) -> list[StoredRejection]:
    return [StoredRejection(**row) for row in connection.execute(query).mappings()]


def _row(rejection: Rejection, origin: Origin) -> dict[str, object]:
    return {
        "digest": _digest(rejection, origin),
        "channel": origin.channel,
        "path": origin.path,
        "line": rejection.line,
        "code": rejection.code,
        "field": rejection.field,
        "reason": rejection.reason,
        "source": origin.source,
        "record": rejection.record,
        "rejected_at": origin.received_at,
    }


def _digest(rejection: Rejection, origin: Origin) -> bytes:
    place = (origin.channel, origin.path, rejection.line if origin.path else None)
    facts = repr((place, rejection.code, rejection.reason, rejection.record))
    return hashlib.blake2b(facts.encode("utf-8", "replace"), digest_size=16).digest()
