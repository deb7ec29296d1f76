"""Adding and ending schedules of reports: checked, written and audited in one transaction."""

from dataclasses import dataclass, replace

from dashboard.chargeback import schedule_store
from dashboard.chargeback.outputs import read_form, read_group_by
from dashboard.chargeback.schedule_store import Schedule
from dashboard.notifications.channels import read_target
from dashboard.query.question import QuestionError
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.settings import Settings


class ScheduleRefused(Invalid):
    """There is no such schedule or delivery; the message says where to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOptions:
    """The options of a new schedule, as text."""

    every: str
    target: str
    by: str = "team"
    form: str = "pdf"


def add_schedule(
    ledger: Ledger, settings: Settings, options: ScheduleOptions, *, by: str, at: int
) -> Schedule:
    """Schedule the report of every month that is closed from now on; an equal schedule is not added twice.

    Raises:
        QuestionError: an option is not valid.
        TargetRefused: the target is not valid, or a setting that it needs is missing.
    """
    if options.every != "month":
        message = f"every: {options.every!r} is not month: months are closed"
        raise QuestionError("unknown_every", "every", message)
    target = read_target(options.target, settings)
    schedule = Schedule(
        target=str(target),
        by=read_group_by(options.by),
        form=read_form(options.form),
        recorded_at=at,
        recorded_by=by,
    )
    with ledger.writing() as connection:
        number = schedule_store.add(connection, schedule)
        detail = {"by": schedule.by, "form": schedule.form}
        entry = audit.Entry(at=at, by=by, action="report schedule", subject=target.shown, detail=detail)
        audit.note(connection, entry)
    return replace(schedule, number=number)


def end_schedule(ledger: Ledger, number: int, *, by: str, at: int) -> None:
    """End a schedule; its waiting deliveries are not sent.

    Raises:
        ScheduleRefused: there is no such schedule.
    """
    with ledger.writing() as connection:
        if not schedule_store.end(connection, number, at):
            message = f"there is no schedule {number}; `tallybook report schedules` lists them"
            raise ScheduleRefused("unknown_schedule", message)
        subject = f"schedule {number}"
        entry = audit.Entry(at=at, by=by, action="report unschedule", subject=subject, detail={})
        audit.note(connection, entry)


def retry_delivery(ledger: Ledger, number: int, *, at: int) -> None:
    """Queue a delivery again that was given up, is failing or is in doubt.

    Raises:
        ScheduleRefused: there is no such delivery.
    """
    with ledger.writing() as connection:
        if not schedule_store.OUTBOX.again(connection, number, at):
            message = f"there is no delivery {number} that was given up, failing or in doubt"
            raise ScheduleRefused("unknown_delivery", message)
