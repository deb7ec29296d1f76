"""`GET /v1/spend` over HTTP: the answers of the contract, CSV, and problems that name what is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.calls import api as calls_api
from dashboard.query.question import QuestionText
from dashboard.spend import api as spend_api
from dashboard.spend.commands import spend
from ingest.http import problems
from ingest.ledger.engine import Ledger
from tests.support.calls import a_ledger, call, put

OCTOBER = "from=2026-10-01&to=2026-11-01"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with a_ledger(Path(tmp_path_factory.mktemp("api")), "Europe/Berlin") as opened:
        calls = (
            call(
                "2026-10-05T10:00:00Z",
                12_300_000_000,
                model="gpt-4o",
                team="ml",
                input_tokens=10,
                output_tokens=5,
            ),
            call("2026-10-06T10:00:00Z", None, model="new", team="ml"),
            call("2026-10-06T11:00:00Z", 0, model="gpt-4o", status="error", labels={"app": "=1+1"}),
        )
        put(opened, calls)
        yield opened


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(spend_api.make_router(ledger))
    app.include_router(calls_api.make_router(ledger))
    with TestClient(app) as opened:
        yield opened


def test_without_words_it_gives_the_default_metrics(client: TestClient) -> None:
    answer = client.get(f"/v1/spend?{OCTOBER}").json()
    totals = {
        "requests": 3,
        "errors": 1,
        "input_tokens": 10,
        "output_tokens": 5,
        "total_cost": "0.0123",
        "unpriced_requests": 1,
    }
    assert answer == {
        "rows": [totals],
        "totals": totals,
        "unpriced_requests": 1,
        "period": {
            "from": "2026-10-01T00:00:00+02:00",
            "to": "2026-11-01T00:00:00+01:00",
            "interval": None,
            "timezone": "Europe/Berlin",
        },
        "currency": "USD",
    }


def test_rows_hold_dimensions_and_metrics_in_the_order_asked(client: TestClient) -> None:
    answer = client.get(f"/v1/spend?by=team,model&metric=total_cost&metric=requests&{OCTOBER}").json()
    assert [list(row.items()) for row in answer["rows"]] == [
        [("team", "ml"), ("model", "gpt-4o"), ("total_cost", "0.0123"), ("requests", 1)],
        [("team", "ml"), ("model", "new"), ("total_cost", "0"), ("requests", 1)],
        [("team", None), ("model", "gpt-4o"), ("total_cost", "0"), ("requests", 1)],
    ]


@pytest.mark.parametrize(
    "filters", ["where=model=gpt-4o&where=team=ml", "model=gpt-4o&team=ml", "model=gpt-4o&where=team%3Dml"]
)
def test_filters_are_long_or_short(client: TestClient, filters: str) -> None:
    assert client.get(f"/v1/spend?{filters}&{OCTOBER}").json()["totals"]["requests"] == 1


def test_limit_cuts_rows_and_not_totals(client: TestClient) -> None:
    answer = client.get(f"/v1/spend?by=model&metric=requests&limit=1&{OCTOBER}").json()
    assert (len(answer["rows"]), answer["totals"]["requests"]) == (1, 3)


def test_a_comparison_comes_beside_the_answer(client: TestClient) -> None:
    answer = client.get(f"/v1/spend?compare=previous&metric=requests&{OCTOBER}").json()
    assert answer["comparison"]["totals"] == {"requests": 0}


def test_csv(client: TestClient) -> None:
    response = client.get(
        f"/v1/spend?by=label:app,team&metric=total_cost,requests&{OCTOBER}",
        headers={"accept": "text/csv, */*"},
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        response.text
        == "label:app,team,currency,total_cost,requests\r\n,ml,USD,0.0123,2\r\n'=1+1,,USD,0,1\r\n"
    )


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/csv", ""])
def test_json_unless_csv_is_preferred(client: TestClient, accept: str) -> None:
    assert client.get("/v1/spend", headers={"accept": accept}).headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "code", "parameter"),
    [
        ("/v1/spend?by=colour", "unknown_dimension", "by"),
        ("/v1/spend?metric=price", "unknown_metric", "metric"),
        ("/v1/spend?colour=red", "unknown_parameter", "colour"),
        ("/v1/spend?from=soon", "invalid_time", "from"),
        ("/v1/spend?from=2026-10-02&to=2026-10-01", "empty_period", "from"),
        ("/v1/spend?interval=hour&from=2000-01-01", "interval_too_short", "interval"),
        ("/v1/spend?limit=0", "invalid_limit", "limit"),
        ("/v1/spend?limit=²", "invalid_limit", "limit"),
        ("/v1/spend?model=%00", "invalid_filter", "where"),
        ("/v1/requests?limit=1001", "invalid_limit", "limit"),
        ("/v1/requests?cursor=!", "invalid_cursor", "cursor"),
        ("/v1/requests?by=model", "unknown_parameter", "by"),
        ("/v1/requests?timezone=Nowhere", "unknown_timezone", "timezone"),
    ],
)
def test_a_mistake_is_a_problem_with_a_stable_code(
    client: TestClient, path: str, code: str, parameter: str
) -> None:
    response = client.get(path)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.json()["code"], response.json()["parameter"]) == (code, parameter)


def test_the_command_asks_the_same_question(
    ledger: Ledger, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    words = QuestionText(by=["model"], start="2026-10-01", end="2026-11-01")
    assert spend(ledger, words, "json") == 0
    assert json.loads(capsys.readouterr().out) == client.get(f"/v1/spend?by=model&{OCTOBER}").json()
    assert spend(ledger, words, "csv") == 0
    headers = {"accept": "text/csv"}
    assert capsys.readouterr().out == client.get(f"/v1/spend?by=model&{OCTOBER}", headers=headers).text


def test_the_command_prints_a_table_and_says_what_is_left_out(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        spend(
            ledger,
            QuestionText(by=["model"], metric=["requests,total_cost"], start="2026-10-01", end="2026-11-01"),
        )
        == 0
    )
    printed = capsys.readouterr().out
    assert "0.012300" in printed
    assert "1 call has no known price and is in no sum" in printed


def test_the_command_names_a_mistake_and_leaves_with_two(
    ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spend(ledger, QuestionText(by=["colour"])) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "no dimension 'colour'" in output.err
