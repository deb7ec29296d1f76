"""Mutations are small mistakes, drawn evenly and always alike."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.quality.areas import AREAS
from tests.quality.mutations import drawn, mutations
from tests.support.paths import ROOT

FILES = [ROOT / "ingest/ledger/writer.py", ROOT / "ingest/pricing/hours.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_mutation_changes_one_place_of_a_module_that_still_compiles(path: Path) -> None:
    tree = ast.dump(ast.parse(path.read_text()))
    for mutation in list(mutations(path))[::7]:
        changed = mutation.source()
        assert ast.dump(ast.parse(changed)) != tree, mutation.name
        assert mutation.line in mutation.statement or mutation.line >= mutation.statement.start


def test_every_kind_of_mistake_is_made() -> None:
    kinds = Counter(mutation.kind for path in FILES for mutation in mutations(path))
    assert set(kinds) == {
        "comparison",
        "arithmetic",
        "boolean",
        "constant",
        "return value",
        "statement removed",
        "call removed",
        "arguments swapped",
        "name",
    }


def test_the_same_seed_draws_the_same_and_a_smaller_count_the_first_of_them() -> None:
    names = [mutation.name for mutation in drawn(FILES, 15, 60)]
    assert [mutation.name for mutation in drawn(FILES, 15, 20)] == names[:20]
    assert [mutation.name for mutation in drawn(FILES, 16, 60)] != names


def test_each_line_is_drawn_once_before_a_line_is_drawn_twice() -> None:
    lines = Counter((mutation.path, mutation.line) for mutation in drawn(FILES, 15, 60))
    assert set(lines.values()) == {1}


def test_another_module_changes_no_draw_of_the_others() -> None:
    alone = {mutation.name for mutation in drawn(FILES[:1], 15, 10_000)}
    both = [mutation.name for mutation in drawn(FILES, 15, 10_000)]
    order = [name for name in both if name in alone]
    assert order == [mutation.name for mutation in drawn(FILES[:1], 15, 10_000)]


def test_docstrings_and_assertions_are_left_alone() -> None:
    for path in FILES:
        for mutation in mutations(path):
            assert '"""' not in mutation.before or "=" in mutation.before
            assert not mutation.before.startswith("assert ")


def test_areas_have_modules_and_no_module_is_in_two() -> None:
    files = [path for area in AREAS for path in area.files()]
    assert len(files) == len(set(files)) > 60
    assert all(area.files() for area in AREAS)
