"""An examination: the case is opened as far as it goes, and every check that can look at it does."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dashboard.doctor.checks import CHECKS
from dashboard.doctor.model import Case, Check, Finding, Result, trouble, well
from ingest.ledger import schema
from ingest.ledger.engine import DatabaseError, LedgerError, sqlite_file
from ingest.ledger.inspection import Look, TookTooLong, looking
from ingest.model.zone import UnknownZone
from ingest.settings import Settings, faults

SECONDS: Final = 1.0
"""What a check may take in the database."""


def examine(
    environment: Mapping[str, str], now: int, *, seconds: float = SECONDS, checks: Iterable[Check] = CHECKS
) -> list[Result]:
    """What the checks find, in their order; those that cannot look are left out."""
    with ExitStack() as opened:
        case = _opened(opened, environment, now, seconds)
        return [_made(check, case, seconds) for check in checks if check.can_look(case)]


def _made(check: Check, case: Case, seconds: float) -> Result:
    limit = nullcontext() if case.look is None else case.look.limited()
    found: tuple[Finding, ...]
    try:
        with limit:
            found = tuple(check.find(case)) or (well(check.well),)
    except TookTooLong:
        found = (
            well(f"not looked at to the end in {seconds:g} s: the ledger is large, or the machine is busy"),
        )
    except (DatabaseError, OSError) as error:
        found = (trouble(f"cannot be looked at: {error}", "see the checks of the database and of the files"),)
    return Result(check.name, found)


def _opened(opened: ExitStack, environment: Mapping[str, str], now: int, seconds: float) -> Case:
    """The case, with what can be opened of it; `opened` closes it."""
    settings, faults = _settings()
    case = Case(settings=settings, environment=environment, faults=faults, now=now)
    try:
        if settings.database_url.startswith("sqlite"):
            case = replace(case, file=Path(sqlite_file(settings.database_url) or ""))
        return _looked_at(case, opened.enter_context(looking(settings.database_url, seconds)))
    except LedgerError as error:
        return replace(case, closed_because=str(error))


def _looked_at(case: Case, look: Look) -> Case:
    """The case with what the database says of itself."""
    case = replace(case, look=look, revision=look.revision())
    if case.revision != schema.revisions()[-1]:
        return case
    properties = look.properties()
    case = replace(case, properties=properties)
    try:
        ledger = look.ledger(properties.get("timezone", "UTC"), b"", case.settings)
    except UnknownZone:
        return case
    return replace(case, ledger=ledger)


def _settings() -> tuple[Settings, tuple[Finding, ...]]:
    """The settings, and a finding for each that does not fit, in whose place stands its default."""
    try:
        return Settings(), ()
    except ValidationError as error:
        found = faults(error)
        defaults: dict[str, Any] = {name: Settings.model_fields[name].default for name in found}
        return Settings(**defaults), tuple(
            trouble(message, str(Settings.model_fields[name].description)) for name, message in found.items()
        )
