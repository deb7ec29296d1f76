"""Documentation that cannot drift: what people can type or set is written down."""

import re
from pathlib import Path

import pytest
import typer.main

from dashboard import catalogue
from dashboard.cli import main as _main  # noqa: F401 - adds the read side's commands
from ingest import formats
from ingest.cli import app
from ingest.formats import FORMATS
from ingest.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
FORMATS_DOC = (ROOT / "docs" / "formats.md").read_text()
DOCS = README + "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("metric", catalogue.METRICS)
def test_every_metric_is_defined(metric: str) -> None:
    definition = catalogue.METRICS[metric].definition
    assert f"| `{metric}` | {catalogue.METRICS[metric].unit} | {definition} |" in DOCS


@pytest.mark.parametrize("dimension", catalogue.DIMENSIONS)
def test_every_dimension_is_named(dimension: str) -> None:
    assert dimension in DOCS


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"TALLYBOOK_{name.upper()}" in README
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_every_format_is_described(name: str) -> None:
    assert name in (ROOT / "docs" / "formats.md").read_text()


EXAMPLES = re.findall(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?^```json\n(.*?)```", FORMATS_DOC, re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize(("heading", "example"), EXAMPLES, ids=[heading for heading, _ in EXAMPLES])
def test_an_example_is_of_the_format_under_whose_name_it_stands(heading: str, example: str) -> None:
    raw = example.encode()
    assert all(formats.reading(one)[1].name in heading for one in formats.unpack(raw) or [raw])


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_is_documented(command: str) -> None:
    assert f"tallybook {command}" in DOCS


def test_every_link_to_a_file_leads_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
