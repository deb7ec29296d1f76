"""`tallybook import --inspect`: the format of a file, and a mapping for a table that no format recognises.

The mapping goes to standard output and all messages to standard error, so that
the output can be saved as a file.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.table import Table

from ingest import formats
from ingest.files.archives import members
from ingest.files.paths import NoSuchPath, Source, sources
from ingest.importing.format_choice import WrongChoice, choice
from ingest.importing.inspection import Inspection, inspect
from ingest.mapping.proposal import NothingToMap, propose
from ingest.mapping.sample import Sample
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.money import plain
from ingest.model.rejection import Refused
from ingest.terminal import ExitCode, console, say, table, warn

_EVENTS: Final = 3
_REJECTIONS: Final = 5
_WIDE: Final = 160
"""Width of the table if the output is not a terminal."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = frozenset({"occurred_at", "source_updated_at"})
_SECRETS: Final = frozenset({"virtual_key"})


def run(path: str, *, format_name: str, mapping: str | None) -> int:
    """Print what the file at `path` holds; the exit code."""
    try:
        form, mapped = choice(format_name, mapping)
        files = sources([path])
    except (NoSuchPath, WrongChoice) as error:
        warn(f"tallybook: {error}")
        return ExitCode.USAGE
    with closing(members(files[0])) as members_of_first:
        first = next(members_of_first)
        if len(files) > 1 or first.path != files[0].path:
            warn(f"only the first file: {first.path}")
        inspection = inspect(first, form, mapped.check_columns if mapped else None)
    if not inspection.is_known and inspection.unknown:
        return _propose(inspection, first)
    _print_known(inspection, first)
    is_clean = inspection.is_known and not inspection.rejections
    return ExitCode.OK if is_clean else ExitCode.SOME_REJECTED


def _print_known(inspection: Inspection, source: Source) -> None:
    looked_at = len(inspection.events) + len(inspection.rejections) + inspection.passed_over
    for name, count in inspection.formats.most_common():
        say(f"{source.path}: {name}, {_title(name)} ({count:,} of {looked_at:,} records looked at)")
    if inspection.passed_over:
        say(f"records that are no calls: {inspection.passed_over:,}")
    if inspection.events:
        out = console() if sys.stdout.isatty() else console(width=_WIDE)
        out.print(_events(inspection.events[:_EVENTS]))
    for rejection in inspection.rejections[:_REJECTIONS]:
        say(f"{source.path}:{rejection.line}: would be rejected ({rejection.code}): {rejection.reason}")
    if (more := len(inspection.rejections) - _REJECTIONS) > 0:
        say(f"{more:,} more of these would be rejected")
    if not inspection.is_known and not inspection.rejections:
        say(f"{source.path}: there is no record in it")


def _title(name: str) -> str:
    try:
        return formats.by_name(name).title
    except Refused:
        return "as the mapping reads it"


def _events(events: list[UsageEvent]) -> Table:
    """The events as columns, with a row for each field that any of them fills."""
    titles = ("field", *(f"record {number}" for number in range(1, len(events) + 1)))
    shown = table(*titles)
    flat = [_facts(event) for event in events]
    for name in dict.fromkeys(name for facts in flat for name in facts):
        shown.add_row(name, *(facts.get(name, "") for facts in flat))
    return shown


def _facts(event: UsageEvent) -> dict[str, str]:
    facts: dict[str, str] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, ReportedCost):
            parts = {part: getattr(value, part) for part in value.__struct_fields__}
            facts |= {f"reported {part}": plain(pico) for part, pico in parts.items() if type(pico) is int}
        elif value is not None:
            facts[name] = _shown(name, value)
    return facts


def _shown(name: str, value: Any) -> str:
    if name in _SECRETS:
        return "(set)"
    if name in _TIMES:
        return (_EPOCH + timedelta(microseconds=value)).isoformat()
    if isinstance(value, dict):
        return ", ".join(f"{label}={text}" for label, text in value.items())
    return str(value)


def _propose(inspection: Inspection, source: Source) -> int:
    sample = inspection.sample
    warn(f"{source.path}: no format knows these records; their columns are")
    console(stderr=True).print(_columns(sample))
    try:
        proposed = propose(sample, source.path)
    except NothingToMap as error:
        warn(f"tallybook: {error}: write the mapping yourself (docs/importing.md)")
        return ExitCode.SOME_REJECTED
    warn("a mapping for them, to be looked over, written to a file and given with --mapping:\n")
    sys.stdout.write(proposed)
    return ExitCode.OK


def _columns(sample: Sample) -> Table:
    shown = table("column", "filled", "seems to be", "examples")
    for column in sample.columns.values():
        cells = (column.name, f"{len(column.cells):,}", column.kind, " | ".join(column.examples))
        shown.add_row(*cells)
    return shown
