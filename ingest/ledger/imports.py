"""Import batches: the files read, how many records of each are committed, and the state of each import."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.tables.calls import import_batch
from ingest.model.receipt import Receipt

_COUNTS = ("records", "accepted", "duplicates", "revised", "rejected", "unpriced", "flagged")


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an earlier import of the same file."""

    committed_records: int
    keyless: int


@dataclass(frozen=True, slots=True)
class WholeFile:
    """The result of a file that is committed as a whole."""

    batch_id: int
    read: int
    receipt: Receipt
    keyless: int


def start(connection: sa.Connection, channel: str, path: str, fingerprint: str, now: int) -> int:
    """Record that an import has started. Returns its batch id."""
    return start_all(connection, channel, [(path, fingerprint)], now)[0]


def start_all(
    connection: sa.Connection, channel: str, files: Sequence[tuple[str, str]], now: int
) -> list[int]:
    """Record that the imports of files (path, fingerprint) have started. Returns their batch ids."""
    rows = [
        {
            "channel": channel,
            "path": path,
            "fingerprint": fingerprint,
            "status": "running",
            "started_at": now,
        }
        for path, fingerprint in files
    ]
    added = import_batch.insert().returning(import_batch.c.batch_id, sort_by_parameter_order=True)
    return list(connection.execute(added, rows).scalars())


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


def finish_all(connection: sa.Connection, files: Sequence[WholeFile], now: int) -> None:
    """Record that the imports of whole files have finished, in the transaction that commits their records."""
    connection.execute(_FINISHED, [_finished_row(file, now) for file in files])


_RESULTS: Final = (*_COUNTS, "committed_records", "keyless", "finished_at")
_FINISHED: Final = (
    import_batch.update()
    .where(import_batch.c.batch_id == sa.bindparam("of_batch"))
    .values(status="finished", **{name: sa.bindparam(f"new_{name}") for name in _RESULTS})
)


def _finished_row(file: WholeFile, now: int) -> dict[str, Any]:
    counts = {f"new_{name}": getattr(file.receipt, name) for name in _COUNTS}
    progress = {"new_committed_records": file.read, "new_keyless": file.keyless}
    return {"of_batch": file.batch_id, **counts, **progress, "new_finished_at": now}


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
