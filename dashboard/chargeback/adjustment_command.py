"""`tallybook report adjustment`: what an adjustment is made of."""

from dashboard.chargeback.adjustment import (
    OpenedAdjustment,
    adjustment_as_json,
    read_adjustment,
    unknown_adjustment,
)
from dashboard.chargeback.evidence_text import part_of, prices_of, teams_of
from dashboard.chargeback.statement import CAUSES
from dashboard.query.question import QuestionError
from ingest.clock import now, rfc3339_seconds
from ingest.ledger.engine import open_to_read
from ingest.model import money
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, refuse, say, show, table


def run(number: str, *, as_json: bool) -> int:
    """Print an adjustment with its evidence; the exit code."""
    try:
        with open_to_read(Settings()) as ledger:
            opened = read_adjustment(ledger, number, now())
    except QuestionError as error:
        return refuse("report", error)
    if opened is None:
        return refuse("report", unknown_adjustment(number))
    if as_json:
        print_json(adjustment_as_json(opened))
        return ExitCode.OK
    _print(opened)
    return ExitCode.OK


def _print(opened: OpenedAdjustment) -> None:
    correction, current = opened.correction, opened.statement
    reason = f" ({correction.reason})" if correction.reason else ""
    about = f" of {correction.about}" if correction.about else ""
    say(f"{correction.number}: {CAUSES[correction.cause]}{about}{reason}")
    team = opened.name(correction.owner.team_id) or "no team"
    say(
        f"{money.plain(correction.amount)} {current.currency} of {team}, {current.status} in {current.period}"
    )
    numbers = ("Calls before", "after", "Before", "After", "Amount")
    lines = table("Part", "Teams", "Prices", *numbers, numbers=numbers)
    for line in opened.evidence:
        counts = (str(line.requests_before), str(line.requests_after)) if line.kind == "calls" else ("", "")
        amounts = (money.plain(amount) for amount in (line.before, line.after, line.amount))
        lines.add_row(
            part_of(opened, line), teams_of(opened, line), prices_of(opened, line), *counts, *amounts
        )
    show(lines, "it is made of nothing")
    for entry in opened.changes:
        say(f"{rfc3339_seconds(entry.at)}  {entry.action} {entry.subject} by {entry.by}", style="dim")
    if opened.calls:
        calls = table("Call", "Time", "Key", "Model", "Cost before", "Cost", numbers=("Cost before", "Cost"))
        for call in opened.calls:
            names = (call["event_id"], call["occurred_at"], call["virtual_key"] or "", call["model"])
            calls.add_row(*names, call.get("total_cost_before") or "", call["total_cost"] or "")
        show(calls, "")
    if opened.has_more_calls:
        say("and more calls: `tallybook spend` and the page Requests have all", style="dim")
