"""The schema's version: migrating a ledger, and refusing one that this program does not fit."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa

import ingest

SCRIPTS = Path(ingest.__file__).resolve().parents[1] / "migrations"


class SchemaError(Exception):
    """The ledger's schema is not the one this program works with."""


@cache
def revisions() -> tuple[str, ...]:
    """The revisions this program has, oldest first: the numbers that the migration files' names start with.

    Read from the names, because loading Alembic takes longer than most commands.
    """
    return tuple(sorted(path.name.split("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*_*.py")))


def current(engine: sa.Engine) -> str | None:
    """The revision that the ledger is at; None for an empty database."""
    if not sa.inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def require_current(engine: sa.Engine) -> None:
    """Refuse a ledger that is older or newer than this program.

    Raises:
        SchemaError: the message says which, and what to do.
    """
    at = current(engine)
    newest = revisions()[-1]
    if at == newest:
        return
    if at is not None and at not in revisions():
        raise SchemaError(
            f"it was made by a newer Tallybook (schema {at}, this one knows {newest}): update Tallybook"
        )
    raise SchemaError("its tables are missing or of an older version: run `tallybook migrate`")


def migrate(engine: sa.Engine) -> bool:
    """Bring the ledger to this program's schema. Returns whether there was anything to do.

    Raises:
        SchemaError: the ledger is newer than the program.
    """
    at = current(engine)
    if at == revisions()[-1]:
        return False
    if at is not None and at not in revisions():
        require_current(engine)
    from alembic import command
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with engine.connect().execution_options(tallybook_write=True) as connection, connection.begin():
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
    return True
