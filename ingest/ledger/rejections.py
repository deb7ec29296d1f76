"""Rejected records: stored with their origin and without content, until they are repaired or discarded."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
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


MOST_OF_BODY: Final = 1_000
"""Rejected records of a request that are kept one by one."""
MOST_OF_FILE: Final = 10_000
"""Rejected records of a file, or of a pass over a store, that are kept one by one."""


class Kept:
    """The rejected records of one body or file that are kept one by one, so that nonsense fills no ledger.

    The first `limit` of them are. All further ones share a row for each code, without their records.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._digests: set[bytes] = set()
        self._further: Counter[str] = Counter()

    def copy(self) -> "Kept":
        """The same, for a transaction that may be rolled back."""
        copy = Kept(self.limit)
        copy._digests, copy._further = set(self._digests), Counter(self._further)
        return copy

    @property
    def is_full(self) -> bool:
        """Whether no further record is kept by itself."""
        return len(self._digests) >= self.limit

    def take(self, digest: bytes) -> bool:
        """Whether the record of this digest is kept by itself."""
        if digest in self._digests:
            return True
        if self.is_full:
            return False
        self._digests.add(digest)
        return True

    def count_further(self, code: str, records: int) -> int:
        """Count further records refused with a code; how many there are now."""
        self._further[code] += records
        return self._further[code]


def store(
    connection: sa.Connection, rejections: Sequence[Rejection], origin: Origin, kept: Kept | None = None
) -> None:
    """Store rejected records, in one statement. The same rejection of the same record is one row, counted."""
    if not rejections:
        return
    kept = kept or Kept(MOST_OF_FILE)
    rows: dict[bytes, dict[str, Any]] = {}
    further: Counter[str] = Counter()
    for equal in _equal(rejections, origin):
        if kept.is_full and origin.path:  # a line of a file is kept once, so none of these is
            further[equal[0].code] += len(equal)
            continue
        digest = _digest(equal[0], origin)
        if kept.take(digest):
            rows[digest] = {**_row(equal[0], origin, digest), "times": len(equal)}
        else:
            further[equal[0].code] += len(equal)
    for code, times in further.items():
        row = _further_row(code, kept.count_further(code, times), kept.limit, origin)
        rows[row["digest"]] = {**row, "times": times}
    statement = dialects.insert(connection, rejected_record)
    upsert = statement.on_conflict_do_update(
        index_elements=["digest"],
        set_={
            "times": rejected_record.c.times + statement.excluded.times,
            "rejected_at": statement.excluded.rejected_at,
            "reason": statement.excluded.reason,
        },
    )
    connection.execute(upsert, [rows[digest] for digest in sorted(rows)])


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
        connection,
        sa.select(*_COLUMNS)
        .order_by(rejected_record.c.rejected_at.desc(), rejected_record.c.rejected_id.desc())
        .limit(limit),
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


def _equal(rejections: Sequence[Rejection], origin: Origin) -> Iterable[list[Rejection]]:
    """The rejections in groups that are one row, by what their digest is made of."""
    groups: dict[Hashable, list[Rejection]] = {}
    for one in rejections:
        line = one.line if origin.path else None
        groups.setdefault((line, one.code, one.reason, one.record), []).append(one)
    return groups.values()


def _further_row(code: str, records: int, kept: int, origin: Origin) -> dict[str, Any]:
    """The row of the records of one code that are not kept one by one."""
    reason = (
        f"{records:,} more like this, not kept one by one: the first {kept:,} rejected records of a "
        f"{'file' if origin.path else 'body'} are, which is enough to see what is wrong"
    )
    rejection = Rejection(0, 0, code, reason)
    place = (origin.channel, origin.path, None if origin.path else origin.received_at, code, "further")
    return _row(rejection, origin, _hash(repr(place)))


def _row(rejection: Rejection, origin: Origin, digest: bytes) -> dict[str, Any]:
    return {
        "digest": digest,
        "channel": origin.channel,
        "path": origin.path,
        "line": rejection.line,
        "code": rejection.code,
        "field": _storable(rejection.field),
        "reason": _storable(rejection.reason),
        "source": origin.source,
        "record": _storable(rejection.record),
        "rejected_at": origin.received_at,
    }


def _storable(text: str | None) -> str | None:
    """The text as every database stores it: without NUL, and with a question mark for half a character."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode()


def _digest(rejection: Rejection, origin: Origin) -> bytes:
    place = (origin.channel, origin.path, rejection.line if origin.path else None)
    facts = repr((place, rejection.code, rejection.reason, rejection.record))
    return _hash(facts)


def _hash(facts: str) -> bytes:
    return hashlib.blake2b(facts.encode("utf-8", "replace"), digest_size=16).digest()
