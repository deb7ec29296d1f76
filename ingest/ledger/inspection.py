"""A look at a ledger that changes nothing: it makes no file, migrates no table and sets no property.

Whatever the database refuses or does not finish in time is `LedgerBusy` or `DatabaseError`.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from ingest.ledger import schema
from ingest.ledger.database_file import WrongFile, read_only_uri, require
from ingest.ledger.engine import (
    Ledger,
    LedgerBusy,
    LedgerError,
    libpq_options,
    make_engine,
    translated_errors,
)
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import ledger_property
from ingest.model.zone import Zone
from ingest.settings import Settings

_STEPS: Final = 20_000
"""Instructions of SQLite between two looks at the clock."""
_MOST_FAULTS: Final = 5
_LONG_SECONDS: Final = 300
"""How long a transaction of PostgreSQL may run before it is told of."""
_POSTGRESQL: Final = "-c default_transaction_read_only=on -c statement_timeout={} -c lock_timeout={}"


class TookTooLong(LedgerBusy):
    """A question was given up because its time was over."""


class Holder(NamedTuple):
    """A session of PostgreSQL that others wait for, or that has been in a transaction for long."""

    pid: int
    name: str
    seconds: int
    waiting: int
    """How many sessions wait for it."""


@dataclass(slots=True)
class _Limit:
    """When statements are given up, by the monotonic clock."""

    at: float = float("inf")


@dataclass(frozen=True)
class Look:
    """A database that is looked at. Every question has `seconds`, and is given up after them."""

    engine: sa.Engine
    seconds: float
    limit: _Limit = field(default_factory=_Limit)

    @property
    def is_embedded(self) -> bool:
        """Whether the ledger is a file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Give up statements of the block that are not done in time.

        Raises:
            TookTooLong: they are not.
            LedgerBusy: the database is away.
        """
        outer = self.limit.at
        self.limit.at = min(outer, time.monotonic() + self.seconds)
        try:
            with translated_errors():
                yield
        except LedgerBusy as error:
            if time.monotonic() > self.limit.at:
                raise TookTooLong(str(error)) from error
            raise
        finally:
            self.limit.at = outer

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A read transaction whose statements are limited together.

        Raises:
            DatabaseError: the database refuses, or does not finish in time.
        """
        with self.limited(), self.engine.connect() as connection:
            yield connection

    def revision(self) -> str | None:
        """The revision of the schema; None for a database without tables of a ledger."""
        with self.limited():
            return schema.current(self.engine)

    def properties(self) -> dict[str, str]:
        """The ledger's properties by name."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(ledger_property.c.name, ledger_property.c.value))
            return dict(rows.all())

    def ledger(self, zone: str, secret: bytes, settings: Settings) -> Ledger:
        """The ledger for questions about it.

        Raises:
            UnknownZone: this machine does not know its zone.
        """
        return Ledger(self.engine, Zone(zone), KeyRing(secret), settings.currency)

    def faults(self) -> list[str]:
        """What SQLite's quick check finds damaged, or the failed checksums of PostgreSQL.

        Raises:
            TookTooLong: it was given up before it was through.
        """
        with self.reading() as connection:
            if self.is_embedded:
                rows = connection.exec_driver_sql(f"PRAGMA quick_check({_MOST_FAULTS})").scalars()
                return [text for text in rows if text != "ok"]
            failed = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
            count = connection.exec_driver_sql(failed).scalar()
            return [f"{count} pages have a checksum that is wrong"] if count else []

    @contextmanager
    def commits(self) -> Iterator[Callable[[], int]]:
        """A number of SQLite's that is another one after a commit of somebody else, while the block runs."""
        with translated_errors(), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            yield lambda: int(cursor.execute("PRAGMA data_version").fetchone()[0])

    def clock(self) -> int | None:
        """The database server's clock in microseconds; None for an embedded ledger, which has none."""
        if self.is_embedded:
            return None
        with self.reading() as connection:
            seconds = connection.exec_driver_sql("SELECT extract(epoch from clock_timestamp())").scalar_one()
        return int(seconds * 1_000_000)

    def refuses_writes(self) -> bool:
        """Whether a PostgreSQL server takes no writes: a standby, or one that is set to read only."""
        if self.is_embedded:
            return False
        with self.reading() as connection:
            in_recovery = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one()
            is_set = connection.exec_driver_sql(_READ_ONLY).scalar()
        return bool(in_recovery or is_set)

    def holders(self) -> list[Holder]:
        """The sessions of PostgreSQL that others have waited for, or that have long been in a transaction."""
        if self.is_embedded:
            return []
        with self.reading() as connection:
            rows = connection.exec_driver_sql(_HOLDERS, {"long": _LONG_SECONDS})
            return [Holder(pid, name or "", int(seconds), waiting) for pid, name, seconds, waiting in rows]


_HOLDERS: Final = """
WITH waiting AS (
  SELECT unnest(pg_blocking_pids(pid)) AS holder FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND clock_timestamp() - query_start > interval '1 second'
)
SELECT pid, coalesce(nullif(application_name, ''), usename), extract(epoch FROM clock_timestamp() - xact_start),
       (SELECT count(*) FROM waiting WHERE holder = pid)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
  AND (pid IN (SELECT holder FROM waiting) OR clock_timestamp() - xact_start > make_interval(secs => %(long)s))
ORDER BY 4 DESC, 3 DESC LIMIT 5
"""
_READ_ONLY: Final = """
SELECT bool_or(setting IN ('default_transaction_read_only=on', 'default_transaction_read_only=true'))
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
"""


@contextmanager
def looking(url: str, seconds: float = 1.0) -> Iterator[Look]:
    """A look at the database of a URL.

    Raises:
        LedgerError: it cannot be reached or is no database; the message is that of the database.
    """
    parsed = make_engine(url).url
    engine = _embedded(parsed, seconds) if parsed.get_backend_name() == "sqlite" else _served(parsed, seconds)
    look = Look(engine, seconds)
    if look.is_embedded:
        sa.event.listen(engine, "connect", _giving_up(look.limit))
    try:
        look.revision()  # SQLite reads a file only when it is asked for something in it
        yield look
    finally:
        engine.dispose()


def _embedded(url: sa.URL, seconds: float) -> sa.Engine:
    """An engine that reads an embedded ledger and leaves no file beside it."""
    file = Path(url.database or "")
    try:
        require(file)
        uri = read_only_uri(file)
    except WrongFile as error:
        raise LedgerError(str(error)) from error

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False)

    engine = sa.create_engine(url, creator=connect)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _served(url: sa.URL, seconds: float) -> sa.Engine:
    milliseconds = int(seconds * 1_000)
    options = libpq_options(url, _POSTGRESQL.format(milliseconds, milliseconds))
    arguments = {"connect_timeout": 3, "options": options}
    return sa.create_engine(url, connect_args=arguments)


def _giving_up(limit: _Limit) -> Any:
    """A listener that makes SQLite look at the clock while it works."""

    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.set_progress_handler(lambda: time.monotonic() > limit.at, _STEPS)

    return set_up
