"""`tallybook owner list`, `owner unassigned`, `team list`, `directory export`: who owns what."""

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dashboard.directory.history import (
    COLUMNS,
    directory_rows,
    history_entries,
    read_options,
    unassigned_keys,
)
from dashboard.query.question import QuestionError, SpendQuery, read_period
from dashboard.query.run import run
from dashboard.query.serialize import guarded, json_value
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, print_json, refuse, say, show, table

_NUMBERS: Final = ("Spend", "Requests", "Unpriced", "Tokens")
"""Headings of columns that hold numbers."""


def list_owners(subject: str | None, at: str | None, as_of: str | None, *, as_json: bool) -> int:
    """Print assignments, the latest first; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            entries = history_entries(ledger, read_options(subject, at, as_of, ledger.zone))
        except (QuestionError, NotKnown) as error:
            return refuse("owner", error)
    rows = [entry.as_json() for entry in entries]
    if as_json:
        print_json({"owners": rows})
        return ExitCode.OK
    shown = table("What", "Belongs to", "From", "To", "Recorded", "By", "Reason")
    for row in rows:
        targets = row["targets"]
        whole = sum(target["parts"] for target in targets)
        is_shared = len(targets) > 1
        owners = ", ".join(f"{t['name']} {t['parts']}/{whole}" if is_shared else t["name"] for t in targets)
        kind = row["target_kind"].replace("_", " ")
        of = f"{row['subject_kind'].replace('_', ' ')} {row['subject']}"
        edges = (row["from"] or "always", row["to"] or "")
        recorded = (row["recorded_at"], row["recorded_by"], row["reason"])
        shown.add_row(of, f"{kind} {owners or 'none'}", *edges, *recorded)
    show(shown, "nothing is assigned: calls belong to whom the gateway said")
    return ExitCode.OK


def list_unassigned(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print the keys whose calls belong to no team, by spend; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return refuse("owner", error)
        result = unassigned_keys(ledger, period)
    rows = [
        {"virtual_key": row.key[0], "currency": row.currency}
        | dict(zip(result.query.metrics, map(json_value, row.values), strict=True))
        for row in result.rows
    ]
    if as_json:
        print_json({"keys": rows, "requests": result.requests})
        return ExitCode.OK
    shown = table("Key", "Spend", "Currency", "Requests", "Unpriced", "Tokens", numbers=_NUMBERS)
    for row in rows:
        names = ("total_cost", "currency", "requests", "unpriced_requests", "total_tokens")
        shown.add_row(str(row["virtual_key"] or "(no key)"), *(str(row[name]) for name in names))
    show(shown, "every call of this time belongs to a team")
    if rows:
        say("give one an owner with `tallybook owner set KEY --team TEAM --from DATE`")
    return ExitCode.OK


def list_teams(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print teams with their spend; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return refuse("team", error)
        query = SpendQuery(
            period=period,
            zone=ledger.zone.name,
            metrics=("total_cost", "requests", "unpriced_requests"),
            dimensions=("team", "customer", "cost_center"),
        )
        result = run(ledger, query)
    rows = [
        dict(zip((*query.dimensions, *query.metrics), (*row.key, *map(json_value, row.values)), strict=True))
        | {"currency": row.currency}
        for row in result.rows
    ]
    if as_json:
        print_json({"teams": rows})
        return ExitCode.OK
    headings = ("Team", "Customer", "Cost centre", "Spend", "Currency", "Requests", "Unpriced")
    shown = table(*headings, numbers=_NUMBERS)
    for row in rows:
        names = ("customer", "cost_center", "total_cost", "currency", "requests", "unpriced_requests")
        facts = (row[name] for name in names)
        shown.add_row(str(row["team"] or "(none)"), *("" if fact is None else str(fact) for fact in facts))
    console().print(shown)
    return ExitCode.OK


def export(out: str | None, *, as_json: bool) -> int:
    """Write the directory as a list that `directory import` reads; the exit code."""
    with open_to_read(Settings()) as ledger:
        rows = directory_rows(ledger)
    try:
        if out is None or out == "-":
            _write(sys.stdout, rows, as_json=as_json)
            return ExitCode.OK
        with Path(out).open("w", encoding="utf-8", newline="") as file:
            _write(file, rows, as_json=as_json)
    except OSError as error:
        return refuse("directory", f"cannot write {out}: {error.strerror}", ExitCode.FAILURE)
    say(f"{out}: {len(rows):,} lines")
    return ExitCode.OK


def _write(file: Any, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        file.write(json.dumps({"directory": rows}, ensure_ascii=False, indent=2) + "\n")
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(name, row[name]) for name in COLUMNS] for row in rows)


def _cell(name: str, value: Any) -> str:
    """A cell of the CSV; a lone `-` means "no owner" and is no formula."""
    return str(value) if value == "-" or name in ("share", "from") else guarded(str(value))
