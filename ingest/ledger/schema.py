"""The schema's version: migrating a ledger, and refusing a ledger of another version."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa

import ingest
from ingest.clock import now
from ingest.model.zone import instant

SCRIPTS = Path(ingest.__file__).resolve().parents[1] / "migrations"
ROOM_LEFT: Final = 64 * 2**20
"""Bytes that stay free on the disk beside the copy that a migration makes."""
_NAMED_TABLES = 3


class SchemaError(Exception):
    """The ledger's schema is not the schema of this program."""


class OlderSchema(SchemaError):
    """The ledger has to be migrated."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: run `tallybook migrate`")
        self.what = what


@cache
def revisions() -> tuple[str, ...]:
    """The revisions of this program, oldest first: the numbers at the start of the migration files' names.

    Read from the names, because loading Alembic takes longer than most commands.
    """
    return tuple(sorted(path.name.split("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*_*.py")))


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did: the revisions before and after it, and the copy that was made first."""

    before: str | None
    """None for a new ledger."""
    after: str
    copied_to: Path | None = None

    @property
    def is_change(self) -> bool:
        """Whether the ledger had another revision before."""
        return self.before != self.after


def current(engine: sa.Engine) -> str | None:
    """The revision of the ledger; None for an empty database."""
    with engine.connect() as connection:
        return _revision_in(connection)


def require_current(engine: sa.Engine) -> None:
    """Refuse a ledger that is older or newer than this program.

    Raises:
        SchemaError: the message says whether it is older or newer, and what to do.
    """
    revision = current(engine)
    newest = revisions()[-1]
    if revision == newest:
        return
    if revision is not None and revision not in revisions():
        raise SchemaError(
            f"it was made by a newer Tallybook (schema {revision}, this one knows {newest}): update Tallybook"
        )
    _require_own(engine, revision)
    raise OlderSchema("its tables are missing or of an older version")


def _require_own(engine: sa.Engine, revision: str | None) -> None:
    """Refuse the SQLite database of another program; in other databases several programs may have tables."""
    if revision is not None or engine.dialect.name != "sqlite":
        return
    if others := sa.inspect(engine).get_table_names():
        named = ", ".join(others[:_NAMED_TABLES])
        raise SchemaError(f"it is the database of another program, with the tables {named}")


def migrate(engine: sa.Engine, to: str | None = None, *, copy: bool = True) -> Migration:
    """Migrate the ledger, in one transaction: to this program's schema, or up or down to revision `to`.

    A killed migration leaves the ledger as it was. An embedded ledger is copied first, beside its file
    (`copy_aside`); without `copy` it is not.

    Raises:
        SchemaError: the ledger is newer than the program or is no ledger, `to` is no revision, or the disk
            has no room.
    """
    target = revisions()[-1] if to is None else to
    if target not in revisions():
        raise SchemaError(f"there is no schema {target!r}; there are {revisions()[0]} to {revisions()[-1]}")
    revision = current(engine)
    if revision is not None and revision not in revisions():
        require_current(engine)
    if revision == target:
        return Migration(revision, target)
    _require_own(engine, revision)
    with engine.connect().execution_options(tallybook_write=True) as connection, connection.begin():
        revision = _revision_in(connection)
        copied = copy_aside(engine, revision) if copy and revision not in (None, target) else None
        _move(connection, revision, target)
    return Migration(revision, target, copied)


def _revision_in(connection: sa.Connection) -> str | None:
    """The revision as the transaction sees it: another process may have migrated the ledger meanwhile."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _move(connection: sa.Connection, revision: str | None, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    is_older = revision is not None and target < revision
    (command.downgrade if is_older else command.upgrade)(configuration, target)


def copy_aside(engine: sa.Engine, revision: str | None) -> Path | None:
    """A copy of an embedded ledger beside its file, as `ledger.db.schema-0012-20261129T173000Z`.

    Other databases are not copied: their own tools do that, and a failed migration leaves them as they were.

    Raises:
        SchemaError: there is no room for the copy.
    """
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return None
    ledger = Path(engine.url.database)
    needed, free = ledger.stat().st_size, shutil.disk_usage(ledger.parent).free
    if free < needed + ROOM_LEFT:
        raise SchemaError(
            f"a migration copies the ledger first, and {ledger.parent} has no room for that: "
            f"{needed + ROOM_LEFT:,} bytes are needed, {free:,} are free. "
            "Make room, or copy it elsewhere and run `tallybook migrate --no-copy`"
        )
    copy = ledger.with_name(f"{ledger.name}.schema-{revision}-{instant(now()):%Y%m%dT%H%M%SZ}")
    part = copy.with_name(f"{copy.name}.part")
    part.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        return part.rename(copy)
    finally:
        part.unlink(missing_ok=True)
