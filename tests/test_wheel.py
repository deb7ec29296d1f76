"""Installing the wheel, and not only an editable checkout, gives a working command."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.import_runs import lines, response


@pytest.mark.slow
def test_the_wheel_holds_migrations_and_assets(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "migrations/versions/0001_ledger.py" in names
    assert "ingest/formats/formats.md" in names, "`tallybook formats NAME` prints it"
    assert any(name.startswith("dashboard/assets/") for name in names)
    assert not any(name.startswith("tests/") for name in names)


@pytest.mark.slow
def test_the_installed_command_migrates_imports_and_answers(wheel: Path, tmp_path: Path) -> None:
    # The environment sees the libraries of this one, but the wheel's own packages come first.
    venv.create(tmp_path / "env", with_pip=False, system_site_packages=False)
    site = next((tmp_path / "env" / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
    libraries = Path(next(path for path in sys.path if path.endswith("site-packages")))
    (site / "libraries.pth").write_text(f"{libraries}\n")
    (tmp_path / "calls.jsonl").write_text(lines(response(1)))
    python = str(tmp_path / "env" / "bin" / "python")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("TALLYBOOK_", "PYTHON"))
    }

    def tallybook(*arguments: str) -> str:
        program = (
            "import sys, dashboard, dashboard.cli; "
            f"assert dashboard.__file__.startswith({str(site)!r}), dashboard.__file__; "
            f"sys.argv = ['tallybook', *{list(arguments)!r}]; dashboard.cli.main()"
        )
        command = [python, "-c", program]
        return subprocess.run(
            command, cwd=tmp_path, env=clean, check=True, capture_output=True, text=True
        ).stdout

    assert json.loads(tallybook("import", "calls.jsonl", "--json"))["accepted"] == 1
    told = json.loads(tallybook("spend", "--json", "--from", "2026-09-01", "--to", "2026-10-01"))
    assert told["totals"]["requests"] == 1
