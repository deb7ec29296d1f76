"""Deliveries: reports of closed months on their way to whom they were promised, each once."""

import hashlib
import threading
from typing import Final

from dashboard.chargeback import schedule_store
from dashboard.chargeback.outputs import FORMS, read_by, read_form, report_of
from dashboard.chargeback.pdf import NoTypesetter
from dashboard.chargeback.schedule_store import Delivery, Schedule
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
    """Send everything that is due; what was tried, as it was before."""
    with ledger.writing() as connection:
        schedule_store.fill(connection, at)
    tried: list[Delivery] = []
    clock = Clock(at)
    while True:
        with ledger.writing() as connection:
            one = schedule_store.claim(connection, at, clock.now)
            held = {each.number: each for each in schedule_store.schedules(connection)}
        if one is None:
            return tried
        tried.append(one)
        _deliver(ledger, settings, one, held.get(one.schedule_number), at)


def _deliver(ledger: Ledger, settings: Settings, one: Delivery, promised: Schedule | None, at: int) -> None:
    def make() -> Message:
        if promised is None:
            raise NotSent("the schedule was ended")
        return parcel(ledger, one, promised, at)

    if reason := dispatch(ledger, settings, schedule_store.OUTBOX, one, one.target, make, at):
        _log.warning("delivery failed", what=one.what, reason=reason)


def parcel(ledger: Ledger, one: Delivery, promised: Schedule, at: int) -> Message:
    """The report of a delivery as it is sent.

    Raises:
        NotSent: it cannot be made.
    """
    form = FORMS[read_form(promised.form)]
    made = report_of(ledger, read_calendar(one.period), read_by(promised.by), at)
    total = f"{made.grouped(made.shown.total)} {made.statement.currency}"
    try:
        body = form.make(made)
    except NoTypesetter as error:
        raise NotSent(str(error)) from error
    return Message(
        name=f"chargeback-{one.period}-by-{promised.by}.{promised.form}",
        body=body,
        media_type=form.media_type,
        subject=f"Chargeback {one.period}: {total}",
        text=f"The statement of {one.period} is closed: {total}.\nSeal: {made.statement.hash}\n",
        key=hashlib.sha256(f"{one.what}\0{one.target}".encode()).hexdigest()[:32],
    )


def keep_delivering(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Send what is due again and again until told to stop."""
    run_periodically("sending reports", lambda: deliver(ledger, settings, now()), EVERY_SECONDS, stop)
