"""Backups of a ledger on PostgreSQL, through its own `pg_dump` and `pg_restore`.

The dump is of the snapshot in which the rows are counted. A password goes through the environment, because
arguments can be read by every user of the machine.
"""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from ingest.backup import store
from ingest.backup.model import BackupFailed, Contents, RestoreRefused, Stopped
from ingest.ledger import database_file
from ingest.ledger.engine import translated_errors

_LOOK_SECONDS: Final = 0.1
_VERSION: Final = re.compile(r"(\d+)(\.\d+)?")
_PER_MAJOR: Final = 10_000


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a dump holds."""

    contents: Contents
    server: str


def dump(engine: sa.Engine, to: Path, program: str | None, stop: threading.Event) -> Dumped:
    """Dump the ledger of an engine into a new file.

    Raises:
        BackupFailed: there is no fitting pg_dump, or it failed.
        DatabaseError: the database is away.
        Stopped: `stop` was set.
    """
    path = _found("pg_dump", program)
    if path is None:
        raise BackupFailed(_missing("pg_dump", program))
    snapshot = {"isolation_level": "REPEATABLE READ"}
    with translated_errors(), engine.connect().execution_options(**snapshot) as connection:
        server = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
        if why := _too_old("pg_dump", path, server):
            raise BackupFailed(why)
        name = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        contents = store.contents(connection)
        database_file.create(to)
        words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={name}", f"--file={to}"]
        if failed := _run([path, *words], engine.url, stop):
            raise BackupFailed(f"pg_dump failed: {failed}")
    return Dumped(contents, str(server))


def restore(
    engine: sa.Engine, dump_file: Path, server: int, program: str | None, stop: threading.Event
) -> None:
    """Restore the dump of a server into an empty database, in a single transaction.

    Raises:
        RestoreRefused: the database is not empty, there is no fitting pg_restore, or it failed.
        DatabaseError: the database is away.
        Stopped: `stop` was set; the database is empty as before.
    """
    path = _found("pg_restore", program)
    if path is None:
        raise RestoreRefused(_missing("pg_restore", program))
    if why := _too_old("pg_restore", path, server):
        raise RestoreRefused(why)
    with translated_errors(), engine.connect() as connection:
        if not store.is_empty(connection):
            raise RestoreRefused(
                f"the database {engine.url.database} is not empty: make a new one (CREATE DATABASE) and "
                "name it in TALLYBOOK_DATABASE_URL"
            )
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(dump_file)]
    if failed := _run([path, *words], engine.url, stop):
        raise RestoreRefused(f"pg_restore failed, the database is empty as before: {failed}")


def _found(name: str, program: str | None) -> str | None:
    """The program's path: as given, else as found on PATH."""
    return shutil.which(program or name)


def _missing(name: str, program: str | None) -> str:
    said = f"{program} is no program that can be run" if program else f"there is no {name} on PATH"
    return f"{said}: install PostgreSQL's client programs, or name it with --{name.replace('_', '-')} FILE"


def _too_old(name: str, path: str, server: int) -> str | None:
    """Why a program does not fit a server, or a dump of it; None if it does."""
    try:
        said = subprocess.run(  # noqa: S603 - the program that the user names, without a shell
            [path, "--version"], capture_output=True, text=True, errors="replace", check=False
        ).stdout
    except OSError as error:
        return f"{path} is no {name} and cannot be run: {error.strerror}"
    versions = _VERSION.findall(said)
    if not versions:
        return f"{path} is no {name}: `{path} --version` says {said.strip()!r}"
    major = int(versions[0][0])
    if major >= server // _PER_MAJOR:
        return None
    return (
        f"{path} is of version {major}, the database of version {server // _PER_MAJOR}: "
        f"name a {name} that is not older with --{name.replace('_', '-')} FILE"
    )


def _run(command: Sequence[str], url: sa.URL, stop: threading.Event) -> str | None:
    """Run a program of PostgreSQL on a database; the last line that it said if it failed."""
    arguments, environment = _connection_of(url)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - as above
            [*command, "--no-password", f"--dbname={arguments}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            while process.poll() is None:
                if stop.wait(_LOOK_SECONDS):
                    raise Stopped
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        said.seek(0)
        lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    if process.returncode == 0:
        return None
    return lines[-1].strip() if lines else f"exit code {process.returncode}"


def _connection_of(url: sa.URL) -> tuple[str, dict[str, str]]:
    """The connection as libpq takes it: what may be read by others, and the environment."""
    from psycopg.conninfo import make_conninfo

    _, options = url.get_dialect()().create_connect_args(url)
    password = options.pop("password", None)
    options.pop("sslpassword", None)  # no environment variable takes it, and arguments can be read
    environment = dict(os.environ)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    return make_conninfo("", **options), environment
