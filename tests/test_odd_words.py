"""No command ends with a traceback, whatever stands on its command line."""

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cli import command_in
from tests.support.ledgers import SECRET, blank
from tests.support.odd_words import commands, lines

SHAPES = {" ".join(shape.words): shape for shape in commands()}
ENDS = {0, 1, 2, 3}


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    return {
        "TALLYBOOK_DATABASE_URL": blank(tmp_path / "ledger.db"),
        "TALLYBOOK_SECRET_KEY": SECRET.get_secret_value(),
    }


def try_words(folder: Path, environment: Mapping[str, str], words: list[str]) -> None:
    done = command_in(folder, environment, *words, stdin="")
    assert done.returncode in ENDS, words
    assert "Traceback" not in done.stderr, words
    if "--json" not in words:
        assert not {"\x1b", "\x07"} & {*done.stdout, *done.stderr}, words


def test_a_few_odd_words_for_every_command(tmp_path: Path, environment: Mapping[str, str]) -> None:
    chance = random.Random(3)
    for shape in SHAPES.values():
        for words in lines(shape, chance, 1):
            try_words(tmp_path, environment, words)


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPES)
def test_many_odd_words(tmp_path: Path, environment: Mapping[str, str], name: str) -> None:
    chance = random.Random(name)
    for words in lines(SHAPES[name], chance, 60):
        try_words(tmp_path, environment, words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["team", "add", "\udcff"], "not text in UTF-8"),
        (["rates", "import", "a\0b"], "not text in UTF-8"),
        (["rejected", "list", "--limit", "9" * 26], "larger than any number"),
        (["import", ""], "a path is empty"),
    ],
)
def test_words_that_cannot_be_are_explained(
    tmp_path: Path, environment: Mapping[str, str], words: list[str], said: str
) -> None:
    done = command_in(tmp_path, environment, *words)
    assert done.returncode in {1, 2}
    assert said in done.stderr


def test_a_message_with_a_name_of_another_program_gives_the_terminal_no_command(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute('CREATE TABLE "\x1b[2J" (x)')
    done = command_in(tmp_path, {"TALLYBOOK_DATABASE_URL": "sqlite:///other.db"}, "spend")
    assert (done.returncode, r"\x1b[2J" in done.stderr, "\x1b" in done.stderr) == (1, True, False)
