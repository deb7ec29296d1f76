"""The journal of a statement: it adds up to zero, and to what the statement shows of each team."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.chargeback import api, closing
from dashboard.chargeback.journal import Clearing, journal
from dashboard.chargeback.outputs import report_of
from dashboard.query.calendar import Month, of_month
from ingest.http import problems
from ingest.ledger.engine import Ledger
from tests.support.calls import a_ledger, call, put
from tests.support.cli import Command, object_of
from tests.support.owners import owns

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05
OCTOBER = Month(2026, 10)


@pytest.fixture
def booked(tallybook: Command, embedded: Ledger) -> Ledger:
    """October's calls of a team with two cost centres, of a team with none, and of nobody."""
    calls = [
        call("2026-10-05T10:00:00Z", 10_005_000_000_000, team="search"),
        call("2026-10-20T10:00:00Z", 5_002_000_000_000, team="search"),
        call("2026-10-21T10:00:00Z", 3 * UNIT, team="ads"),
        call("2026-10-22T10:00:00Z", 1_004_000_000_000, virtual_key="stray"),
    ]
    put(embedded, calls)
    for words in (
        ("cost-center", "add", "CC-1", "--name", "Research", "--gl", "6400"),
        ("team", "add", "search", "--cost-center", "CC-1"),
        ("cost-center", "add", "CC-2", "--gl", "6500"),
        ("owner", "set", "--for-team", "search", "--cost-center", "CC-2", "--from", "2026-10-16"),
    ):
        assert tallybook(*words).exit_code == 0
    return embedded


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def added(rows: Iterable[dict[str, str]], name: str) -> Decimal:
    return sum((Decimal(row[name] or 0) for row in rows), Decimal(0))


@pytest.mark.usefixtures("booked")
def test_teams_are_debited_on_their_accounts_and_the_platform_is_credited(tallybook: Command) -> None:
    words = (
        "report",
        "journal",
        "--period",
        "2026-10",
        "--credit-gl",
        "4900",
        "--credit-cost-center",
        "CC-IT",
    )
    done = tallybook(*words)
    assert done.exit_code == 0, done.output
    rows = rows_of(done.stdout)
    assert [
        (row["team"], row["cost_center_code"], row["gl_code"], row["debit"], row["credit"]) for row in rows
    ] == [
        ("ads", "", "", "3.00", ""),
        ("search", "CC-1", "6400", "10.01", ""),
        ("search", "CC-2", "6500", "5.00", ""),
        ("", "", "", "1.00", ""),
        ("", "CC-IT", "4900", "", "19.01"),
    ]
    assert (added(rows, "amount"), added(rows, "amount_exact")) == (Decimal(0), Decimal(0))
    assert rows[1]["amount_exact"] == "10.005"
    assert rows[1]["description"] == "LLM usage 2026-10: search"


def test_the_journal_of_a_closed_month_names_its_statement(tallybook: Command, booked: Ledger) -> None:
    assert closing.close(booked, OCTOBER, accept="fine", by="ann", now=NOW).hash
    made = object_of(tallybook("report", "journal", "--period", "2026-10", "--format", "json"))
    assert (made["number"], made["status"], made["debit"], made["credit"]) == (
        "2026-10/1",
        "closed",
        "19.01",
        "19.01",
    )
    assert {row["statement_number"] for row in made["postings"]} == {"2026-10/1"}


def test_the_journal_is_had_over_http(booked: Ledger) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(api.make_router(booked))
    client = TestClient(app)
    found = client.get(
        "/v1/reports/journal", params={"period": "2026-10", "format": "csv", "credit_gl": "4900"}
    )
    assert found.headers["content-disposition"] == 'attachment; filename="journal-2026-10.csv"'
    assert rows_of(found.text)[-1]["gl_code"] == "4900"
    assert client.get("/v1/reports/journal", params={"period": "2026-10"}).json()["debit"] == "19.01"
    assert client.get("/v1/reports/journal", params={"period": "2026-10", "format": "pdf"}).status_code == 422


def test_what_is_no_form_of_a_journal_is_refused(tallybook: Command) -> None:
    assert tallybook("report", "journal", "--period", "2026-10", "--format", "pdf").exit_code == 2


COSTS = st.lists(
    st.tuples(st.integers(-(10**13), 10**13), st.sampled_from(("red", "blue", None)), st.integers(1, 28)),
    max_size=8,
)


@given(COSTS)
@settings(max_examples=8)
def test_every_journal_adds_up_to_zero_and_to_the_statement(costs: list[tuple[int, str | None, int]]) -> None:
    with TemporaryDirectory() as folder, a_ledger(Path(folder)) as ledger:
        put(ledger, [call(f"2026-10-{day:02}T10:00:00Z", cost, team=team) for cost, team, day in costs])
        for center, since in (("CC-1", "2026-10-01"), ("CC-2", "2026-10-10"), ("CC-3", "2026-10-20")):
            owns(ledger, "red", (center, 1), kind="team", target_kind="cost_center", since=since)
        report = report_of(ledger, of_month(OCTOBER), "team", NOW)
        made = journal(report, Clearing())
        assert sum(posting.units for posting in made.postings) == 0
        assert sum(posting.exact for posting in made.postings) == 0
        debits = made.postings[:-1]
        assert sum(posting.units for posting in debits) == report.shown.total
        for entry in report.entries:
            of_team = [p.units for p in debits if p.team == (report.name(entry.ident) or "")]
            assert sum(of_team) == entry.shown.total
