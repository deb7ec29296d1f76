"""The command line as people use it, on the ledger of the test."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import SECRET
from typer.testing import CliRunner, Result

from dashboard.cli import make_cli
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
