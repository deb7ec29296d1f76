"""What `tallybook doctor` finds, on ledgers that have just what it should find; and it changes nothing."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import sqlalchemy as sa

from dashboard.doctor import set_up
from dashboard.doctor.checks import CHECKS
from dashboard.doctor.examination import examine
from dashboard.doctor.model import Case, Check, Finding, Level
from ingest.access.service import AddTokenOptions, add_token
from ingest.backup.model import Contents, FileFacts, Manifest, SecretFacts
from ingest.ledger.audit import audit_entry
from ingest.ledger.engine import Ledger
from ingest.ledger.rejections import Origin, store
from ingest.ledger.rollups import roll
from ingest.ledger.tables.alerts import alert_message
from ingest.ledger.tables.calls import import_batch, ledger_property, sync_cursor
from ingest.model.rejection import Rejection
from ingest.model.zone import HOUR, instant
from ingest.settings import Settings
from tests.support.calls import NOW, Call, call, put
from tests.support.cli import Command, object_of
from tests.support.ledgers import SECRET
from tests.support.paths import ROOT

DAY: Final = 24 * HOUR
LONG: Final = "a token of more than thirty-two characters"


class Found(NamedTuple):
    """What a check found at the worst."""

    level: Level
    text: str
    """The messages and what to do."""


Doctor = Callable[..., Found]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Sets variables; those of the ledger are set."""
    for name in [name for name in os.environ if name.startswith("TALLYBOOK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())
    return monkeypatch.setenv


@pytest.fixture
def doctor(environment: object) -> Doctor:
    """Makes a single check."""
    assert environment

    def check(name: str, now: int = NOW, seconds: float = 20) -> Found:
        checks = [check for check in CHECKS if check.name == name]
        (result,) = examine(os.environ, now, seconds=seconds, checks=checks)
        return Found(result.level, "\n".join(f"{one.message}\n{one.action}" for one in result.findings))

    return check


@pytest.fixture
def file(settings: Settings) -> Path:
    """The file of the embedded ledger."""
    return Path(settings.database_url.removeprefix("sqlite:///"))


embedded_only = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
"""Of what is asked of a file, or of no database."""
server_only = pytest.mark.parametrize(
    "settings", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def ago(days: float, cost: int | None = 0, **facts: Any) -> Call:
    """A call of some days before now."""
    return call((instant(NOW) - timedelta(days=days)).isoformat(), cost, **facts)


@pytest.mark.usefixtures("environment")
def test_a_ledger_in_order_is_well(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up, "zone_data_version", lambda: "2027a")
    put(ledger, [ago(day / 2, 1) for day in range(20)])
    roll(ledger)
    _note_backup(ledger, NOW, _a_backup(tmp_path / "copy"))
    found = {
        result.check: [one.message for one in result.findings]
        for result in examine(os.environ, NOW, seconds=20)
    }
    expected = {check.name: [check.well] for check in CHECKS}
    if ledger.engine.dialect.name != "sqlite":
        expected = {check.name: [check.well] for check in CHECKS if check.needs != "file"}
        del expected["clock"], found["clock"]  # the server's clock is not that of the test
    assert found == expected


# Set-up.


@embedded_only
def test_a_variable_that_is_no_setting_is_told_with_the_nearest_one(environment: Any, doctor: Doctor) -> None:
    environment("TALLYBOOK_ADMIN_TOKENS", "x")
    environment("TALLYBOOK_QQQQQQQQ", "x")
    environment("TALLYBOOK_VIRTUAL_KEY", "vk")
    level, text = doctor("settings")
    assert level == "warning"
    assert "TALLYBOOK_ADMIN_TOKENS is no setting, and is not read\ncall it TALLYBOOK_ADMIN_TOKEN\n" in text
    assert "TALLYBOOK_QQQQQQQQ" in text
    assert "VIRTUAL_KEY" not in text


@embedded_only
@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("MAX_BODY_BYTES", "1"), ("CURRENCY", "EURO"), ("TIMEZONE", "Mars/Olympus")],
)
def test_a_value_that_does_not_fit_is_trouble(
    environment: Any, doctor: Doctor, name: str, value: str
) -> None:
    environment(f"TALLYBOOK_{name}", value)
    level, text = doctor("settings")
    assert level == "trouble"
    assert f"TALLYBOOK_{name}" in text


@embedded_only
def test_a_server_for_others_needs_a_token(environment: Any, doctor: Doctor) -> None:
    environment("TALLYBOOK_HOST", "0.0.0.0")
    assert doctor("access") == ("trouble", doctor("access").text)
    assert "TALLYBOOK_ADMIN_TOKEN is not set" in doctor("access").text
    environment("TALLYBOOK_ADMIN_TOKEN", LONG)
    environment("TALLYBOOK_SECRET_KEY", LONG)
    assert doctor("access").level == "ok"


@embedded_only
def test_a_short_admin_token_can_be_guessed_and_is_not_shown(environment: Any, doctor: Doctor) -> None:
    environment("TALLYBOOK_ADMIN_TOKEN", "correct horse")
    level, text = doctor("access")
    assert level == "warning"
    assert "TALLYBOOK_ADMIN_TOKEN has 13 characters" in text
    assert "correct horse" not in text


@embedded_only
@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("PUBLIC_URL", "tally.example.com", "trouble"),
        ("PUBLIC_URL", "http://tally.example.com", "warning"),
        ("PUBLIC_URL", "https://tally.example.com", "ok"),
        ("OIDC_ISSUER", "https://id.example.com", "trouble"),
    ],
)
def test_what_browsers_are_told_fits(
    environment: Any, doctor: Doctor, name: str, value: str, level: Level
) -> None:
    environment("TALLYBOOK_ADMIN_TOKEN", LONG)
    environment("TALLYBOOK_SECRET_KEY", LONG)
    environment(f"TALLYBOOK_{name}", value)
    assert doctor("access").level == level


@embedded_only
def test_a_zone_that_would_change_the_ledger_is_told_and_changes_nothing(
    ledger: Ledger, environment: Any, doctor: Doctor
) -> None:
    environment("TALLYBOOK_TIMEZONE", "Europe/Berlin")
    level, text = doctor("zone")
    assert (level, "the ledger reports in UTC" in text) == ("warning", True)
    assert _property(ledger, "timezone") == "UTC"


@embedded_only
def test_old_rules_of_zones_are_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"20\d\d[a-z]", set_up.zone_data_version() or "2026a")
    monkeypatch.setattr(set_up, "zone_data_version", lambda: "2024b")
    assert doctor("zone").level == "warning"


# Files.


@embedded_only
def test_files_that_others_may_open_are_told(ledger: Ledger, file: Path, doctor: Doctor) -> None:
    ledger.close()
    assert doctor("permissions").level == "ok"
    file.chmod(0o644)
    level, text = doctor("permissions")
    assert (level, f"chmod 600 {file}" in text) == ("warning", True)
    secret = Path(f"{file}.secret")
    secret.write_text("secret")
    secret.chmod(0o640)
    assert doctor("permissions").level == "trouble"


@embedded_only
def test_a_folder_in_which_others_may_replace_files_is_told(file: Path, doctor: Doctor) -> None:
    file.parent.chmod(0o777)
    assert f"chmod go-w {file.parent}" in doctor("permissions").text


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (63 * 2**20, 2**40, "trouble"),
        (65 * 2**20, 2**40, "warning"),
        (19 * 2**30, 2**40, "warning"),
        (21 * 2**30, 2**40, "ok"),
        (3 * 2**30, 50 * 2**30, "ok"),
    ],
)
@embedded_only
def test_a_disk_that_is_nearly_full_is_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, free: int, total: int, level: Level
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(total, total - free, free))
    assert doctor("disk").level == level


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@embedded_only
def test_a_long_log_is_told(ledger: Ledger, file: Path, doctor: Doctor) -> None:
    ledger.close()
    with Path(f"{file}-wal").open("wb") as log:
        log.truncate(17 * 2**20)
    assert "has 17 MiB" in doctor("wal").text


@embedded_only
def test_whoever_holds_the_write_lock_is_named(ledger: Ledger, file: Path, doctor: Doctor) -> None:
    assert doctor("locks").level == "ok"
    with ledger.writing():
        level, text = doctor("locks")
    assert level == "trouble"
    assert f"process {os.getpid()} (" in text
    assert doctor("locks").level == "ok"
    assert file.exists()


@embedded_only
def test_a_lock_that_goes_from_hand_to_hand_is_well(
    ledger: Ledger, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ledger, [ago(1)])

    def commit_meanwhile(_: float) -> None:
        with ledger.writing() as connection:
            connection.execute(sync_cursor.delete())
            connection.execute(sync_cursor.insert(), {"store": "s", "moved_at": instant(NOW)})

    monkeypatch.setattr("dashboard.doctor.files._write_lock", lambda _: "process 1 (busy)")
    monkeypatch.setattr("dashboard.doctor.files.time.sleep", lambda _: None)
    assert doctor("locks").level == "trouble"
    monkeypatch.setattr("dashboard.doctor.files.time.sleep", commit_meanwhile)
    assert doctor("locks").level == "ok"


@embedded_only
def test_files_that_this_user_may_not_open_are_trouble(
    ledger: Ledger, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.close()
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)
    assert doctor("permissions").level == "warning"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert doctor("permissions").level == "trouble"


@contextmanager
def _waiting_for_a_lock(ledger: Ledger) -> Iterator[None]:
    """A session of PostgreSQL that waits for another, until the block is left."""
    with ledger.engine.connect() as holder:
        holder.exec_driver_sql("LOCK TABLE usage_event IN ACCESS EXCLUSIVE MODE")

        def wait() -> None:
            with ledger.engine.connect() as waiter:
                waiter.exec_driver_sql("LOCK TABLE usage_event IN ACCESS EXCLUSIVE MODE")

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield
        finally:
            holder.rollback()
            thread.join()


@server_only
def test_a_session_that_holds_up_others_is_named(ledger: Ledger, doctor: Doctor) -> None:
    with _waiting_for_a_lock(ledger):
        found = doctor("locks")
        while found.level == "ok":  # it counts from a second on
            found = doctor("locks")
    assert found.level == "trouble"
    assert "holds up 1 others" in found.text


@embedded_only
@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_process_with_an_earlier_file_is_named(
    ledger: Ledger, file: Path, doctor: Doctor, is_renamed: bool
) -> None:
    ledger.close()
    with _another_process(file) as pid:
        assert doctor("replaced").level == "ok"
        copy = file.with_name("copy")
        copy.write_bytes(file.read_bytes())
        if is_renamed:
            file.rename(file.with_name("old.db"))
        copy.replace(file)
        level, text = doctor("replaced")
    assert level == "trouble"
    assert f"process {pid} (" in text


_READER: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def _another_process(file: Path) -> Iterator[int]:
    """A process that has a database open; its number."""
    words = [sys.executable, "-c", _READER, str(file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process.pid
        process.communicate()


# The database.


@embedded_only
def test_a_ledger_that_is_not_there_is_trouble_and_is_not_made(
    environment: Any, doctor: Doctor, tmp_path: Path
) -> None:
    missing = tmp_path / "nowhere" / "ledger.db"
    environment("TALLYBOOK_DATABASE_URL", f"sqlite:///{missing}")
    level, text = doctor("database")
    assert (level, str(missing) in text) == ("trouble", True)
    assert not missing.parent.exists()


@embedded_only
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://reader:pass%word@127.0.0.1:1/x", "cannot be opened"),
        ("postgresql://reader:secret@127.0.0.1:1/x", "Connection refused"),
        ("mysql://x/y", "not supported"),
        ("ledger.db", "not a database URL"),
        ("sqlite://", "needs a file"),
    ],
)
def test_a_database_that_cannot_be_opened_is_trouble(
    environment: Any, doctor: Doctor, url: str, said: str
) -> None:
    environment("TALLYBOOK_DATABASE_URL", url)
    level, text = doctor("database")
    assert (level, said in text) == ("trouble", True), text
    assert "secret" not in text.replace("secret key", "")


@embedded_only
def test_a_ledger_that_cannot_be_seen_is_told(environment: Any, settings: Settings) -> None:
    environment("TALLYBOOK_DATABASE_URL", settings.database_url.replace("ledger", "a" * 300))
    found = {result.check: result.findings[0].message for result in examine(os.environ, NOW)}
    assert list(found) == ["settings", "access", "database"]
    assert "File name too long" in found["database"]


@embedded_only
def test_a_file_that_is_no_database_is_trouble(ledger: Ledger, file: Path, doctor: Doctor) -> None:
    ledger.close()
    file.write_bytes(b"no database, only words " * 100)
    assert "not a database" in doctor("database").text


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_another_schema_is_told_and_not_migrated(ledger: Ledger, doctor: Doctor, revision: str) -> None:
    _set_revision(ledger, revision)
    level, text = doctor("schema")
    is_older_file = revision == "0001" and ledger.engine.dialect.name == "sqlite"
    assert level == ("warning" if is_older_file else "trouble")
    assert f"schema {revision}" in text
    with ledger.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == revision
    assert {check.name for check in CHECKS if check.needs == "ledger"}.isdisjoint(
        result.check for result in examine(os.environ, NOW)
    )


@pytest.mark.usefixtures("ledger")
def test_another_secret_is_trouble(environment: Any, doctor: Doctor) -> None:
    assert doctor("secret").level == "ok"
    environment("TALLYBOOK_SECRET_KEY", "another")
    assert doctor("secret").level == "trouble"


@embedded_only
def test_a_missing_secret_file_is_trouble_and_is_not_made(
    ledger: Ledger, file: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.close()
    monkeypatch.delenv("TALLYBOOK_SECRET_KEY")
    level, text = doctor("secret")
    assert (level, "is missing" in text) == ("trouble", True)
    Path(f"{file}.secret").write_text("another")
    assert "is not the secret of this ledger" in doctor("secret").text


@embedded_only
def test_a_clock_that_went_back_is_trouble(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(1)])
    level, text = doctor("clock", now=NOW - DAY // 2)
    assert level == "trouble"
    assert "the newest call was received 43,200 s from now" in text


@embedded_only
def test_calls_from_the_future_are_told(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(-2), ago(-3), ago(1)])
    assert "2 calls are dated more than an hour from now" in doctor("clock").text


@server_only
def test_a_clock_that_differs_from_the_server_s_is_told(doctor: Doctor) -> None:
    assert "off the database server's" in doctor("clock").text  # which is of today, and the test of 2027


@embedded_only
def test_a_damaged_file_is_trouble(ledger: Ledger, file: Path, doctor: Doctor) -> None:
    put(ledger, [ago(1, source_event_id=str(at)) for at in range(2_000)])
    ledger.close()
    with file.open("r+b") as damaged:
        size = damaged.seek(0, os.SEEK_END)
        damaged.seek(size // 2 // 4096 * 4096)
        damaged.write(b"\xa5" * 4096)
    level, text = doctor("integrity")
    assert (level, "damaged" in text) == ("trouble", True)


@embedded_only
def test_a_log_that_was_changed_past_the_program_is_trouble(ledger: Ledger, doctor: Doctor) -> None:
    add_token(ledger, AddTokenOptions(name="one", scopes=["read"]), by="ann", at=NOW)
    assert doctor("chains").level == "ok"
    with ledger.writing() as connection:
        connection.execute(audit_entry.update().values(by="ben"))
    assert "row 1 of audit_entry is not what was sealed" in doctor("chains").text


# Calls.


@embedded_only
def test_a_source_that_came_every_day_and_stopped_is_told(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(2.5 + day, source="gateway") for day in range(6)])
    level, text = doctor("sources")
    assert level == "warning"
    assert "gateway is silent" in text
    assert "every day" in text


@embedded_only
def test_a_source_is_not_silent_on_its_usual_days_without_calls(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(days, source="weekly") for days in (3, 7, 12, 16)])
    put(ledger, [ago(20, source="an import", source_event_id=f"i{at}") for at in range(5)])
    assert doctor("sources").level == "ok"


@embedded_only
def test_calls_without_a_price_are_counted(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(1, None), ago(2, None), ago(3, 1), ago(40, None)])
    assert "2 of 3 calls of the last 31 days have no price" in doctor("unpriced").text


@embedded_only
def test_flagged_calls_are_counted_with_their_source(ledger: Ledger, doctor: Doctor) -> None:
    flags = "part_dropped"
    put(
        ledger,
        [ago(1, 1, flags=flags, source="a"), ago(2, 1, flags=flags, source="a"), ago(3, 1, flags=flags)],
    )
    assert "3 calls of the last 31 days are flagged, most of them of a (2)" in doctor("flagged").text


def test_rejected_records_are_counted_by_code(ledger: Ledger, doctor: Doctor) -> None:
    with ledger.writing() as connection:
        for at, code in enumerate(("bad_count", "bad_count", "not_json")):
            rejection = Rejection(index=at, line=at, code=code, reason=f"{code} is bad", record=f"{at}")
            store(connection, [rejection], Origin("http", NOW - at * HOUR))
    level, text = doctor("rejected")
    assert level == "warning"
    assert "2 records of the last 31 days were rejected as bad_count" in text
    assert "1 records of the last 31 days were rejected as not_json" in text


@embedded_only
def test_old_rejections_are_past(ledger: Ledger, doctor: Doctor) -> None:
    with ledger.writing() as connection:
        rejection = Rejection(index=0, line=1, code="bad_count", reason="bad", record="")
        store(connection, [rejection], Origin("http", NOW - 40 * DAY))
    assert doctor("rejected").level == "ok"


@embedded_only
def test_traffic_from_two_sources_is_told(ledger: Ledger, doctor: Doctor) -> None:
    twice = [ago(1, 1, source=source, model="m", input_tokens=7) for source in ("gateway", "spans")]
    put(ledger, twice)
    roll(ledger)
    assert "the sources gateway and spans have the same calls" in doctor("doubled").text


@embedded_only
def test_traffic_that_came_twice_long_ago_is_past(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(20, 1, source=source, model="m", input_tokens=7) for source in ("gateway", "spans")])
    roll(ledger)
    assert doctor("doubled").level == "ok"


@embedded_only
def test_a_missing_exchange_rate_is_told(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(1, 1, currency="EUR"), ago(1, 1)])
    level, text = doctor("rates")
    assert level == "warning"
    assert "no rate from EUR to USD" in text
    assert "tallybook rates" in text


# Work.


@embedded_only
def test_a_backlog_of_rollups_is_told(ledger: Ledger, doctor: Doctor) -> None:
    put(ledger, [ago(at / 24) for at in range(250)])
    level, text = doctor("rollups")
    assert level == "warning"
    assert "250 slots wait for their rollups, the oldest of 2027-01-04" in text
    roll(ledger)
    assert doctor("rollups").level == "ok"


@embedded_only
@pytest.mark.parametrize(
    ("status", "due", "level"),
    [
        ("failing", NOW + HOUR, "trouble"),
        ("given up", NOW - DAY, "trouble"),
        ("unknown", NOW - DAY, "trouble"),
        ("given up", NOW - 40 * DAY, "ok"),
        ("waiting", NOW - DAY, "warning"),
        ("waiting", NOW + HOUR, "ok"),
        ("sent", NOW - DAY, "ok"),
    ],
)
def test_messages_that_do_not_arrive_are_told(
    ledger: Ledger, doctor: Doctor, status: str, due: int, level: Level
) -> None:
    row = {
        "alert_number": 1,
        "target": "t",
        "status": status,
        "attempts": 1,
        "due_at": instant(due),
        "said": "no",
    }
    with ledger.writing() as connection:
        connection.execute(alert_message.insert(), row)
    assert doctor("messages").level == level


@embedded_only
def test_a_store_that_is_not_read_any_more_is_told(ledger: Ledger, doctor: Doctor) -> None:
    with ledger.writing() as connection:
        connection.execute(sync_cursor.insert(), {"store": "bifrost", "moved_at": instant(NOW - 2 * DAY)})
        connection.execute(sync_cursor.insert(), {"store": "litellm", "moved_at": instant(NOW - HOUR)})
    level, text = doctor("sync")
    assert (level, "bifrost was last read" in text, "litellm" in text) == ("warning", True, False)


@embedded_only
def test_an_import_that_was_cut_off_is_told(ledger: Ledger, doctor: Doctor) -> None:
    with ledger.writing() as connection:
        for path, at in (("old.jsonl", NOW - 2 * DAY), ("new.jsonl", NOW - HOUR)):
            row = {"channel": "import", "path": path, "status": "running", "started_at": instant(at)}
            connection.execute(import_batch.insert(), row)
    level, text = doctor("imports")
    assert (level, "1 imports" in text, "old.jsonl" in text) == ("warning", True, True)


def _note_backup(ledger: Ledger, at: int, folder: Path) -> None:
    value = json.dumps({"at": instant(at).isoformat(), "path": str(folder), "sha256": "...", "events": 1})
    with ledger.writing() as connection:
        connection.execute(ledger_property.insert(), {"name": "last_backup", "value": value})


def _a_backup(folder: Path) -> Path:
    folder.mkdir()
    (folder / "ledger.db").write_bytes(b"copy")
    manifest = Manifest(
        made_at=instant(NOW).isoformat(),
        program="1",
        database="sqlite",
        ledger="sqlite:///ledger.db",
        currency="USD",
        contents=Contents("0001", "1", "UTC", None, {}, {}, {}, {}),
        secret=SecretFacts(None, None),
        files={"ledger.db": FileFacts(4, "...")},
    )
    (folder / "manifest.json").write_bytes(manifest.encoded())
    return folder


@embedded_only
def test_a_ledger_with_calls_needs_a_backup(ledger: Ledger, doctor: Doctor) -> None:
    assert doctor("backups").level == "ok"
    put(ledger, [ago(1)])
    assert "there is no backup" in doctor("backups").text


@embedded_only
def test_an_old_backup_is_told(ledger: Ledger, doctor: Doctor, tmp_path: Path) -> None:
    _note_backup(ledger, NOW - 8 * DAY, _a_backup(tmp_path / "copy"))
    assert "8 days ago" in doctor("backups").text


@embedded_only
@pytest.mark.parametrize(
    ("harm", "level", "said"),
    [
        (lambda folder: (folder / "ledger.db").unlink(), "trouble", "ledger.db cannot be read: No such file"),
        (lambda folder: (folder / "ledger.db").write_bytes(b"cut"), "trouble", "has 3 bytes and had 4"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "trouble", "manifest is damaged"),
        (lambda folder: folder.rename(folder.with_name("moved")), "warning", "cannot be seen from here"),
    ],
)
def test_a_backup_that_is_not_whole_is_told(
    ledger: Ledger, doctor: Doctor, tmp_path: Path, harm: Callable[[Path], Any], level: Level, said: str
) -> None:
    folder = _a_backup(tmp_path / "copy")
    _note_backup(ledger, NOW, folder)
    harm(folder)
    assert (doctor("backups").level, said in doctor("backups").text) == (level, True)


# The command.


def _state(folder: Path) -> dict[str, str]:
    return {
        str(path): f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@embedded_only
@pytest.mark.usefixtures("environment")
def test_an_examination_changes_nothing(ledger: Ledger, file: Path) -> None:
    put(ledger, [ago(1, None)])
    ledger.close()
    before = _state(file.parent)
    assert not Path(f"{file}-wal").exists()
    examine(os.environ, NOW)
    assert _state(file.parent) == before


@embedded_only
@pytest.mark.usefixtures("environment")
def test_a_ledger_that_cannot_be_written_is_examined(ledger: Ledger, file: Path) -> None:
    ledger.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    file.parent.chmod(0o500)
    try:
        results = {result.check: result.level for result in examine(os.environ, NOW)}
    finally:
        file.parent.chmod(0o700)
    assert len(results) == len(CHECKS)
    assert "trouble" not in results.values()


ENDLESS: Final = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


def _ask_without_end(case: Case) -> Iterator[Finding]:
    assert case.look is not None
    with case.look.reading() as connection:
        connection.exec_driver_sql(ENDLESS)
    yield Finding("trouble", "it came to an end")


@pytest.mark.usefixtures("environment")
def test_what_is_not_done_in_time_is_given_up_and_said(ledger: Ledger) -> None:
    ledger.close()
    check = Check("endless", "", "", _ask_without_end, "database")
    (result,) = examine(os.environ, NOW, seconds=0.3, checks=[check])
    (finding,) = result.findings
    assert finding.level == "ok"
    assert finding.message.startswith("not looked at to the end in 0.3 s")


def test_the_answer_for_programs_has_every_check(
    tallybook: Command, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(embedded, [ago(1, None)])
    monkeypatch.setenv("TALLYBOOK_ADMIN_TOKEN", "tb_a_secret")
    monkeypatch.setattr("dashboard.doctor.commands.now", lambda: NOW)
    answer = object_of(tallybook("doctor", "--json"))
    assert answer["status"] == "warning"
    assert {one["check"] for one in answer["checks"]} == {check.name for check in CHECKS}
    assert all(one.keys() == {"check", "status", "message", "action"} for one in answer["checks"])
    assert {one["status"] for one in answer["checks"]} == {"ok", "warning"}
    assert all(one["action"] for one in answer["checks"] if one["status"] != "ok")
    assert "tb_a_secret" not in json.dumps(answer)


def test_trouble_comes_first_and_exits_1(
    tallybook: Command, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.doctor.commands.now", lambda: NOW)
    put(embedded, [ago(1, None)])
    assert tallybook("doctor").exit_code == 0
    _set_revision(embedded, "9999")
    refused = tallybook("doctor")
    assert refused.exit_code == 1
    lines = refused.stdout.splitlines()
    assert lines[:3] == [
        "Trouble:",
        "  schema: the ledger has schema 9999, this program knows " + lines[1].rsplit(" ", 1)[1],
        "    -> update Tallybook",
    ]
    assert "checks of what is in the ledger were not made" in refused.stdout


def test_every_check_is_in_the_table_of_the_documentation() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.MULTILINE)
    assert rows == [(check.name, check.about) for check in CHECKS]


def _set_revision(ledger: Ledger, revision: str) -> None:
    with ledger.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def _property(ledger: Ledger, name: str) -> str | None:
    with ledger.reading() as connection:
        value = sa.select(ledger_property.c.value).where(ledger_property.c.name == name)
        return connection.execute(value).scalar()
