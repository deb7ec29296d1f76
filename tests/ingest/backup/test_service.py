"""Backups: whole while others write, private, killed without a trace, kept and counted."""

import json
import os
import signal
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.backup import check, commands, folder
from ingest.backup.folder import backup_at, backups
from ingest.backup.model import BackupFailed, Stopped
from ingest.backup.service import BackupOptions, MadeBackup, back_up
from ingest.backup.state import BackupState, last_backup_state
from ingest.ledger import database_file
from ingest.ledger.engine import Ledger, LedgerError, open_ledger, open_to_read
from ingest.ledger.key_hashes import fingerprint, read_secret
from ingest.ledger.last_backup import last_backup
from ingest.settings import Settings, sqlite_url
from tests.support.calls import call, put
from tests.support.cli import command_in
from tests.support.ledgers import SECRET, blank
from tests.support.process import Tallybook

AT = 1_795_973_400_000_000
"""2026-11-29 17:30:00 UTC."""
SECOND = 1_000_000
OCTOBER = "2026-10-05T10:00:00+00:00"


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings of a ledger whose secret is in its file, with three calls."""
    settings = Settings(database_url=blank(tmp_path / "own.db"))
    with open_ledger(settings) as ledger:
        put(ledger, [call(OCTOBER, 5), call(OCTOBER, 7), call(OCTOBER, None)])
    return settings


def made(
    settings: Settings, to: Path, at: int = AT, *, stop: threading.Event | None = None, **options: object
) -> MadeBackup:
    wanted = BackupOptions(destination=to, **options)  # type: ignore[arg-type]
    return back_up(settings, wanted, at=at, stop=stop or threading.Event())


def test_a_backup_is_a_folder_with_database_secret_and_manifest(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups").backup
    assert backup.path == tmp_path / "backups" / "tallybook-20261129T173000Z"
    assert sorted(path.name for path in backup.path.iterdir()) == [
        "ledger.db",
        "ledger.db.secret",
        "manifest.json",
    ]
    manifest = json.loads((backup.path / "manifest.json").read_text())
    assert manifest["contents"]["counts"]["events"] == 3
    assert manifest["contents"]["total_picos"] == {"USD": "12"}
    assert manifest["made_at"] == "2026-11-29T17:30:00Z"


def test_only_the_owner_can_read_a_backup(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups").backup
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in backup.path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o700


def test_the_secret_is_in_the_backup_and_never_in_the_manifest(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups").backup
    secret = read_secret(tmp_path / "own.db.secret")
    assert read_secret(backup.path / "ledger.db.secret") == secret
    text = (backup.path / "manifest.json").read_bytes()
    assert secret not in text
    assert fingerprint(secret).encode() in text


def test_a_secret_of_the_environment_is_named_by_its_fingerprint(embedded: Ledger, tmp_path: Path) -> None:
    settings = Settings(database_url=embedded.url, secret_key=SECRET)
    done = made(settings, tmp_path / "backups")
    assert done.backup.manifest is not None
    assert done.backup.manifest.secret.kept_in == "TALLYBOOK_SECRET_KEY"
    assert not (done.backup.path / "ledger.db.secret").exists()
    assert any("TALLYBOOK_SECRET_KEY" in warning for warning in done.warnings)


def test_a_copy_under_constant_writes_ends_and_holds_a_single_snapshot(own: Settings, tmp_path: Path) -> None:
    """Another connection commits between all steps; the copy has what was there when it began."""
    with open_ledger(own) as ledger:
        put(ledger, [call(OCTOBER, 1, labels={"a": "x" * 1_900}) for _ in range(4_000)], first=10)
        steps: list[int] = []

        def write_meanwhile(left: int, _pages: int) -> None:
            steps.append(left)
            assert len(steps) < 100, "it begins anew at each commit"
            put(ledger, [call(OCTOBER, 1)], first=100_000 + len(steps))

        wanted = BackupOptions(destination=tmp_path / "backups")
        backup = back_up(own, wanted, at=AT, stop=threading.Event(), progress=write_meanwhile).backup
    assert len(steps) > 2
    assert steps == sorted(steps, reverse=True)  # SQLite's own copy begins anew at each commit of others
    assert backup.manifest is not None
    assert backup.manifest.contents.counts["events"] == 4_003
    assert check.problems(backup) == []


def test_a_copy_holds_no_lock_that_a_writer_waits_for(own: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db", timeout=0, isolation_level=None)) as writer:

        def write_at_once(_left: int, _pages: int) -> None:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("COMMIT")

        wanted = BackupOptions(destination=tmp_path / "backups")
        back_up(own, wanted, at=AT, stop=threading.Event(), progress=write_at_once)


def test_two_backups_of_a_second_have_two_names(own: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        made(own, tmp_path / "backups")
    names = [backup.path.name for backup in backups(tmp_path / "backups")]
    assert names == ["tallybook-20261129T173000Z-2", "tallybook-20261129T173000Z"]


def test_keep_removes_older_backups_of_this_ledger_only(own: Settings, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    other = Settings(database_url=blank(tmp_path / "other.db"))
    open_ledger(other).close()
    foreign = made(other, to, AT - 9 * SECOND).backup.path
    damaged = made(own, to, AT - 8 * SECOND).backup.path
    (damaged / "ledger.db").write_bytes(b"cut")
    mine = to / "tallybook-notes"
    mine.mkdir()
    for second in range(4):
        made(own, to, AT + second * SECOND, keep=2)
    left = {path for path in to.iterdir() if path.is_dir()}
    kept = {to / f"tallybook-20261129T17300{second}Z" for second in (2, 3)}
    assert left == {foreign, damaged, mine, *kept}


def test_keep_leaves_the_backup_just_made_also_after_the_clock_went_back(
    own: Settings, tmp_path: Path
) -> None:
    to = tmp_path / "backups"
    made(own, to, AT)
    late = made(own, to, AT + SECOND).backup.path
    early = made(own, to, AT - SECOND, keep=2).backup.path
    assert {path for path in to.iterdir() if path.is_dir()} == {early, late}


def test_keep_removes_nothing_if_no_new_backup_stands(own: Settings, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    first = made(own, to).backup.path
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        made(own, to, AT + SECOND, keep=1, stop=stop)
    assert [backup.path for backup in backups(to)] == [first]


def test_a_link_in_the_folder_of_backups_is_none(own: Settings, tmp_path: Path) -> None:
    elsewhere = made(own, tmp_path / "elsewhere", AT - SECOND).backup.path
    to = tmp_path / "backups"
    to.mkdir()
    (to / elsewhere.name).symlink_to(elsewhere)
    made(own, to, keep=1)
    assert elsewhere.is_dir()
    assert len(backups(to)) == 1


@pytest.mark.parametrize("kind", ["folder of this machine", "file", "link", "backup itself", "too long"])
def test_a_wrong_destination_is_refused_before_anything_is_made(
    own: Settings, tmp_path: Path, kind: str
) -> None:
    to = tmp_path / "to"
    if kind == "file":
        to.write_text("")
    elif kind == "link":
        to.symlink_to(tmp_path / "nowhere")
    elif kind == "backup itself":
        to = made(own, to).backup.path
    elif kind == "too long":
        to = tmp_path / ("a" * 300)
    else:
        to = Path("s3://bucket/backups")
    with pytest.raises(BackupFailed, match=kind):
        made(own, to)


def test_a_destination_without_room_is_refused(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 4096

    monkeypatch.setattr("ingest.backup.service.shutil.disk_usage", lambda _: Usage)
    with pytest.raises(BackupFailed, match="4,096 bytes free"):
        made(own, tmp_path / "backups")
    assert backups(tmp_path / "backups") == []


def test_a_missing_ledger_is_not_made_by_a_backup(tmp_path: Path) -> None:
    settings = Settings(database_url=sqlite_url(tmp_path / "typo.db"))
    with pytest.raises(LedgerError, match="there is no file"):
        made(settings, tmp_path / "backups")
    assert not (tmp_path / "typo.db").exists()


def test_an_older_ledger_is_copied_as_it_is(own: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0017'")
    backup = made(own, tmp_path / "backups", is_verified=True).backup
    assert backup.manifest is not None
    assert backup.manifest.contents.schema == "0017"
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0017",)


def test_the_ledger_knows_its_last_backup(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups").backup
    with open_to_read(own) as ledger, ledger.reading() as connection:
        last = last_backup(connection)
    assert last is not None
    assert (last.at, last.path) == (AT, str(backup.path))


def test_the_loss_of_the_last_backup_is_told(own: Settings, tmp_path: Path) -> None:
    with open_ledger(own) as ledger:
        assert last_backup_state(ledger) is None
        backup = made(own, tmp_path / "backups").backup
        state = last_backup_state(ledger)
        assert state == BackupState(str(backup.path), AT, is_in_sight=True, problem=None)
        (backup.path / "ledger.db").unlink()
        lost = last_backup_state(ledger)
    assert lost is not None
    assert lost.problem is not None
    assert "ledger.db cannot be read" in lost.problem


def test_a_backup_is_read_and_verified_where_it_lies(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups", is_verified=True).backup
    before = {path: path.stat().st_mtime_ns for path in backup.path.iterdir()}
    with open_to_read(Settings(database_url=sqlite_url(backup.path / "ledger.db"))) as ledger:
        assert ledger.is_read_only
    assert {path: path.stat().st_mtime_ns for path in backup.path.iterdir()} == before


def test_nothing_writes_into_a_backup(own: Settings, tmp_path: Path) -> None:
    backup = made(own, tmp_path / "backups").backup
    with pytest.raises(LedgerError, match="tallybook restore"):
        open_ledger(Settings(database_url=sqlite_url(backup.path / "ledger.db")))
    assert check.problems(backup) == []


def _cut_short(path: Path) -> None:
    (path / "ledger.db").write_bytes((path / "ledger.db").read_bytes()[:-4096])


def _flip_a_bit(path: Path) -> None:
    content = bytearray((path / "ledger.db").read_bytes())
    content[-100] ^= 1
    (path / "ledger.db").write_bytes(content)


def _other_secret(path: Path) -> None:
    (path / "ledger.db.secret").write_text("another")


def _no_secret(path: Path) -> None:
    (path / "ledger.db.secret").unlink()


def _no_manifest(path: Path) -> None:
    (path / "manifest.json").unlink()


def _half_a_manifest(path: Path) -> None:
    (path / "manifest.json").write_bytes((path / "manifest.json").read_bytes()[:200])


def _other_counts(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["contents"]["tables"]["usage_event"] = 4
    (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut_short, "bytes and had"),
        (_flip_a_bit, "hash differs"),
        (_other_secret, "not the secret"),
        (_no_secret, "ledger.db.secret cannot be read: No such file"),
        (_no_manifest, "cannot be read"),
        (_half_a_manifest, "manifest is damaged"),
        (_other_counts, "other rows"),
    ],
)
def test_a_damaged_backup_is_told(
    own: Settings, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    path = made(own, tmp_path / "backups").backup.path
    damage(path)
    assert any(said in problem for problem in check.problems(backup_at(path)))


def test_a_killed_backup_leaves_none_and_its_remains_go(own: Settings, tmp_path: Path) -> None:
    """The process is killed while the draft has a database and no manifest."""
    to = tmp_path / "backups"
    child = os.fork()
    if child == 0:
        wanted = BackupOptions(destination=to)
        stop = threading.Event()
        back_up(own, wanted, at=AT, stop=stop, progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    os.waitpid(child, 0)
    assert [path.name for path in to.iterdir() if path.is_dir()] == [
        f".tallybook-20261129T173000Z.{child}.partial"
    ]
    assert backups(to) == []
    whole = made(own, to).backup.path
    assert [path for path in to.iterdir() if path.is_dir()] == [whole]


def test_backups_every_so_often_go_on_after_an_error_and_end_when_asked(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first round finds no ledger, the second makes a backup; then the process is asked to end."""
    to = tmp_path / "backups"
    rounds: list[int] = []
    make = commands._make

    def watched(*words: Any, **more: Any) -> int:
        rounds.append(make(*words, **more))
        if len(rounds) == 1:
            (tmp_path / "away.db").rename(tmp_path / "own.db")
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        return rounds[-1]

    monkeypatch.setattr(commands, "_make", watched)
    (tmp_path / "own.db").rename(tmp_path / "away.db")
    done = command_in(
        tmp_path, {"TALLYBOOK_DATABASE_URL": own.database_url}, "backup", "backups", "--every", "1s"
    )
    assert (done.returncode, rounds) == (0, [1, 0])
    assert "there is no file" in done.stderr
    assert [backup.is_whole for backup in backups(to)] == [True]


def test_the_command_prints_what_it_made(own: Settings, tmp_path: Path) -> None:
    tallybook = Tallybook(tmp_path)
    tallybook.environment["TALLYBOOK_DATABASE_URL"] = own.database_url
    code, out, _ = tallybook.run("backup", "backups", "--verify", "--json")
    facts = json.loads(out)
    assert (code, facts["counts"]["events"], facts["verified"]) == (0, 3, True)
    code, out, _ = tallybook.run("backup", "backups", "--verify-only")
    assert (code, "the copy is whole" in out) == (0, True)
    (tmp_path / facts["path"] / "ledger.db").write_bytes(b"")
    code, _, err = tallybook.run("backup", "backups", "--verify-only")
    assert (code, "not whole" in err) == (1, True)


@pytest.mark.parametrize("words", [("--every", "soon"), ("--every", "0h"), ("--keep", "0")])
def test_wrong_words_are_wrong_usage(tmp_path: Path, words: tuple[str, str]) -> None:
    assert Tallybook(tmp_path).run("backup", "backups", *words)[0] == 2
    assert not (tmp_path / "backups").exists()


def test_names_sort_by_time_and_number(tmp_path: Path) -> None:
    names = ["tallybook-20261129T173000Z", *(f"tallybook-20261129T173000Z-{n}" for n in (2, 10))]
    for name in names:
        (tmp_path / name).mkdir()
    assert [backup.path.name for backup in folder.backups(tmp_path)] == names[::-1]


def test_a_file_beside_a_manifest_of_something_else_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"kind": "app"}')
    assert not database_file.is_in_backup(tmp_path / "ledger.db")
