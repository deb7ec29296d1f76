"""`tallybook owner list`, `owner unassigned`, `team list`, `directory export`: who owns what."""

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dashboard.answer import guarded, json_value
from dashboard.ownership_view import COLUMNS, as_list, held, read_asked, unassigned
from dashboard.question import QuestionError, SpendQuery, read_period
from dashboard.runner import run
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2


def list_owners(subject: str | None, at: str | None, as_of: str | None, *, as_json: bool) -> int:
    """Print assignments, the latest first; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            found = held(ledger, read_asked(subject, at, as_of, ledger.zone))
        except (QuestionError, NotKnown) as error:
            return _refuse(f"owner: {error}")
    rows = [one.as_json() for one in found]
    if as_json:
        return _json({"owners": rows})
    if not rows:
        return _say("nothing is assigned: calls belong to whom the gateway said")
    table = _table("What", "Belongs to", "From", "To", "Recorded", "By", "Reason")
    for row in rows:
        whole = sum(one["parts"] for one in row["targets"])
        shared = len(row["targets"]) > 1
        whose = ", ".join(
            f"{one['name']} {one['parts']}/{whole}" if shared else one["name"] for one in row["targets"]
        )
        kind = row["target_kind"].replace("_", " ")
        what = f"{row['subject_kind'].replace('_', ' ')} {row['subject']}"
        edges = (row["from"] or "always", row["to"] or "")
        table.add_row(
            what, f"{kind} {whose or 'none'}", *edges, row["recorded_at"], row["recorded_by"], row["reason"]
        )
    Console().print(table)
    return WELL


def list_unassigned(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print the keys whose calls belong to no team, by spend; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return _refuse(f"owner: {error}")
        result = unassigned(ledger, period)
    rows = [
        {"virtual_key": row.key[0], "currency": row.currency}
        | dict(zip(result.query.metrics, map(json_value, row.values), strict=True))
        for row in result.rows
    ]
    if as_json:
        return _json({"keys": rows, "requests": result.requests})
    if not rows:
        return _say("every call of this time belongs to a team")
    table = _table("Key", "Spend", "Currency", "Requests", "Unpriced", "Tokens")
    for row in rows:
        numbers = (row[name] for name in ("requests", "unpriced_requests", "total_tokens"))
        table.add_row(
            str(row["virtual_key"] or "(no key)"),
            str(row["total_cost"]),
            str(row["currency"]),
            *map(str, numbers),
        )
    Console().print(table)
    return _say("give one an owner with `tallybook owner set KEY --team TEAM --from DATE`")


def list_teams(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print teams with their spend; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return _refuse(f"team: {error}")
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
        return _json({"teams": rows})
    table = _table("Team", "Customer", "Cost centre", "Spend", "Currency", "Requests", "Unpriced")
    for row in rows:
        facts = (row["customer"], row["cost_center"], row["total_cost"], row["currency"], row["requests"])
        table.add_row(
            str(row["team"] or "(none)"),
            *("" if fact is None else str(fact) for fact in (*facts, row["unpriced_requests"])),
        )
    Console().print(table)
    return WELL


def export(out: str | None, *, as_json: bool) -> int:
    """Write the directory as a list that `directory import` reads; the exit code."""
    with open_ledger(Settings()) as ledger:
        rows = as_list(ledger)
    try:
        if out is None or out == "-":
            _write(sys.stdout, rows, as_json=as_json)
            return WELL
        with Path(out).open("w", encoding="utf-8", newline="") as file:
            _write(file, rows, as_json=as_json)
    except OSError as error:
        return _refuse(f"directory: cannot write {out}: {error.strerror}", FAILURE)
    return _say(f"{out}: {len(rows):,} lines")


def _write(file: Any, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        file.write(json.dumps({"directory": rows}, ensure_ascii=False, indent=2) + "\n")
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(name, row[name]) for name in COLUMNS] for row in rows)


def _cell(name: str, value: Any) -> str:
    """A cell; a lone `-` means nobody and is no formula."""
    return str(value) if value == "-" or name in ("share", "from") else guarded(str(value))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        is_number = heading in ("Spend", "Requests", "Unpriced", "Tokens")
        table.add_column(heading, justify="right" if is_number else "left")
    return table


def _json(value: object) -> int:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return WELL


def _say(text: str) -> int:
    Console().print(text, highlight=False, markup=False, soft_wrap=True)
    return WELL


def _refuse(text: str, code: int = USAGE) -> int:
    Console(stderr=True).print(f"tallybook {text}", highlight=False, markup=False, soft_wrap=True)
    return code
