"""Reports that are promised and ended by whoever acts, and refusals that say what is wrong."""

from pathlib import Path

import pytest

from dashboard.chargeback import schedule_store
from dashboard.chargeback.schedule_service import (
    ScheduleOptions,
    ScheduleRefused,
    add_schedule,
    end_schedule,
    retry_delivery,
)
from dashboard.notifications.channels import TargetRefused
from dashboard.query.question import QuestionError
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.settings import Settings

PLAIN = Settings()
HOOK = ScheduleOptions(every="month", target="webhook:https://example.com/secret", form="csv")


def test_a_schedule_is_recorded_and_ended_by_who_acts(ledger: Ledger) -> None:
    made = add_schedule(ledger, PLAIN, HOOK, by="ann", at=1)
    with ledger.reading() as connection:
        assert schedule_store.schedules(connection) == [made]
    end_schedule(ledger, made.number, by="bob", at=2)
    with ledger.reading() as connection:
        assert schedule_store.schedules(connection) == []
        ended, promised = audit.entries(connection, action="report")
    assert (promised.at, promised.by, promised.action) == (1, "ann", "report schedule")
    assert (promised.subject, promised.detail) == (
        "webhook:https://example.com/...",
        {"by": "team", "form": "csv"},
    )
    assert (ended.at, ended.by, ended.action) == (2, "bob", "report unschedule")
    assert (ended.subject, ended.detail) == (f"schedule {made.number}", {})


def test_the_same_schedule_again_is_the_one_that_stands(ledger: Ledger, tmp_path: Path) -> None:
    options = ScheduleOptions(every="month", target=f"folder:{tmp_path}")
    first = add_schedule(ledger, PLAIN, options, by="ann", at=1)
    assert add_schedule(ledger, PLAIN, options, by="bob", at=2).number == first.number


def test_what_is_not_there_is_neither_ended_nor_sent_again(ledger: Ledger) -> None:
    with pytest.raises(ScheduleRefused) as refused:
        end_schedule(ledger, 9, by="ann", at=1)
    assert refused.value.code == "unknown_schedule"
    with pytest.raises(ScheduleRefused) as refused:
        retry_delivery(ledger, 9, at=1)
    assert refused.value.code == "unknown_delivery"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (ScheduleOptions(every="week", target=HOOK.target), QuestionError),
        (ScheduleOptions(every="month", target="ftp:x"), TargetRefused),
        (ScheduleOptions(every="month", target=HOOK.target, by="model"), QuestionError),
        (ScheduleOptions(every="month", target=HOOK.target, form="doc"), QuestionError),
    ],
)
def test_what_is_no_schedule_is_not_recorded(
    ledger: Ledger, options: ScheduleOptions, error: type[Exception]
) -> None:
    with pytest.raises(error):
        add_schedule(ledger, PLAIN, options, by="ann", at=1)
    with ledger.reading() as connection:
        assert (schedule_store.schedules(connection), audit.entries(connection)) == ([], [])
