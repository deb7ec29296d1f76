"""Rejected records: stored with their origin and without content, until they are repaired or discarded."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables import rejected_record
from ingest.refusal import Rejection


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
