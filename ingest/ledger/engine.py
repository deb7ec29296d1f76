"""The open ledger: its database, reporting zone and secret, and its read and write transactions.

SQLite runs in WAL mode with `synchronous=FULL`: a commit survives a power cut. A write transaction takes
the write lock at its start (BEGIN IMMEDIATE), so that the rows it has read do not change until it commits.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnection

from ingest.ledger import database_file, dirty_slots, opened_file, outage, ownership, schema
from ingest.ledger.database_file import FileLock
from ingest.ledger.dictionary import Dictionary
from ingest.ledger.key_hashes import KeyRing, NoSecret, fingerprint, read_secret, secret_beside
from ingest.ledger.opened_file import OpenedFile, Replaced
from ingest.ledger.outage import UNAVAILABLE, Outage
from ingest.ledger.tables.calls import ledger_property
from ingest.ledger.writes import Writes
from ingest.model.zone import Zone
from ingest.pricing.doubts import COST_FACTOR
from ingest.pricing.point import TRUSTED
from ingest.settings import Settings, sqlite_url

Connection = sa.Connection
"""A transaction on the ledger, as `Ledger.reading` and `Ledger.writing` open it."""

BUSY_SECONDS = 30
"""How long a command waits for the lock of the database."""
AUTOCHECKPOINT_PAGES: Final = 1000
"""A commit takes the write-ahead log back into the file once the log has so many pages (4 MB). With twice as
many an import is 1% faster, and the log twice as long."""
JOURNAL_SIZE_LIMIT: Final = 8 * 2**20
"""Bytes that the log keeps on the disk when it starts anew."""


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
    """The database is locked or unreachable; a retry may succeed.

    `outage` says why, in words without anything of the database's message.
    """

    def __init__(self, message: str, kind: str = "", outage: Outage = UNAVAILABLE) -> None:
        super().__init__(message, kind)
        self.outage = outage


def reason_of(error: DatabaseError) -> str:
    """Why the database has refused, for logs: the code of an outage, else the class of the original error."""
    return error.outage.code if isinstance(error, LedgerBusy) else error.kind


class LedgerReplaced(LedgerBusy):
    """The ledger's file is no longer the file that was opened; only a restart helps."""


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
    lock: FileLock | None = None
    """The lock that tells a restore that the ledger is in use."""
    writes: Writes = field(default_factory=Writes)
    """How the latest write of this process went."""
    lock_seconds: float = BUSY_SECONDS
    """How long a write transaction waits for the lock of the database."""
    pinned: sa.Connection | None = field(default=None, compare=False, repr=False)
    """The snapshot that all reads share, in a ledger of `snapshot`; else each read has its own."""

    @property
    def file(self) -> Path | None:
        """The file of an embedded ledger."""
        return Path(self.engine.url.database or "") if self.engine.dialect.name == "sqlite" else None

    @property
    def opened_file(self) -> OpenedFile:
        """The file of an embedded ledger as it was opened; of a server, a file that nothing is known of."""
        return opened_file.of_engine(self.engine)

    @property
    def is_read_only(self) -> bool:
        """Whether the ledger is read where it lies, because it cannot be written."""
        return is_read_only(self.engine)

    def waiting_at_most(self, seconds: float) -> "Ledger":
        """The same ledger, whose write transactions wait at most `seconds` for the lock."""
        return replace(self, lock_seconds=seconds)

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
            LedgerReplaced: the ledger's file was replaced, and what was committed went to the old one.
        """
        with (
            self.writes.noted(),
            translated_errors(),
            writing(self.engine, self.lock_seconds) as connection,
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
            self.engine.connect().execution_options(**_write_options(self.lock_seconds)) as connection,
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
        """Close all connections, and give the lock on the file back."""
        close(self.engine, self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Purpose(Enum):
    """What a ledger is opened for. It decides whether a missing or read-only ledger is refused."""

    READ = "read"
    """A missing ledger is refused, a ledger that cannot be written is read where it lies."""
    CHANGE = "change"
    """A missing ledger is refused, and so is a read-only ledger."""
    START = "start"
    """A missing ledger is made."""
    ALONE = "alone"
    """As `CHANGE`, and no other process has the ledger open."""


def open_ledger(settings: Settings, purpose: Purpose = Purpose.START) -> Ledger:
    """Open the ledger of the settings. An embedded ledger is migrated first if needed.

    Raises:
        LedgerError: the database is missing, unreachable, older or newer than
        this program, or has another secret.
    """
    engine, lock = open_engine(settings.database_url, purpose)
    try:
        with translated_errors():
            if engine.dialect.name == "sqlite" and not is_read_only(engine):
                schema.migrate(engine)
            _require_current(engine)
            return replace(_read_properties(engine, settings), lock=lock)
    except (DatabaseError, OSError, schema.SchemaError, NoSecret) as error:
        close(engine, lock)
        raise LedgerError(_explain(engine, error)) from error
    except BaseException:
        close(engine, lock)
        raise


def open_existing(settings: Settings) -> Ledger:
    """Open a ledger to change it; a missing ledger is refused.

    Raises:
        LedgerError: as `open_ledger`.
    """
    return open_ledger(settings, Purpose.CHANGE)


def open_to_read(settings: Settings) -> Ledger:
    """Open a ledger to read it, also where it cannot be written; a missing ledger is refused.

    Raises:
        LedgerError: as `open_ledger`.
    """
    return open_ledger(settings, Purpose.READ)


def open_engine(url: str, purpose: Purpose = Purpose.START) -> tuple[sa.Engine, FileLock | None]:
    """The engine of a ledger, and the lock on its file while it is in use.

    Raises:
        LedgerError: the URL is not valid, or its file cannot serve the purpose.
        LedgerBusy: the ledger is being restored, or is to be had alone and is in use.
    """
    engine = make_engine(url)
    if engine.dialect.name != "sqlite":
        return engine, None
    file = Path(engine.url.database or "")
    try:
        if purpose is Purpose.START:
            database_file.create(file)
        else:
            database_file.require(file)
        reason = database_file.read_only_reason(file)
        if reason is None:
            return engine, _lock(file, url, alone=purpose is Purpose.ALONE)
        if purpose is not Purpose.READ:
            raise LedgerError(f"cannot write to the ledger {url}: {reason}")
        return _read_only_engine(engine.url, database_file.read_only_uri(file)), None
    except database_file.WrongFile as error:
        raise LedgerError(_explain(engine, error)) from error


def _lock(file: Path, url: str, *, alone: bool) -> FileLock | None:
    try:
        return database_file.take_alone(file) if alone else database_file.share(file)
    except database_file.InUse as error:
        raise LedgerBusy(
            f"a server or a command has the ledger {url} open: stop it first"
            if alone
            else f"the ledger {url} is being restored or migrated; try again when that has ended"
        ) from error


def is_read_only(engine: sa.Engine) -> bool:
    """Whether an engine reads a ledger that cannot be written."""
    return bool(engine.get_execution_options().get("tallybook_read_only", False))


def engine_of_copy(file: Path) -> sa.Engine:
    """An engine that reads a database file which nobody writes, of whatever schema, and touches no file.

    Raises:
        WrongFile: its write-ahead log cannot be read.
    """
    return _read_only_engine(sa.make_url(sqlite_url(file)), database_file.read_only_uri(file))


def _read_only_engine(url: sa.URL, uri: str) -> sa.Engine:
    """An engine that reads an embedded ledger and touches no file."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    engine = sa.create_engine(url, creator=connect, execution_options={"tallybook_read_only": True})
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _require_current(engine: sa.Engine) -> None:
    try:
        schema.require_current(engine)
    except schema.OlderSchema as error:
        if is_read_only(engine):
            raise schema.SchemaError(
                f"{error.what}, and where it lies it cannot be migrated: copy it, or restore it if it is a backup"
            ) from error
        raise


def close(engine: sa.Engine, lock: FileLock | None) -> None:
    """Close all connections of an engine, and give its lock back."""
    engine.dispose()
    if lock is not None:
        lock.release()


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
    else:
        sa.event.listen(engine, "begin", _begin_postgresql)
    return opened_file.watched(engine)


def libpq_options(url: sa.URL, more: str) -> str:
    """The options of a PostgreSQL URL, such as its `search_path`, and more, which win."""
    stated = url.query.get("options", "")
    return f"{stated if isinstance(stated, str) else ' '.join(stated)} {more}".strip()


@contextmanager
def writing(engine: sa.Engine, lock_seconds: float = BUSY_SECONDS) -> Iterator[sa.Connection]:
    """A write transaction on an engine: it commits at the end of the block, and rolls back after an error.

    Raises:
        Replaced: the ledger's file was replaced, and what was committed went to the old one.
    """
    options = _write_options(lock_seconds)
    with engine.connect().execution_options(**options) as connection:
        with connection.begin():
            yield connection
        opened_file.require_unchanged(connection)


def _write_options(lock_seconds: float) -> dict[str, Any]:
    return {"tallybook_write": True, "tallybook_lock_seconds": lock_seconds}


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the errors of the database as errors of the ledger, so that callers need not know SQLAlchemy.

    Raises:
        LedgerBusy: the database is locked, full, unreachable or replaced.
        DatabaseError: the database has refused a statement for another reason.
    """
    try:
        yield
    except Replaced as error:
        raise LedgerReplaced(str(error), type(error).__qualname__, error.outage) from error
    except (DBAPIError, NoConnection) as error:
        kind = type(error).__qualname__
        if (reason := outage.of_error(error)) is not None:
            raise LedgerBusy(_cause(error), kind, reason) from error
        raise DatabaseError(_cause(error), kind) from error
    except sqlite3.Error as error:  # of what the driver is asked itself
        raise LedgerBusy(
            str(error), type(error).__qualname__, outage.of_driver(error) or UNAVAILABLE
        ) from error
    except OverflowError as error:
        raise DatabaseError("a number is larger than any number in a ledger", "OverflowError") from error
    except UnicodeEncodeError as error:
        raise DatabaseError("a text has characters that are not Unicode", "UnicodeEncodeError") from error


def _cause(error: DBAPIError | NoConnection) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    is_read_only_now = _sqlite_code(error) == sqlite3.SQLITE_READONLY
    return f"{said}: the file or its folder has become read-only" if is_read_only_now else said


def _sqlite_code(error: DBAPIError | NoConnection) -> int | None:
    """The primary error code of SQLite."""
    code = getattr(error.orig, "sqlite_errorcode", None) if isinstance(error, DBAPIError) else None
    return None if code is None else code & 0xFF


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
    cursor.execute(f"PRAGMA wal_autocheckpoint={AUTOCHECKPOINT_PAGES}")
    cursor.execute(f"PRAGMA journal_size_limit={JOURNAL_SIZE_LIMIT}")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("tallybook_write", False):
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_lock_milliseconds(options)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_postgresql(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if "tallybook_lock_seconds" in options:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout={_lock_milliseconds(options)}")


def _lock_milliseconds(options: Mapping[str, Any]) -> int:
    return int(options.get("tallybook_lock_seconds", BUSY_SECONDS) * 1000)


def _read_properties(engine: sa.Engine, settings: Settings) -> Ledger:
    stored = _stored_properties(engine)
    secret = _secret(engine, settings, stored.get("secret_fingerprint"))
    own = {
        "timezone": Zone(settings.timezone or "UTC").name,
        "secret_fingerprint": fingerprint(secret),
        "ledger_id": secrets.token_hex(8),
    }
    if not is_read_only(engine):
        stored = _store_missing_properties(engine, stored, own)
    elif missing := {"timezone", "secret_fingerprint"} - stored.keys():
        raise LedgerError(f"the ledger {engine.url.database} is not complete: {', '.join(sorted(missing))}")
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
        if ledger.is_read_only:
            raise LedgerError(
                f"the ledger is read-only and reports in {stored['timezone']}: "
                f"TALLYBOOK_TIMEZONE cannot be {settings.timezone}"
            )
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


def _stored_properties(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return dict(connection.execute(sa.select(ledger_property.c.name, ledger_property.c.value)).all())


def _store_missing_properties(
    engine: sa.Engine, stored: dict[str, str], defaults: dict[str, str]
) -> dict[str, str]:
    """The ledger's properties. Missing properties are stored with their default."""
    if missing := {name: value for name, value in defaults.items() if name not in stored}:
        with writing(engine) as connection:
            already = set(connection.execute(sa.select(ledger_property.c.name)).scalars())
            rows = [{"name": n, "value": v} for n, v in missing.items() if n not in already]
            if rows:
                connection.execute(ledger_property.insert(), rows)
        return _stored_properties(engine)
    return stored


def _secret(engine: sa.Engine, settings: Settings, known: str | None) -> bytes:
    """The secret of a ledger whose secret has the fingerprint `known`; a new ledger has none yet."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    if engine.dialect.name == "sqlite":
        file = Path(engine.url.database or "")
        path = database_file.beside(file, database_file.SECRET)
        return secret_beside(path) if known is None else _known_secret(file, path, known)
    raise LedgerError("set TALLYBOOK_SECRET_KEY: virtual keys are stored as hashes made with it")


def _known_secret(file: Path, path: Path, known: str) -> bytes:
    """The secret that the ledger was made with, from its file; also of a restore killed at its last step.

    Raises:
        NoSecret: the file is missing, empty or another one.
    """
    restored = database_file.beside(file, database_file.RESTORED_SECRET)
    if restored.exists() and fingerprint(secret := read_secret(restored)) == known:
        return secret
    secret = read_secret(path)
    if fingerprint(secret) != known:
        raise NoSecret(
            f"the secret file {path} is not the one that this ledger's keys were hashed with: "
            "bring the first one back (it is in your backups)"
        )
    return secret


def _explain(engine: sa.Engine, error: Exception) -> str:
    where = engine.url.render_as_string(hide_password=True)
    return f"cannot open the ledger {where}: {str(error).strip()}"


def without_password(url: str) -> str:
    """A database URL as it may be shown."""
    return sa.make_url(url).render_as_string(hide_password=True)


def sqlite_file(url: str) -> str | None:
    """The file of an embedded ledger; None where the URL names none."""
    return sa.make_url(url).database
