"""Reports that were promised are sent once, when a month is closed.

Also once across failures, restarts and several processes.
"""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dashboard.chargeback import closing, schedule_store
from dashboard.chargeback.delivery import EVERY_SECONDS, deliver, keep_delivering
from dashboard.chargeback.schedule_store import Schedule
from dashboard.notifications.channels import TargetRefused, read_target, signature
from dashboard.notifications.outbox import CLAIM, MOST_ATTEMPTS
from dashboard.query.calendar import Month
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.receivers import Hook, Mailbox

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05
MINUTE = 60_000_000
OCTOBER = Month(2026, 10)
PLAIN = Settings()


def promised(ledger: Ledger, target: str, form: str = "json", at: int = NOW) -> None:
    with ledger.writing() as connection:
        one = Schedule(target=target, by="team", form=form, recorded_at=at, recorded_by="ann")
        schedule_store.add(connection, one)


def closed(ledger: Ledger, at: int = NOW) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="search")])
    assert closing.close(ledger, OCTOBER, accept="fine", by="ann", now=at).hash


def states(ledger: Ledger) -> list[tuple[str, int]]:
    with ledger.reading() as connection:
        return [(one.status, one.attempts) for one in schedule_store.deliveries(connection)]


def test_a_month_that_is_closed_is_written_into_a_folder_once(ledger: Ledger, tmp_path: Path) -> None:
    promised(ledger, f"folder:{tmp_path}/reports")
    assert deliver(ledger, PLAIN, NOW) == []
    closed(ledger)
    assert len(deliver(ledger, PLAIN, NOW)) == 1
    assert deliver(ledger, PLAIN, NOW + 10 * CLAIM) == []
    (file,) = (tmp_path / "reports").iterdir()
    assert file.name == "chargeback-2026-10-statement-1-by-team.json"
    assert json.loads(file.read_text())["total"] == "12"


def test_a_month_that_was_closed_before_the_promise_is_not_sent(ledger: Ledger, tmp_path: Path) -> None:
    closed(ledger, NOW - 1)
    promised(ledger, f"folder:{tmp_path}/reports")
    assert deliver(ledger, PLAIN, NOW) == []


def test_a_month_that_is_closed_again_is_sent_again(ledger: Ledger, hook: Hook) -> None:
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    deliver(ledger, PLAIN, NOW)
    closing.reopen(ledger, OCTOBER, reason="mistake", by="ann", now=NOW + 1)
    assert closing.close(ledger, OCTOBER, accept="fine", by="ann", now=NOW + 2).hash
    deliver(ledger, PLAIN, NOW + 3)
    assert [json.loads(body)["statement_number"] for _, body in hook.got] == ["2026-10/1", "2026-10/2"]


def close_twice(ledger: Ledger) -> None:
    closed(ledger)
    closing.reopen(ledger, OCTOBER, reason="mistake", by="ann", now=NOW + 1)
    put(ledger, [call("2026-10-06T10:00:00Z", 3 * UNIT, team="search")], first=1)
    assert closing.close(ledger, OCTOBER, accept="fine", by="ann", now=NOW + 2).hash


def test_a_statement_is_not_written_over_the_statement_that_it_replaces(
    ledger: Ledger, tmp_path: Path
) -> None:
    promised(ledger, f"folder:{tmp_path}/reports")
    closed(ledger)
    deliver(ledger, PLAIN, NOW)
    closing.reopen(ledger, OCTOBER, reason="mistake", by="ann", now=NOW + 1)
    put(ledger, [call("2026-10-06T10:00:00Z", 3 * UNIT, team="search")], first=1)
    assert closing.close(ledger, OCTOBER, accept="fine", by="ann", now=NOW + 2).hash
    deliver(ledger, PLAIN, NOW + 3)
    files = {file.name: json.loads(file.read_text()) for file in (tmp_path / "reports").iterdir()}
    assert {
        name: (answer["number"], answer["replaces"], answer["total"]) for name, answer in files.items()
    } == {
        "chargeback-2026-10-statement-1-by-team.json": ("2026-10/1", None, "12"),
        "chargeback-2026-10-statement-2-by-team.json": ("2026-10/2", "2026-10/1", "15"),
    }


def test_a_mail_says_which_statement_it_replaces(ledger: Ledger, mailbox: Mailbox) -> None:
    settings, got = mailbox
    promised(ledger, "smtp:finance@example.com", "csv")
    close_twice(ledger)
    deliver(ledger, settings, NOW + 3)
    (mail,) = got
    assert mail["Subject"] == "Chargeback 2026-10/2: 15.00 USD (replaces 2026-10/1)"
    parts: Any = mail.get_payload()
    assert "It replaces the statement 2026-10/1." in parts[0].get_payload()


def test_what_waits_when_a_month_is_opened_again_is_the_statement_that_was_issued(
    ledger: Ledger, hook: Hook
) -> None:
    hook.answers = [500]
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    deliver(ledger, PLAIN, NOW)
    closing.reopen(ledger, OCTOBER, reason="mistake", by="ann", now=NOW + 1)
    deliver(ledger, PLAIN, NOW + 2 * MINUTE)
    assert [json.loads(body)["number"] for _, body in hook.got] == ["2026-10/1", "2026-10/1"]


def test_the_list_of_deliveries_names_the_number_that_the_statement_has(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    promised(embedded, f"folder:{tmp_path}/reports", at=0)
    close_twice(embedded)
    deliver(embedded, PLAIN, NOW + 3)
    (listed,) = object_of(tallybook("report", "schedules", "--json"))["deliveries"]
    assert listed["what"] == "chargeback 2026-10/2 by team as json"


def test_a_webhook_gets_a_signed_post_whose_key_stays_the_same(ledger: Ledger, hook: Hook) -> None:
    settings = Settings(webhook_secret=SecretStr("shared"))
    hook.answers = [503, 500]
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    waits = []
    at = NOW
    for _ in range(3):
        deliver(ledger, settings, at)
        with ledger.reading() as connection:
            (one,) = schedule_store.deliveries(connection)
        waits.append(one.due_at - at)
        at = one.due_at
    assert states(ledger) == [("sent", 3)]
    assert waits[:2] == [MINUTE, 2 * MINUTE]
    keys = {headers["idempotency-key"] for headers, _ in hook.got}
    assert (len(keys), len(hook.got)) == (1, 3)
    assert re.fullmatch("[0-9a-f]{32}", keys.pop())
    headers, body = hook.got[-1]
    assert headers["x-tallybook-signature"] == signature("shared", body)
    assert headers["content-type"] == "application/json"


class _OneRound(threading.Event):
    """Stops whoever waits for it."""

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == EVERY_SECONDS
        self.set()
        return True


def test_a_server_sends_what_is_due_in_each_round(ledger: Ledger, hook: Hook) -> None:
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    keep_delivering(ledger, PLAIN, _OneRound())
    assert states(ledger) == [("sent", 1)]


def test_a_failing_receiver_is_tried_with_growing_waits_and_given_up_at_last(
    ledger: Ledger, hook: Hook
) -> None:
    hook.answers = [500] * 100
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    at = NOW
    for _ in range(MOST_ATTEMPTS):
        assert len(deliver(ledger, PLAIN, at)) == 1
        with ledger.reading() as connection:
            (one,) = schedule_store.deliveries(connection)
        assert deliver(ledger, PLAIN, one.due_at - 1) == []
        at = one.due_at
    assert (one.status, one.said) == ("given up", "the webhook answered 500")
    assert deliver(ledger, PLAIN, at + 10 * CLAIM) == []
    hook.answers = []
    with ledger.writing() as connection:
        assert schedule_store.OUTBOX.retry(connection, one.number, at)
    deliver(ledger, PLAIN, at)
    assert states(ledger) == [("sent", 1)]


def test_a_mail_has_the_statement_and_comes_once(ledger: Ledger, mailbox: Mailbox) -> None:
    settings, got = mailbox
    promised(ledger, "smtp:finance@example.com", "pdf")
    closed(ledger)
    deliver(ledger, settings, NOW)
    deliver(ledger, settings, NOW + 10 * CLAIM)
    (mail,) = got
    assert (mail["Subject"], mail["To"], mail["From"]) == (
        "Chargeback 2026-10/1: 12.00 USD",
        "finance@example.com",
        "books@example.com",
    )
    parts: Any = mail.get_payload()
    text, pdf = parts
    assert "The statement 2026-10/1 is closed: 12.00 USD." in text.get_payload()
    assert pdf.get_filename() == "chargeback-2026-10-statement-1-by-team.pdf"
    assert pdf.get_payload(decode=True).startswith(b"%PDF")


def test_a_mail_server_that_is_away_is_tried_again(ledger: Ledger, mailbox: Mailbox) -> None:
    settings, got = mailbox
    promised(ledger, "smtp:finance@example.com")
    closed(ledger)
    deliver(ledger, Settings(smtp_url=SecretStr("smtp://127.0.0.1:1")), NOW)
    assert states(ledger) == [("failing", 1)]
    deliver(ledger, settings, NOW + 2 * MINUTE)
    assert (len(got), states(ledger)) == (1, [("sent", 2)])


def killed(ledger: Ledger) -> None:
    """A process that dies after it has claimed a delivery."""
    with ledger.writing() as connection:
        schedule_store.queue_deliveries(connection, NOW)
        assert schedule_store.claim(connection, NOW)


def test_what_a_process_left_half_way_is_taken_up_after_its_claim(ledger: Ledger, hook: Hook) -> None:
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    killed(ledger)
    assert deliver(ledger, PLAIN, NOW + CLAIM - 1) == []
    deliver(ledger, PLAIN, NOW + CLAIM)
    assert (len(hook.got), states(ledger)) == (1, [("sent", 2)])


def test_a_mail_that_was_left_half_way_is_in_doubt_and_not_sent_twice(
    ledger: Ledger, mailbox: Mailbox
) -> None:
    settings, got = mailbox
    promised(ledger, "smtp:finance@example.com")
    closed(ledger)
    killed(ledger)
    deliver(ledger, settings, NOW + CLAIM)
    deliver(ledger, settings, NOW + 10 * CLAIM)
    assert (got, states(ledger)) == ([], [("unknown", 2)])
    with ledger.writing() as connection:
        (one,) = schedule_store.deliveries(connection)
        assert schedule_store.OUTBOX.retry(connection, one.number, NOW)
    deliver(ledger, settings, NOW)
    assert len(got) == 1


def test_of_several_processes_one_sends(ledger: Ledger, hook: Hook) -> None:
    for number in range(4):
        promised(ledger, f"webhook:{hook.url}/{number}")
    closed(ledger)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deliver(ledger, PLAIN, NOW), range(4)))
    assert len(hook.got) == 4
    assert states(ledger) == [("sent", 1)] * 4


def test_a_schedule_that_is_ended_sends_no_more(ledger: Ledger, hook: Hook) -> None:
    hook.answers = [500]
    promised(ledger, f"webhook:{hook.url}")
    closed(ledger)
    deliver(ledger, PLAIN, NOW)
    with ledger.writing() as connection:
        assert schedule_store.end(connection, schedule_store.schedules(connection)[0].number, NOW)
    assert deliver(ledger, PLAIN, NOW + 10 * CLAIM) == []
    assert states(ledger) == [("given up", 1)]


def test_reports_are_promised_sent_and_listed_by_command(
    tallybook: Command, embedded: Ledger, hook: Hook
) -> None:
    words = ("report", "chargeback", "--every", "month", "--to", f"webhook:{hook.url}", "--format", "csv")
    first = tallybook(*words)
    assert first.exit_code == 0, first.output
    assert "secret-path" not in first.output
    tallybook(*words)
    put(embedded, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="search")])
    tallybook("period", "close", "2026-10", "--accept", "fine")
    assert tallybook("report", "send").exit_code == 0
    assert "nothing is due" in tallybook("report", "send").output
    listed = tallybook("report", "schedules", "--json")
    assert "secret-path" not in listed.output
    assert [one["status"] for one in object_of(listed)["deliveries"]] == ["sent"]
    assert hook.got[0][1].startswith(b"period,status,team")
    number = object_of(listed)["schedules"][0]["number"]
    assert tallybook("report", "unschedule", str(number)).exit_code == 0
    assert tallybook("report", "unschedule", str(number)).exit_code == 2
    assert tallybook("report", "send", "--again", "99").exit_code == 2
    assert "report schedule" in tallybook("audit", "--action", "report").stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "folder:",
        "folder:~nobody-of-that-name/x",
        "ftp:x",
        "webhook:nowhere",
        "smtp:nobody",
        "smtp:a@b,c@d",
        "x",
    ],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(TargetRefused) as refused:
        read_target(text, Settings(smtp_url=SecretStr("smtp://localhost")))
    assert (refused.value.code, refused.value.field) == ("invalid_target", "to")


def test_mail_needs_a_server() -> None:
    with pytest.raises(TargetRefused, match="TALLYBOOK_SMTP_URL"):
        read_target("smtp:finance@example.com", Settings())


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--every", "month"),
        ("--to", "folder:x"),
        ("--every", "week", "--to", "folder:x"),
        ("--every", "month", "--to", "folder:x", "--period", "2026-10"),
    ],
)
def test_a_promise_wants_both_and_nothing_else(tallybook: Command, words: tuple[str, ...]) -> None:
    assert tallybook("report", "chargeback", *words).exit_code == 2
