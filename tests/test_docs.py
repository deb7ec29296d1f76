"""Documentation that cannot drift: what people can type or set is written down."""

import re

import pytest
import typer.main

from dashboard.cli import make_cli
from dashboard.query import catalogue
from ingest import formats
from ingest.formats import FORMATS, docs, stream
from ingest.framing import RawRecord, Splitter
from ingest.mapping import TableMapping
from ingest.model.event import ReportedCost
from ingest.model.rejection import PassedOver
from ingest.settings import Settings
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()
DOCS = README + "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
FOR_DEVELOPERS = (
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/adr/0017-capability-folders.md",
)
FOLDERS = sorted(
    {
        path.parent.relative_to(ROOT).as_posix()
        for package in ("ingest", "dashboard")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
)
PATHS = re.compile(r"(?<![\w./-])(?:ingest|dashboard|migrations|tests)/[\w./-]*")


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


SECTIONS = {
    names: text
    for names, text in docs.sections().items()
    if not {one.name for one in FORMATS}.isdisjoint(names)
}


def recognised(example: str) -> set[str]:
    """The names of the formats that a file with this in it is read as."""
    splitter = Splitter("any", assemble=stream.assemble, open_envelope=stream.open_envelope)
    records = [*splitter.feed(example.encode()), *splitter.finish()]
    assert records
    assert all(isinstance(one, RawRecord) for one in records), records
    return {formats.recognise(one.raw).name for one in records if isinstance(one, RawRecord)}


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_every_format_is_described_with_an_example_that_is_recognised(name: str) -> None:
    section = next((text for names, text in SECTIONS.items() if name in names), None)
    assert section, f"docs/formats.md has no section ## {name}"
    examples = docs.examples(section)
    assert any(recognised(one) == {name} for one in examples), f"no example of {name} in its section"


@pytest.mark.parametrize("names", SECTIONS, ids=", ".join)
def test_every_example_of_a_section_is_recognised_as_what_it_says(names: tuple[str, ...]) -> None:
    for example in docs.examples(SECTIONS[names]):
        assert recognised(example) <= set(names), example


@pytest.mark.parametrize("command", sorted(typer.main.get_command(make_cli()).commands))  # type: ignore[attr-defined]
def test_every_command_is_documented(command: str) -> None:
    assert f"tallybook {command}" in DOCS


RECIPES = [
    recipe
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for recipe in re.findall(r"^curl (?:.*\\\n)*.*$", path.read_text(), re.MULTILINE)
    if "/v1/ingest" in recipe
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_that_posts_records_may_be_run_again(recipe: str) -> None:
    assert "Idempotency-Key" in recipe


def test_there_are_recipes_that_post_records() -> None:
    assert RECIPES


FENCES = [
    pytest.param(fence, id=f"{path.name}: {fence.strip().splitlines()[0][:50]}")
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for fence in re.findall(r"^```\w*\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
]
SECRET = re.compile(r"sk-|tb_|Bearer|Basic|slack:|://[^/\s]*:[^/\s]*@|PASSWORD=|SECRET=|TOKEN=")
"""What the arguments of a program never hold: every user of the machine can list them."""


@pytest.mark.parametrize("fence", FENCES)
def test_no_recipe_sends_with_the_admin_token(fence: str) -> None:
    assert "ADMIN_TOKEN" not in fence or not re.search(r"/v1/(ingest|traces)|-H |headers", fence)


@pytest.mark.parametrize("fence", FENCES)
def test_no_recipe_has_a_secret_in_its_arguments(fence: str) -> None:
    joined = fence.replace("\\\n", " ")
    commands = [line for line in joined.splitlines() if re.match(r"(curl|tallybook|docker|psql) ", line)]
    assert [line for line in commands if SECRET.search(line.partition(" #")[0])] == []


def test_litellm_sends_with_a_token_that_may_do_nothing_else() -> None:
    assert "tallybook token create litellm --scope ingest" in README
    assert "x-tallybook-token: os.environ/TALLYBOOK_TOKEN" in README


def test_every_link_to_a_file_leads_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_architecture_page_names_every_folder(folder: str) -> None:
    assert f"`{folder}/`" in ARCHITECTURE


@pytest.mark.parametrize("name", FOR_DEVELOPERS)
def test_every_path_in_the_code_that_developers_are_told_of_exists(name: str) -> None:
    named = {path.rstrip(".") for path in PATHS.findall((ROOT / name).read_text())}
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


QUALITY = (ROOT / "docs" / "quality.md").read_text()
SHOWN_BY = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", QUALITY)))


@pytest.mark.parametrize(("path", "name"), SHOWN_BY)
def test_every_test_that_a_promise_is_shown_by_exists(path: str, name: str) -> None:
    source = (ROOT / path).read_text()
    assert not name or f"def {name}(" in source


@pytest.mark.parametrize("part", re.findall(r"^## (.*)$", README, re.MULTILINE))
def test_every_part_of_the_readme_that_promises_something_is_on_the_page_of_quality(part: str) -> None:
    assert f"### {part}\n" in QUALITY or part in {"How it is built", "Settings", "What it stands on"}


def test_the_mapping_of_the_guide_reads_the_table_of_the_guide() -> None:
    guide = (ROOT / "docs" / "importing.md").read_text()
    (table,) = re.findall(r"^```csv\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    (text,) = re.findall(r"^```toml\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    mapped = TableMapping(text, "map.toml")
    splitter = Splitter("any", assemble=stream.assemble, open_envelope=stream.open_envelope)
    rows = [
        one.raw for one in [*splitter.feed(table.encode()), *splitter.finish()] if isinstance(one, RawRecord)
    ]
    assert splitter.columns is not None
    mapped.check_columns(splitter.columns)
    first, second = (formats.read(raw, mapped.format) for raw in rows[:2])
    assert (first.source_event_id, first.input_tokens, first.cache_read_tokens) == ("B1:1", 1500, 1000)
    assert first.reported == ReportedCost(total=1_200_000_000)
    assert (second.status, second.occurred_at, second.currency) == ("error", 1_792_888_200_000_000, "EUR")
    with pytest.raises(PassedOver):
        formats.read(rows[2], mapped.format)
