"""The command line as people use it, on the ledger of the test."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from conftest import SECRET
from typer.testing import CliRunner, Result

from dashboard.cli import main, make_cli
from ingest.ledger.engine import Ledger

Command = Callable[..., Result]


@pytest.fixture
def tallybook(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command."""
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", embedded.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(make_cli(), words)


def object_of(result: Result) -> Any:
    """The JSON that a command printed, which went well."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def command_in(
    folder: Path, environment: Mapping[str, str], *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """What the command does in a folder and an environment, without the second that Python takes to start."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("TALLYBOOK_")}
    code: Any = 0
    with (
        chdir(folder),
        pytest.MonkeyPatch.context() as patch,
        CliRunner().isolation(input=stdin, env={**others, **environment}) as (out, err, *_),
    ):
        patch.setattr(sys, "argv", ["tallybook", *words])
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        return subprocess.CompletedProcess(words, code, out.getvalue().decode(), err.getvalue().decode())
