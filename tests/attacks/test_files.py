"""No file costs its neighbours: what may lie in a folder, and in the files that commands take."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
import sqlalchemy as sa

from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.tables.calls import usage_event
from ingest.settings import Settings
from tests.attacks.files import COMMANDS, ESCAPES, FILES, MAPPING, HostileFile, lines
from tests.support.cli import command_in
from tests.support.import_runs import Run
from tests.support.ledgers import SECRET, blank

PATIENCE: Final = 15
"""Seconds after which a command is taken for one that never ends."""
COMMITS: Final = 60
ENDINGS: Final = frozenset({0, 1, 2, 3})


class Endless(BaseException):
    """A command did not end."""


@contextmanager
def never_endless() -> Iterator[None]:
    """Raise in what takes too long: a command that never ends fails its test, and holds up no other."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise Endless

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def tallybook(tmp_path: Path) -> Run:
    environment = {
        "TALLYBOOK_DATABASE_URL": blank(tmp_path / "ledger.db"),
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }
    return partial(command_in, tmp_path, environment)


@contextmanager
def ledger_in(folder: Path) -> Iterator[Ledger]:
    with open_ledger(Settings(database_url=f"sqlite:///{folder}/ledger.db", secret_key=SECRET)) as ledger:
        yield ledger


def count(ledger: Ledger, table: sa.Table) -> int:
    with ledger.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


@pytest.fixture
def commits() -> Iterator[list[int]]:
    """One item for each commit of any database."""
    made: list[int] = []

    def note(_: Any) -> None:
        made.append(1)

    sa.event.listen(sa.Engine, "commit", note)
    yield made
    sa.event.remove(sa.Engine, "commit", note)


@pytest.mark.parametrize("hostile", FILES, ids=lambda hostile: hostile.name)
def test_a_hostile_file_costs_no_other_file(
    tmp_path: Path, tallybook: Run, commits: list[int], hostile: HostileFile
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(lines(1, 2, 3))
    hostile.make(folder)
    (folder / "z.jsonl").write_bytes(lines(4, 5, 6))
    with never_endless():
        done = tallybook("import", "calls", "--json")
    assert done.returncode in {0, 3}, done.stderr
    told = json.loads(done.stdout)
    with ledger_in(tmp_path) as ledger:
        assert told["accepted"] == count(ledger, usage_event) == 6 + hostile.accepted
    assert len(commits) <= COMMITS
    with never_endless():
        again = json.loads(tallybook("import", "calls", "--json").stdout)
    assert (again["accepted"], again["duplicates"]) == (0, told["accepted"])


@pytest.mark.parametrize(
    "hostile", [one for one in FILES if "terminal" in one.name], ids=lambda one: one.name
)
def test_no_report_tells_the_terminal_what_to_do(
    tmp_path: Path, tallybook: Run, hostile: HostileFile
) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    hostile.make(folder)
    said = [tallybook("import", "calls"), tallybook("rejected", "list")]
    assert not [text for one in said for text in (one.stdout, one.stderr) if "\x1b" in text or "\x07" in text]


def test_no_answer_tells_the_terminal_what_to_do(tmp_path: Path, tallybook: Run) -> None:
    record = {"team": ESCAPES, "response": {"id": "e", "model": ESCAPES, "usage": {"prompt_tokens": 1}}}
    (tmp_path / "e.jsonl").write_text(json.dumps(record))
    assert tallybook("import", "e.jsonl").returncode == 0
    for form in ((), ("--csv",)):
        said = tallybook("spend", "--by", "model,team", *form).stdout
        assert "\x1b" not in said
        assert "\x07" not in said


@pytest.mark.parametrize("name", COMMANDS)
def test_a_hostile_file_ends_a_command_with_a_word(tmp_path: Path, tallybook: Run, name: str) -> None:
    words, file, content = COMMANDS[name]
    (tmp_path / file).write_bytes(content)
    (tmp_path / "map.toml").write_text(MAPPING)
    with never_endless():
        done = tallybook(*words)
    assert done.returncode in ENDINGS
    assert done.returncode == 0 or done.stderr or done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "owned").exists()
    with never_endless():
        assert tallybook("verify").returncode == 0
