"""`tallybook report chargeback --every month --to`, `report schedules`, `report send`, `report unschedule`."""

import json
import sys
from datetime import UTC
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dashboard.chargeback.outputs import read_by, read_form
from dashboard.deliveries import deliver
from dashboard.question import QuestionError
from dashboard.sending import TargetRefused, read_target, target_of
from ingest.clock import now
from ingest.ledger import audit, schedules
from ingest.ledger.engine import open_ledger
from ingest.ledger.schedules import Delivery, Schedule
from ingest.model.zone import instant
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2


def schedule(every: str, to: str, by: str, form: str | None) -> int:
    """Promise the report of every month that is closed to a target; the exit code."""
    settings = Settings()
    try:
        _require_month(every)
        target = read_target(to, settings)
        one = Schedule(
            target=str(target),
            by=read_by(by),
            form=read_form(form or "pdf"),
            recorded_at=now(),
            recorded_by=current_user(),
        )
    except (QuestionError, TargetRefused) as error:
        return _refuse(error)
    with open_ledger(settings) as ledger:
        with ledger.writing() as connection:
            number = schedules.add(connection, one)
            detail = {"by": one.by, "form": one.form}
            entry = audit.Entry(
                at=one.recorded_at,
                by=one.recorded_by,
                action="report schedule",
                subject=target.shown,
                detail=detail,
            )
            audit.note(connection, entry)
        Console().print(
            f"schedule {number}: every month that is closed from now on goes to {target.shown} as {one.form}; "
            "`tallybook serve` sends it, or `tallybook report send`",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    return WELL


def _require_month(every: str) -> None:
    if every != "month":
        raise QuestionError("unknown_every", "every", f"every: {every!r} is not month: months are closed")


def send_due(again: int | None, *, as_json: bool) -> int:
    """Send what is due; the exit code, 1 where something did not arrive."""
    settings = Settings()
    with open_ledger(settings) as ledger:
        if again is not None:
            with ledger.writing() as connection:
                found = schedules.OUTBOX.again(connection, again, now())
            if not found:
                return _refuse(
                    ValueError(f"there is no delivery {again} that was given up, failing or in doubt")
                )
        tried = {one.number for one in deliver(ledger, settings, now())}
        with ledger.reading() as connection:
            rows = [one for one in schedules.deliveries(connection) if one.number in tried]
    if as_json:
        _json({"deliveries": [_facts(one) for one in rows]})
    else:
        _print(rows, "nothing is due")
    return WELL if all(one.status == "sent" for one in rows) else FAILURE


def listed(*, as_json: bool) -> int:
    """Print schedules and what became of their deliveries; the exit code."""
    with open_ledger(Settings()) as ledger, ledger.reading() as connection:
        promised = schedules.schedules(connection)
        rows = schedules.deliveries(connection)
    if as_json:
        known = [
            {"number": one.number, "to": target_of(one.target).shown, "by": one.by, "format": one.form}
            for one in promised
        ]
        _json({"schedules": known, "deliveries": [_facts(one) for one in rows]})
        return WELL
    out = Console()
    for one in promised:
        text = f"schedule {one.number}: by {one.by} as {one.form} to {target_of(one.target).shown}"
        out.print(text, highlight=False, markup=False)
    _print(rows, "nothing has been sent yet")
    return WELL


def unschedule(number: int) -> int:
    """End a schedule; the exit code."""
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        if not schedules.end(connection, number, now()):
            return _refuse(
                ValueError(f"there is no schedule {number}; `tallybook report schedules` lists them")
            )
        entry = audit.Entry(
            at=now(), by=current_user(), action="report unschedule", subject=f"schedule {number}", detail={}
        )
        audit.note(connection, entry)
    Console().print(f"schedule {number} is ended", highlight=False)
    return WELL


def _facts(one: Delivery) -> dict[str, Any]:
    return {
        "number": one.number,
        "what": one.what,
        "to": target_of(one.target).shown,
        "status": one.status,
        "attempts": one.attempts,
        "next": None if one.status in ("sent", "given up", "unknown") else _time(one.due_at),
        "sent_at": None if one.sent_at is None else _time(one.sent_at),
        "said": one.said,
    }


def _print(rows: list[Delivery], nothing: str) -> None:
    if not rows:
        Console().print(nothing, highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("No.", "What", "To", "Status", "Tried", "Next", "Why"):
        table.add_column(heading)
    for one in rows:
        fact = _facts(one)
        when = fact["sent_at"] or fact["next"] or ""
        table.add_row(str(one.number), one.what, fact["to"], one.status, str(one.attempts), when, one.said)
    Console().print(table)


def _time(at: int) -> str:
    return instant(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _refuse(error: Exception) -> int:
    Console(stderr=True).print(f"tallybook report: {error}", highlight=False, markup=False, soft_wrap=True)
    return USAGE
