"""`tallybook import --inspect`: what a file is, and a mapping for a table that no format knows.

The mapping goes to standard output and everything about it to standard error, so that it can be written to a file.
"""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table

from ingest import formats
from ingest.archives import members
from ingest.event import ReportedCost, UsageEvent
from ingest.files import NoSuchPath, Source, sources
from ingest.import_command import REJECTED, USAGE, WELL, WrongChoice, choice
from ingest.inspection import Inspection, inspect
from ingest.mapping.proposal import NothingToMap, propose
from ingest.mapping.sample import Sample
from ingest.money import plain
from ingest.refusal import Refused

_EVENTS: Final = 3
_REJECTIONS: Final = 5
_WIDE: Final = 160
"""Characters of a line that no terminal breaks."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = frozenset({"occurred_at", "source_updated_at"})
_SECRETS: Final = frozenset({"virtual_key"})


def run(path: str, *, format_name: str, mapping: str | None) -> int:
    """Say what the file at `path` is; the exit code."""
    err = Console(stderr=True)
    try:
        form, mapped = choice(format_name, mapping)
        found = sources([path])
    except (NoSuchPath, WrongChoice) as error:
        err.print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
        return USAGE
    with closing(members(found[0])) as held_in_it:
        first = next(held_in_it)
        if len(found) > 1 or first.path != found[0].path:
            err.print(f"only the first file: {first.path}", highlight=False, markup=False, soft_wrap=True)
        held = inspect(first, form, mapped.check_columns if mapped else None)
    if not held.is_known and held.unknown:
        return _propose(held, first, err)
    _print_known(held, first, Console() if sys.stdout.isatty() else Console(width=_WIDE))
    return WELL if held.is_known and not held.rejections else REJECTED


def _print_known(held: Inspection, source: Source, out: Console) -> None:
    looked_at = len(held.events) + len(held.rejections) + held.passed_over
    for name, count in held.formats.most_common():
        out.print(
            f"{source.path}: {name}, {_title(name)} ({count:,} of {looked_at:,} records looked at)",
            highlight=False,
            soft_wrap=True,
        )
    if held.passed_over:
        out.print(f"rows that are no calls, as the mapping says: {held.passed_over:,}", highlight=False)
    if held.events:
        out.print(_events(held.events[:_EVENTS]))
    for one in held.rejections[:_REJECTIONS]:
        said = f"{source.path}:{one.line}: would be rejected ({one.code}): {one.reason}"
        out.print(said, highlight=False, markup=False, soft_wrap=True)
    if (more := len(held.rejections) - _REJECTIONS) > 0:
        out.print(f"{more:,} more of these would be rejected", highlight=False)
    if not held.is_known and not held.rejections:
        out.print(f"{source.path}: there is no record in it", highlight=False, markup=False)


def _title(name: str) -> str:
    try:
        return formats.by_name(name).title
    except Refused:
        return "as the mapping reads it"


def _events(events: list[UsageEvent]) -> Table:
    """The events as columns, and a row for each field that one of them fills."""
    titles = ("field", *(f"record {number}" for number in range(1, len(events) + 1)))
    table = Table(*(Column(title, overflow="fold") for title in titles), box=None, pad_edge=False)
    flat = [_facts(event) for event in events]
    for name in dict.fromkeys(name for facts in flat for name in facts):
        table.add_row(name, *(_bare(facts.get(name, "")) for facts in flat))
    return table


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


def _propose(held: Inspection, source: Source, err: Console) -> int:
    found = held.sample
    err.print(
        f"{source.path}: no format knows these records; their columns are", highlight=False, soft_wrap=True
    )
    err.print(_columns(found))
    try:
        proposed = propose(found, source.path)
    except NothingToMap as error:
        err.print(f"tallybook: {error}: write the mapping yourself (docs/importing.md)", highlight=False)
        return REJECTED
    err.print(
        "a mapping for them, to be looked over, written to a file and given with --mapping:\n",
        highlight=False,
    )
    sys.stdout.write(proposed)
    return WELL


def _columns(found: Sample) -> Table:
    table = Table("column", "filled", "seems to be", "examples", box=None, pad_edge=False)
    for one in found.columns.values():
        table.add_row(
            *(_bare(text) for text in (one.name, f"{len(one.cells):,}", one.kind, " | ".join(one.examples)))
        )
    return table


def _bare(text: str) -> str:
    """Text that is not markup, whatever stands in it."""
    return text.replace("[", r"\[")
