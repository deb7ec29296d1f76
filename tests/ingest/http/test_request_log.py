"""Request ids and the line of each request: what they hold, and what they cannot be made to hold."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.server.site import make_site
from ingest import logs
from ingest.access.service import AddTokenOptions, add_token
from ingest.intake.intake import Intake
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.settings import Settings

ADMIN = "an admin token of the tests, long enough"
AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}


@pytest.fixture
def client(embedded: Ledger) -> Iterator[TestClient]:
    before, root, handlers = structlog.get_config(), logging.getLogger(), logging.getLogger().handlers
    site = make_site(embedded, Settings(admin_token=SecretStr(ADMIN)))
    with TestClient(site, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        logs.configure("json")
        yield client
    root.handlers = handlers
    structlog.configure(**before)
    logging.captureWarnings(capture=False)


@pytest.fixture
def lines(client: TestClient, capsys: pytest.CaptureFixture[str]) -> Any:
    """The lines of the log so far."""
    assert client is not None
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/v1/formats", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/v1/ingest", 405),
        ("POST", "/v1/ingest", 400),
        ("POST", "/v1/traces", 415),
        ("GET", "/v1/spend?from=never", 422),
        ("GET", "/dashboard/", 200),
        ("GET", "/dashboard/assets/session.js", 200),
        ("GET", "/sign-in", 200),
        ("GET", "/", 307),
    ],
)
def test_every_answer_has_the_id_of_its_request(
    client: TestClient, method: str, path: str, status: int
) -> None:
    headers = AS_ADMIN | {"x-request-id": "from-the-gateway.1"}
    answer = client.request(method, path, headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "from-the-gateway.1")
    if answer.headers.get("content-type") == "application/problem+json":
        assert answer.json()["request_id"] == "from-the-gateway.1"


def test_who_is_refused_gets_an_id_too(client: TestClient) -> None:
    answer = client.get("/v1/spend")
    assert answer.status_code == 401
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", 'a"b', "ä", "a,b", "<b>"])
def test_an_id_that_is_no_short_word_is_not_taken(client: TestClient, given: str) -> None:
    answer = client.get("/healthz", headers={b"x-request-id": given.encode("latin-1")})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_two_ids_are_none(client: TestClient) -> None:
    twice = [("x-request-id", "a"), ("x-request-id", "b")]
    assert len(client.get("/healthz", headers=twice).headers["x-request-id"]) == 32


def test_a_request_is_one_line_that_names_its_route_and_who_asked(
    client: TestClient, embedded: Ledger, lines: Any
) -> None:
    secret = add_token(embedded, AddTokenOptions(name="gateway", scopes=["read"]), by="tests", at=1).text
    headers = {"authorization": f"Bearer {secret}", "x-request-id": "r-1"}
    answer = client.get("/v1/requests/the-secret-id?where=team=the-secret-team", headers=headers)
    (line,) = [line for line in lines() if line["event"] == "request"]
    assert line.pop("ms") > 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "level": "info",
        "logger_name": "tallybook.requests",
        "request_id": "r-1",
        "method": "GET",
        "route": "/v1/requests/{event_id}",
        "status": answer.status_code,
        "bytes": len(answer.content),
        "principal": "token gateway",
    }
    assert secret not in str(line)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/requests/secret", "/v1/requests"),  # refused before it is routed
        ("/secret", "none"),
        ("/dashboard/secret", "/dashboard/{page}"),
        ("/sign-in", "/sign-in"),
    ],
)
def test_a_line_names_no_part_of_a_path_that_is_not_declared(
    client: TestClient, lines: Any, path: str, route: str
) -> None:
    client.get(f"{path}%0a%1b[2J")
    client.get(path)
    assert {line["route"] for line in lines() if line["event"] == "request"} <= {route, "none"}


def test_what_is_asked_all_the_time_is_not_logged(client: TestClient, lines: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/dashboard/assets/session.js"):
        assert client.get(path, headers=AS_ADMIN).status_code == 200
    assert [line for line in lines() if line["event"] == "request"] == []


def test_lines_of_a_request_carry_its_id_also_from_the_thread_that_writes(
    client: TestClient, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def speak_and_break(*_: object) -> None:
        logs.logger("tallybook.tests").info("writing")
        raise LedgerBusy("a statement with a secret in it")

    monkeypatch.setattr(Intake, "commit", speak_and_break)
    answer = client.post("/v1/ingest", json={"id": "a"}, headers=AS_ADMIN | {"x-request-id": "r-2"})
    assert (answer.status_code, answer.json()["request_id"]) == (503, "r-2")
    told = lines()
    assert {line["request_id"] for line in told} == {"r-2"}
    assert {"writing", "request"} <= {line["event"] for line in told}
    assert next(line["level"] for line in told if line["event"] == "request") == "warning"
    assert "secret" not in str(told)
