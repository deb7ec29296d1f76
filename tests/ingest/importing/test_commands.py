"""`tallybook import` as a person runs it: files, folders, standard input, packed or not, twice, wrong."""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import zstandard

from ingest.ledger import rollups
from ingest.ledger.engine import open_ledger
from ingest.ledger.tables.calls import rejected_record, usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.support.import_runs import Run, lines, response
from tests.support.other_reader import committed


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_file_of_json_lines_is_imported_once(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(lines(*(response(n) for n in range(50))))
    first = tallybook("import", "calls.jsonl", "--json")
    again = tallybook("import", "calls.jsonl", "--json")
    assert (first.returncode, again.returncode) == (0, 0)
    assert (report(first)["accepted"], report(again)["duplicates"]) == (50, 50)
    assert report(first)["files"][0] == {
        "path": "calls.jsonl",
        "format": "completion",
        "skipped": 0,
        "passed_over": 0,
        "unfinished_line": None,
        "records": 50,
        "accepted": 50,
        "duplicates": 0,
        "revised": 0,
        "rejected": 0,
        "unpriced": 0,
    }


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes], ids=["gzip", "zstd", "plain"])
def test_packed_files_and_folders_are_read(
    tallybook: Run, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    folder = tmp_path / "archive" / "november"
    folder.mkdir(parents=True)
    (folder / "a.jsonl.gz").write_bytes(pack(lines(response(1), response(2)).encode()))
    (folder / "b.json").write_text(json.dumps([response(3), response(4)], indent=2))
    (folder / "notes.md").write_text("not records")
    done = tallybook("import", "archive", "--json")
    assert done.returncode == 0
    assert (report(done)["accepted"], len(report(done)["files"])) == (4, 2)


def test_standard_input_is_read(tallybook: Run) -> None:
    done = tallybook("import", "-", "--json", stdin=lines(response(1)))
    assert report(done)["accepted"] == 1


def test_bad_records_are_kept_with_their_place_and_good_neighbours_are_stored(
    tallybook: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    bad = response(2, usage={"prompt_tokens": -5, "completion_tokens": 1})
    torn = '{"id": "chatcmpl-3", "choices": [{"message": {"content": "SECRET'
    (tmp_path / "mixed.jsonl").write_text(lines(response(1), bad) + torn + "}\n" + lines(response(4)))
    done = tallybook("import", "mixed.jsonl", "--json")
    told = report(done)
    assert done.returncode == 3
    assert (told["accepted"], told["rejected"]) == (2, 2)
    assert [(one["path"], one["line"], one["code"]) for one in told["rejections"]] == [
        ("mixed.jsonl", 2, "impossible_count"),
        ("mixed.jsonl", 3, "not_json"),
    ]
    assert told["rejections"][0]["field"] == "usage.prompt_tokens"
    ledger = open_ledger(Settings(database_url=environment["TALLYBOOK_DATABASE_URL"]))
    with ledger.reading() as connection:
        kept = connection.execute(sa.select(rejected_record.c.line, rejected_record.c.record)).all()
    ledger.close()
    assert sorted(row.line for row in kept) == [2, 3]
    assert "SECRET" not in str(kept)
    listed = tallybook("rejected", "list")
    assert "impossible_count" in listed.stdout


def test_a_rejected_record_that_can_be_read_now_becomes_an_event(
    tallybook: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "mixed.jsonl").write_text(
        lines(response(1, usage={"prompt_tokens": -5}), response(2, usage="none"))
    )
    tallybook("import", "mixed.jsonl")
    ledger = open_ledger(Settings(database_url=environment["TALLYBOOK_DATABASE_URL"]))
    with ledger.writing() as connection:
        mended = sa.func.replace(rejected_record.c.record, "-5", "5")
        connection.execute(rejected_record.update().where(rejected_record.c.line == 1).values(record=mended))
    ledger.close()
    assert "1 of 1 records are events now" in tallybook("rejected", "retry").stdout
    assert _events(environment) == 1
    assert "1 rejected records are kept" in tallybook("rejected", "list").stdout


def test_nothing_of_a_prompt_or_answer_is_in_the_ledgers_files(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(lines(response(1), response(2, usage={"prompt_tokens": "x"})))
    tallybook("import", "calls.jsonl")
    for file in tmp_path.glob("mine.db*"):
        assert b"SECRET WORDS" not in file.read_bytes()


def test_a_dry_run_says_what_would_happen_and_changes_nothing(tallybook: Run, tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(lines(response(1), response(1), response(2)))
    dry = report(tallybook("import", "calls.jsonl", "--dry-run", "--json"))
    assert (dry["accepted"], dry["duplicates"]) == (2, 1)
    spend = json.loads(tallybook("spend", "--json", "--from", "2026-01-01", "--to", "2027-01-01").stdout)
    assert spend["totals"]["requests"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "missing.jsonl"], "missing.jsonl: No such file"),
        (["import", "empty"], "files in this folder"),
        (["import", "calls.jsonl", "--format", "nonsense"], "there is no format"),
    ],
)
def test_a_wrong_call_is_explained_in_one_line(
    tallybook: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "calls.jsonl").write_text(lines(response(1)))
    done = tallybook(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\x00\x01\x02\xff", b"hello\nworld\n", b"\x1f\x8bbroken gzip"]
)
def test_a_file_that_holds_no_records_is_no_crash(tallybook: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.jsonl").write_bytes(content)
    done = tallybook("import", "odd.jsonl")
    assert done.returncode in (0, 3)
    assert "Traceback" not in done.stderr


def test_import_loads_neither_dash_nor_pandas_nor_fastapi(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "calls.jsonl").write_text(lines(response(1)))
    program = (
        "import sys; sys.argv = ['tallybook', 'import', 'calls.jsonl']\n"
        "from dashboard.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('dash', 'pandas', 'fastapi', 'plotly', 'alembic') if m in sys.modules])"
    )
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def _events(environment: dict[str, str]) -> int:
    ledger = open_ledger(Settings(database_url=environment["TALLYBOOK_DATABASE_URL"]))
    with ledger.reading() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()
    ledger.close()
    return count


def _started(tmp_path: Path, environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "dashboard", "import", "big.jsonl", "--json", *arguments]
    return subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _wait_for_some(environment: dict[str, str], least: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and committed(environment["TALLYBOOK_DATABASE_URL"]) < least:
        time.sleep(0.02)


@pytest.mark.long
def test_an_import_that_was_killed_is_finished_by_running_it_again(
    tallybook: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "big.jsonl").write_text(lines(*(response(n) for n in range(120_000))))
    killed = _started(tmp_path, environment)
    _wait_for_some(environment, 10_000)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    there = _events(environment)
    assert 0 < there < 120_000, "it must be killed half-way to show anything"
    told = report(tallybook("import", "big.jsonl", "--json"))
    assert (told["accepted"], told["duplicates"]) == (120_000 - there, there)
    _holds_together(environment)
    assert _events(environment) == 120_000


@pytest.mark.slow
def test_an_interrupted_import_says_what_is_committed_and_resumes_after_it(
    tallybook: Run, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "big.jsonl").write_text(lines(*(response(n) for n in range(60_000))))
    running = _started(tmp_path, environment)
    _wait_for_some(environment, 1)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["accepted"] == _events(environment)
    told = report(tallybook("import", "big.jsonl", "--json", "--resume"))
    assert told["duplicates"] == 0
    assert told["files"][0]["skipped"] + told["accepted"] == 60_000
    _holds_together(environment)
    assert _events(environment) == 60_000


def _holds_together(environment: dict[str, str]) -> None:
    ledger = open_ledger(Settings(database_url=environment["TALLYBOOK_DATABASE_URL"]))
    assert rollups.count_dirty_slots(ledger) == 0
    assert verify(ledger) == []
    ledger.close()
