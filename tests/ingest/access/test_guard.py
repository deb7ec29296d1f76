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
from ingest.access.request_form import malformation
from ingest.access.service import AddTokenOptions, add_token, revoke_token
from ingest.access.tries import MAX_TRIES
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.calls import call, put

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


# Wrong credentials of others behind the same address.

KEY: Final = "sk-bf-0123456789abcdef0123456789abcdef"


def guess(client: TestClient, path: str = "/v1/spend", times: int = MAX_TRIES + 5) -> list[int]:
    """The answers to so many wrong credentials, of all kinds."""
    kinds = ("guess {}", "tb_guess{}", "sk-bf-a-guess-of-a-key-{}")
    return [
        client.get(path, headers={"x-tallybook-token": kinds[at % 3].format(at)}).status_code
        for at in range(times)
    ]


def test_who_guesses_has_to_wait(client: Door) -> None:
    guesser = client(TOKEN)
    assert guess(guesser) == [401] * MAX_TRIES + [429] * 5
    answer = guesser.get("/v1/spend", headers={"authorization": "Bearer once more"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tries")
    assert 0 < int(answer.headers["retry-after"]) <= 300


def test_a_right_credential_is_let_in_whatever_others_tried(client: Door, embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00+00:00", 1, virtual_key=KEY)])
    token = add_token(embedded, AddTokenOptions(name="mine", scopes=["read"]), by="ann", at=now()).text
    door = client(TOKEN)
    guess(door)
    for right in (
        {"authorization": f"Bearer {TOKEN}"},
        {"x-tallybook-token": TOKEN},
        {"authorization": basic(token)},
    ):
        assert door.get("/v1/spend", headers=right).text == "inside"
    assert door.get("/v1/me/usage", headers={"authorization": f"Bearer {KEY}"}).text == "inside"


def test_a_right_key_is_let_in_whatever_others_tried_on_an_open_server(
    client: Door, embedded: Ledger
) -> None:
    put(embedded, [call("2026-10-05T10:00:00+00:00", 1, virtual_key=KEY)])
    assert guess(client(), "/v1/me/usage")[-1] == 429
    door = client()
    guess(door, "/v1/me/usage")
    assert door.get("/v1/me/usage", headers={"authorization": f"Bearer {KEY}"}).text == "inside"
    assert door.get("/v1/spend").text == "inside"


@pytest.mark.parametrize("ended", ["revoked", "expired"])
def test_a_token_that_has_ended_is_no_guess(
    client: Door, embedded: Ledger, ended: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = AddTokenOptions(
        name="old", scopes=["read"], expires="2100-01-01" if ended == "expired" else None
    )
    token = add_token(embedded, options, by="ann", at=now()).text
    if ended == "revoked":
        revoke_token(embedded, "old", by="ann", at=now())
    else:
        monkeypatch.setattr("ingest.access.credentials.now", lambda: 4_102_444_800_000_000)  # 2100-01-01
    door = client(TOKEN)
    for _ in range(MAX_TRIES + 5):
        answer = door.get("/v1/spend", headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "no_access")
        assert ended in answer.json()["detail"]
    assert guess(door)[:MAX_TRIES] == [401] * MAX_TRIES


def test_two_credentials_of_which_one_is_right_are_no_guess(client: Door) -> None:
    door = client(TOKEN)
    for _ in range(MAX_TRIES + 5):
        both = {"authorization": "Bearer sk-of-another-service", "x-tallybook-token": TOKEN}
        assert door.get("/v1/spend", headers=both).text == "inside"
    assert guess(door, times=1) == [401]


def test_no_credential_at_all_is_no_guess(client: Door) -> None:
    door = client(TOKEN)
    assert {door.get("/v1/spend").status_code for _ in range(MAX_TRIES + 5)} == {401}
    assert guess(door, times=1) == [401]


# Requests that a proxy could understand differently.


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    "headers",
    [
        [("host", "127.0.0.1"), ("host", "127.0.0.1")],
        [("host", "127.0.0.1"), ("Host", "evil.example")],
        [("host", "127.0.0.1, evil.example")],
        [("host", "evil@127.0.0.1")],
        [("host", "127.0.0.1/evil.example")],
        [("host", "127.0.0.1:80:80")],
        [("host", "127.0.0.1:port")],
        [("host", "127.0.0.1 ")],
        [("host", "[::1")],
        [("host", "\xe9.example")],
        [("host", "127.0.0.1"), ("authorization", basic(TOKEN)), ("authorization", basic(TOKEN))],
        [("host", "127.0.0.1"), ("x-tallybook-token", TOKEN), ("x-tallybook-token", "wrong")],
        [("host", "127.0.0.1"), ("content-length", "1"), ("content-length", "1")],
        [("host", "127.0.0.1"), ("content-length", "1, 1")],
        [("host", "127.0.0.1"), ("content-length", "+1")],
        [("host", "127.0.0.1"), ("content-length", "1"), ("transfer-encoding", "chunked")],
        [("host", "127.0.0.1"), ("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
    ],
)
@pytest.mark.parametrize("path", ["/v1/ingest", "/healthz"])
def test_a_request_with_two_meanings_is_refused(
    client: Door, headers: list[tuple[str, str]], token: str | None, path: str
) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    answer = client(token).post(path, content=b"x", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert TOKEN not in answer.text


def test_a_request_without_a_host_is_refused_since_http_1_1() -> None:
    asked = {"headers": [], "http_version": "1.1"}
    assert malformation(asked) == "send a Host"
    assert malformation(asked | {"http_version": "1.0"}) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1:8000",
        "[::1]:8000",
        "my_box.lan.",
        "tally.example.com:443",
        "xn--bcher-kva.example",
    ],
)
def test_hosts_in_use_are_well_formed(host: str) -> None:
    assert malformation({"headers": [(b"host", host.encode())], "http_version": "1.1"}) is None
