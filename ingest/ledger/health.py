"""Whether the ledger can be written now, asked with a connection and a short patience of its own.

Nothing is written and no lock is kept: on SQLite a write transaction is begun and rolled back at once, on
PostgreSQL the server says whether it takes writes.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from ingest.ledger import database_file, outage, schema
from ingest.ledger.engine import Ledger, libpq_options
from ingest.ledger.last_backup import last_backup
from ingest.ledger.outage import Outage
from ingest.ledger.tables.calls import dirty_slot, usage_event
from ingest.ledger.write_ahead_log import wal_bytes

LEAST_FREE: Final = 64 * 2**20
"""Bytes that must be free on the disk of an embedded ledger."""
PATIENCE_SECONDS: Final = 1
_POSTGRESQL: Final = {
    "connect_timeout": 2,  # the shortest that libpq keeps
    "tcp_user_timeout": 2000,
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 2,
}
"""A server that has gone without a word is noticed, and found again when it is back."""
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Figures:
    """Sizes and ages of a ledger, for operators. None is what this database does not have or tell."""

    newest_event_at: int | None
    """When the newest call was made, microseconds UTC."""
    last_backup_at: int | None
    dirty_slots: int
    """Slots that wait for their rollups."""
    database_bytes: int
    log_bytes: int | None
    """The write-ahead log of an embedded ledger."""
    free_bytes: int | None
    """What is free on the disk of an embedded ledger."""


class Probe:
    """Looks at one ledger; used from one thread at a time."""

    def __init__(self, ledger: Ledger, free_bytes: Callable[[Path], int] | None = None) -> None:
        """`free_bytes` tells how much a folder's disk has left."""
        self._ledger = ledger
        self._free_bytes = free_bytes or _free_bytes
        self._engine = _engine(ledger)

    def outage(self) -> Outage | None:
        """Why the ledger cannot be written now; None if it can."""
        try:
            if self._ledger.file is not None:
                return self._outage_of_file() or self._outage_of_sqlite()
            return self._outage_of_postgresql()
        except (DBAPIError, NoConnection) as error:
            return outage.of_error(error) or outage.UNAVAILABLE
        except OSError:
            return outage.GONE

    def figures(self) -> Figures | None:
        """The sizes and ages; None while the ledger is away. Each costs a look-up in an index, or less."""
        try:
            with self._engine.connect() as connection:
                return self._figures(connection)
        except (DBAPIError, NoConnection, OSError):
            return None

    def _figures(self, connection: sa.Connection) -> Figures:
        c = usage_event.c
        newest = connection.execute(
            sa.select(sa.func.max(sa.type_coerce(c.occurred_at, sa.BigInteger)))
        ).scalar()
        dirty = connection.execute(sa.select(sa.func.count()).select_from(dirty_slot)).scalar_one()
        backup = last_backup(connection)
        backup_at = None if backup is None else backup.at
        file = self._ledger.file
        if file is None:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
            return Figures(newest, backup_at, dirty, size, None, None)
        free = self._free_bytes(file.resolve().parent)
        return Figures(newest, backup_at, dirty, database_file.size_of(file), wal_bytes(self._ledger), free)

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def _outage_of_file(self) -> Outage | None:
        file = self._ledger.file
        assert file is not None, "asked of embedded ledgers only"
        folder = file.resolve().parent
        if found := self._ledger.opened_file.outage():
            return found
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return outage.READ_ONLY
        if not os.access(folder, os.W_OK | os.X_OK):
            return outage.FOLDER
        if (free := self._free_bytes(folder)) < LEAST_FREE:
            return outage.nearly_full(free // _MIB, LEAST_FREE // _MIB)
        return None

    def _outage_of_sqlite(self) -> Outage | None:
        with self._engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except DBAPIError as error:
                others_commit = connection.exec_driver_sql("PRAGMA data_version").scalar_one() != version
                return None if others_commit else outage.of_error(error) or outage.UNAVAILABLE
            connection.exec_driver_sql("ROLLBACK")
            return _outage_of_schema(connection)

    def _outage_of_postgresql(self) -> Outage | None:
        with self._engine.connect() as connection:
            is_standby, is_read_only = connection.exec_driver_sql(
                "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
            ).one()
            return outage.READ_ONLY if is_standby or is_read_only else _outage_of_schema(connection)


def _outage_of_schema(connection: sa.Connection) -> Outage | None:
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision == schema.revisions()[-1]:
        return None
    return outage.NO_TABLES if revision is None or revision in schema.revisions() else outage.NEWER


def _engine(ledger: Ledger) -> sa.Engine:
    url = ledger.engine.url
    if ledger.file is not None:
        creator = partial(_connect, ledger.file.absolute())
        return sa.create_engine(url, creator=creator, pool_size=1, isolation_level="AUTOCOMMIT")
    options = libpq_options(url, f"-c statement_timeout={PATIENCE_SECONDS * 1000}")
    return sa.create_engine(
        url,
        connect_args={**_POSTGRESQL, "options": options},
        pool_size=1,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
    )


def _connect(file: Path) -> Any:
    """A connection that makes no file."""
    return sqlite3.connect(
        f"{file.as_uri()}?mode=rw",
        uri=True,
        timeout=PATIENCE_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free
