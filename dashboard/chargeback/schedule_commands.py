"""`tallybook report chargeback --every month`, `report schedules`, `report send`, `report unschedule`."""

from collections.abc import Iterable
from typing import Any

from dashboard.chargeback import schedule_store
from dashboard.chargeback.delivery import deliver
from dashboard.chargeback.schedule_service import (
    ScheduleOptions,
    ScheduleRefused,
    add_schedule,
    end_schedule,
    retry_delivery,
)
from dashboard.chargeback.schedule_store import Delivery
from dashboard.notifications.channels import TargetRefused, target_of
from dashboard.query.question import QuestionError
from ingest.clock import now, rfc3339_seconds
from ingest.ledger.engine import open_existing, open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, print_json, refuse, say, show, table


def schedule(every: str, to: str, by: str, form: str | None) -> int:
    """Schedule the report of every month that is closed; the exit code."""
    settings = Settings()
    options = ScheduleOptions(every=every, target=to, by=by, form=form or "pdf")
    try:
        with open_existing(settings) as ledger:
            added = add_schedule(ledger, settings, options, by=current_user(), at=now())
    except (QuestionError, TargetRefused) as error:
        return refuse("report", error)
    say(
        f"schedule {added.number}: every month that is closed from now on goes to "
        f"{target_of(added.target).shown} as {added.form}; `tallybook serve` sends it, or "
        "`tallybook report send`"
    )
    return ExitCode.OK


def send_due(again: int | None, *, as_json: bool) -> int:
    """Send due deliveries; the exit code, 1 if one was not sent."""
    settings = Settings()
    with open_existing(settings) as ledger:
        if again is not None:
            try:
                retry_delivery(ledger, again, at=now())
            except ScheduleRefused as error:
                return refuse("report", error)
        tried = {delivery.number for delivery in deliver(ledger, settings, now())}
        with ledger.reading() as connection:
            rows = [row for row in schedule_store.deliveries(connection) if row.number in tried]
    if as_json:
        print_json({"deliveries": [_facts(row) for row in rows]})
    else:
        _print(rows, "nothing is due")
    return ExitCode.OK if all(row.status == "sent" for row in rows) else ExitCode.FAILURE


def list_schedules(*, as_json: bool) -> int:
    """Print the schedules and their deliveries; the exit code."""
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        schedules = schedule_store.schedules(connection)
        rows = schedule_store.deliveries(connection)
    if as_json:
        facts = [
            {
                "number": schedule.number,
                "to": target_of(schedule.target).shown,
                "by": schedule.by,
                "format": schedule.form,
            }
            for schedule in schedules
        ]
        print_json({"schedules": facts, "deliveries": [_facts(row) for row in rows]})
        return ExitCode.OK
    for schedule in schedules:
        say(
            f"schedule {schedule.number}: by {schedule.by} as {schedule.form} "
            f"to {target_of(schedule.target).shown}"
        )
    _print(rows, "nothing has been sent yet")
    return ExitCode.OK


def unschedule(number: int) -> int:
    """End a schedule; the exit code."""
    try:
        with open_existing(Settings()) as ledger:
            end_schedule(ledger, number, by=current_user(), at=now())
    except ScheduleRefused as error:
        return refuse("report", error)
    say(f"schedule {number} is ended")
    return ExitCode.OK


def _facts(row: Delivery) -> dict[str, Any]:
    is_over = row.status in ("sent", "given up", "unknown")
    return {
        "number": row.number,
        "what": row.what,
        "to": target_of(row.target).shown,
        "status": row.status,
        "attempts": row.attempts,
        "next": None if is_over else rfc3339_seconds(row.due_at),
        "sent_at": rfc3339_seconds(row.sent_at),
        "said": row.said,
    }


def _print(rows: Iterable[Delivery], nothing: str) -> None:
    listing = table("No.", "What", "To", "Status", "Tried", "Next", "Why")
    for row in rows:
        facts = _facts(row)
        when = facts["sent_at"] or facts["next"] or ""
        listing.add_row(str(row.number), row.what, facts["to"], row.status, str(row.attempts), when, row.said)
    show(listing, nothing)
