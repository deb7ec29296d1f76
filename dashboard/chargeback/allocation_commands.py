"""`tallybook allocate`: rules by which shared cost is allocated to teams."""

from collections.abc import Mapping
from typing import Any, Final

from dashboard.chargeback.allocation import METHODS, Rule
from dashboard.chargeback.allocation_service import AllocationRefused, SetAllocationOptions, set_allocation
from dashboard.chargeback.allocation_store import read_rules
from dashboard.query import labels
from ingest.clock import now
from ingest.ledger.engine import open_ledger, open_to_read
from ingest.model.ownership import END_DAY, FIRST_DAY
from ingest.model.zone import date_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, print_json, refuse, say, show, table

_ARGUMENTS: Final = ("pool",)


def set_rule(options: SetAllocationOptions) -> int:
    """Record a rule; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            recorded = set_allocation(ledger, options, by=current_user(), at=now())
    except AllocationRefused as error:
        return refuse("allocate", error, arguments=_ARGUMENTS)
    since = f" from {options.start}" if options.start else ""
    say(f"{recorded.rule.pool} is allocated {METHODS[recorded.rule.method]}{since}")
    if recorded.note:
        say(f"note: {recorded.note}", style="yellow")
    return ExitCode.OK


def list_rules(*, as_json: bool) -> int:
    """Print the rules; the exit code."""
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        rules = read_rules(connection)[::-1]
        teams = labels.entry_names(connection, {target.entry_id for rule in rules for target in rule.targets})
    rows = [_rule_as_json(rule, teams) for rule in rules]
    if as_json:
        print_json({"rules": rows})
        return ExitCode.OK
    listing = table("Pool", "By", "Teams", "From", "To", "Recorded by", "Reason")
    for row in rows:
        sharing = ", ".join(f"{team['team']} {team['parts']}" for team in row["teams"])
        edges = (row["from"] or "", row["to"] or "")
        listing.add_row(
            row["pool"],
            row["method"],
            sharing or "all that used something",
            *edges,
            row["recorded_by"],
            row["reason"],
        )
    show(listing, "no rules: fees and calls of no team are not allocated")
    return ExitCode.OK


def _rule_as_json(rule: Rule, teams: Mapping[int | None, str | None]) -> dict[str, Any]:
    return {
        "number": rule.number,
        "pool": rule.pool,
        "method": rule.method,
        "means": METHODS[rule.method],
        "teams": [{"team": teams[target.entry_id], "parts": target.parts} for target in rule.targets],
        "from": None if rule.first_day == FIRST_DAY else str(date_of(rule.first_day)),
        "to": None if rule.end_day == END_DAY else str(date_of(rule.end_day)),
        "fallback": rule.fallback,
        "recorded_by": rule.recorded_by,
        "reason": rule.reason,
    }
