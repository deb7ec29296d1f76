"""Alerts: what each rule watches fires once for each crossing and is told to everybody once.

An alert is over when its cause is over.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from typing import Any, Final

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.alerts import store as alerts
from dashboard.alerts.evaluate import findings
from dashboard.alerts.model import AlertRule
from dashboard.alerts.notify import check, check_periodically, send_due_messages
from dashboard.alerts.store import Alert, Message
from dashboard.budgets.model import Budget
from dashboard.budgets.store import add_budgets
from dashboard.notifications.channels import signature
from dashboard.notifications.outbox import CLAIM, MOST_ATTEMPTS
from dashboard.server.site import make_site
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.zone import micros
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.ledgers import SECRET
from tests.support.owners import entry
from tests.support.receivers import Hook, Mailbox

UNIT: Final = 10**12
DOLLAR: Final = UNIT
MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
PLAIN: Final = Settings()
NOON: Final = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
NOW: Final = micros(NOON)
WEEKDAYS: Final = (100, 110, 120, 110, 90, 20, 15)
"""Dollars a day of a working week, from Monday on."""


def watch(ledger: Ledger, kind: Any, **facts: Any) -> None:
    with ledger.writing() as connection:
        alerts.add_rule(connection, AlertRule(**{"name": kind, "kind": kind, "recorded_at": 1} | facts))


def limit(ledger: Ledger, dollars: int | None = 100, **facts: Any) -> None:
    known: dict[str, Any] = {
        "name": "Search",
        "scope": "all",
        "subject": None,
        "per": "month",
        "amount": None if dollars is None else dollars * UNIT,
        "tokens": None,
        "currency": "USD",
        "recorded_at": 1,
    }
    with ledger.writing() as connection:
        add_budgets(connection, [Budget(**known | facts)])


_numbers = iter(range(10**9))


def spend(
    ledger: Ledger, dollars: float | None, at: datetime = NOON - timedelta(hours=1), **facts: Any
) -> None:
    cost = None if dollars is None else round(dollars * UNIT)
    put(ledger, [call(at.isoformat(), cost, **facts)], first=next(_numbers))


def weeks(ledger: Ledger, until: date, **changed: int) -> None:
    """Ten weeks of a working week's spend before a day, some days (as `d20261117`) changed."""
    days = [until - timedelta(days=number) for number in range(70, 0, -1)]
    spent = [(day, changed.get(f"d{day:%Y%m%d}", WEEKDAYS[day.weekday()])) for day in days]
    calls = [call(f"{day}T10:00:00Z", dollars * UNIT, team="search") for day, dollars in spent]
    put(ledger, calls, first=10**6)


def fired(ledger: Ledger, at: int = NOW) -> list[Alert]:
    return check(ledger, at)


def titles(found: Sequence[Alert]) -> list[str]:
    return [one.title for one in found]


def messages(ledger: Ledger) -> list[Message]:
    with ledger.reading() as connection:
        return alerts.read_messages(connection)


def is_open(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return [one.title for one in alerts.read_alerts(connection, is_open=True)]


# What fires, and when.


def test_each_threshold_of_a_budget_fires_when_it_is_reached_and_not_before(ledger: Ledger) -> None:
    limit(ledger)
    watch(ledger, "budget")
    steps = [(49, []), (1, ["50%"]), (29, []), (1, ["80%"]), (19, []), (1, ["100%"]), (50, [])]
    for dollars, reached in steps:
        spend(ledger, dollars)
        assert titles(fired(ledger)) == [f"Search: {one} of the budget is used" for one in reached]
        assert fired(ledger) == []


def test_of_thresholds_that_are_passed_at_once_the_highest_is_told(ledger: Ledger) -> None:
    limit(ledger)
    watch(ledger, "budget")
    spend(ledger, 90)
    spend(ledger, None)
    (found,) = fired(ledger)
    assert found.text == (
        "Used by everything from 2026-11-01 to 2026-11-30: 90.00 USD of 100.00 USD (90.0%). "
        "It counts calls alone, without fees and shared cost. "
        "1 calls have no price and are not in it."
    )
    assert {key: found.facts[key] for key in ("used", "limit", "unit", "threshold", "share")} == {
        "used": "90",
        "limit": "100",
        "unit": "USD",
        "threshold": 80,
        "share": "0.9000",
    }


def test_a_budget_of_tokens_has_thresholds_too(embedded: Ledger) -> None:
    limit(embedded, None, tokens=1_000, per="day")
    watch(embedded, "budget")
    spend(embedded, 0, input_tokens=500)
    (found,) = fired(embedded)
    assert "500 tokens of 1,000 tokens" in found.text


def test_a_threshold_fires_again_in_the_next_period_and_for_another_limit(embedded: Ledger) -> None:
    limit(embedded)
    watch(embedded, "budget")
    spend(embedded, 60)
    assert len(fired(embedded)) == 1
    december = datetime(2026, 12, 2, tzinfo=UTC)
    spend(embedded, 60, december)
    assert len(fired(embedded, micros(december) + HOUR)) == 1
    limit(embedded, 110, recorded_at=2)
    assert len(fired(embedded, micros(december) + HOUR)) == 1


def test_a_threshold_that_is_crossed_back_and_forth_fires_once(embedded: Ledger) -> None:
    limit(embedded)
    watch(embedded, "budget")
    spend(embedded, 60)
    assert len(fired(embedded)) == 1
    spend(embedded, -20)
    assert (fired(embedded), is_open(embedded)) == ([], [])
    spend(embedded, 20)
    assert (fired(embedded), is_open(embedded)) == ([], ["Search: 50% of the budget is used"])


def test_a_rule_may_be_about_one_budget_or_one_team(embedded: Ledger) -> None:
    search = str(entry(embedded, "team", "search"))
    limit(embedded, name="All")
    limit(embedded, name="Team", scope="team", subject=search)
    watch(embedded, "budget", name="one", budget="All")
    watch(embedded, "budget", name="two", scope="team", subject=search)
    spend(embedded, 60, team="search")
    assert [(one.rule, one.title.partition(":")[0], one.scope) for one in fired(embedded)] == [
        ("one", "All", "all"),
        ("two", "Team", "team"),
    ]


def test_a_budget_that_will_be_exceeded_is_told_while_it_is_not_yet(embedded: Ledger) -> None:
    weeks(embedded, NOON.date())
    limit(embedded, 2_000)  # 1,377 until the 17th, and 13 days more
    watch(embedded, "forecast")
    (found,) = fired(embedded)
    assert found.title == "Search: the budget will be exceeded"
    assert Decimal(2_300) < Decimal(found.facts["expected"]) < Decimal(2_500)
    assert Decimal(found.facts["low"]) < Decimal(found.facts["expected"]) < Decimal(found.facts["high"])
    assert "The limit is 2,000.00 USD" in found.text
    assert fired(embedded) == []


@pytest.mark.parametrize("dollars", [3_000, 500])
def test_a_budget_that_will_do_or_is_used_up_already_is_no_forecast(embedded: Ledger, dollars: int) -> None:
    weeks(embedded, NOON.date())
    limit(embedded, dollars)
    watch(embedded, "forecast")
    assert fired(embedded) == []


def test_a_day_far_above_its_weekday_is_told_once(ledger: Ledger) -> None:
    weeks(ledger, NOON.date(), d20261117=400)
    watch(ledger, "anomaly")
    (found,) = fired(ledger)
    assert found.title == "everything: 400.00 USD on 2026-11-17 is far above what was expected"
    assert found.facts["expected"] == "110"
    assert "Tuesdays" in found.facts["compared_with"]
    assert fired(ledger) == []
    spend(ledger, 120)
    assert fired(ledger, NOW + 24 * HOUR) == []


def test_of_days_in_a_row_on_one_side_the_first_is_told(embedded: Ledger) -> None:
    weeks(embedded, NOON.date(), d20261116=300, d20261117=330)
    watch(embedded, "anomaly")
    (found,) = fired(embedded)  # though nobody has looked for two days
    assert "on 2026-11-16" in found.title


def test_a_day_as_its_weekday_is_no_anomaly(embedded: Ledger) -> None:
    weeks(embedded, date(2026, 11, 16))  # the days before a Monday: Sunday's 15 are a Sunday's
    watch(embedded, "anomaly")
    assert fired(embedded, micros(datetime(2026, 11, 16, 1, tzinfo=UTC))) == []


def test_a_day_without_spend_is_told_when_it_is_over(embedded: Ledger) -> None:
    weeks(embedded, NOON.date(), d20261117=0)
    watch(embedded, "anomaly")
    assert titles(fired(embedded)) == ["everything: 0.00 USD on 2026-11-17 is far below what was expected"]


def test_today_is_told_as_soon_as_it_is_above_what_a_whole_day_may_be(embedded: Ledger) -> None:
    weeks(embedded, NOON.date())
    watch(embedded, "anomaly")
    spend(embedded, 100)
    assert fired(embedded) == []
    spend(embedded, 400)
    (found,) = fired(embedded)
    assert "500.00 USD so far on 2026-11-18" in found.text


def test_each_team_is_judged_by_itself_and_told_by_its_name(embedded: Ledger) -> None:
    weeks(embedded, NOON.date())
    steady = [
        call(f"{NOON.date() - timedelta(days=at)}T10:00:00Z", 50 * UNIT, team="ads") for at in range(1, 40)
    ]
    put(embedded, steady, first=2 * 10**6)
    spend(embedded, 300, NOON - timedelta(days=1), team="ads", team_name="Advertising")
    watch(embedded, "anomaly", each="team")
    (found,) = fired(embedded)
    assert found.title == "team Advertising: 350.00 USD on 2026-11-17 is far above what was expected"
    assert (found.scope, found.subject) == ("team", str(entry(embedded, "team", "ads")))


def test_a_difference_below_the_least_is_nobodys_concern(embedded: Ledger) -> None:
    weeks(embedded, NOON.date(), d20261117=400)
    watch(embedded, "anomaly", amount=Decimal(290))
    assert fired(embedded) == []
    watch(embedded, "anomaly", amount=Decimal(289), recorded_at=2)
    assert len(fired(embedded)) == 1


@pytest.mark.parametrize(
    ("rule", "unpriced"),
    [({}, 1), ({"amount": Decimal(2)}, 3), ({"percent": Decimal(20)}, 3)],  # of 10 calls that have a price
)
def test_calls_without_a_price_are_told_above_a_limit(
    embedded: Ledger, rule: dict[str, Any], unpriced: int
) -> None:
    watch(embedded, "unpriced", **rule)
    for _ in range(10):
        spend(embedded, 1)
    for _ in range(unpriced - 1):
        spend(embedded, None)
    assert fired(embedded) == []
    spend(embedded, None)
    (found,) = fired(embedded)
    assert found.facts["unpriced_requests"] == unpriced
    assert "2026-11" in found.text


@pytest.mark.parametrize("rule", [{"amount": Decimal(5)}, {"percent": Decimal(5)}])
def test_spend_of_nobody_is_told_above_a_limit(embedded: Ledger, rule: dict[str, Any]) -> None:
    watch(embedded, "unassigned", **rule)
    spend(embedded, 95, team="search")
    spend(embedded, 5)
    assert fired(embedded) == []
    spend(embedded, 1)
    (found,) = fired(embedded)
    assert found.title == "6.00 USD belongs to no team"
    assert (found.facts["unassigned"], found.facts["total"]) == ("6", "101")


def test_a_source_that_fell_silent_is_told_and_again_after_it_spoke(ledger: Ledger) -> None:
    watch(ledger, "silent", hours=6)
    spend(ledger, 1, source="bifrost")
    spend(ledger, 1, NOON + timedelta(hours=5), source="litellm")
    assert fired(ledger, NOW + 5 * HOUR) == []
    (found,) = fired(ledger, NOW + 5 * HOUR + 1)
    assert found.title == "bifrost is silent"
    assert "on 2026-11-18 at 11:00, more than 6 hours ago" in found.text
    assert fired(ledger, NOW + 9 * HOUR) == []
    spend(ledger, 1, NOON + timedelta(hours=9), source="bifrost")
    assert fired(ledger, NOW + 10 * HOUR) == []
    assert is_open(ledger) == []
    assert titles(fired(ledger, NOW + 15 * HOUR + 1)) == ["bifrost is silent", "litellm is silent"]


def test_a_source_that_has_long_been_gone_is_not_waited_for(embedded: Ledger) -> None:
    watch(embedded, "silent")
    spend(embedded, 1, NOON - timedelta(days=40))
    assert fired(embedded) == []


def test_what_is_over_says_since_when(embedded: Ledger) -> None:
    watch(embedded, "unassigned")
    spend(embedded, 5)
    fired(embedded)
    spend(embedded, -5)
    fired(embedded, NOW + MINUTE)
    with embedded.reading() as connection:
        (one,) = alerts.read_alerts(connection)
    assert (one.fired_at, one.ended_at) == (NOW, NOW + MINUTE)


def test_a_rule_that_is_taken_back_watches_nothing_and_ends_what_it_found(embedded: Ledger) -> None:
    watch(embedded, "unassigned")
    spend(embedded, 5)
    assert len(fired(embedded)) == 1
    watch(embedded, None, name="unassigned", recorded_at=2)
    assert (fired(embedded), is_open(embedded)) == ([], [])


# Once.


def test_a_crossing_fires_once_whoever_looks_and_however_often(settings: Settings, hook: Hook) -> None:
    with open_ledger(settings) as ledger:
        limit(ledger)
        watch(ledger, "budget", targets=(f"webhook:{hook.url}",))
        spend(ledger, 60)
    ledgers = [open_ledger(settings) for _ in range(3)]
    try:

        def look(ledger: Ledger) -> int:
            return len(check(ledger, NOW)) + 0 * len(send_due_messages(ledger, PLAIN, NOW))

        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(look, ledgers * 3))
    finally:
        for one in ledgers:
            one.close()
    assert (sum(found), len(hook.got)) == (1, 1)
    with open_ledger(settings) as ledger:  # after a restart
        assert (check(ledger, NOW), send_due_messages(ledger, PLAIN, NOW)) == ([], [])


def slowly(ledger: Ledger, meanwhile: Callable[[], None]) -> list[int]:
    """A check during which something else happens between its looking and its keeping; how many it fires."""
    with ledger.reading() as connection:
        rules, before = alerts.read_rules(connection), alerts.open_crossings(connection)
    found = findings(ledger, rules, NOW)
    meanwhile()
    with ledger.writing() as connection:
        return alerts.record_findings(connection, rules, found, before, NOW)


def test_a_slow_check_does_not_end_what_another_has_found_since(ledger: Ledger) -> None:
    watch(ledger, "unassigned")

    def another() -> None:
        spend(ledger, 6)
        assert len(fired(ledger)) == 1

    assert slowly(ledger, another) == []
    assert is_open(ledger) == ["6.00 USD belongs to no team"]


def test_a_slow_check_does_not_fire_what_another_has_found_to_be_over(ledger: Ledger) -> None:
    watch(ledger, "unassigned")
    spend(ledger, 6)
    assert len(fired(ledger)) == 1

    def another() -> None:
        spend(ledger, -6)
        assert (fired(ledger), is_open(ledger)) == ([], [])

    assert (slowly(ledger, another), is_open(ledger)) == ([], [])


def test_of_several_processes_one_tells(settings: Settings, hook: Hook) -> None:
    with open_ledger(settings) as ledger:
        watch(ledger, "unassigned", targets=(f"webhook:{hook.url}",))
        spend(ledger, 6, datetime.now(UTC))
    assert settings.secret_key is not None
    variables = {
        "TALLYBOOK_DATABASE_URL": settings.database_url,
        "TALLYBOOK_SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    command = [sys.executable, "-m", "dashboard", "alert", "check"]
    running = [
        subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL) for _ in range(3)
    ]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert len(hook.got) == 1


# Who is told.


def test_a_webhook_gets_what_fired_signed_and_with_a_key_that_stays(embedded: Ledger, hook: Hook) -> None:
    settings = Settings(webhook_secret=SecretStr("shared"))
    hook.answers = [500]
    limit(embedded)
    watch(embedded, "budget", targets=(f"webhook:{hook.url}",))
    spend(embedded, 60)
    (one,) = fired(embedded)
    send_due_messages(embedded, settings, NOW)
    send_due_messages(embedded, settings, NOW + MINUTE)
    (first, _), (headers, body) = hook.got
    assert first["idempotency-key"] == headers["idempotency-key"]
    assert headers["x-tallybook-signature"] == signature("shared", body)
    told = json.loads(body)
    assert (told["title"], told["kind"], told["state"]) == (one.title, "budget", "open")
    assert told["facts"]["threshold"] == 50


def test_a_channel_gets_a_text(embedded: Ledger, hook: Hook) -> None:
    watch(embedded, "unassigned", targets=(f"slack:{hook.url}",))
    spend(embedded, 6)
    fired(embedded)
    send_due_messages(embedded, PLAIN, NOW)
    ((headers, body),) = hook.got
    assert headers["content-type"] == "application/json"
    (text,) = json.loads(body).values()
    assert text.startswith("*6.00 USD belongs to no team*\n6.00 USD of 6.00 USD spent in 2026-11")


def test_everybody_whom_a_rule_names_is_told_once_though_one_is_away(
    embedded: Ledger, hook: Hook, mailbox: Mailbox
) -> None:
    settings, mails = mailbox
    targets = ("webhook:http://127.0.0.1:1/", f"webhook:{hook.url}", "smtp:finance@example.com")
    watch(embedded, "unassigned", targets=(*targets, targets[1]))
    spend(embedded, 6)
    fired(embedded)
    send_due_messages(embedded, settings, NOW)
    send_due_messages(embedded, settings, NOW + 2 * MINUTE)
    assert [(one.status, one.attempts) for one in messages(embedded)] == [
        ("failing", 2),
        ("sent", 1),
        ("sent", 1),
    ]
    (mail,) = mails
    assert isinstance(mail, EmailMessage)
    assert (len(hook.got), mail["subject"], mail["to"]) == (
        1,
        "6.00 USD belongs to no team",
        "finance@example.com",
    )
    assert "`tallybook owner unassigned`" in mail.get_content()


def test_a_receiver_that_is_away_is_tried_with_growing_waits_shown_as_failing_and_given_up(
    embedded: Ledger, hook: Hook, tallybook: Command
) -> None:
    hook.answers = [503] * MOST_ATTEMPTS
    watch(embedded, "unassigned", targets=(f"webhook:{hook.url}",))
    spend(embedded, 6)
    fired(embedded)
    at, waits = NOW, []
    for _ in range(MOST_ATTEMPTS):
        assert len(send_due_messages(embedded, PLAIN, at)) == 1
        (one,) = messages(embedded)
        assert send_due_messages(embedded, PLAIN, one.due_at - 1) == []
        waits.append((one.due_at - at) // MINUTE)
        at = one.due_at
        if len(waits) == 2:
            shown = object_of(tallybook("alert", "history", "--json"))["alerts"][0]["messages"][0]
            assert (shown["status"], shown["attempts"]) == ("failing", 2)
            assert shown["said"] == "the webhook answered 503"
            assert shown["next"] == "2026-11-18T12:03:00Z"
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360]
    assert (one.status, send_due_messages(embedded, PLAIN, at + 100 * HOUR)) == ("given up", [])
    sent = tallybook("alert", "send", "--again", str(one.number))
    assert sent.exit_code == 0, sent.output
    assert [one.status for one in messages(embedded)] == ["sent"]


def left_half_way(ledger: Ledger, target: str) -> None:
    """A process dies after it has claimed a message."""
    watch(ledger, "unassigned", targets=(target,))
    spend(ledger, 6)
    fired(ledger)
    with ledger.writing() as connection:
        assert alerts.claim(connection, NOW)


def test_a_post_that_was_left_half_way_is_sent_again_with_the_same_key(ledger: Ledger, hook: Hook) -> None:
    left_half_way(ledger, f"webhook:{hook.url}")
    assert send_due_messages(ledger, PLAIN, NOW + CLAIM - 1) == []
    assert len(send_due_messages(ledger, PLAIN, NOW + CLAIM)) == 1
    assert (len(hook.got), [one.status for one in messages(ledger)]) == (1, ["sent"])


def test_a_mail_that_was_left_half_way_is_in_doubt_and_not_sent_twice(
    embedded: Ledger, mailbox: Mailbox, tallybook: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, mails = mailbox
    left_half_way(embedded, "smtp:finance@example.com")
    send_due_messages(embedded, settings, NOW + CLAIM)
    send_due_messages(embedded, settings, NOW + 10 * CLAIM)
    (one,) = messages(embedded)
    assert (mails, one.status) == ([], "unknown")
    assert "alert send --again" in one.said
    assert settings.smtp_url is not None
    monkeypatch.setenv("TALLYBOOK_SMTP_URL", settings.smtp_url.get_secret_value())
    assert tallybook("alert", "send", "--again", str(one.number)).exit_code == 0
    assert len(mails) == 1


def test_what_fires_and_what_is_owed_of_it_are_kept_together(embedded: Ledger, hook: Hook) -> None:
    watch(embedded, "unassigned", targets=(f"webhook:{hook.url}",))
    spend(embedded, 6)
    fired(embedded)  # and here the server stops
    assert len(send_due_messages(embedded, PLAIN, NOW + HOUR)) == 1


# Commands.


def test_a_rule_is_added_listed_tried_and_taken_back(
    embedded: Ledger, tallybook: Command, hook: Hook
) -> None:
    spend(embedded, 6, datetime.now(UTC), team="search")
    added = tallybook("alert", "add", "Days", "--when", "anomaly", "--each", "team", "--above", "5",
                      "--to", f"webhook:{hook.url}", "--to", f"slack:{hook.url}")  # fmt: skip
    assert added.exit_code == 0, added.output
    assert tallybook("alert", "add", "Gone", "--when", "silent", "--after", "3").exit_code == 0
    listed = tallybook("alert", "list", "--json")
    assert "secret-path" not in listed.output + added.output
    days, gone = object_of(listed)["rules"]
    assert (days["of"], days["limit"], [one.partition(":")[0] for one in days["tells"]]) == (
        "each team of everything",
        "5 USD",
        ["webhook", "slack"],
    )
    assert (gone["limit"], gone["tells"]) == ("3 hours", [])
    assert tallybook("alert", "test", "Days").exit_code == 0
    assert "This is a trial" in hook.got[0][1].decode()
    hook.answers = [500]
    assert tallybook("alert", "test", "Days").exit_code == 1
    assert tallybook("alert", "remove", "Days").exit_code == 0
    assert tallybook("alert", "remove", "Days").exit_code == 2
    assert [one["name"] for one in object_of(tallybook("alert", "list", "--json"))["rules"]] == ["Gone"]
    assert tallybook("audit", "--action", "alert").stdout.count("alert add") == 2


def test_looking_by_command_says_what_is_new_and_fails_where_a_receiver_does(
    embedded: Ledger, tallybook: Command, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.alerts.commands.now", lambda: NOW)
    hook.answers = [500]
    watch(embedded, "unassigned", targets=(f"webhook:{hook.url}",))
    spend(embedded, 6)
    first = tallybook("alert", "check", "--json")
    assert first.exit_code == 1
    told = json.loads(first.stdout)
    assert [one["title"] for one in told["fired"]] == ["6.00 USD belongs to no team"]
    assert told["messages"][0]["status"] == "failing"
    assert "nothing new" in tallybook("alert", "check").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--when", "never"), "budget, forecast, anomaly"),
        (("--when", "budget", "--to", "pigeon:coop"), "--to"),
        (("--when", "budget", "--to", "smtp:a@example.com"), "TALLYBOOK_SMTP_URL"),
        (("--when", "budget", "--budget", "None"), "there is no budget"),
        (("--when", "budget", "--team", "nobody"), "nobody"),
        (("--when", "budget", "--above", "5"), "--above"),
        (("--when", "unpriced", "--above", "many"), "--above"),
        (("--when", "anomaly", "--above", "5%"), "--above"),
        (("--when", "anomaly", "--each", "moon"), "--each"),
        (("--when", "unpriced", "--each", "team"), "--each"),
        (("--when", "silent", "--after", "0"), "--after"),
        (("--when", "silent", "--team", "search"), "--team"),
        (("--when", "budget", "--team", "a", "--key", "b"), "one of --team"),
    ],
)
def test_what_is_no_rule_is_refused_in_words(
    embedded: Ledger, tallybook: Command, words: tuple[str, ...], said: str
) -> None:
    answer = tallybook("alert", "add", "Name", *words)
    assert (answer.exit_code, said in " ".join(answer.output.split())) == (2, True), answer.output
    with embedded.reading() as connection:
        assert alerts.read_rules(connection) == []


def test_what_a_rule_found_is_sent_no_more_when_it_is_taken_back(
    embedded: Ledger, tallybook: Command, hook: Hook
) -> None:
    hook.answers = [500]
    watch(embedded, "unassigned", targets=(f"webhook:{hook.url}",))
    spend(embedded, 6)
    fired(embedded)
    send_due_messages(embedded, PLAIN, NOW)
    assert tallybook("alert", "remove", "unassigned").exit_code == 0
    assert send_due_messages(embedded, PLAIN, NOW + HOUR) == []
    assert [(one.status, one.said) for one in messages(embedded)] == [("given up", "the rule was taken back")]


def test_a_source_that_nothing_has_come_from_may_be_misspelt(embedded: Ledger, tallybook: Command) -> None:
    spend(embedded, 1, source="bifrost")
    said = tallybook("alert", "add", "Gone", "--when", "silent", "--source", "bitfrost").output
    assert "no call has come from 'bitfrost' yet, there are bifrost" in " ".join(said.split())


# Over HTTP, and while a server runs.


def test_the_api_lists_what_fired_open_or_over(embedded: Ledger) -> None:
    watch(embedded, "unassigned")
    watch(embedded, "silent", hours=1)
    spend(embedded, 6)
    fired(embedded, NOW + 2 * HOUR)
    spend(embedded, -6)
    fired(embedded, NOW + 3 * HOUR)
    client = TestClient(make_site(embedded, Settings(secret_key=SECRET)), base_url="http://127.0.0.1")

    def told(query: str) -> list[str]:
        return [one["kind"] for one in client.get(f"/v1/alerts?{query}").json()["alerts"]]

    assert told("") == ["unassigned", "silent"]
    assert (told("state=open"), told("state=over"), told("limit=1")) == (
        ["silent"],
        ["unassigned"],
        ["unassigned"],
    )
    for wrong in ("state=maybe", "limit=0", "limit=x", "when=now"):
        assert client.get(f"/v1/alerts?{wrong}").status_code == 422


@pytest.fixture
def watching(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger that a server watches."""
    monkeypatch.setattr("dashboard.alerts.notify.now", lambda: NOW)
    watch(embedded, "unassigned")
    spend(embedded, 6)
    stop = threading.Event()
    thread = threading.Thread(target=check_periodically, args=(embedded, PLAIN, stop))
    thread.start()
    yield embedded
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_a_server_looks_as_soon_as_it_runs(watching: Ledger) -> None:
    deadline = time.monotonic() + 60
    while not is_open(watching) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_open(watching) == ["6.00 USD belongs to no team"]
