"""Secrets need not stand in arguments: a file or standard input holds them, and else there is a warning."""

from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from dashboard.cli import make_cli
from ingest.ledger import directory
from ingest.ledger.engine import Ledger
from tests.support.cli import Command, object_of

KEY: Final = "sk-bf-0123456789abcdef0123456789abcdef"
CALL: Final = '{"id": "a", "model": "gpt-4o", "created": 1790000000, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}\n'
WARNING: Final = "other users of this machine can read a secret in the arguments"


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "key.txt"
    path.write_text(f"{KEY}\n")
    return f"@{path}"


@pytest.fixture
def call_file(tmp_path: Path) -> str:
    path = tmp_path / "call.jsonl"
    path.write_text(CALL)
    return str(path)


def is_known(ledger: Ledger) -> bool:
    """Whether the directory has the key, by its hash."""
    with ledger.reading() as connection:
        return bool(directory.entries(connection, "virtual_key", [ledger.keyring.conceal(KEY).ident]))


def test_a_key_comes_from_a_file(embedded: Ledger, tallybook: Command, key_file: str, call_file: str) -> None:
    done = tallybook("import", call_file, "--virtual-key", key_file)
    assert (done.exit_code, WARNING in done.stderr) == (0, False)
    assert is_known(embedded)


def test_a_key_comes_from_the_environment(
    embedded: Ledger, tallybook: Command, call_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYBOOK_VIRTUAL_KEY", KEY)
    done = tallybook("import", call_file)
    assert (done.exit_code, WARNING in done.stderr) == (0, False)
    assert is_known(embedded)


@pytest.mark.usefixtures("tallybook")
def test_a_key_is_the_first_line_of_standard_input_and_the_calls_are_the_rest(embedded: Ledger) -> None:
    words = ["import", "-", "--virtual-key", "-", "--json"]
    done = CliRunner().invoke(make_cli(), words, input=f"{KEY}\n{CALL}")
    assert object_of(done)["accepted"] == 1
    assert is_known(embedded)


def test_a_key_in_the_arguments_is_warned_of_and_taken(
    embedded: Ledger, tallybook: Command, call_file: str
) -> None:
    done = tallybook("import", call_file, "--virtual-key", KEY)
    assert done.exit_code == 0
    assert f"--virtual-key: {WARNING}" in done.stderr
    assert KEY not in done.output
    assert is_known(embedded)


def test_the_id_of_a_key_is_no_secret(tallybook: Command, call_file: str) -> None:
    assert WARNING not in tallybook("import", call_file, "--virtual-key", "vk-search").stderr


@pytest.mark.parametrize(
    "words",
    [
        ["owner", "set", "{}", "--team", "ml", "--from", "2026-10-01"],
        ["key", "add", "{}", "--name", "Web"],
        ["spend", "--where", "virtual_key={}"],
        ["budget", "set", "Web", "100", "--key", "{}"],
        ["alert", "add", "Web", "--when", "anomaly", "--key", "{}"],
    ],
    ids=" ".join,
)
def test_commands_take_a_key_from_a_file_and_warn_of_it_in_the_arguments(
    tallybook: Command, key_file: str, words: list[str]
) -> None:
    tallybook("team", "add", "ml")
    tallybook("key", "add", key_file)
    quiet = tallybook(*(word.format(key_file) for word in words))
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    loud = tallybook(*(word.format(KEY) for word in words))
    assert loud.exit_code == 0
    assert WARNING in loud.stderr


def test_the_target_of_an_alert_comes_from_a_file(tallybook: Command, tmp_path: Path) -> None:
    target = "slack:https://hooks.example.com/services/secret"
    (tmp_path / "target").write_text(target)
    quiet = tallybook(
        "alert", "add", "B", "--when", "budget", "--to", f"@{tmp_path / 'target'}", "--to", "folder:/tmp"
    )
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    loud = tallybook("alert", "add", "B", "--when", "budget", "--to", target)
    assert WARNING in loud.stderr
    assert "services/secret" not in quiet.output + loud.output


def test_the_url_of_a_store_comes_from_a_file(tallybook: Command, tmp_path: Path) -> None:
    url = "postgresql://reader:password@127.0.0.1:1/logs"
    (tmp_path / "url").write_text(url)
    quiet = tallybook("sync", "bifrost", f"@{tmp_path / 'url'}")
    assert "127.0.0.1:1/logs: connection failed" in quiet.stderr
    assert WARNING not in quiet.stderr
    loud = tallybook("sync", "bifrost", url)
    assert f"URL: {WARNING}" in loud.stderr
    assert "password" not in quiet.output + loud.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "holds nothing"),
        (b" \n", "holds nothing"),
        (b"sk-one sk-two\n", "more than one word"),
        (b"\xff\xfe", "holds no text"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(
    tallybook: Command, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    refused = tallybook("key", "add", f"@{tmp_path / 'key'}")
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())
    assert "sk-one" not in refused.output
