"""Fixtures: the command `tallybook` in a folder, with an environment and a ledger of its own."""

import os
from functools import partial
from pathlib import Path

import pytest

from tests.support.cli import command_in
from tests.support.import_runs import Run


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
    return {**clean, "TALLYBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/mine.db"}


@pytest.fixture
def tallybook(tmp_path: Path, environment: dict[str, str]) -> Run:
    return partial(command_in, tmp_path, environment)
