"""Mutation testing: a child process for each mutation, forked from a process that has everything loaded.

A change in the body of a function replaces the code of that function in the child. Any other change, and a
change of what runs while modules are imported, needs new modules: its child is forked from a process that has
loaded only other packages. The tests that reach the line run, the fastest first, until one fails. They run on
SQLite; the tests on PostgreSQL would each need a server of their own.
"""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TextIO

import pytest

from tests.quality import measure
from tests.quality.areas import AREAS, KEPT, TESTS, area_of
from tests.quality.mutations import Mutation, drawn
from tests.support.paths import DOCS, ROOT

RESULTS: Final = KEPT / "mutants.jsonl"
EXPLAINED: Final = re.compile(r"^\| `([\w/]+\.py)` \| `` (.+?) `` \| `` (.+?) `` \|", re.MULTILINE)
"""Rows of docs/quality.md: module, code before, code after, and why no test can tell them apart."""
OPTIONS: Final = (
    "-q",
    "--hypothesis-profile",
    "mutants",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-o",
    "tmp_path_retention_policy=none",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)
MOST_BYTES: Final = 8 * 2**30
"""What a child may have of its own."""
MEMORY: Final = Path("/dev/shm")
"""A file system in memory, where there is one, for what the tests write."""
WAITS: Final = 10
"""How many times its seconds of processor a child may last: it may wait for other processes."""
LONGEST: Final = 12.0
"""Seconds of processor of tests that reach the line, for one mutation."""
FURTHER: Final = 2.0
"""Seconds that tests of the module are added up to: a fixture reaches a line only for the first test."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutation."""

    mutation: Mutation
    killed_by: str | None
    """The test that failed, or why the child ended; None if the mutant survived."""
    seconds: float

    @property
    def is_explained(self) -> bool:
        """Whether docs/quality.md says why no test can fail."""
        return explained(self.mutation) in EXPLAINED.findall((DOCS / "quality.md").read_text())


def explained(mutation: Mutation) -> tuple[str, str, str]:
    """How docs/quality.md names a mutation."""
    path = mutation.path.relative_to(ROOT).as_posix()
    return path, mutation.before.replace("|", "\\|"), mutation.after.replace("|", "\\|")


def run(seed: int, count: int, *, again: bool) -> int:
    """Try mutations and print what became of them. Returns 1 if one survived without an explanation."""
    if not measure.SECONDS.exists():
        measure.measure()
    reach = measure.reach()
    paths = [path for area in AREAS for path in area.files()]
    chosen = drawn(paths, seed, count)
    before = _last_outcomes(chosen) if again else []
    chosen = [mutation for mutation in chosen if mutation not in {one.mutation for one in before}]
    report = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    trial = Trial(reach, report, before)
    _preload()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder:
        os.environ["PYTEST_ADDOPTS"] = f"--basetemp={folder}/tests"  # each child empties it
        for mutation in chosen:
            if not trial.is_warm(mutation):
                trial.try_cold(mutation)
        warm = [mutation for mutation in chosen if trial.is_warm(mutation)]
        pytest.main([*OPTIONS, *TESTS], plugins=[_Loop(trial, warm)])
    with RESULTS.open("w") as file:
        for outcome in trial.outcomes:
            file.write(json.dumps(_line(outcome)) + "\n")
    print(table(trial.outcomes), file=report)
    return any(outcome.killed_by is None and not outcome.is_explained for outcome in trial.outcomes)


def _last_outcomes(chosen: Sequence[Mutation]) -> list[Outcome]:
    """What the last run killed of these mutations."""
    lines = map(json.loads, RESULTS.read_text().splitlines())
    killed = {line["name"]: line["killed_by"] for line in lines if line["killed_by"] is not None}
    return [Outcome(one, killed[one.name], 0) for one in chosen if one.name in killed]


def _line(outcome: Outcome) -> dict[str, Any]:
    mutation = outcome.mutation
    return {
        "name": mutation.name,
        "line": mutation.line,
        "kind": mutation.kind,
        "killed_by": outcome.killed_by,
        "seconds": round(outcome.seconds, 2),
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """Mutants by area, as Markdown."""
    lines = ["| area | mutants | killed | explained | left | score |", "|---|---:|---:|---:|---:|---:|"]
    for area in (*AREAS, None):
        of_area = [one for one in outcomes if area is None or area_of(one.mutation.path) is area]
        killed = sum(one.killed_by is not None for one in of_area)
        why = sum(one.killed_by is None and one.is_explained for one in of_area)
        left = len(of_area) - killed - why
        score = f"{killed / (len(of_area) - why):.1%}" if len(of_area) > why else ""
        name = "all" if area is None else area.name
        lines.append(f"| {name} | {len(of_area)} | {killed} | {why} | {left} | {score} |")
    kinds = Counter(one.mutation.kind for one in outcomes)
    lines += ["", ", ".join(f"{kind} {times}" for kind, times in kinds.most_common())]
    return "\n".join(lines)


def _preload() -> None:
    """Load the packages that the tests need, but nothing of ours."""
    for name in json.loads(measure.PACKAGES.read_text()):
        with contextlib.suppress(Exception):  # some exist only while another is loading
            importlib.import_module(name)


Functions = Mapping[tuple[str, str, int], list[FunctionType]]
"""Functions by file, name and first line of their code."""


@dataclass
class Trial:
    """Tries mutations in children."""

    reach: measure.Reach
    report: TextIO
    outcomes: list[Outcome] = field(default_factory=list)

    def is_warm(self, mutation: Mutation) -> bool:
        """Whether the code of a function can be replaced: it has not run while modules were imported."""
        return mutation.within is not None and "" not in self.reach.tests(mutation.path, mutation.statement)

    def tests(self, mutation: Mutation) -> list[str]:
        """The tests to run, in order."""
        chosen: list[str] = []
        spent = 0.0
        reaching = self.reach.tests(mutation.path, mutation.statement) - {""}
        further = FURTHER if reaching else LONGEST
        touching = self.reach.of_file(mutation.path) or set().union(
            *(self.reach.of_file(path) for path in area_of(mutation.path).files())
        )
        for tests, most in ((reaching, LONGEST), (touching, further)):
            for test in self._in_turns(tests - set(chosen), mutation.path):
                if spent + self.reach.seconds[test] <= most:
                    spent += self.reach.seconds[test]
                    chosen.append(test)
        return chosen

    def _in_turns(self, tests: Iterable[str], path: Path) -> list[str]:
        """The tests in an order in which one soon fails.

        Tests that killed another mutant of the module come first, then tests of its own folder. Of each file
        the fastest test comes first, then the next of each.
        """
        folder = f"tests/{path.relative_to(ROOT).parent.as_posix()}/"
        killers = Counter(one.killed_by for one in self.outcomes if one.mutation.path == path)
        places: Counter[str] = Counter()
        ordered: list[tuple[int, bool, int, bool, float, str]] = []
        for test in sorted(tests, key=lambda test: (self.reach.seconds[test], test)):
            if "[postgresql" not in test:
                file = test.partition("::")[0]
                is_own = file.endswith(f"/test_{path.stem}.py")
                ordered.append(
                    (
                        -killers[test],
                        folder not in test,
                        places[file],
                        not is_own,
                        self.reach.seconds[test],
                        test,
                    )
                )
                places[file] += 1
        return [test for *_, test in sorted(ordered)]

    def try_cold(self, mutation: Mutation) -> None:
        """Try it with all modules of ours loaded anew."""
        tests = self.tests(mutation)
        files = sorted({test.partition("::")[0] for test in tests})

        def child() -> str | None:
            sys.meta_path.insert(0, _Changed(mutation))
            picked = _Picked(tests)
            pytest.main([*OPTIONS, "-x", *files], plugins=[picked])
            return picked.failed or (None if picked.passed else "the modules cannot be imported")

        self._try(mutation, tests, child)

    def try_warm(self, mutation: Mutation, items: dict[str, pytest.Item], functions: Functions) -> None:
        """Try it with the code of its function replaced."""
        tests = [test for test in self.tests(mutation) if test in items]
        code = changed_code(mutation)
        places = functions[_place(code)]
        assert places, f"{mutation.within} is not loaded"

        def child() -> str | None:
            for function in places:
                function.__code__ = code
            return failing([items[test] for test in tests])

        self._try(mutation, tests, child)

    def _try(self, mutation: Mutation, tests: list[str], child: Callable[[], str | None]) -> None:
        began = time.monotonic()
        most = 20 + 3 * sum(self.reach.seconds[test] for test in tests)
        killed_by = in_child(child, most) if tests else None
        outcome = Outcome(mutation, killed_by, time.monotonic() - began)
        self.outcomes.append(outcome)
        end = f"killed by {killed_by}" if killed_by else f"SURVIVED {len(tests)} tests"
        path = f"{mutation.path.relative_to(ROOT)}:{mutation.line}"
        print(
            f"{len(self.outcomes)} {path}: {mutation.before} -> {mutation.after}: {end}"
            f" ({outcome.seconds:.1f} s)",
            file=self.report,
        )


def in_child(child: Callable[[], str | None], most: float) -> str | None:
    """What `child` returns in a process of its own; `timeout` after so many seconds of processor."""
    reading, writing = os.pipe()
    if not (process := os.fork()):
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(most), math.ceil(most)))
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
        os.close(reading)
        try:
            result = child()
        except BaseException as error:  # noqa: BLE001 - a mutant may do anything
            result = f"{type(error).__name__}"
        os.write(writing, (result or "").encode())
        os._exit(0)
    os.close(writing)
    ends = time.monotonic() + WAITS * most
    while not (ended := os.waitpid(process, os.WNOHANG))[0] and time.monotonic() < ends:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)  # it, or what it has started and left running
    if not ended[0]:
        ended = os.waitpid(process, 0)
    with os.fdopen(reading) as file:
        return "timeout" if ended[1] else file.read() or None


def failing(items: Sequence[pytest.Item]) -> str | None:
    """Run tests until one fails. Returns its name."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            return item.nodeid
    return None


@dataclass
class _Loop:
    """Takes the place of pytest's loop over the tests: each mutation runs its own in a child."""

    trial: Trial
    mutations: list[Mutation]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        print(f"{len(items)} tests are loaded", file=self.trial.report)
        functions = loaded_functions()
        gc.freeze()  # children need not look through what is loaded
        for mutation in self.mutations:
            self.trial.try_warm(mutation, items, functions)
        for name in sorted({outcome.killed_by or "" for outcome in self.trial.outcomes} & items.keys()):
            if in_child(partial(failing, [items[name]]), 60 + 3 * self.trial.reach.seconds[name]):
                print(f"{name} FAILS WITHOUT A CHANGE, TOO", file=self.trial.report)
        return True


@dataclass
class _Picked:
    """Runs the given tests in the given order."""

    tests: list[str]
    failed: str | None = None
    passed: int = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: index for index, test in enumerate(self.tests)}
        items[:] = sorted((one for one in items if one.nodeid in order), key=lambda one: order[one.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def loaded_functions() -> Functions:
    """Every function of the areas and of what they need."""
    for area in AREAS:
        for path in area.files():
            importlib.import_module(
                _module_name(path)
            )  # some are loaded by the first command that needs them
    functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
    for found in gc.get_objects():
        if type(found) is FunctionType and found.__code__.co_filename.startswith(str(ROOT)):
            functions[_place(found.__code__)].append(found)
    return functions


def changed_code(mutation: Mutation) -> CodeType:
    """The code of the mutation's function with the change."""
    assert mutation.within is not None
    place = (str(mutation.path), *mutation.within)
    compiled = compile(mutation.source(), place[0], "exec", dont_inherit=True)
    (code,) = (code for code in _codes(compiled) if _place(code) == place)
    return code


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module with a mutation."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation
        self._name = _module_name(mutation.path)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The changed module, if it is asked for."""
        del path, target
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._mutation.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run its source."""
        exec(compile(self._mutation.source(), str(self._mutation.path), "exec"), module.__dict__)
