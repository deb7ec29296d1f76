"""`tallybook sync` as people run it: once, following, killed, interrupted, wrong, with the gateway away."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.ledger.engine import open_ledger
from ingest.ledger.tables.calls import import_batch
from ingest.settings import Settings
from tests.support.gateways import Bifrost, LogApi, processing, row, serving
from tests.support.process import Tallybook


@pytest.fixture
def tallybook(tmp_path: Path) -> Tallybook:
    return Tallybook(tmp_path)


@pytest.fixture
def bifrost(tmp_path: Path) -> Iterator[Bifrost]:
    gateway = Bifrost(tmp_path / "logs.db")
    yield gateway
    gateway.close()


def cost(rows: int) -> Decimal:
    return sum((Decimal(100 + n % 5) / 1_000_000 for n in range(rows)), Decimal())


def test_one_object_says_what_came_in(tallybook: Tallybook, bifrost: Bifrost) -> None:
    bifrost.write(*(row(n) for n in range(10)), processing(10), row(11, cost=-1e13))
    code, out, _ = tallybook.run("sync", "bifrost", "logs.db", "--json")
    told: dict[str, Any] = json.loads(out)
    assert code == 3
    assert {name: told[name] for name in ("accepted", "duplicates", "revised", "rejected", "waiting")} == {
        "accepted": 10,
        "duplicates": 0,
        "revised": 0,
        "rejected": 1,
        "waiting": 1,
    }
    assert [one["table"] for one in told["tables"]] == ["logs", "mcp_tool_logs"]
    assert [(one["table"], one["key"], one["code"]) for one in told["rejections"]] == [
        ("logs", "req-0000011", "bad_amount")
    ]
    code, out, _ = tallybook.run("sync", "bifrost", f"sqlite:///{tallybook.folder}/logs.db")
    assert code == 3
    assert "req-0000011: rejected (bad_amount)" in out
    assert tallybook.spend() == cost(10)
    tallybook.holds_together()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["bifrost", "missing.db"], 1, "no such file"),
        (["bifrost", "mysql://host/x"], 2, "no store at a mysql"),
        (["litmus", "logs.db"], 2, "no gateway"),
        (["bifrost", "logs.db", "--since", "yesterday"], 2, "--since yesterday"),
        (["bifrost", "http://me:hush@127.0.0.1:1"], 1, "refused"),
        (["bifrost", "logs.db", "--every", "0"], 2, "--every"),
    ],
)
def test_what_goes_wrong_is_explained(
    tallybook: Tallybook, bifrost: Bifrost, arguments: list[str], code: int, said: str
) -> None:
    bifrost.write(row(0))
    ended, _, err = tallybook.run("sync", *arguments)
    assert ended == code
    assert said in err
    assert "hush" not in err


@pytest.mark.long
def test_a_sync_that_was_killed_is_finished_by_running_it_again(
    tallybook: Tallybook, bifrost: Bifrost
) -> None:
    rows = 60_000
    bifrost.write(*(row(n) for n in range(rows)))
    killed = tallybook.start("sync", "bifrost", "logs.db")
    tallybook.wait_for(8_000)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    there = tallybook.events()
    assert there < rows, "it must be killed half-way to show anything"
    code, out, _ = tallybook.run("sync", "bifrost", "logs.db", "--json")
    told = json.loads(out)
    assert (code, told["accepted"], tallybook.events()) == (0, rows - there, rows)
    assert tallybook.spend() == cost(rows)
    tallybook.holds_together()
    ledger = open_ledger(Settings(database_url=tallybook.url))
    with ledger.reading() as connection:
        states = set(connection.execute(sa.select(import_batch.c.status)).scalars())
    ledger.close()
    assert states == {"interrupted", "finished"}


@pytest.mark.long
def test_an_interrupted_sync_says_what_is_committed(tallybook: Tallybook, bifrost: Bifrost) -> None:
    bifrost.write(*(row(n) for n in range(60_000)))
    running = tallybook.start("sync", "bifrost", "logs.db", "--json")
    tallybook.wait_for(8_000)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["accepted"] == tallybook.events() < 60_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_following_brings_rows_as_they_come_until_it_is_asked_to_end(
    tallybook: Tallybook, bifrost: Bifrost, number: signal.Signals
) -> None:
    bifrost.write(*(row(n) for n in range(5)), processing(5))
    following = tallybook.start("sync", "bifrost", "logs.db", "--every", "0.2", "--json")
    tallybook.wait_for(5)
    bifrost.write(row(5), row(6))
    tallybook.wait_for(7)
    following.send_signal(number)
    out, err = following.communicate(timeout=300)
    assert following.returncode == 0, err
    told = json.loads(out)
    assert (told["accepted"], told["waiting"]) == (7, 0)
    tallybook.run("rollup")
    tallybook.holds_together()


@pytest.mark.parametrize("kind", ["file", "api"])
def test_a_follower_waits_for_a_store_that_is_away(tallybook: Tallybook, tmp_path: Path, kind: str) -> None:
    """Away at the start, there for a while, away again, and back."""
    api = LogApi()
    api.write(row(0))
    with serving(api) as url:
        port = int(url.rpartition(":")[2])
    where = url if kind == "api" else "gateway.db"
    following = tallybook.start("sync", "bifrost", where, "--every", "0.2", "--json")
    for rows in (1, 2):
        _hears(following, "waiting for it")
        if kind == "api":
            api.write(*(row(n) for n in range(rows)))
            with serving(api, port):
                _hears(following, "it is back")
                tallybook.wait_for(rows)
        else:
            _store(tmp_path / "gateway.db", rows)
            _hears(following, "it is back")
            tallybook.wait_for(rows)
            if rows == 1:
                (tmp_path / "gateway.db").rename(tmp_path / "elsewhere.db")
    following.send_signal(signal.SIGTERM)
    out, err = following.communicate(timeout=300)
    assert following.returncode == 0
    assert "Traceback" not in err
    assert "it is back" not in err
    assert json.loads(out)["accepted"] == 2


def _hears(process: "subprocess.Popen[str]", words: str) -> None:
    """The next thing that is said."""
    assert process.stderr is not None
    assert words in process.stderr.readline()


def _store(path: Path, rows: int) -> None:
    """A store that appears whole."""
    draft = Bifrost(path.with_suffix(".draft"))
    draft.write(*(row(n) for n in range(rows)))
    draft.close()
    shutil.move(path.with_suffix(".draft"), path)


def test_a_follower_ends_where_the_store_is_of_no_use_from_the_start(
    tallybook: Tallybook, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("not a database")
    code, _, err = tallybook.run("sync", "bifrost", "text.db", "--every", "1")
    assert code == 1
    assert "not a SQLite database" in err


def test_no_password_is_kept_or_printed(tallybook: Tallybook, tmp_path: Path) -> None:
    api = LogApi()
    api.password = "hush-hush"
    api.write(row(0), row(1, cost=-1e13))
    with serving(api) as url:
        inside = url.replace("http://", "http://admin:hush-hush@")
        said = tallybook.run("sync", "bifrost", inside, "--json")
    assert said[0] == 3
    assert "hush-hush" not in str(said)
    for file in tmp_path.glob("ledger.db*"):
        assert b"hush-hush" not in file.read_bytes()
