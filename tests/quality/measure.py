"""Branch coverage of the areas by their tests, and which test reaches which line in what time."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.quality.areas import AREAS, KEPT, TESTS
from tests.support.paths import ROOT

DATA: Final = KEPT / "coverage"
REPORT: Final = KEPT / "coverage.json"
SECONDS: Final = KEPT / "seconds.json"
PACKAGES: Final = KEPT / "packages.json"
"""The modules of other packages that the tests load, in their order."""
OURS: Final = ("ingest", "dashboard", "migrations", "tests", "conftest", "coverage", "__main__")


@dataclass
class _Contexts:
    """Tells coverage which test is running, and takes its processor time."""

    measured: Any
    seconds: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measured.switch_context(item.nodeid)
        began = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - began
        return result


def _coverage() -> Any:
    from coverage import Coverage  # of a dependency group of its own

    files = [str(path) for area in AREAS for path in area.files()]
    measured = Coverage(data_file=str(DATA), branch=True, include=files, config_file=False)
    measured.set_option("run:core", "ctrace")  # the only core that tells tests apart on every Python
    return measured


def measure(only: Sequence[str] = ()) -> None:
    """Run the tests of the areas and keep what they reach; or add what `only` some of them reach.

    Raises `SystemExit` if a test fails.
    """
    KEPT.mkdir(exist_ok=True)
    measured = _coverage()
    if only:
        measured.load()
    else:
        measured.erase()
    contexts = _Contexts(measured, json.loads(SECONDS.read_text()) if only else {})
    measured.start()
    status = pytest.main(["-q", "-p", "no:cacheprovider", *(only or TESTS)], plugins=[contexts])
    measured.stop()
    measured.get_data().touch_files([str(path) for area in AREAS for path in area.files()])
    measured.save()
    SECONDS.write_text(json.dumps(contexts.seconds))
    if not only:
        packages = [name for name in sys.modules if name.partition(".")[0] not in OURS]
        PACKAGES.write_text(json.dumps(packages))
    measured.json_report(outfile=str(REPORT))
    if status:
        raise SystemExit(f"the tests do not pass without a change: {status!r}")


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests reach a line, and how many seconds of processor each takes."""

    seconds: dict[str, float]
    by_line: dict[Path, dict[int, frozenset[str]]]
    """The empty name stands for what runs while modules are imported."""

    def tests(self, path: Path, lines: range) -> set[str]:
        """The tests that reach one of these lines."""
        found = self.by_line.get(path, {})
        return {test for line in lines for test in found.get(line, ())}

    def of_file(self, path: Path) -> set[str]:
        """The tests that reach anything of a module."""
        return {test for tests in self.by_line.get(path, {}).values() for test in tests} - {""}


def reach() -> Reach:
    """What the last measurement found."""
    measured = _coverage()
    measured.load()
    data = measured.get_data()
    by_line: dict[Path, dict[int, frozenset[str]]] = {}
    for area in AREAS:
        for path in area.files():
            lines = data.contexts_by_lineno(str(path))
            by_line[path] = {line: frozenset(tests) for line, tests in lines.items()}
    return Reach(json.loads(SECONDS.read_text()), by_line)


def table() -> str:
    """Covered statements and branches by area, as Markdown, and the branches that no test takes."""
    files = json.loads(REPORT.read_text())["files"]
    lines = ["| area | statements | branches | covered |", "|---|---:|---:|---:|"]
    missing: dict[str, list[Any]] = defaultdict(list)
    for area in AREAS:
        names = [path.relative_to(ROOT).as_posix() for path in area.files()]
        said = {name: files[name]["summary"] for name in names if name in files}
        every = sum(one["num_branches"] for one in said.values())
        taken = sum(one["covered_branches"] for one in said.values())
        statements = sum(one["num_statements"] for one in said.values())
        lines.append(f"| {area.name} | {statements:,} | {every:,} | {taken / every:.1%} |")
        for name in said:
            missing[name] = files[name]["missing_branches"] or [
                [line, line] for line in files[name]["missing_lines"]
            ]
    lines += ["", *(f"{name}: {branches}" for name, branches in missing.items() if branches)]
    return "\n".join(lines)
