"""Deliveries: reports of closed months on their way to whom they were promised, each once."""

import hashlib
import sys
import threading
from typing import Final

from sqlalchemy.exc import DBAPIError

from dashboard.chargeback.calendar import read_calendar
from dashboard.chargeback.document import NoTypesetter
from dashboard.chargeback.outputs import FORMS, read_by, read_form, report_of
from dashboard.sending import NotSent, Parcel, TargetRefused, read_target, send
from ingest.accept import now
from ingest.ledger import schedules
from ingest.ledger.engine import Ledger
from ingest.ledger.outbox import Clock
from ingest.ledger.schedules import Delivery, Schedule
from ingest.logs import logger
from ingest.settings import Settings

EVERY_SECONDS: Final = 30.0
_log = logger("tallybook.deliveries")


def deliver(ledger: Ledger, settings: Settings, at: int) -> list[Delivery]:
    """Send everything that is due; what was tried, as it was before."""
    with ledger.writing() as connection:
        schedules.fill(connection, at)
    tried: list[Delivery] = []
    clock = Clock(at)
    while True:
        with ledger.writing() as connection:
            one = schedules.claim(connection, at, clock.now)
            held = {each.number: each for each in schedules.schedules(connection)}
        if one is None:
            return tried
        tried.append(one)
        _deliver(ledger, settings, one, held.get(one.schedule_number), at)


def _deliver(ledger: Ledger, settings: Settings, one: Delivery, promised: Schedule | None, at: int) -> None:
    try:
        if promised is None:
            raise NotSent("the schedule was ended")  # noqa: TRY301 - said below, as other reasons are
        target = read_target(one.target, settings)
        if one.status == "sending" and not target.knows_again:
            with ledger.writing() as connection:
                schedules.doubted(connection, one)
            return
        send(target, parcel(ledger, one, promised, at), settings)
    except (NotSent, TargetRefused, NoTypesetter) as error:
        _log.warning("delivery failed", what=one.what, reason=str(error))
        with ledger.writing() as connection:
            schedules.failed(connection, one, at, str(error))
        return
    with ledger.writing() as connection:
        schedules.sent(connection, one.number, at)


def parcel(ledger: Ledger, one: Delivery, promised: Schedule, at: int) -> Parcel:
    """The report of a delivery as it is sent."""
    form = FORMS[read_form(promised.form)]
    made = report_of(ledger, read_calendar(one.period), read_by(promised.by), at)
    total = f"{made.grouped(made.shown.total)} {made.statement.currency}"
    return Parcel(
        name=f"chargeback-{one.period}-by-{promised.by}.{promised.form}",
        body=form.make(made),
        media_type=form.media_type,
        subject=f"Chargeback {one.period}: {total}",
        text=f"The statement of {one.period} is closed: {total}.\nSeal: {made.statement.hash}\n",
        key=hashlib.sha256(f"{one.what}\0{one.target}".encode()).hexdigest()[:32],
    )


def keep_delivering(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Send what is due again and again until told to stop. A busy database is tried again, and no fault ends it."""
    while not stop.wait(EVERY_SECONDS):
        try:
            deliver(ledger, settings, now())
        except DBAPIError as error:
            if stop.is_set():
                return
            sys.stderr.write(f"tallybook: sending reports is put off: {error.orig}\n")
        except Exception as error:  # noqa: BLE001 - the rim of a thread: the next report may be sent, and the log says why
            _log.exception("deliveries failed", error=type(error).__qualname__)
