"""`tallybook period`: the status of months, closing and reopening them."""

from collections.abc import Callable, Iterable
from typing import Any

from dashboard.chargeback import closing
from dashboard.chargeback.closing import ChecklistItem, CloseRefused, CloseResult
from dashboard.chargeback.months import months
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import statement
from dashboard.query.calendar import of_month, read_month
from dashboard.query.question import QuestionError
from ingest.clock import now, rfc3339_seconds
from ingest.ledger import periods
from ingest.ledger.engine import Ledger, Purpose, open_ledger
from ingest.ledger.periods import Event
from ingest.model import money
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, print_json, refuse, say, table


def list_months(*, as_json: bool) -> int:
    """Print the months; the exit code."""

    def work(ledger: Ledger) -> int:
        rows = [state.as_json() for state in months(ledger, now())]
        if as_json:
            print_json({"periods": rows})
            return ExitCode.OK
        listing = table("Period", "Status", "Statement", "Closed", "By", "Total", "Hash", numbers=("Total",))
        for row in rows:
            total = "" if row["total"] is None else f"{row['total']} {row['currency']}"
            seal = (row["hash"] or "")[:12]
            who = (row["at"] or "", row["by"] or "")
            listing.add_row(row["period"], row["status"], row["number"] or "", *who, total, seal)
        console().print(listing)
        return ExitCode.OK

    return _with_ledger(work)


def show_month(period: str, *, as_json: bool) -> int:
    """Print a month's status, checklist and history; the exit code."""

    def work(ledger: Ledger) -> int:
        shown = statement(ledger, of_month(read_month(period)), now())
        items = () if shown.status == "closed" else closing.checklist(ledger, shown)
        with ledger.reading() as connection:
            history = periods.events(connection, period)
        if as_json:
            facts = {"checklist": _checklist(items), "history": [_event_facts(event) for event in history]}
            print_json({**_facts(shown), **facts})
            return ExitCode.OK
        say(f"{shown.period} is {shown.status}: {money.plain(shown.total)} {shown.currency}")
        _print_items(items)
        for event in history:
            why = f" ({event.reason})" if event.reason else ""
            say(f"{rfc3339_seconds(event.at)}  {event.status} by {event.by}{why}", style="dim")
        return ExitCode.OK

    return _with_ledger(work)


def close(period: str, accept: str | None, *, as_json: bool) -> int:
    """Close a month; the exit code, 1 if an item of the checklist stops it."""

    def work(ledger: Ledger) -> int:
        result = closing.close(ledger, read_month(period), accept=accept, by=current_user(), now=now())
        if as_json:
            status = {
                "status": "closed" if result.hash else "closing",
                "number": result.number,
                "hash": result.hash,
            }
            print_json({**_facts(result.statement), **status, "checklist": _checklist(result.items)})
        else:
            _print_closing(period, result)
        return ExitCode.OK if result.hash else ExitCode.FAILURE

    return _with_ledger(work, Purpose.CHANGE)


def _print_closing(period: str, result: CloseResult) -> None:
    _print_items(result.items)
    if result.hash is None:
        say(f'{period} stays open: mend this, or close it with --accept "REASON"', style="red")
        return
    total = f"{money.plain(result.statement.total)} {result.statement.currency}"
    before = result.statement.revision
    replaced = f" (replaces {period}/{before})" if before else ""
    seal = f"statement {result.number}{replaced}, seal {result.hash[:12]}"
    say(f"{period} is closed: {total}, {seal}", style="green")


def reopen(period: str, reason: str) -> int:
    """Reopen a closed month; the exit code."""

    def work(ledger: Ledger) -> int:
        closing.reopen(ledger, read_month(period), reason=reason, by=current_user(), now=now())
        say(f"{period} is open again; its statement stays in its history")
        return ExitCode.OK

    return _with_ledger(work, Purpose.CHANGE)


def _with_ledger(work: Callable[[Ledger], int], purpose: Purpose = Purpose.READ) -> int:
    try:
        with open_ledger(Settings(), purpose) as ledger:
            return work(ledger)
    except QuestionError as error:
        return refuse("period", error)
    except CloseRefused as error:
        return refuse("period", error, ExitCode.FAILURE)


def _facts(shown: Statement) -> dict[str, Any]:
    return {
        "period": shown.period,
        "status": shown.status,
        "currency": shown.currency,
        "total": money.plain(shown.total),
        "requests": shown.used.requests,
        "unpriced_requests": shown.used.unpriced_requests,
        "number": shown.number,
        "hash": shown.hash,
    }


def _event_facts(event: Event) -> dict[str, Any]:
    return {
        "status": event.status,
        "at": rfc3339_seconds(event.at),
        "by": event.by,
        "reason": event.reason,
        "hash": event.hash,
    }


def _checklist(items: Iterable[ChecklistItem]) -> list[dict[str, Any]]:
    return [item.as_json() for item in items]


def _print_items(items: Iterable[ChecklistItem]) -> None:
    for item in items:
        mark, style = ("stops ", "red") if item.stops else ("noted ", "yellow")
        say(f"{mark}{item.code}: {item.text}", style=style)
