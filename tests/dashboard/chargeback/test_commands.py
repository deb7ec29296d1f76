"""`tallybook period` and `tallybook report`, as people read them."""

import json
import re
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.chargeback import api
from ingest.http import problems
from ingest.ledger.engine import Ledger
from tests.support.calls import call, put
from tests.support.cli import Command, object_of

UNIT = 10**12


@pytest.fixture
def october(embedded: Ledger) -> Ledger:
    """A month of two teams, and a call of nobody."""
    put(
        embedded,
        [
            call("2026-10-05T10:00:00Z", 12 * UNIT, team="red", virtual_key="web", model="gpt-5"),
            call("2026-10-06T10:00:00Z", 5 * UNIT + 1, team="blue"),
        ],
    )
    return embedded


# Periods.


@pytest.mark.usefixtures("october")
def test_months_are_listed_with_their_statements(tallybook: Command) -> None:
    tallybook("period", "close", "2026-10", "--accept", "fine")
    lines = tallybook("period", "list").stdout.splitlines()
    (row,) = (line for line in lines if "2026-10" in line)
    (state,) = (
        one
        for one in object_of(tallybook("period", "list", "--json"))["periods"]
        if one["period"] == "2026-10"
    )
    assert all(
        text in row
        for text in ("closed", "2026-10/1", "17.000000000001 USD", state["hash"][:12], state["by"])
    )
    assert state["hash"][:13] not in row
    assert any("2026-11" in line and "open" in line for line in lines)


def test_an_open_month_shows_what_stops_its_closing_and_what_is_noted(
    tallybook: Command, october: Ledger
) -> None:
    put(october, [call("2026-10-07T10:00:00Z", None, model="new"), call("2026-10-07T10:00:00Z", 2)], first=2)
    said = tallybook("period", "show", "2026-10").stdout
    assert "2026-10 is open: 17.000000000003 USD" in said
    assert "stops unpriced: " in said
    assert "noted unassigned: " in said
    shown = object_of(tallybook("period", "show", "2026-10", "--json"))
    assert (shown["requests"], shown["unpriced_requests"], shown["number"], shown["hash"]) == (
        4,
        1,
        None,
        None,
    )
    assert [item["code"] for item in shown["checklist"] if item["stops"]] == ["unpriced"]
    assert shown["history"] == []


@pytest.mark.usefixtures("october")
def test_a_closed_month_shows_its_history_and_no_checklist(tallybook: Command) -> None:
    tallybook("period", "close", "2026-10")
    tallybook("period", "reopen", "2026-10", "--reason", "a key was missing")
    tallybook("period", "close", "2026-10")
    said = tallybook("period", "show", "2026-10").stdout.splitlines()
    assert said[0] == "2026-10 is closed: 17.000000000001 USD"
    assert [line.split("  ")[1].split(" by ")[0] for line in said[1:]] == ["closed", "open", "closed"]
    assert said[2].endswith(" (a key was missing)")
    shown = object_of(tallybook("period", "show", "2026-10", "--json"))
    assert shown["checklist"] == []
    assert [(event["status"], event["reason"]) for event in shown["history"]] == [
        ("closed", ""),
        ("open", "a key was missing"),
        ("closed", ""),
    ]
    assert shown["history"][2]["hash"] == shown["hash"]


@pytest.mark.usefixtures("october")
def test_closing_says_the_total_the_statement_and_what_it_replaces(tallybook: Command) -> None:
    first = tallybook("period", "close", "2026-10")
    seal = object_of(tallybook("period", "show", "2026-10", "--json"))["hash"]
    assert first.stdout.splitlines()[-1] == (
        f"2026-10 is closed: 17.000000000001 USD, statement 2026-10/1, seal {seal[:12]}"
    )
    opened = tallybook("period", "reopen", "2026-10", "--reason", "again").stdout
    assert opened == "2026-10 is open again; its statement stays in its history\n"
    again = object_of(tallybook("period", "close", "2026-10", "--json"))
    assert (again["status"], again["number"], again["total"]) == ("closed", "2026-10/2", "17.000000000001")
    tallybook("period", "reopen", "2026-10", "--reason", "again")
    assert "statement 2026-10/3 (replaces 2026-10/2), seal " in tallybook("period", "close", "2026-10").stdout


def test_a_month_that_is_stopped_says_how_to_close_it_all_the_same(
    tallybook: Command, october: Ledger
) -> None:
    put(october, [call("2026-10-07T10:00:00Z", None, model="new")], first=2)
    stopped = tallybook("period", "close", "2026-10")
    assert stopped.exit_code == 1
    assert "stops unpriced: " in stopped.stdout
    assert stopped.stdout.splitlines()[-1] == (
        '2026-10 stays open: mend this, or close it with --accept "REASON"'
    )
    told = tallybook("period", "close", "2026-10", "--json")
    assert told.exit_code == 1
    assert (json.loads(told.stdout)["status"], json.loads(told.stdout)["hash"]) == ("closing", None)


@pytest.mark.usefixtures("october")
def test_what_is_no_month_and_what_cannot_be_opened_is_refused(tallybook: Command) -> None:
    assert tallybook("period", "show", "soon").exit_code == 2
    open_already = tallybook("period", "reopen", "2026-10", "--reason", "why not")
    assert (open_already.exit_code, "2026-10" in open_already.stderr) == (1, True)
    tallybook("period", "close", "2026-10")
    assert "say why" in tallybook("period", "reopen", "2026-10", "--reason", " ").stderr
    assert "already" in tallybook("period", "close", "2026-10").stderr


@pytest.mark.usefixtures("october")
@pytest.mark.parametrize(("length", "exit_code"), [(500, 0), (501, 1)])
def test_a_reason_has_at_most_five_hundred_characters(
    tallybook: Command, length: int, exit_code: int
) -> None:
    tallybook("period", "close", "2026-10")
    done = tallybook("period", "reopen", "2026-10", "--reason", "x" * length)
    assert done.exit_code == exit_code
    assert ("at most 500 characters" in done.stderr) == bool(exit_code)


# Adjustments.


def test_an_adjustment_is_told_with_its_parts_prices_and_calls(tallybook: Command, october: Ledger) -> None:
    tallybook("period", "close", "2026-10")
    late = call(
        "2026-10-08T10:00:00Z", 3 * UNIT, team="red", virtual_key="web", model="gpt-5", input_tokens=10
    )
    put(october, [late], first=2)
    said = tallybook("report", "adjustment", "2026-11-1").stdout
    assert said.startswith("2026-11-1: ")
    assert " of 2026-10\n3 USD of red, open in 2026-11\n" in said
    (part,) = (line for line in said.splitlines() if "calls of web" in line)
    assert re.split(r"\s{2,}", part.strip()) == [
        "calls of web, unknown/gpt-5",
        "red",
        "300000 per million tokens",
        "0",
        "1",
        "0",
        "3",
        "3",
    ]
    (row,) = (line for line in said.splitlines() if "2026-10-08T10:00:00" in line)
    assert re.split(r"\s{2,}", row.strip())[2:] == ["web", "gpt-5", "3"]
    assert "and more calls" not in said


def test_a_revised_call_is_shown_with_its_cost_before(tallybook: Command, october: Ledger) -> None:
    tallybook("period", "close", "2026-10")
    dearer = call(
        "2026-10-05T10:00:00Z", 15 * UNIT, team="red", virtual_key="web", model="gpt-5", output_tokens=4
    )
    put(october, [dearer])
    said = tallybook("report", "adjustment", "2026-11-1").stdout
    (row,) = (line for line in said.splitlines() if "2026-10-05T10:00:00" in line)
    assert re.split(r"\s{2,}", row.strip())[2:] == ["web", "gpt-5", "12", "15"]


def test_an_adjustment_names_what_was_changed_since_the_month_was_closed(
    tallybook: Command, october: Ledger
) -> None:
    del october
    tallybook("period", "close", "2026-10")
    tallybook("team", "add", "green")
    assert tallybook("owner", "set", "web", "--team", "green", "--from", "2026-10-01").exit_code == 0
    answer = object_of(tallybook("report", "adjustment", "2026-11-1", "--json"))
    assert [entry["action"] for entry in answer["changes"]] == ["owner set", "team add"]
    assert "  owner set web by " in tallybook("report", "adjustment", "2026-11-1").stdout
    said = tallybook("report", "adjustment", "2026-11-2").stdout
    assert "red -> green" in said


def test_an_amount_that_was_booked_by_hand_has_its_reason(
    tallybook: Command, october: Ledger, tmp_path: Path
) -> None:
    del october
    csv = tmp_path / "invoice.csv"
    csv.write_text("day,provider,model,amount,currency\n2026-10-05,openai,gpt-5,20,USD\n")
    assert tallybook("invoice", "import", str(csv)).exit_code == 0
    words = (
        "reconcile",
        "--period",
        "2026-10",
        "--provider",
        "openai",
        "--accept",
        "rounding",
        "--team",
        "red",
    )
    accepted = tallybook(*words)
    assert accepted.exit_code == 0, accepted.output
    numbers = [f"2026-10-{number}" for number in range(1, 9)]
    said = [tallybook("report", "adjustment", number) for number in numbers]
    (one,) = (done.stdout for done in said if done.exit_code == 0)
    assert "(rounding" in one
    assert "booked by hand rounding" in one


@pytest.mark.usefixtures("october")
def test_an_adjustment_that_there_is_not_is_refused(tallybook: Command) -> None:
    for number in ("2026-11-9", "2026-13-1", "soon"):
        refused = tallybook("report", "adjustment", number)
        assert refused.exit_code == 2
        assert refused.stderr.startswith("tallybook report: ")


# Reports.


@pytest.mark.usefixtures("october")
def test_a_report_that_cannot_be_asked_for_or_written_is_refused(tallybook: Command, tmp_path: Path) -> None:
    assert tallybook("report", "chargeback", "--period", "soon").exit_code == 2
    assert tallybook("report", "journal", "--period", "soon").exit_code == 2
    folder = tallybook("report", "chargeback", "--period", "2026-10", "--out", str(tmp_path))
    assert folder.exit_code == 1
    assert f"cannot write {tmp_path}: Is a directory" in folder.stderr
    file = tmp_path / "october.JSON"
    written = tallybook("report", "chargeback", "--period", "2026-10", "--out", str(file))
    assert json.loads(file.read_text())["total"] == "17.000000000001"
    assert written.stderr == f"{file}: {file.stat().st_size:,} bytes\n"


@pytest.mark.usefixtures("october")
def test_without_the_typesetter_a_pdf_says_what_to_install_and_other_forms_are_made(
    tallybook: Command, october: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    refused = tallybook("report", "chargeback", "--period", "2026-10", "--format", "pdf")
    assert refused.exit_code == 1
    assert "pip install 'tallybook[pdf]'" in refused.stderr
    assert tallybook("report", "chargeback", "--period", "2026-10", "--format", "csv").exit_code == 0
    app = FastAPI()
    problems.install(app)
    app.include_router(api.make_router(october))
    answer = TestClient(app).get("/v1/reports/chargeback", params={"period": "2026-10", "format": "pdf"})
    assert (answer.status_code, answer.json()["code"]) == (501, "no_pdf")
    described = app.openapi()["paths"]["/v1/reports/chargeback"]["get"]["responses"]
    assert set(described) == {"200", "401", "403", "422", "500", "501"}


@pytest.mark.usefixtures("october")
def test_schedules_and_deliveries_are_listed_for_people(tallybook: Command, tmp_path: Path) -> None:
    assert "nothing has been sent yet" in tallybook("report", "schedules").stdout
    target = f"folder:{tmp_path}"
    added = tallybook("report", "chargeback", "--every", "month", "--to", target, "--format", "csv")
    assert added.exit_code == 0, added.output
    assert f"goes to {target} as csv" in added.stdout.replace("\n", " ")
    said = tallybook("report", "schedules").stdout
    assert f"by team as csv to {target}" in said.replace("\n", " ")
    tallybook("period", "close", "2026-10")
    sent = object_of(tallybook("report", "send", "--json"))["deliveries"]
    assert [(one["what"], one["status"], one["attempts"], one["next"]) for one in sent] == [
        ("chargeback 2026-10/1 by team as csv", "sent", 1, None)
    ]
    (row,) = (line for line in tallybook("report", "schedules").stdout.splitlines() if "2026-10/1" in line)
    assert "sent" in row


@pytest.mark.usefixtures("october")
def test_a_delivery_that_failed_is_sent_again_when_it_is_asked_for(
    tallybook: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    words = ("report", "chargeback", "--every", "month", "--to", f"folder:{folder}", "--format", "csv")
    assert tallybook(*words).exit_code == 0
    tallybook("period", "close", "2026-10")
    folder.rmdir()
    folder.write_text("in the way")
    failed = tallybook("report", "send")
    assert failed.exit_code == 1
    (delivery,) = object_of(tallybook("report", "schedules", "--json"))["deliveries"]
    assert (delivery["status"], delivery["attempts"], delivery["sent_at"]) == ("failing", 1, None)
    folder.unlink()
    folder.mkdir()
    done = tallybook("report", "send", "--again", str(delivery["number"]))
    assert done.exit_code == 0, done.output
    assert len(list(folder.iterdir())) == 1
