"""What a user sees stays as it is: `tests/frozen/` holds it, and each file of it is compared.

`make frozen` writes the files anew; the difference is for a person to read.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.ledger.engine import make_engine
from tests.support import frozen_files
from tests.support.frozen_files import FROZEN, IN_ONE_PROCESS

BESIDE = ("ddl_postgresql.sql", "modules.txt")
"""The files that have a test of their own."""


def compare(name: str, text: str) -> None:
    """Assert that a text is that of its file."""
    file = FROZEN / name
    if os.environ.get("UPDATE_FROZEN"):
        file.write_text(text, encoding="utf-8")
    assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that one process makes."""
    work, folder = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("frozen")
    done = subprocess.run(
        [sys.executable, "-m", frozen_files.__name__, str(folder)],
        env=frozen_files.clean_environment(work),
        cwd=work,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_ONE_PROCESS)
def test_it_is_as_it_was(made: Path, name: str) -> None:
    compare(name, (made / name).read_text(encoding="utf-8"))


@pytest.mark.postgres
def test_the_schema_on_postgresql_is_as_it_was(postgres: sa.URL) -> None:
    url = postgres.set(database="tallybook_template")
    engine = make_engine(url.render_as_string(hide_password=False))
    try:
        compare("ddl_postgresql.sql", frozen_files.ddl_of_postgresql(engine))
    finally:
        engine.dispose()


def test_help_loads_no_more_than_it_did(tmp_path: Path) -> None:
    count, *packages = frozen_files.modules(tmp_path).splitlines()
    file = FROZEN / "modules.txt"
    if os.environ.get("UPDATE_FROZEN"):
        file.write_text("\n".join((count, *packages, "")), encoding="utf-8")
    most, *known = file.read_text(encoding="utf-8").splitlines()
    assert int(count) <= int(most)
    assert set(packages) <= set(known)


def test_every_frozen_file_is_compared() -> None:
    assert {file.name for file in FROZEN.iterdir()} == {*IN_ONE_PROCESS, *BESIDE}
