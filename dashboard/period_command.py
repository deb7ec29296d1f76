"""`tallybook period`: months and their closing."""

import json
import sys
from collections.abc import Callable
from datetime import UTC
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dashboard.chargeback import closing
from dashboard.chargeback.accounting import current_month, statement
from dashboard.chargeback.calendar import month_of, of_month, read_month, today
from dashboard.chargeback.closing import CloseRefused, Item
from dashboard.chargeback.kept import kept
from dashboard.chargeback.statement import Statement
from dashboard.question import QuestionError
from dashboard.requests import first_call, last_call
from ingest import money
from ingest.clock import now
from ingest.ledger import periods
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.zone import instant, micros
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2


def listed(*, as_json: bool) -> int:
    """Print every month with calls or a history; the exit code."""

    def work(ledger: Ledger) -> int:
        rows = months(ledger, now())
        if as_json:
            return _print_json({"periods": rows})
        table = Table(box=None, pad_edge=False)
        for heading in ("Period", "Status", "Closed", "By", "Total", "Hash"):
            table.add_column(heading, justify="right" if heading == "Total" else "left")
        for row in rows:
            total = "" if row["total"] is None else f"{row['total']} {row['currency']}"
            cells = (
                row["period"],
                row["status"],
                row["at"] or "",
                row["by"] or "",
                total,
                (row["hash"] or "")[:12],
            )
            table.add_row(*cells)
        Console().print(table)
        return WELL

    return _with_ledger(work)


def months(ledger: Ledger, at: int) -> list[dict[str, Any]]:
    """Every month from the first with a call or an event up to now, newest first; totals of those that are closed."""
    with ledger.reading() as connection:
        standing = periods.standing(connection)
    closed = kept(ledger)
    named = [read_month(name) for name in standing]
    named += [
        month_of(today(ledger.zone, micros(call)))
        for call in (first_call(ledger), last_call(ledger))
        if call is not None
    ]
    named.append(current_month(ledger, at))
    found, month = [], max(named)
    while month >= min(named):
        event = standing.get(str(month))
        found.append(
            {
                "period": str(month),
                "status": event.status if event else "open",
                "at": _time(event.at) if event else None,
                "by": event.by if event else None,
                "reason": event.reason if event else "",
                "total": money.plain(closed.statement(str(month)).total)
                if str(month) in closed.closings
                else None,
                "currency": ledger.currency,
                "hash": event.hash if event else None,
            }
        )
        month = month.plus(-1)
    return found


def show(period: str, *, as_json: bool) -> int:
    """Print a month's state, check list and history; the exit code."""

    def work(ledger: Ledger) -> int:
        found = statement(ledger, of_month(read_month(period)), now())
        items = () if found.status == "closed" else closing.check(ledger, found)
        with ledger.reading() as connection:
            happened = periods.events(connection, period)
        if as_json:
            return _print_json(
                {
                    **_facts(found),
                    "checklist": [item.as_json() for item in items],
                    "history": [
                        {
                            "status": one.status,
                            "at": _time(one.at),
                            "by": one.by,
                            "reason": one.reason,
                            "hash": one.hash,
                        }
                        for one in happened
                    ],
                }
            )
        out = Console()
        out.print(
            f"{found.period} is {found.status}: {money.plain(found.total)} {found.currency}", highlight=False
        )
        _print_items(out, items)
        for one in happened:
            why = f" ({one.reason})" if one.reason else ""
            out.print(
                f"{_time(one.at)}  {one.status} by {one.by}{why}", highlight=False, markup=False, style="dim"
            )
        return WELL

    return _with_ledger(work)


def close(period: str, accept: str | None, *, as_json: bool) -> int:
    """Close a month; the exit code, 1 where its check list stops it."""

    def work(ledger: Ledger) -> int:
        done = closing.close(ledger, read_month(period), accept=accept, by=current_user(), now=now())
        if as_json:
            _print_json(
                {
                    **_facts(done.statement),
                    "status": "closed" if done.hash else "closing",
                    "hash": done.hash,
                    "checklist": [item.as_json() for item in done.items],
                }
            )
            return WELL if done.hash else FAILURE
        out = Console()
        _print_items(out, done.items)
        if done.hash is None:
            out.print(
                f'{period} stays open: mend this, or close it with --accept "REASON"',
                highlight=False,
                style="red",
            )
            return FAILURE
        total = f"{money.plain(done.statement.total)} {done.statement.currency}"
        out.print(f"{period} is closed: {total}, statement {done.hash[:12]}", highlight=False, style="green")
        return WELL

    return _with_ledger(work)


def reopen(period: str, reason: str) -> int:
    """Open a closed month again; the exit code."""

    def work(ledger: Ledger) -> int:
        closing.reopen(ledger, read_month(period), reason=reason, by=current_user(), now=now())
        Console().print(f"{period} is open again; its statement stays in its history", highlight=False)
        return WELL

    return _with_ledger(work)


def _with_ledger(work: Callable[[Ledger], int]) -> int:
    try:
        with open_ledger(Settings()) as ledger:
            return work(ledger)
    except QuestionError as error:
        _complain(error)
        return USAGE
    except CloseRefused as error:
        _complain(error)
        return FAILURE


def _complain(error: Exception) -> None:
    Console(stderr=True).print(f"tallybook period: {error}", highlight=False, markup=False, soft_wrap=True)


def _facts(found: Statement) -> dict[str, Any]:
    return {
        "period": found.period,
        "status": found.status,
        "currency": found.currency,
        "total": money.plain(found.total),
        "requests": found.used.requests,
        "unpriced_requests": found.used.unpriced_requests,
        "hash": found.hash,
    }


def _print_items(out: Console, items: tuple[Item, ...]) -> None:
    for item in items:
        mark, style = ("stops ", "red") if item.stops else ("noted ", "yellow")
        out.print(
            f"{mark}{item.code}: {item.text}", style=style, highlight=False, markup=False, soft_wrap=True
        )


def _print_json(value: object) -> int:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return WELL


def _time(at: int) -> str:
    return instant(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
