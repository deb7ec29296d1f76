"""Deliveries: sends each report of a closed month to the targets of its schedules, once."""

import hashlib
import threading
from typing import Final

from dashboard.chargeback import schedule_store
from dashboard.chargeback.outputs import FORMS, file_stem, read_form, read_group_by, report_of_statement
from dashboard.chargeback.pdf import NoTypesetter
from dashboard.chargeback.schedule_store import Delivery, Schedule
from dashboard.chargeback.sealed import issued_statement
from dashboard.notifications.channels import Message, NotSent
from dashboard.notifications.dispatch import dispatch
from dashboard.notifications.outbox import Clock
from dashboard.notifications.periodic import run_periodically
from dashboard.query.calendar import read_calendar
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.logs import logger
from ingest.settings import Settings

EVERY_SECONDS: Final = 30.0
_log = logger("tallybook.deliveries")


def deliver(ledger: Ledger, settings: Settings, at: int) -> list[Delivery]:
    """Send all due deliveries. Returns the deliveries that were tried, as they were before the attempt.

    A failed delivery is due again later.
    """
    with ledger.writing() as connection:
        schedule_store.queue_deliveries(connection, at)
    tried: list[Delivery] = []
    clock = Clock(at)
    while True:
        with ledger.writing() as connection:
            delivery = schedule_store.claim(connection, at, clock.now)
            schedules = {schedule.number: schedule for schedule in schedule_store.schedules(connection)}
        if delivery is None:
            return tried
        tried.append(delivery)
        _deliver(ledger, settings, delivery, schedules.get(delivery.schedule_number), at)


def _deliver(
    ledger: Ledger, settings: Settings, delivery: Delivery, schedule: Schedule | None, at: int
) -> None:
    def make() -> Message:
        if schedule is None:
            raise NotSent("the schedule was ended")
        return report_message(ledger, delivery, schedule, at)

    if reason := dispatch(ledger, settings, schedule_store.OUTBOX, delivery, delivery.target, make, at):
        _log.warning("delivery failed", what=delivery.what, reason=reason)


def report_message(ledger: Ledger, delivery: Delivery, schedule: Schedule, at: int) -> Message:
    """The message with the report of a delivery.

    Raises:
        NotSent: the report cannot be made.
    """
    form = FORMS[read_form(schedule.form)]
    issued = issued_statement(ledger, delivery.period, delivery.statement_number)
    calendar = read_calendar(delivery.period)
    report = report_of_statement(ledger, calendar, issued, read_group_by(schedule.by), at)
    replaced = f" (replaces {issued.replaces})" if issued.replaces else ""
    sentence = f"It replaces the statement {issued.replaces}.\n" if issued.replaces else ""
    total = f"{report.grouped(report.shown.total)} {report.statement.currency}"
    try:
        body = form.make(report)
    except NoTypesetter as error:
        raise NotSent(str(error)) from error
    return Message(
        name=f"{file_stem(issued)}-by-{schedule.by}.{schedule.form}",
        body=body,
        media_type=form.media_type,
        subject=f"Chargeback {issued.number}: {total}{replaced}",
        text=f"The statement {issued.number} is closed: {total}.\n{sentence}Seal: {issued.hash}\n",
        key=hashlib.sha256(f"{delivery.what}\0{delivery.target}".encode()).hexdigest()[:32],
    )


def keep_delivering(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Send due deliveries periodically until `stop` is set."""
    run_periodically("sending reports", lambda: deliver(ledger, settings, now()), EVERY_SECONDS, stop)
