"""Import batches: the files read, how many records of each are committed, and the state of each import."""

from dataclasses import dataclass

import sqlalchemy as sa

from ingest.ledger.tables.calls import import_batch
from ingest.model.receipt import Receipt

_COUNTS = ("records", "accepted", "duplicates", "revised", "rejected", "unpriced", "flagged")


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an earlier import of the same file."""

    committed_records: int
    keyless: int


def start(connection: sa.Connection, channel: str, path: str, fingerprint: str, now: int) -> int:
    """Record that an import has started. Returns its batch id."""
    values = {
        "channel": channel,
        "path": path,
        "fingerprint": fingerprint,
        "status": "running",
        "started_at": now,
    }
    added = import_batch.insert().values(values).returning(import_batch.c.batch_id)
    return int(connection.execute(added).scalar_one())


def advance(connection: sa.Connection, batch_id: int, read: int, receipt: Receipt, keyless: int) -> None:
    """Add a batch of `read` raw records, in the transaction that commits it.

    `keyless` is the total of the import.
    """
    counts = {name: import_batch.c[name] + getattr(receipt, name) for name in _COUNTS}
    committed = import_batch.c.committed_records + read
    connection.execute(
        import_batch.update()
        .where(import_batch.c.batch_id == batch_id)
        .values(**counts, committed_records=committed, keyless=keyless)
    )


def skip(connection: sa.Connection, batch_id: int, records: int) -> None:
    """Record that the first `records` were committed by an earlier import and are not read again."""
    connection.execute(
        import_batch.update().where(import_batch.c.batch_id == batch_id).values(committed_records=records)
    )


def finish(connection: sa.Connection, batch_id: int, status: str, now: int) -> None:
    """Record that an import has ended, as `finished`, `interrupted` or `failed`."""
    connection.execute(
        import_batch.update()
        .where(import_batch.c.batch_id == batch_id)
        .values(status=status, finished_at=now)
    )


def furthest(connection: sa.Connection, fingerprint: str) -> Progress | None:
    """The progress of the furthest earlier import of a file with this fingerprint."""
    c = import_batch.c
    query = (
        sa.select(c.committed_records, c.keyless)
        .where(c.fingerprint == fingerprint)
        .order_by(c.committed_records.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return Progress(row.committed_records, row.keyless) if row else None


def mark_interrupted(connection: sa.Connection, channel: str, fingerprint: str, now: int) -> None:
    """Mark earlier running imports of the same file or store as interrupted: their process was killed."""
    c = import_batch.c
    dead = (c.channel == channel, c.fingerprint == fingerprint, c.status == "running")
    connection.execute(import_batch.update().where(*dead).values(status="interrupted", finished_at=now))
