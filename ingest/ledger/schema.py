"""The schema's version: migrating a ledger, and refusing a ledger of another version."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa

import ingest

SCRIPTS = Path(ingest.__file__).resolve().parents[1] / "migrations"
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


def current(engine: sa.Engine) -> str | None:
    """The revision of the ledger; None for an empty database."""
    if not sa.inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


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


def migrate(engine: sa.Engine) -> bool:
    """Migrate the ledger to this program's schema. Returns whether a migration was needed.

    Raises:
        SchemaError: the ledger is newer than the program, or is no ledger.
    """
    revision = current(engine)
    if revision == revisions()[-1]:
        return False
    if revision is not None and revision not in revisions():
        require_current(engine)
    _require_own(engine, revision)
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with engine.connect().execution_options(tallybook_write=True) as connection, connection.begin():
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
    return True
