"""The file of an embedded ledger: what is refused, what is read where it lies, and who may read it."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ingest.ledger.engine import (
    Ledger,
    LedgerError,
    Purpose,
    open_existing,
    open_ledger,
    open_to_read,
)
from ingest.ledger.key_hashes import read_secret
from ingest.ledger.verification import verify
from ingest.settings import Settings, sqlite_url
from tests.support.calls import call, put
from tests.support.ledgers import SECRET, blank

OCTOBER = "2026-10-05T10:00:00+00:00"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings of a ledger with a secret of its own and a call."""
    settings = Settings(database_url=blank(tmp_path / "own.db"))
    with open_ledger(settings) as ledger:
        put(ledger, [call(OCTOBER, 5)])
    return settings


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder on a disk that cannot be written, also not by root."""
    allowed = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: (
            allowed(path, mode) and not (mode & os.W_OK and tmp_path in (path, *Path(path).parents))
        ),
    )
    return tmp_path


def everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_new_files_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with open_ledger(Settings(database_url=sqlite_url(tmp_path / "new.db"))) as ledger:
            put(ledger, [call(OCTOBER, 5)])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes.keys() == {f"new.db{end}" for end in ("", "-wal", "-shm", ".secret", ".lock")}
    assert set(modes.values()) == {0o600}


def _a_folder(file: Path) -> None:
    file.mkdir()


def _a_pipe(file: Path) -> None:
    os.mkfifo(file)


def _empty(file: Path) -> None:
    file.touch()


def _no_database(file: Path) -> None:
    file.write_bytes(b"name,cost\n" * 1000)


def _of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_a_folder, "is a folder"),
        (_a_pipe, "no regular file"),
        (_empty, "it holds no ledger"),
        (_no_database, "not a database"),
        (_of_another_program, "another program, with the tables bookmarks"),
    ],
)
@pytest.mark.parametrize("purpose", [Purpose.READ, Purpose.CHANGE])
def test_what_is_no_ledger_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], said: str, purpose: Purpose
) -> None:
    file = tmp_path / "x.db"
    make(file)
    before = file.stat().st_size
    with pytest.raises(LedgerError, match=said):
        open_ledger(Settings(database_url=sqlite_url(file)), purpose)
    assert file.stat().st_size == before
    assert not (tmp_path / "x.db.secret").exists()


@pytest.mark.parametrize("purpose", Purpose)
def test_a_ledger_that_cannot_be_seen_is_told(tmp_path: Path, purpose: Purpose) -> None:
    with pytest.raises(LedgerError, match=r"cannot look at .*: File name too long"):
        open_ledger(Settings(database_url=sqlite_url(tmp_path / ("a" * 300))), purpose)


@pytest.mark.parametrize("make", [_a_folder, _a_pipe, _no_database, _of_another_program])
def test_no_ledger_is_started_in_a_file_of_something_else(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "x.db")
    with pytest.raises(LedgerError, match=r"cannot open the ledger sqlite:///.*x.db"):
        open_ledger(Settings(database_url=sqlite_url(tmp_path / "x.db")))


def test_a_log_whose_ledger_was_moved_away_is_not_lost(own: Settings, tmp_path: Path) -> None:
    """SQLite deletes the log of an empty new file."""
    (tmp_path / "own.db").rename(tmp_path / "moved.db")
    (tmp_path / "own.db-wal").write_bytes(b"calls")
    with pytest.raises(LedgerError, match="holds 5 bytes of its calls"):
        open_ledger(own)
    assert (tmp_path / "own.db-wal").read_bytes() == b"calls"


@pytest.mark.parametrize(("damage", "said"), [("missing", "is missing"), ("empty", "is empty")])
@pytest.mark.parametrize("opened", [open_ledger, open_existing, open_to_read])
def test_a_lost_secret_is_named_and_none_is_written_in_its_place(
    own: Settings, tmp_path: Path, damage: str, said: str, opened: Callable[[Settings], Ledger]
) -> None:
    secret = tmp_path / "own.db.secret"
    secret.unlink()
    if damage == "empty":
        secret.touch()
    with pytest.raises(LedgerError, match=rf"own.db.secret {said}: bring it back \(it is in your backups\)"):
        opened(own)
    assert not secret.exists() or secret.read_bytes() == b""


def test_another_secret_file_is_not_taken(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "own.db.secret").write_text("another")
    with pytest.raises(LedgerError, match="bring the first one back"):
        open_ledger(own)


def test_a_ledger_that_cannot_be_written_is_read_where_it_lies(own: Settings, read_only: Path) -> None:
    before = everything_in(read_only)
    with open_to_read(own) as ledger:
        assert ledger.is_read_only
        assert verify(ledger) == []
        assert everything_in(read_only) == before


@pytest.mark.parametrize("opened", [open_ledger, open_existing])
def test_writing_to_a_ledger_that_cannot_be_written_is_refused(
    own: Settings, read_only: Path, opened: Callable[[Settings], Ledger]
) -> None:
    with pytest.raises(LedgerError, match=rf"cannot write to the ledger .*: {read_only}/own.db is read-only"):
        opened(own)


def test_calls_in_the_log_of_a_ledger_that_cannot_be_written_are_not_left_out(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A disk that was cut off while a server ran: the log holds a call, and nothing beside it can be made."""
    copy = tmp_path / "cut"
    copy.mkdir()
    with open_ledger(own) as ledger:
        put(ledger, [call(OCTOBER, 5)], first=1)
        for name in ("own.db", "own.db-wal", "own.db.secret"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
    real = sqlite3.connect

    def no_shared_memory(place: str, **more: object) -> sqlite3.Connection:
        if place.endswith("?mode=ro"):
            raise sqlite3.OperationalError("unable to open database file")
        return real(place, **more)  # type: ignore[call-overload,no-any-return]

    request.getfixturevalue("read_only")
    monkeypatch.setattr(sqlite3, "connect", no_shared_memory)
    with pytest.raises(LedgerError, match="copy both to a folder that can be written"):
        open_to_read(own.model_copy(update={"database_url": sqlite_url(copy / "own.db")}))


def test_a_ledger_that_another_user_writes_is_read_as_it_is_now(
    own: Settings, request: pytest.FixtureRequest
) -> None:
    """It is not read as immutable, which would miss what is in the log."""
    with open_ledger(own) as writer:
        put(writer, [call(OCTOBER, 5)], first=1)
        request.getfixturevalue("read_only")
        with open_to_read(own) as ledger, ledger.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM usage_event").scalar() == 2


def test_an_older_ledger_that_cannot_be_written_is_not_migrated(
    own: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0017'")
    request.getfixturevalue("read_only")
    with pytest.raises(LedgerError, match="cannot be migrated"):
        open_to_read(own)


def test_another_zone_of_a_ledger_that_cannot_be_written_is_refused(own: Settings, read_only: Path) -> None:
    with pytest.raises(LedgerError, match="reports in UTC"):
        open_to_read(own.model_copy(update={"timezone": "Asia/Kathmandu"}))
    assert read_only.exists()


def test_a_secret_of_the_environment_wants_no_file(embedded: Ledger, tmp_path: Path) -> None:
    with open_to_read(Settings(database_url=embedded.url, secret_key=SECRET)):
        pass
    assert not (tmp_path / "ledger.db.secret").exists()
    with pytest.raises(Exception, match="is missing"):
        read_secret(tmp_path / "ledger.db.secret")
