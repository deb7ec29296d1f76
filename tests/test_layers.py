"""What may know what: import-linter's contracts, and what a process has loaded when it needs little."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import dashboard.cli
import ingest.cli
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("module", "not_loaded"),
    [
        ("ingest.http.app", ("dash", "pandas", "plotly", "dashboard")),
        ("ingest.importing.importer", ("dash", "pandas", "plotly", "fastapi", "alembic", "dashboard")),
        ("ingest.formats", ("sqlalchemy", "genai_prices")),
        ("ingest.intake.decode_pool", ("sqlalchemy", "pydantic", "fastapi")),
        ("dashboard.query.run", ("dash", "plotly", "fastapi")),
        ("dashboard.focus.export", ("dash", "plotly", "fastapi", "pyarrow")),
    ],
)
def test_a_module_is_used_without_what_it_does_not_need(module: str, not_loaded: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([m for m in {not_loaded!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def leaves(app: typer.Typer) -> set[tuple[str, ...]]:
    """The path of every command in a tree."""

    def below(command: object, path: tuple[str, ...]) -> set[tuple[str, ...]]:
        commands = getattr(command, "commands", None)
        if commands is None:
            return {path}
        return set().union(*(below(one, (*path, name)) for name, one in commands.items()))

    return below(typer.main.get_command(app), ())


def test_the_read_side_adds_commands_to_a_new_tree_only() -> None:
    before, whole = leaves(ingest.cli.make_cli()), leaves(dashboard.cli.make_cli())
    assert leaves(ingest.cli.make_cli()) == before < whole == leaves(dashboard.cli.make_cli())
    assert ("prices", "list") in whole - before


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("ingest/probe.py", ""),
        ("dashboard/probe.py", ""),
        ("dashboard/pages/probe.py", "import sqlalchemy"),
        ("dashboard/spend/probe.py", "from ingest.ledger.tables import calls"),
        ("dashboard/budgets/probe.py", "import typer"),
        ("dashboard/chargeback/probe.py", "import dash"),
        ("dashboard/ui/probe.py", "from dashboard.budget_usage import commands"),
        ("ingest/model/probe.py", "from ingest.ledger import engine"),
    ],
)
def test_a_module_that_breaks_a_rule_of_the_house_fails_the_build(
    tmp_path: Path, module: str, text: str
) -> None:
    for package in ("ingest", "dashboard", "migrations"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "assets")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f"{text}\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "probe" in done.stdout
