"""What may know what: import-linter's contracts, and what a process has loaded when it needs little."""

import subprocess
import sys

import pytest
import typer

import dashboard.cli
import ingest.cli


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
