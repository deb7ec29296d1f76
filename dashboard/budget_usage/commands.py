"""`tallybook budget`: set, list and remove budgets."""

from decimal import Decimal

from dashboard.budget_usage.usage import budget_usages
from dashboard.budgets import service as budgets_service
from dashboard.budgets.model import COUNTS
from dashboard.budgets.service import SetBudgetOptions
from ingest.clock import now
from ingest.ledger.engine import open_existing, open_ledger, open_to_read
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, print_json, refuse, say, table


def set_budget(options: SetBudgetOptions) -> int:
    """Set a budget; return the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            budget = budgets_service.set_budget(ledger, options, by=current_user(), at=now())
    except Invalid as error:
        return _refuse(error)
    limit = (
        f"{budget.tokens:,} tokens"
        if budget.tokens is not None
        else f"{money.plain(budget.amount or 0)} {budget.currency}"
    )
    about = "" if options.subject is None else f" for {options.scope.replace('_', ' ')} {options.subject}"
    counts = "" if budget.tokens is not None else f", counting {COUNTS[budget.counts]}"
    say(f"{budget.name}: {limit} a {budget.per}{about}{counts}")
    return ExitCode.OK


def remove(name: str) -> int:
    """Remove a budget; return the exit code."""
    try:
        with open_existing(Settings()) as ledger:
            budgets_service.remove_budget(ledger, name, by=current_user(), at=now())
    except Invalid as error:
        return _refuse(error)
    say(f"{name} is taken back")
    return ExitCode.OK


def listed(*, as_json: bool) -> int:
    """Print budgets and their usage; return the exit code."""
    with open_to_read(Settings()) as ledger:
        rows = [usage.as_json() for usage in budget_usages(ledger, now())]
    if as_json:
        print_json({"budgets": rows})
        return ExitCode.OK
    if not rows:
        say("no budgets; `tallybook budget set NAME AMOUNT --team TEAM` sets one")
        return ExitCode.OK
    printed = table(
        "Budget", "Of", "Per", "Counts", "Used", "Limit", "Unit", "Share", numbers=("Used", "Limit", "Share")
    )
    for row in rows:
        of = "everything" if row["subject"] is None else f"{row['scope'].replace('_', ' ')} {row['subject']}"
        share = "" if row["share"] is None else f"{Decimal(row['share']):.0%}"
        printed.add_row(
            row["name"],
            of,
            row["per"],
            row["counts"],
            str(row["used"]),
            str(row["limit"]),
            row["unit"],
            share,
        )
    console().print(printed)
    return ExitCode.OK


def _refuse(error: Exception) -> int:
    return refuse("budget", error, arguments=("name", "amount"))
