"""Budgets: set by name, used by what the running period has cost, and shown beside what a team owes."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dashboard.budget_usage.usage import budget_usages, period_around
from dashboard.budgets.model import Budget, current_budgets, limits_for_months
from dashboard.budgets.store import add_budgets, read_budgets
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.query.calendar import read_calendar
from dashboard.server.site import make_site
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.owners import entry, owns

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05


def budget(**facts: Any) -> Budget:
    known: dict[str, Any] = {
        "name": "limit",
        "scope": "all",
        "subject": None,
        "per": "month",
        "amount": 10 * UNIT,
        "tokens": None,
        "currency": "USD",
    }
    return Budget(**{**known, **facts})


def test_a_budget_is_used_by_its_team_in_the_period_that_runs(embedded: Ledger) -> None:
    put(
        embedded,
        [
            call("2026-10-31T23:00:00Z", 9 * UNIT, virtual_key="vk-1", team="search"),
            call("2026-11-02T10:00:00Z", 4 * UNIT, virtual_key="vk-1", team="search", input_tokens=100),
            call("2026-11-03T10:00:00Z", None, virtual_key="vk-1", team="search"),
            call("2026-11-03T10:00:00Z", 8 * UNIT, virtual_key="vk-2", team="ads", input_tokens=50),
        ],
    )
    owns(embedded, "vk-2", ("search", 1), ("ads", 1))
    with embedded.writing() as connection:
        search = str(entry(embedded, "team", "search", connection))
        add_budgets(
            connection,
            [
                budget(name="search", scope="team", subject=search),
                budget(name="tokens", amount=None, tokens=300, per="quarter"),
                budget(name="over", first_day=30_000),
            ],
        )
    found = {one.budget.name: one for one in budget_usages(embedded, NOW)}
    assert sorted(found) == ["search", "tokens"]
    assert (found["search"].used, found["search"].unpriced_requests) == (8 * UNIT, 1)
    assert found["search"].as_json()["share"] == "0.8000"
    assert found["tokens"].as_json() | {"period": None, "thresholds": None} == {
        "name": "tokens",
        "scope": "all",
        "subject": None,
        "per": "quarter",
        "limit": 300,
        "unit": "tokens",
        "used": 150,
        "remaining": 150,
        "share": "0.5000",
        "reached": 50,
        "allowed": True,
        "unpriced_requests": 1,
        "counts": "calls",
        "fees_and_shared": "0",
        "period": None,
        "thresholds": None,
    }


@pytest.mark.parametrize(
    ("per", "first", "end"),
    [
        ("day", "2026-11-05", "2026-11-06"),
        ("week", "2026-11-02", "2026-11-09"),
        ("month", "2026-11-01", "2026-12-01"),
        ("quarter", "2026-10-01", "2027-01-01"),
    ],
)
def test_a_budget_has_the_period_that_its_day_is_in(per: Any, first: str, end: str) -> None:
    assert period_around(per, date(2026, 11, 5)) == (date.fromisoformat(first), date.fromisoformat(end))


def test_the_last_row_of_a_name_counts_and_one_without_a_limit_takes_it_back(embedded: Ledger) -> None:
    with embedded.writing() as connection:
        add_budgets(connection, [budget(), budget(amount=20 * UNIT, recorded_at=1), budget(name="other")])
        assert [one.amount for one in read_budgets(connection)] == [20 * UNIT, 10 * UNIT]
    assert current_budgets([budget(), budget(amount=None, recorded_at=1)]) == []


def test_a_statement_has_the_budgets_of_its_months(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 4 * UNIT, team="search")])
    with embedded.writing() as connection:
        search = str(entry(embedded, "team", "search", connection))
        known: dict[str, Any] = {"scope": "team", "subject": search}
        add_budgets(connection, [budget(**known), budget(name="q", per="quarter", amount=40 * UNIT, **known)])
    month = json.loads(FORMS["json"].make(report_of(embedded, read_calendar("2026-10"), "team", NOW)))
    quarter = json.loads(FORMS["json"].make(report_of(embedded, read_calendar("2026-Q4"), "team", NOW)))
    assert [one["lines"][0]["budget"] for one in (month, quarter)] == ["10", "70"]


def test_a_budget_that_does_not_cover_the_period_is_none_of_it() -> None:
    assert limits_for_months([budget(scope="team", subject="1", first_day=20)], "team", 1, 10, 40) == {}
    assert limits_for_months([budget(scope="team", subject="1", per="week")], "team", 1, 10, 40) == {}


def test_budgets_are_set_listed_and_taken_back(tallybook: Command) -> None:
    tallybook("team", "add", "search")
    assert tallybook("budget", "set", "Search", "500", "--team", "search").stdout == (
        "Search: 500 USD a month for team search, counting calls alone, without fees and shared cost\n"
    )
    assert tallybook("budget", "set", "All", "--tokens", "5_000_000", "--per", "day").exit_code == 0
    rows = object_of(tallybook("budget", "list", "--json"))["budgets"]
    assert [(row["name"], row["limit"], row["subject"]) for row in rows] == [
        ("All", 5_000_000, None),
        ("Search", "500", "search"),
    ]
    assert "team search" in tallybook("budget", "list").stdout
    assert tallybook("budget", "remove", "Search").exit_code == 0
    assert [row["name"] for row in object_of(tallybook("budget", "list", "--json"))["budgets"]] == ["All"]
    assert tallybook("budget", "remove", "Search").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x",), "name an amount of money, or --tokens"),
        (("x", "5", "--tokens", "5"), "name an amount of money, or --tokens"),
        (("x", "five"), "'five' is no amount"),
        (("x", "--tokens", "1.5"), "is no number of tokens"),
        (("x", "5", "--per", "year"), "there is no 'year'"),
        (("x", "5", "--team", "nobody"), "knows no team 'nobody'"),
        (("x", "5", "--team", "a", "--model", "b"), "is about one of"),
        (("x", "5", "--threshold", "half"), "are no percents"),
        (("x", "5", "--from", "soon"), "is no day"),
        (("x", "1,5"), "'1,5' is no amount"),
        (("x", "٣"), "is no amount"),
        (("x", "1e-30"), "'1e-30' is no amount"),
        (("x", "1e16"), "'1e16' is no amount"),
        (("x", "NaN"), "'NaN' is no amount"),
        (("x", "--", "-5"), "may be spent"),
        (("x", "--tokens", "9" * 5_000), "is no number of tokens"),
        (("x", "5", "--threshold", "9" * 5_000), "are no percents"),
        (("x", "5", "--threshold", "0"), "are no percents"),
        (("x", "5", "--from", "2026-12-01", "--to", "2026-11-01"), "does not come after"),
        (("x", "5", "--project", ""), "'' is no project"),
        (("x", "5", "--project", "a\nb"), "is no project"),
        (("x", "5", "--model", "m" * 20_000), "is no model"),
    ],
)
def test_what_is_no_budget_is_refused(tallybook: Command, words: tuple[str, ...], said: str) -> None:
    refused = tallybook("budget", "set", *words)
    assert (refused.exit_code, said in " ".join(refused.output.replace("│", " ").split())) == (2, True)


def test_a_budget_of_nothing_has_reached_no_threshold_until_something_is_used(embedded: Ledger) -> None:
    with embedded.writing() as connection:
        add_budgets(connection, [budget(amount=0)])
    (unused,) = budget_usages(embedded, NOW)
    assert (unused.reached, unused.is_allowed) == (None, False)
    put(embedded, [call("2026-11-02T10:00:00Z", UNIT)])
    (used,) = budget_usages(embedded, NOW)
    assert used.reached == 100


def test_a_budget_is_found_whatever_it_is_called(embedded: Ledger) -> None:
    names = ["a/b", "50%", "😀 & co?"]
    with embedded.writing() as connection:
        add_budgets(connection, [budget(name=one) for one in names])
    with TestClient(make_site(embedded, Settings()), base_url="http://127.0.0.1:8000") as client:
        for name in names:
            assert client.get(f"/v1/budgets/{quote(name, safe='')}").json()["name"] == name


@pytest.mark.parametrize(
    ("asked", "headers"), [("?virtual_key=", {}), ("?virtual_key=%00", {}), ("", {"x-bf-vk": ""})]
)
def test_no_key_is_not_every_key(ledger: Ledger, asked: str, headers: dict[str, str]) -> None:
    """A gateway that asks for a call without a key is not told that it may go on."""
    with TestClient(make_site(ledger, Settings()), base_url="http://127.0.0.1:8000") as client:
        answer = client.get(f"/v1/budgets{asked}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_key")
