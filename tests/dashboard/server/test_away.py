"""Every route and page while the ledger is away: 503 and when to come back, and well again by itself."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.server.site import make_site
from ingest.http import readiness
from ingest.ledger.engine import Ledger, open_ledger
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.mishaps import another_file
from tests.support.postgres_server import PostgresServer

ADMIN = "an admin token of the tests, long enough"
KEY = "sk-bf-of-the-tests"
HEADERS = {"authorization": f"Bearer {ADMIN}"}
WITHOUT_LEDGER = {"/healthz", "/docs", "/openapi.json", "/v1/formats", "/metrics"}
"""What needs no ledger."""
SLOW = {"/v1/prices", "/readyz"}
"""What takes time to be well again, or to be asked."""

Mishap = AbstractContextManager[None]


@pytest.fixture
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Ledger]]:
    monkeypatch.setattr(readiness, "EVERY_SECONDS", 0.02)
    settings = settings.model_copy(update={"admin_token": SecretStr(ADMIN)})
    with open_ledger(settings) as ledger:
        put(ledger, [call("2026-10-05T12:00:00+00:00", 10**12, team="red", virtual_key=KEY)])
        app = make_site(ledger, settings)
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
            yield client, ledger


@pytest.fixture
def mishap(site: tuple[TestClient, Ledger], request: pytest.FixtureRequest) -> Callable[[], Mishap]:
    """Takes the database away for the time of a block."""
    _, ledger = site
    if ledger.engine.dialect.name == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.stopped
    file = Path(str(ledger.engine.url.database))
    return lambda: another_file(file)


def gets(client: TestClient) -> list[str]:
    """The address of every call that reads, with an id for each parameter of its path."""
    paths = client.get("/openapi.json", headers=HEADERS).json()["paths"]
    return [
        re.sub(r"\{\w+\}", "2026-11-3" if "adjustments" in path else str(UUID(int=7)), path)
        for path, methods in paths.items()
        if "get" in methods
    ]


def ask(client: TestClient, path: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {KEY}"} if path.startswith("/v1/me") else HEADERS
    queries = [{"period": "2026-10"}, {"to_model": "gpt-4o"}, {"from": "2026-10-01", "to": "2026-11-01"}, {}]
    answers = (client.get(path, headers=headers, params=query) for query in queries)
    return next((answer for answer in answers if answer.status_code != 422), client.get(path))


def wait_until_ready_is(status: int, client: TestClient) -> None:
    deadline = time.monotonic() + 60
    while client.get("/readyz").status_code != status:
        assert time.monotonic() < deadline


def callback(client: TestClient, **headers: str) -> httpx2.Response:
    """What an open page asks for: the content of the overview."""
    body = {
        "output": "..page.children...shown.data..",
        "outputs": [{"id": "page", "property": "children"}, {"id": "shown", "property": "data"}],
        "inputs": [
            {"id": "url", "property": "pathname", "value": "/dashboard/"},
            {"id": "url", "property": "search", "value": ""},
            {"id": "renamed", "property": "data"},
        ],
        "state": [{"id": "shown", "property": "data"}],
        "changedPropIds": ["url.pathname"],
    }
    return client.post("/dashboard/_dash-update-component", json=body, headers=HEADERS | headers)


def test_every_route_is_503_while_the_database_is_away_and_well_after(
    site: tuple[TestClient, Ledger], mishap: Callable[[], Mishap]
) -> None:
    client, _ = site
    paths = gets(client)
    with mishap():
        for path in paths:
            answer = ask(client, path)
            if path in WITHOUT_LEDGER:
                assert answer.status_code == 200, path
            elif path != "/readyz":
                assert (answer.status_code, "retry-after" in answer.headers) == (503, True), path
                assert answer.json()["code"] == "unavailable", path
    after = {path: ask(client, path).status_code for path in paths if path not in SLOW}
    assert set(after.values()) <= {200, 404}, after


def test_an_open_page_is_told_to_ask_again(
    site: tuple[TestClient, Ledger], mishap: Callable[[], Mishap]
) -> None:
    client, _ = site
    assert callback(client).status_code == 200
    with mishap():
        answer = callback(client)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (
            503,
            "5",
            "unavailable",
        )
    assert callback(client).status_code == 200


def test_a_page_is_not_opened_while_the_ledger_cannot_be_read(
    site: tuple[TestClient, Ledger], mishap: Callable[[], Mishap]
) -> None:
    client, _ = site
    with mishap():
        wait_until_ready_is(503, client)
        for path in ("/dashboard/", "/dashboard/models"):
            page = client.get(path, headers=HEADERS | {"accept": "text/html"})
            assert (page.status_code, "trying again" in page.text) == (503, True)
            assert '<meta http-equiv="refresh" content="5">' in page.text
        assert client.get("/readyz").json()["code"] in ("unreachable", "replaced")
    wait_until_ready_is(200, client)
    assert client.get("/dashboard/", headers=HEADERS).status_code == 200


def test_nobody_is_signed_in_or_shut_out_while_the_ledger_is_away(
    site: tuple[TestClient, Ledger], mishap: Callable[[], Mishap]
) -> None:
    client, _ = site
    token = {"authorization": "Bearer tb_" + "x" * 40}
    with mishap():
        assert client.get("/v1/spend", headers=token).status_code == 503
        form = client.post("/sign-in", data={"token": "tb_" + "x" * 40}, headers={"accept": "text/html"})
        assert (form.status_code, form.headers["retry-after"]) == (503, "5")
        assert "trying again" in form.text
        assert client.get("/sign-in").status_code == 200
    assert client.get("/v1/spend", headers=token).status_code == 401
