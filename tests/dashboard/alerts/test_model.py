"""A kind of alert is one entry: it is looked for, stands in the guide, and takes the options named there."""

import re

import pytest
import typer.main

from dashboard.alerts.evaluate import EVALUATE
from dashboard.alerts.model import KINDS, OPTIONS, AlertKind
from dashboard.cli import make_cli
from tests.support.paths import DOCS

GUIDE = (DOCS / "alerts.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", GUIDE.partition("## What is watched")[2], re.MULTILINE))
"""What the guide says of each kind."""
FLAGS = {option: "--team" if option == "subject" else f"--{option}" for option in OPTIONS}


def test_every_kind_is_looked_for() -> None:
    assert list(EVALUATE) == list(KINDS)


def test_the_guide_lists_every_kind_and_no_other() -> None:
    assert list(ROWS) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.key)
def test_the_guide_names_the_options_of_a_kind_and_no_other(kind: AlertKind) -> None:
    named = set(re.findall(r"--\w+", ROWS[kind.key]))
    assert named & set(FLAGS.values()) == {FLAGS[option] for option in kind.options}


def test_the_command_names_every_kind() -> None:
    command = typer.main.get_command(make_cli())
    add = command.commands["alert"].commands["add"]  # type: ignore[attr-defined]
    (when,) = [option for option in add.params if option.name == "when"]
    first, last = list(KINDS)[:-1], list(KINDS)[-1]
    assert when.help == f"{', '.join(first)} or {last}."
