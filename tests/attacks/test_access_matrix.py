"""Every address with every credential: who gets what status, and that a refusal tells nothing.

The addresses are those that the server itself lists, so that a new one is tried by itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.server.site import RIGHTS, make_site
from ingest.access import store as access
from ingest.access.store import Token
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.model.principal import Principal, Scope
from ingest.settings import Settings
from tests.support.calls import a_ledger, call, put

ADMIN: Final = "an admin token of more than thirty-two characters"
HERE: Final = "http://tally.test"
KEY: Final = "sk-bf-0123456789abcdef0123456789abcdef"
CANARY: Final = "canary-7a31"
"""Stands in everything that the ledger holds: a refusal must not tell of it."""
SECOND: Final = 1_000_000
DOCUMENTED: Final = frozenset({200, 204, 303, 307, 400, 404, 405, 409, 413, 415, 422})
"""What an address may answer to those who may use it: it says nothing about the credential."""
OPEN: Final = frozenset({"/healthz", "/readyz"})
UNKNOWN: Final = frozenset({"missing", "wrong", "expired", "revoked"})
"""Credentials of nobody: 401, and 429 when there were many from an address."""


@dataclass(frozen=True)
class Office:
    """A server, and the headers of everyone who may come to it."""

    client: TestClient
    ledger: Ledger
    headers: dict[str, dict[str, str]]
    principals: dict[str, Principal]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def add_token(
    ledger: Ledger, name: str, *scopes: Scope, teams: tuple[str, ...] | None = None, **more: Any
) -> str:
    """Add a token to a ledger; its text."""
    text = access.new_text()
    about = {"created_at": now(), "created_by": "test", **more}
    token = Token(name=name, scopes=scopes, teams=teams, **about)
    with ledger.writing() as connection:
        access.add_token(connection, token, text, ledger.keyring)
    return text


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with a_ledger(tmp_path_factory.mktemp("matrix")) as ledger:
        named = {name: f"{CANARY}-{name}" for name in ("model", "team", "customer", "project", "end_user")}
        put(ledger, [call("2026-10-05T10:00:00+00:00", 5, virtual_key=KEY, provider="openai", **named)])
        tokens = {scope: add_token(ledger, scope, scope) for scope in ("ingest", "read", "finance", "admin")}
        team_reader = add_token(ledger, "team reader", "read", teams=("another",))
        expired = add_token(ledger, "expired", "admin", expires_at=now() - SECOND)
        revoked = add_token(ledger, "revoked", "admin")
        with ledger.writing() as connection:
            access.revoke(connection, "revoked", now(), "test")
        settings = Settings(admin_token=SecretStr(ADMIN), host="tally.test")
        client = TestClient(make_site(ledger, settings), base_url=HERE, raise_server_exceptions=False)
        with client:
            session = _session(client, tokens["read"])
            headers = {
                "missing": {},
                "wrong": bearer("tb_" + "x" * 43),
                "expired": bearer(expired),
                "revoked": bearer(revoked),
                **{scope: bearer(token) for scope, token in tokens.items()},
                "team reader": bearer(team_reader),
                "virtual key": bearer(KEY),
                "admin token": bearer(ADMIN),
                "session of a reader": {"cookie": session, "sec-fetch-site": "same-origin"},
            }
            yield Office(client, ledger, headers, _principals())


def _session(client: TestClient, token: str) -> str:
    answer = client.post("/sign-in", data={"token": token}, headers={"origin": HERE}, follow_redirects=False)
    client.cookies.clear()
    return str(answer.headers["set-cookie"]).partition(";")[0]


def _principals() -> dict[str, Principal]:
    def of(*scopes: Scope, **more: Any) -> Principal:
        return Principal(name="x", scopes=frozenset(scopes), **more)

    return {
        "ingest": of("ingest"),
        "read": of("read"),
        "finance": of("finance"),
        "admin": of("admin"),
        "team reader": of("read", teams=("another",)),
        "virtual key": of(virtual_key="a key"),
        "admin token": of("admin"),
        "session of a reader": of("read"),
    }


def addresses(office: Office) -> list[tuple[str, str]]:
    """Every operation that the server lists, and the addresses that are in no list."""
    paths = office.client.get("/openapi.json", headers=bearer(ADMIN)).json()["paths"]
    listed = [(method.upper(), path) for path, operations in paths.items() for method in operations]
    pages = [
        ("GET", "/dashboard/"),
        ("GET", "/dashboard/_dash-layout"),
        ("GET", "/dashboard/_dash-dependencies"),
    ]
    others = [("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/nowhere"), ("DELETE", "/v1/spend")]
    return [*listed, *pages, *others]


def written(path: str) -> str:
    """An address as it is asked, with a filter that keeps long lists short."""
    return re.sub(r"\{\w+\}", "auto", path) + "?provider=nowhere"


def expected(office: Office, who: str, path: str) -> frozenset[int]:
    """The statuses that an address may answer a credential with."""
    if path in OPEN:
        return DOCUMENTED
    if who in UNKNOWN:
        return frozenset({401, 429})
    return frozenset({403}) if RIGHTS.refusal_reason(office.principals[who], path) else DOCUMENTED


def test_every_address_answers_every_credential_as_it_is_documented(office: Office) -> None:
    wrong = []
    for method, path in addresses(office):
        for who, headers in office.headers.items():
            content = b"{}" if method in {"POST", "PUT", "PATCH"} else None
            answer = office.client.request(
                method, written(path), headers=headers, content=content, follow_redirects=False
            )
            if answer.status_code not in expected(office, who, written(path).partition("?")[0]):
                wrong.append((method, path, who, answer.status_code))
            if answer.status_code in {401, 403}:
                assert CANARY not in answer.text, (method, path, who)
                assert not any(token in answer.text for token in (ADMIN, KEY, "tb_")), (method, path, who)
    assert wrong == []


def test_what_a_credential_opens_grows_with_its_scope(office: Office) -> None:
    """Else the test above would find nothing where nothing is open."""
    opened = {
        who: {
            path
            for method, path in addresses(office)
            if method == "GET"
            and office.client.get(written(path), headers=headers, follow_redirects=False).status_code
            not in {401, 403, 429}
        }
        for who, headers in office.headers.items()
    }
    assert opened["missing"] == opened["wrong"] == opened["expired"] == opened["revoked"] == OPEN
    assert (
        opened["team reader"] < opened["read"] < opened["finance"] <= opened["admin"] == opened["admin token"]
    )
    assert opened["read"] == opened["session of a reader"]
    assert "/v1/me/usage" in opened["virtual key"]


def test_a_reader_of_another_team_and_a_key_are_told_nothing_of_it(office: Office) -> None:
    period = "from=2026-10-01&to=2026-10-31&by=team"
    assert CANARY in office.client.get(f"/v1/spend?{period}", headers=office.headers["read"]).text
    for method, path in addresses(office):
        if method == "GET":
            answer = office.client.get(
                f"{written(path)}&{period}", headers=office.headers["team reader"], follow_redirects=False
            )
            assert CANARY not in answer.text, path


def test_a_session_of_a_reader_writes_from_no_other_page(office: Office) -> None:
    cookie = {"cookie": office.headers["session of a reader"]["cookie"]}
    for headers in (
        cookie,
        cookie | {"origin": "https://evil.example"},
        cookie | {"sec-fetch-site": "cross-site"},
    ):
        answer = office.client.post("/dashboard/_dash-update-component", headers=headers, content=b"{}")
        assert answer.status_code == 403


def test_a_right_credential_is_let_in_whatever_others_guess(office: Office) -> None:
    for guess in range(30):
        office.client.get("/v1/spend", headers=bearer(f"guess {guess}"))
    for who in ("admin token", "read", "admin", "session of a reader"):
        answer = office.client.get("/v1/spend", headers=office.headers[who])
        assert answer.status_code == 200, who
    assert office.client.get("/v1/me/usage", headers=office.headers["virtual key"]).status_code == 200
    assert office.client.get("/v1/spend", headers=bearer("one more guess")).status_code == 429


@pytest.mark.parametrize(
    "body",
    [
        *("", "{}", "[]", "null", "1", '"a"', "{", '{"output":null}', '{"output":1,"inputs":null}'),
        *('{"output":"page.children","outputs":null,"inputs":null,"state":null,"changedPropIds":null}',),
        *('{"output":"page.children","outputs":{},"inputs":[{}],"changedPropIds":[1]}',),
        *('{"output":"..a...b..","outputs":[],"inputs":[]}', '{"output":"no.such","outputs":{},"inputs":[]}'),
        *('{"output":"page.children","outputs":{"id":"page","property":"children"},"inputs":[{"id":null}]}',),
    ],
)
def test_odd_input_to_a_callback_is_the_senders_mistake(office: Office, body: str) -> None:
    headers = bearer(ADMIN) | {"content-type": "application/json"}
    answer = office.client.post("/dashboard/_dash-update-component", content=body, headers=headers)
    assert answer.status_code < 500, answer.text[:500]
    assert "Traceback" not in answer.text
