"""`tallybook import --inspect`: what a file is, and a mapping for a table that no format knows.

The mapping goes to standard output and everything about it to standard error, so that it can be written to a file.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console
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
from ingest.terminal import ExitCode, say, table, warn

_EVENTS: Final = 3
_REJECTIONS: Final = 5
_WIDE: Final = 160
"""Characters of a line that no terminal breaks."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = frozenset({"occurred_at", "source_updated_at"})
_SECRETS: Final = frozenset({"virtual_key"})


def run(path: str, *, format_name: str, mapping: str | None) -> int:
    """Say what the file at `path` is; the exit code."""
    try:
        form, mapped = choice(format_name, mapping)
        found = sources([path])
    except (NoSuchPath, WrongChoice) as error:
        warn(f"tallybook: {error}")
        return ExitCode.USAGE
    with closing(members(found[0])) as held_in_it:
        first = next(held_in_it)
        if len(found) > 1 or first.path != found[0].path:
            warn(f"only the first file: {first.path}")
        held = inspect(first, form, mapped.check_columns if mapped else None)
    if not held.is_known and held.unknown:
        return _propose(held, first)
    _print_known(held, first)
    return ExitCode.OK if held.is_known and not held.rejections else ExitCode.SOME_REJECTED


def _print_known(held: Inspection, source: Source) -> None:
    looked_at = len(held.events) + len(held.rejections) + held.passed_over
    for name, count in held.formats.most_common():
        say(f"{source.path}: {name}, {_title(name)} ({count:,} of {looked_at:,} records looked at)")
    if held.passed_over:
        say(f"rows that are no calls, as the mapping says: {held.passed_over:,}")
    if held.events:
        out = Console() if sys.stdout.isatty() else Console(width=_WIDE)
        out.print(_events(held.events[:_EVENTS]))
    for one in held.rejections[:_REJECTIONS]:
        say(f"{source.path}:{one.line}: would be rejected ({one.code}): {one.reason}")
    if (more := len(held.rejections) - _REJECTIONS) > 0:
        say(f"{more:,} more of these would be rejected")
    if not held.is_known and not held.rejections:
        say(f"{source.path}: there is no record in it")


def _title(name: str) -> str:
    try:
        return formats.by_name(name).title
    except Refused:
        return "as the mapping reads it"


def _events(events: list[UsageEvent]) -> Table:
    """The events as columns, and a row for each field that one of them fills."""
    titles = ("field", *(f"record {number}" for number in range(1, len(events) + 1)))
    shown = table(*titles)
    flat = [_facts(event) for event in events]
    for name in dict.fromkeys(name for facts in flat for name in facts):
        shown.add_row(name, *(_bare(facts.get(name, "")) for facts in flat))
    return shown


def _facts(event: UsageEvent) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, ReportedCost):
            parts = {part: getattr(value, part) for part in value.__struct_fields__}
            found |= {f"reported {part}": plain(pico) for part, pico in parts.items() if type(pico) is int}
        elif value is not None:
            found[name] = _shown(name, value)
    return found


def _shown(name: str, value: Any) -> str:
    if name in _SECRETS:
        return "(set)"
    if name in _TIMES:
        return (_EPOCH + timedelta(microseconds=value)).isoformat()
    if isinstance(value, dict):
        return ", ".join(f"{label}={said}" for label, said in value.items())
    return str(value)


def _propose(held: Inspection, source: Source) -> int:
    found = held.sample
    warn(f"{source.path}: no format knows these records; their columns are")
    Console(stderr=True).print(_columns(found))
    try:
        proposed = propose(found, source.path)
    except NothingToMap as error:
        warn(f"tallybook: {error}: write the mapping yourself (docs/importing.md)")
        return ExitCode.SOME_REJECTED
    warn("a mapping for them, to be looked over, written to a file and given with --mapping:\n")
    sys.stdout.write(proposed)
    return ExitCode.OK


def _columns(found: Sample) -> Table:
    shown = table("column", "filled", "seems to be", "examples")
    for one in found.columns.values():
        cells = (one.name, f"{len(one.cells):,}", one.kind, " | ".join(one.examples))
        shown.add_row(*map(_bare, cells))
    return shown


def _bare(text: str) -> str:
    """Text that is not markup, whatever stands in it."""
    return text.replace("[", r"\[")
