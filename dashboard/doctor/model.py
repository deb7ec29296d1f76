"""What a check finds, and the case that checks look at. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ingest.ledger.engine import Ledger
from ingest.ledger.inspection import Look
from ingest.settings import Settings

Level = Literal["ok", "warning", "trouble"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warning", "trouble")
"""From the best to the worst."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    level: Level
    message: str
    action: str = ""
    """What to do; empty where there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is examined: the settings, the files and the database, as far as each can be looked at."""

    settings: Settings
    environment: Mapping[str, str]
    faults: tuple[Finding, ...] = ()
    """What is wrong with settings that could not be read. `settings` has their defaults."""
    now: int = 0
    """Microseconds UTC."""
    file: Path | None = None
    """The file of an embedded ledger."""
    look: Look | None = None
    """None where the database cannot be reached."""
    closed_because: str = ""
    """Why there is no `look`, or no `ledger`."""
    revision: str | None = None
    properties: Mapping[str, str] | None = None
    ledger: Ledger | None = None
    """None where the schema of the ledger is not the schema of this program."""

    @property
    def has_file(self) -> bool:
        """Whether there is a file that this user can see."""
        try:
            return self.file is not None and self.file.is_file()
        except OSError:  # in a folder of another user, or under a name that is too long
            return False


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what it asks of a case."""

    name: str
    about: str
    """What it looks at, as the documentation says it."""
    well: str
    """What there is to say where nothing is found."""
    find: Callable[[Case], Iterable[Finding]]
    needs: Literal["nothing", "file", "database", "ledger"] = "nothing"
    """What must be open for it."""

    def can_look(self, case: Case) -> bool:
        """Whether what it needs is open."""
        needed = {
            "nothing": True,
            "file": case.has_file,
            "database": case.look is not None,
            "ledger": case.ledger is not None,
        }
        return needed[self.needs]


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found, at least one finding."""

    check: str
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst level of the findings."""
        return worst(finding.level for finding in self.findings)


def worst(levels: Iterable[Level]) -> Level:
    """The worst of some levels; `ok` of none."""
    return max(levels, key=LEVELS.index, default="ok")


def trouble(message: str, action: str = "") -> Finding:
    """A finding that must be mended."""
    return Finding("trouble", " ".join(message.split()), action)


def warning(message: str, action: str = "") -> Finding:
    """A finding to look at; the ledger works."""
    return Finding("warning", " ".join(message.split()), action)


def well(message: str) -> Finding:
    """A finding that is as it should be."""
    return Finding("ok", message)


Findings = Iterator[Finding]
