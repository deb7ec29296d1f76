"""`tallybook allocate`: rules by which shared cost is allocated to teams."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dashboard import names
from ingest import allocation
from ingest.allocation import METHODS, POOLS, Fallback, Method, Rule
from ingest.clock import now
from ingest.dates import read_day
from ingest.fee_command import FeeRefused, team_of
from ingest.ledger import audit
from ingest.ledger.allocations import add_rules, read_rules
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.zone import date_of
from ingest.ownership import END_DAY, FIRST_DAY, Target
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2
_MOST_PARTS: Final = 10**9


class RuleRefused(ValueError):
    """What was asked for is no rule; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `allocate set` was asked for."""

    pool: str
    method: str
    teams: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    fallback: str = "even"
    reason: str = ""


def record(asked: Asked) -> int:
    """Record a rule; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            rule = read(ledger, asked)
            with ledger.writing() as connection:
                add_rules(connection, [rule])
                detail = {
                    "method": rule.method,
                    "teams": list(asked.teams),
                    "from": asked.start,
                    "to": asked.end,
                }
                entry = audit.Entry(
                    at=rule.recorded_at,
                    by=rule.recorded_by,
                    action="allocate set",
                    subject=rule.pool,
                    detail=detail,
                )
                audit.note(connection, entry)
    except (RuleRefused, FeeRefused) as error:
        Console(stderr=True).print(
            f"tallybook allocate: {error}", highlight=False, markup=False, soft_wrap=True
        )
        return USAGE
    since = f" from {asked.start}" if asked.start else ""
    Console().print(f"{rule.pool} is allocated {METHODS[rule.method]}{since}", highlight=False, markup=False)
    return WELL


def read(ledger: Ledger, asked: Asked) -> Rule:
    """The rule that was asked for.

    Raises:
        RuleRefused: it is none.
        FeeRefused: a team is not known.
    """
    pool = asked.pool.strip()
    if pool not in POOLS and not (pool.startswith("fee:") and len(pool) > len("fee:")):
        raise RuleRefused(f"POOL: there is no {pool!r}; there are {', '.join(POOLS)} and fee:NAME")
    method = next((one for one in METHODS if one == asked.method), None)
    if method is None:
        raise RuleRefused(f"--by: there is no {asked.method!r}; there are {', '.join(METHODS)}")
    if asked.fallback not in ("even", "keep"):
        raise RuleRefused(f"--fallback: {asked.fallback!r} is neither even nor keep")
    targets = tuple(_target(ledger, text, method) for text in asked.teams)
    if method == "fixed" and not targets:
        raise RuleRefused("--team: fixed parts need teams, such as --team search=60 --team ads=40")
    if len({one.entry_id for one in targets}) < len(targets):
        raise RuleRefused("--team: a team is named twice")
    first, end = _day("--from", asked.start, FIRST_DAY), _day("--to", asked.end, END_DAY)
    if first >= end:
        raise RuleRefused("--to: the rule must end after it starts")
    fallback: Fallback = "even" if asked.fallback == "even" else "keep"
    return Rule(
        pool=pool,
        method=method,
        targets=targets,
        fallback=fallback,
        first_day=first,
        end_day=end,
        reason=asked.reason,
        recorded_at=now(),
        recorded_by=current_user(),
    )


def _target(ledger: Ledger, text: str, method: Method) -> Target:
    name, equals, parts = text.rpartition("=") if method == "fixed" else (text, "", "")
    if not equals:
        name, parts = text, "1"
        if method == "fixed":
            raise RuleRefused(f"--team: {text!r} names no parts; write it as {text}=60")
    if not (parts.isascii() and parts.isdigit() and 0 < int(parts) <= _MOST_PARTS):
        raise RuleRefused(f"--team: {parts!r} is no number of parts; write a whole number, such as {name}=60")
    return Target(team_of(ledger, name), int(parts))


def _day(parameter: str, text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    day = read_day(text)
    if day is None:
        raise RuleRefused(f"{parameter}: {text!r} is no date; write one as 2026-11-20")
    return day


def listed(*, as_json: bool) -> int:
    """Print the rules; the exit code."""
    with open_ledger(Settings()) as ledger, ledger.reading() as connection:
        rules = read_rules(connection)[::-1]
        teams = names.people(connection, {one.entry_id for rule in rules for one in rule.targets})
    rows = [_facts(rule, teams) for rule in rules]
    if as_json:
        sys.stdout.write(json.dumps({"rules": rows}, ensure_ascii=False, indent=2) + "\n")
        return WELL
    if not rows:
        Console().print("no rules: fees and calls of no team are not allocated", highlight=False)
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("Pool", "By", "Teams", "From", "To", "Recorded by", "Reason"):
        table.add_column(heading)
    for row in rows:
        shared = (
            ", ".join(f"{one['team']} {one['parts']}" for one in row["teams"]) or "all that used something"
        )
        edges = (row["from"] or "", row["to"] or "")
        table.add_row(row["pool"], row["method"], shared, *edges, row["recorded_by"], row["reason"])
    Console().print(table)
    return WELL


def _facts(rule: Rule, teams: Mapping[int | None, str | None]) -> dict[str, Any]:
    return {
        "number": rule.number,
        "pool": rule.pool,
        "method": rule.method,
        "means": allocation.METHODS[rule.method],
        "teams": [{"team": teams[one.entry_id], "parts": one.parts} for one in rule.targets],
        "from": None if rule.first_day == FIRST_DAY else str(date_of(rule.first_day)),
        "to": None if rule.end_day == END_DAY else str(date_of(rule.end_day)),
        "fallback": rule.fallback,
        "recorded_by": rule.recorded_by,
        "reason": rule.reason,
    }
