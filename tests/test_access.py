"""Access: who is let in, who is not, and that no page from elsewhere can use this machine's server."""

import base64
from typing import Final

import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.server.site import RIGHTS
from ingest.access.guard import guarded
from ingest.ledger.engine import Ledger
from ingest.settings import Settings

TOKEN: Final = "correct horse"
HERE: Final = "http://127.0.0.1:8000"


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that lets everybody do everything."""
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.close()
        return
    await PlainTextResponse("inside")(scope, receive, send)


class Door:
    """Clients of a guarded server."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __call__(self, token: str | None = None, base: str = HERE, host: str = "127.0.0.1") -> TestClient:
        settings = Settings(admin_token=SecretStr(token) if token else None, host=host)
        return TestClient(guarded(inside, self._ledger, settings, RIGHTS), base_url=base)


@pytest.fixture
def client(embedded: Ledger) -> Door:
    return Door(embedded)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"authorization": f"bearer {TOKEN}"},
        {"x-tallybook-token": TOKEN},
        {"authorization": basic(TOKEN)},
        {"authorization": "Bearer sk-bf-0123456789abcdef", "x-tallybook-token": TOKEN},
    ],
)
def test_the_token_opens_every_path(client: Door, headers: dict[str, str]) -> None:
    outside = client(TOKEN, "https://tally.example.com")
    assert outside.get("/v1/spend", headers=headers).text == "inside"
    assert outside.post("/v1/ingest", headers=headers).text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": TOKEN},
        {"authorization": basic("wrong")},
        {"authorization": "Basic not base64!"},
        {"authorization": f"Basic {TOKEN}"},
        {"x-tallybook-token": "wrong"},
        {"x-tallybook-token": "\xe9"},
    ],
)
def test_nothing_else_does(client: Door, headers: dict[str, str]) -> None:
    answer = client(TOKEN).get(
        "/dashboard/", headers=[(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "no_access")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["content-type"] == "application/problem+json"
    assert TOKEN not in answer.text
    assert "wrong" not in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_token(client: Door, path: str) -> None:
    assert client(TOKEN).get(path).text == "inside"
    assert client(base="http://10.0.0.7").get(path).text == "inside"


@pytest.mark.parametrize(
    "path", ["/healthz/", "/healthz/../v1/spend", "//healthz", "/metrics", "/docs", "/dashboard/assets"]
)
def test_no_other_path_looks_like_health(client: Door, path: str) -> None:
    assert client(TOKEN).get(path).status_code == 401


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:9",
        "http://localhost",
        "http://LOCALHOST:8000",
        "http://[::1]:8000",
        "http://box.lan:8000",
    ],
)
def test_without_a_token_this_machine_may(client: Door, base: str) -> None:
    assert client(base=base, host="box.lan").get("/v1/spend").text == "inside"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "evil@localhost.x",
        "[::1",
        "",
        "10.0.0.7",
    ],
)
def test_without_a_token_another_host_name_is_refused(client: Door, host: str) -> None:
    answer = client().get("/v1/spend", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_host")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:3000", "http://localhost:8000", "http://[::1", ""],
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_page_of_another_origin_cannot_write(client: Door, origin: str, token: str | None) -> None:
    headers = {"origin": origin, "authorization": basic(TOKEN)}
    answer = client(token).post("/v1/ingest", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


def test_a_page_of_this_server_can(client: Door) -> None:
    assert client().post("/dashboard/_dash-update-component", headers={"origin": HERE}).text == "inside"


def test_websockets_are_guarded_too(client: Door) -> None:
    with client().websocket_connect("ws://127.0.0.1:8000/live", headers={"origin": HERE}):
        pass
    for guard, headers in ((client(), {"origin": "https://evil.example"}), (client(TOKEN), {})):
        with (
            pytest.raises(WebSocketDisconnect),
            guard.websocket_connect("ws://127.0.0.1:8000/live", headers=headers),
        ):
            pass
