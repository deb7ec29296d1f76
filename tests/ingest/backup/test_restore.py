"""Restores: the whole backup or nothing, never under a server, never over a ledger unless asked."""

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.backup import restore as restoring
from ingest.backup.folder import Backup
from ingest.backup.model import BackupFailed, RestoreRefused, Stopped
from ingest.backup.restore import Restored, RestoreOptions, restore
from ingest.backup.service import BackupOptions, back_up
from ingest.ledger import audit, schema
from ingest.ledger.engine import LedgerBusy, LedgerError, make_engine, open_ledger, open_to_read
from ingest.ledger.key_hashes import read_secret
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings, sqlite_url
from tests.support.calls import call, put
from tests.support.ledgers import SECRET, blank
from tests.support.process import Tallybook

AT = 1_795_973_400_000_000
OCTOBER = "2026-10-05T10:00:00+00:00"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings of a ledger with a secret of its own, and two calls."""
    settings = Settings(database_url=blank(tmp_path / "own.db"))
    with open_ledger(settings) as ledger:
        put(ledger, [call(OCTOBER, 5), call(OCTOBER, 7)])
    return settings


@pytest.fixture
def backup(own: Settings, tmp_path: Path) -> Backup:
    """A backup of it."""
    options = BackupOptions(destination=tmp_path / "backups")
    return back_up(own, options, at=AT, stop=threading.Event()).backup


def restored(settings: Settings, source: Path, *, replace: bool = False) -> Restored:
    options = RestoreOptions(source=str(source), is_replacing=replace)
    return restore(settings, options, by="ann", at=AT, stop=threading.Event())


def place(tmp_path: Path, name: str = "new.db") -> Settings:
    return Settings(database_url=sqlite_url(tmp_path / name))


def calls_in(settings: Settings) -> int:
    with open_to_read(settings) as ledger, ledger.reading() as connection:
        assert verify(ledger) == []
        return connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()


def test_a_backup_becomes_a_ledger_with_its_secret(backup: Backup, tmp_path: Path) -> None:
    restored(place(tmp_path), backup.path)
    assert calls_in(place(tmp_path)) == 2
    assert read_secret(tmp_path / "new.db.secret") == read_secret(tmp_path / "own.db.secret")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("new.db", "new.db.secret")} == {0o600}


def test_a_folder_of_backups_stands_for_its_newest(own: Settings, backup: Backup, tmp_path: Path) -> None:
    with open_ledger(own) as ledger:
        put(ledger, [call(OCTOBER, 9)], first=2)
    options = BackupOptions(destination=backup.path.parent)
    back_up(own, options, at=AT + 1_000_000, stop=threading.Event())
    restored(place(tmp_path), backup.path.parent)
    assert calls_in(place(tmp_path)) == 3


def test_the_audit_log_tells_of_a_restore_and_its_chain_holds(backup: Backup, tmp_path: Path) -> None:
    restored(place(tmp_path), backup.path)
    with open_to_read(place(tmp_path)) as ledger, ledger.reading() as connection:
        (entry,) = audit.entries(connection)
        assert (entry.action, entry.by, entry.subject) == ("restore", "ann", backup.path.name)
        assert entry.detail["events"] == 2
        assert verify(ledger) == []


def test_a_ledger_that_is_there_is_refused(own: Settings, backup: Backup) -> None:
    with pytest.raises(RestoreRefused, match="--replace"):
        restored(own, backup.path)


def test_a_replaced_ledger_is_moved_aside_with_its_secret(backup: Backup, tmp_path: Path) -> None:
    other = Settings(database_url=blank(tmp_path / "other.db"))
    with open_ledger(other) as ledger:
        put(ledger, [call(OCTOBER, 1)])
        secret = ledger.keyring
    done = restored(other, backup.path, replace=True)
    assert done.aside is not None
    assert calls_in(other) == 2
    aside = Settings(database_url=sqlite_url(done.aside))
    assert calls_in(aside) == 1
    with open_to_read(aside) as ledger:
        assert ledger.keyring.proof("x") == secret.proof("x")


def test_what_stood_in_the_log_of_a_replaced_ledger_is_kept(
    own: Settings, backup: Backup, tmp_path: Path
) -> None:
    """The old ledger was killed with a call in its write-ahead log; the new one must not read it."""
    killed = os.fork()
    if killed == 0:
        put(open_ledger(own), [call(OCTOBER, 9)], first=2)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(killed, 0)
    assert (tmp_path / "own.db-wal").stat().st_size > 0
    done = restored(own, backup.path, replace=True)
    assert calls_in(own) == 2
    assert done.aside is not None
    assert calls_in(Settings(database_url=sqlite_url(done.aside))) == 3


def test_a_damaged_ledger_can_be_replaced(own: Settings, backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "own.db").write_bytes(b"no database at all" * 1000)
    done = restored(own, backup.path, replace=True)
    assert calls_in(own) == 2
    assert done.aside is not None
    assert done.aside.read_bytes().startswith(b"no database")


def test_a_restore_is_refused_while_a_command_has_the_ledger_open(own: Settings, backup: Backup) -> None:
    with open_ledger(own), pytest.raises(RestoreRefused, match="in use"):
        restored(own, backup.path, replace=True)


def test_a_restore_is_refused_while_another_program_has_the_ledger_open(
    own: Settings, backup: Backup, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as shell:
        shell.execute("SELECT count(*) FROM term").fetchone()
        with pytest.raises(RestoreRefused, match="in use"):
            restored(own, backup.path, replace=True)


def test_a_lock_file_that_a_killed_server_left_is_no_obstacle(
    own: Settings, backup: Backup, tmp_path: Path
) -> None:
    killed = os.fork()
    if killed == 0:
        held = open_ledger(own)
        os.kill(os.getpid(), signal.SIGKILL)
        held.close()
    os.waitpid(killed, 0)
    assert (tmp_path / "own.db.lock").exists()
    restored(own, backup.path, replace=True)
    assert calls_in(own) == 2


def test_no_command_opens_a_ledger_that_is_being_restored(
    own: Settings, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_meanwhile(*_: object) -> None:
        with pytest.raises(LedgerBusy, match="being restored"):
            open_ledger(own)

    monkeypatch.setattr(restoring, "to_disk", open_meanwhile)
    restored(own, backup.path, replace=True)


def _killed_at(calls: int, settings: Settings, source: Path) -> bool:
    """Kill a restore at the given call of a file operation; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = [calls]

        def trap(event: str, _: object) -> None:
            if event in ("os.rename", "os.link"):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(trap)
        restored(settings, source, replace=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_restore_killed_at_any_step_leaves_the_old_ledger_or_the_new(
    backup: Backup, tmp_path: Path
) -> None:
    other = Settings(database_url=blank(tmp_path / "other.db"))
    with open_ledger(other) as ledger:
        put(ledger, [call(OCTOBER, 1)])
    seen = set()
    step = 0
    while _killed_at(step := step + 1, other, backup.path):
        seen.add(calls_in(other))
    assert seen == {1, 2}
    assert calls_in(other) == 2
    restored(other, backup.path, replace=True)
    assert not list(tmp_path.glob("*restoring*"))
    assert not list(tmp_path.glob("*.restored"))


def test_a_stopped_restore_changes_nothing(own: Settings, backup: Backup, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Stopped):
        restore(own, RestoreOptions(source=str(backup.path), is_replacing=True), by="ann", at=AT, stop=stop)
    assert sorted(tmp_path.iterdir()) == before
    assert calls_in(own) == 2


def test_a_backup_of_an_older_schema_is_migrated(own: Settings, tmp_path: Path) -> None:
    engine = make_engine(own.database_url)
    schema.migrate(engine, "0017", copy=False)
    engine.dispose()
    older = back_up(own, BackupOptions(destination=tmp_path / "backups"), at=AT, stop=threading.Event())
    restored(place(tmp_path), older.backup.path)
    assert calls_in(place(tmp_path)) == 2
    assert sorted(path.name for path in tmp_path.glob("new.db*")) == [
        "new.db",
        "new.db.lock",
        "new.db.secret",
    ]


def test_a_backup_of_a_newer_release_is_refused(own: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = back_up(own, BackupOptions(destination=tmp_path / "backups"), at=AT, stop=threading.Event())
    with pytest.raises(RestoreRefused, match="newer Tallybook"):
        restored(place(tmp_path), newer.backup.path)
    assert not (tmp_path / "new.db").exists()


def test_a_damaged_backup_is_not_restored(backup: Backup, tmp_path: Path) -> None:
    content = bytearray((backup.path / "ledger.db").read_bytes())
    content[5000] ^= 1
    (backup.path / "ledger.db").write_bytes(content)
    with pytest.raises(RestoreRefused, match="not whole"):
        restored(place(tmp_path), backup.path)
    assert not (tmp_path / "new.db").exists()


def test_another_secret_in_the_environment_is_told(backup: Backup, tmp_path: Path) -> None:
    other = place(tmp_path).model_copy(update={"secret_key": SECRET})
    (warning,) = restored(other, backup.path).warnings
    assert "TALLYBOOK_SECRET_KEY is set to another secret" in warning


@pytest.mark.parametrize("name", ["ledger.db", "beside.db"])
def test_a_restore_never_writes_into_a_backup(backup: Backup, name: str) -> None:
    inside = Settings(database_url=sqlite_url(backup.path / name))
    with pytest.raises(RestoreRefused, match="in a backup"):
        restored(inside, backup.path, replace=True)


def test_backups_of_several_ledgers_want_a_choice(backup: Backup, tmp_path: Path) -> None:
    other = Settings(database_url=blank(tmp_path / "other.db"))
    open_ledger(other).close()
    back_up(other, BackupOptions(destination=backup.path.parent), at=AT, stop=threading.Event())
    with pytest.raises(BackupFailed, match="several ledgers"):
        restored(place(tmp_path), backup.path.parent)


def test_a_ledger_behind_a_link_stays_behind_it(backup: Backup, tmp_path: Path) -> None:
    real = tmp_path / "disk" / "real.db"
    real.parent.mkdir()
    (tmp_path / "link.db").symlink_to(real)
    restored(place(tmp_path, "link.db"), backup.path)
    assert (tmp_path / "link.db").is_symlink()
    assert calls_in(place(tmp_path, "link.db")) == 2


@pytest.fixture
def served(own: Settings, tmp_path: Path) -> Iterator[Tallybook]:
    tallybook = Tallybook(tmp_path)
    tallybook.environment["TALLYBOOK_DATABASE_URL"] = own.database_url
    tallybook.environment["TALLYBOOK_PORT"] = "0"
    server = tallybook.start("serve")
    assert server.stdout is not None
    assert server.stdout.readline().startswith("Tallybook is at")
    yield tallybook
    server.kill()
    server.communicate()


@pytest.mark.long
def test_a_running_server_keeps_its_ledger(served: Tallybook, backup: Backup) -> None:
    code, _, err = served.run("restore", str(backup.path), "--replace")
    assert (code, "is in use" in err) == (1, True)


def test_a_name_that_no_disk_holds_is_told(backup: Backup, tmp_path: Path) -> None:
    with pytest.raises(RestoreRefused, match="File name too long"):
        restored(place(tmp_path, "a" * 300), backup.path)
    with pytest.raises(BackupFailed, match="File name too long"):
        restored(place(tmp_path), tmp_path / ("a" * 300))


def test_a_missing_backup_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no folder"):
        restored(place(tmp_path), tmp_path / "nothing")
    with pytest.raises(LedgerError):
        open_to_read(place(tmp_path))
