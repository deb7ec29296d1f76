"""The open ledger: its database, reporting zone and secret, and its read and write transactions.

SQLite runs in WAL mode with `synchronous=FULL`: a commit survives a power cut. A write transaction takes
the write lock at its start (BEGIN IMMEDIATE), so that the rows it has read do not change until it commits.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnection

from ingest.ledger import dirty_slots, ownership, schema
from ingest.ledger.dictionary import Dictionary
from ingest.ledger.key_hashes import KeyRing, secret_beside
from ingest.ledger.tables.calls import ledger_property
from ingest.model.zone import Zone
from ingest.pricing.doubts import COST_FACTOR
from ingest.pricing.point import TRUSTED
from ingest.settings import Settings

Connection = sa.Connection
"""A transaction on the ledger, as `Ledger.reading` and `Ledger.writing` open it."""

BUSY_SECONDS = 30


class LedgerError(Exception):
    """The ledger cannot be opened or used; the message says what to do."""


class DatabaseError(LedgerError):
    """The database has refused a statement; the message is that of the database.

    `kind` is the class name of the original error, for logs.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class LedgerBusy(DatabaseError):
    """The database is locked or unreachable; a retry may succeed."""


@dataclass(frozen=True)
class Ledger:
    """An open ledger."""

    engine: sa.Engine
    zone: Zone
    keyring: KeyRing
    currency: str = "USD"
    price_sources: tuple[str, ...] = TRUSTED
    """The sources of prices, the most trusted first."""
    computed_costs: frozenset[str] = frozenset()
    """Sources of events whose computed cost counts, and not the reported cost."""
    reported_cost_factor: int = COST_FACTOR
    """How many times the computed cost a reported cost may be before the call is flagged."""
    dictionary: Dictionary = field(default_factory=Dictionary)
    pinned: sa.Connection | None = field(default=None, compare=False, repr=False)
    """The snapshot that all reads share, in a ledger of `snapshot`; else each read has its own."""

    @property
    def url(self) -> str:
        """The database URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A read transaction: all statements see the same snapshot.

        Raises:
            DatabaseError: the database refuses a statement; `LedgerBusy` if a retry may succeed.
        """
        if self.pinned is not None:
            with translated_errors():
                yield self.pinned
            return
        with (
            translated_errors(),
            self.engine.connect().execution_options(**_snapshot(self.engine)) as connection,
        ):
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator["Ledger"]:
        """This ledger with a single snapshot for all reads, so that their answers agree.

        It is for one thread. Writes are not part of it.

        Raises:
            DatabaseError: the database refuses a statement; `LedgerBusy` if a retry may succeed.
        """
        with self.reading() as connection:
            yield replace(self, pinned=connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction: it commits at the end of the block, and rolls back after an error.

        Raises:
            DatabaseError: the database refuses a statement; `LedgerBusy` if a retry may succeed.
        """
        with (
            translated_errors(),
            self.engine.connect().execution_options(tallybook_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def dry_run(self) -> Iterator[sa.Connection]:
        """A write transaction that is always rolled back.

        Raises:
            DatabaseError: the database refuses a statement; `LedgerBusy` if a retry may succeed.
        """
        with (
            translated_errors(),
            self.engine.connect().execution_options(tallybook_write=True) as connection,
        ):
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    def check(self) -> None:
        """Check that the database answers.

        Raises:
            DatabaseError: it cannot be reached.
        """
        with self.reading() as connection:
            connection.execute(sa.select(1))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(settings: Settings) -> Ledger:
    """Open the ledger of the settings. An embedded ledger is created and migrated first if needed.

    Raises:
        LedgerError: the database is missing, unreachable, older or newer than
        this program, or has another secret.
    """
    engine = make_engine(settings.database_url)
    try:
        with translated_errors():
            if engine.dialect.name == "sqlite":
                schema.migrate(engine)
            schema.require_current(engine)
            return _read_properties(engine, settings)
    except (LedgerBusy, OSError, schema.SchemaError) as error:
        engine.dispose()
        raise LedgerError(_explain(engine, error)) from error


def make_engine(url: str) -> sa.Engine:
    """An engine for `url`; SQLite is configured as the module states.

    Raises:
        LedgerError: the URL is not valid, or names an unsupported database.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise LedgerError(
                f"TALLYBOOK_DATABASE_URL: {parsed.get_backend_name()} is not supported; "
                "use sqlite or postgresql"
            )
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise LedgerError(
                "TALLYBOOK_DATABASE_URL: an embedded ledger needs a file, as in sqlite:///tallybook.db"
            )
        engine = sa.create_engine(parsed, connect_args=_connect_arguments(parsed), pool_pre_ping=True)
    except ArgumentError as error:
        raise LedgerError(f"TALLYBOOK_DATABASE_URL is not a database URL: {error}") from error
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise LedgerError(
            f"TALLYBOOK_DATABASE_URL: {error}; for PostgreSQL install tallybook[postgres]"
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the errors of the database as errors of the ledger, so that callers need not know SQLAlchemy.

    Raises:
        LedgerBusy: the database is locked or unreachable.
        DatabaseError: the database has refused a statement for another reason.
    """
    try:
        yield
    except (DBAPIError, NoConnection) as error:
        is_busy = isinstance(error, (OperationalError, InterfaceError, NoConnection))
        raise (LedgerBusy if is_busy else DatabaseError)(_cause(error), type(error).__qualname__) from error
    except OverflowError as error:
        raise DatabaseError("a number is larger than any number in a ledger", "OverflowError") from error
    except UnicodeEncodeError as error:
        raise DatabaseError("a text has characters that are not Unicode", "UnicodeEncodeError") from error


def _cause(error: DBAPIError | NoConnection) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()


def _snapshot(engine: sa.Engine) -> dict[str, str]:
    """Options for a snapshot: SQLite needs none, PostgreSQL needs another isolation level."""
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def _connect_arguments(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": BUSY_SECONDS, "isolation_level": None}
    return {"connect_timeout": 10}


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.execute("PRAGMA wal_autocheckpoint=16000")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    wants_write = connection.get_execution_options().get("tallybook_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_write else "BEGIN")


def _read_properties(engine: sa.Engine, settings: Settings) -> Ledger:
    secret = _secret(engine, settings)
    own = {
        "timezone": Zone(settings.timezone or "UTC").name,
        "secret_fingerprint": hashlib.blake2b(secret, digest_size=8).hexdigest(),
    }
    stored = _read_or_set_properties(engine, own)
    if stored["secret_fingerprint"] != own["secret_fingerprint"]:
        raise LedgerError(
            "TALLYBOOK_SECRET_KEY is not the one that this ledger's keys were hashed with: "
            "use the first one again"
        )
    ledger = Ledger(
        engine,
        Zone(stored["timezone"]),
        KeyRing(secret),
        settings.currency,
        *_price_rules(settings),
        settings.reported_cost_factor,
    )
    if settings.timezone is not None and settings.timezone != stored["timezone"]:
        return _rezoned(ledger, Zone(settings.timezone))
    return ledger


def _price_rules(settings: Settings) -> tuple[tuple[str, ...], frozenset[str]]:
    """The price sources by trust, and the sources of events whose computed costs count."""
    trust, computed = (
        [name for part in text.split(",") if (name := part.strip())]
        for text in (settings.price_sources, settings.computed_costs)
    )
    return tuple(trust), frozenset(computed)


def _rezoned(ledger: Ledger, zone: Zone) -> Ledger:
    """The ledger in another reporting zone.

    All slots become dirty, so answers are right until rollups are made.
    """
    with ledger.writing() as connection:
        connection.execute(
            ledger_property.update().where(ledger_property.c.name == "timezone").values(value=zone.name)
        )
        dirty_slots.mark_everything(connection, zone)
        ownership.update_owners(connection)
    return replace(ledger, zone=zone)


def _read_or_set_properties(engine: sa.Engine, defaults: dict[str, str]) -> dict[str, str]:
    """The ledger's properties. Missing properties are stored with their default."""
    read = sa.select(ledger_property.c.name, ledger_property.c.value)
    with engine.connect() as connection:
        stored = dict(connection.execute(read).all())
    if missing := {name: value for name, value in defaults.items() if name not in stored}:
        with engine.connect().execution_options(tallybook_write=True) as connection, connection.begin():
            already = set(connection.execute(sa.select(ledger_property.c.name)).scalars())
            rows = [{"name": n, "value": v} for n, v in missing.items() if n not in already]
            if rows:
                connection.execute(ledger_property.insert(), rows)
            stored = dict(connection.execute(read).all())
    return stored


def _secret(engine: sa.Engine, settings: Settings) -> bytes:
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    if engine.dialect.name == "sqlite":
        return secret_beside(Path(f"{engine.url.database}.secret"))
    raise LedgerError("set TALLYBOOK_SECRET_KEY: virtual keys are stored as hashes made with it")


def _explain(engine: sa.Engine, error: Exception) -> str:
    where = engine.url.render_as_string(hide_password=True)
    return f"cannot open the ledger {where}: {str(error).strip()}"


def without_password(url: str) -> str:
    """A database URL as it may be shown."""
    return sa.make_url(url).render_as_string(hide_password=True)


def sqlite_file(url: str) -> str | None:
    """The file of an embedded ledger; None where the URL names none."""
    return sa.make_url(url).database
