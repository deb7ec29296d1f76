"""Access tokens: made once, shown once, limited to what they may do, and ended."""

from dataclasses import replace
from typing import Any, Final

import pytest
from calls import call, put
from commanding import Command, object_of, tallybook
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.server.site import make_site
from ingest.access import store as access
from ingest.access.service import AddTokenOptions, add_token, revoke_token
from ingest.ledger import audit
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.settings import Settings

__all__ = ["tallybook"]

ADMIN: Final = "the admin token"
UNIT: Final = 10**12
NOW: Final = 1_792_000_000_000_000
"""2026-10-14."""
KEY: Final = "sk-bf-0123456789abcdef0123456789abcdef"
OCTOBER: Final = "from=2026-10-01&to=2026-11-01"


def client(ledger: Ledger) -> TestClient:
    """Somebody at a server that needs a token. What was revoked a moment ago is looked up anew."""
    settings = Settings(admin_token=SecretStr(ADMIN), host="tally.test")
    return TestClient(make_site(ledger, settings), base_url="http://tally.test")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def made(tallybook: Command, *words: str) -> str:
    return str(object_of(tallybook("token", "create", *words, "--json"))["token"])


@pytest.mark.parametrize(
    ("scope", "opens", "shuts"),
    [
        ("ingest", ["POST /v1/ingest"], ["GET /v1/spend", "GET /v1/reports/chargeback?period=2026-10", "GET /dashboard/"]),
        ("read", ["GET /v1/spend", "GET /dashboard/", "GET /v1/owners", "GET /v1/formats"], ["POST /v1/ingest", "GET /v1/reports/chargeback?period=2026-10"]),
        ("finance", ["GET /v1/spend", "GET /v1/reports/chargeback?period=2026-10", "GET /v1/reconciliation?period=2026-10"], ["POST /v1/ingest"]),
        ("admin", ["POST /v1/ingest", "GET /v1/spend", "GET /v1/reports/chargeback?period=2026-10"], []),
    ],
)  # fmt: skip
def test_a_token_opens_what_its_scope_says(
    embedded: Ledger, tallybook: Command, scope: str, opens: list[str], shuts: list[str]
) -> None:
    token = made(tallybook, "one", "--scope", scope)
    with client(embedded) as somebody:
        for asked in (*opens, *shuts):
            method, _, path = asked.partition(" ")
            answer = somebody.request(
                method, path, headers=bearer(token), content=b"{}" if method == "POST" else None
            )
            assert (answer.status_code == 403) is (asked in shuts), (asked, answer.text)
            assert answer.status_code < 500


def test_a_token_is_shown_once_and_listed_without_itself(tallybook: Command) -> None:
    shown = tallybook("token", "create", "gateway", "--scope", "ingest", "--scope", "read")
    token = shown.stdout.strip()
    assert token.startswith("tb_")
    assert len(token) > 40
    assert "shown this once" in shown.stderr
    listed = tallybook("token", "list")
    assert "gateway" in listed.stdout
    assert "ingest, read" in listed.stdout
    assert token not in listed.stdout
    (one,) = object_of(tallybook("token", "list", "--json"))["tokens"]
    assert (one["name"], one["state"], one["scopes"], one["teams"]) == (
        "gateway",
        "stands",
        ["ingest", "read"],
        None,
    )


def test_a_revoked_token_opens_nothing(embedded: Ledger, tallybook: Command) -> None:
    token = made(tallybook, "one", "--scope", "read")
    assert client(embedded).get("/v1/spend", headers=bearer(token)).status_code == 200
    assert tallybook("token", "revoke", "one").exit_code == 0
    assert client(embedded).get("/v1/spend", headers=bearer(token)).status_code == 401
    assert object_of(tallybook("token", "list", "--json"))["tokens"][0]["state"] == "revoked"
    assert tallybook("token", "revoke", "one").exit_code == 2
    made(tallybook, "one", "--scope", "read")  # the name is free again


def test_a_token_ends_when_it_was_said_to(
    embedded: Ledger, tallybook: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = made(tallybook, "guest", "--scope", "read", "--expires", "2100-01-01")
    assert client(embedded).get("/v1/spend", headers=bearer(token)).status_code == 200
    monkeypatch.setattr("ingest.access.credentials.now", lambda: 4_102_444_800_000_000)  # 2100-01-01
    assert client(embedded).get("/v1/spend", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "--scope", "owner"], "there is no 'owner'"),
        (["x", "--scope", "finance", "--team", "ml"], "only reading is limited to teams"),
        (["x", "--scope", "read", "--team", "nowhere"], "nowhere"),
        (["x", "--scope", "read", "--expires", "soon"], "soon"),
        (["x", "--scope", "read", "--expires", "2020-01-01"], "is over already"),
        ([" ", "--scope", "read"], "1 to 80 characters"),
        (["twice", "--scope", "read"], "revoke it first"),
    ],
)
def test_a_token_that_cannot_be_meant_is_refused(
    embedded: Ledger, tallybook: Command, words: list[str], said: str
) -> None:
    put(embedded, [call("2026-10-05T10:00:00+00:00", 1, team="ml")])
    made(tallybook, "twice", "--scope", "read")
    refused = tallybook("token", "create", *words)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(object_of(tallybook("token", "list", "--json"))["tokens"]) == 1


def test_the_audit_log_says_who_made_and_ended_a_token(embedded: Ledger, tallybook: Command) -> None:
    token = made(tallybook, "one", "--scope", "read")
    tallybook("token", "revoke", "one")
    with embedded.reading() as connection:
        noted = audit.entries(connection, action="token")
    assert [(one.action, one.subject) for one in noted] == [("token revoke", "one"), ("token create", "one")]
    assert token not in str(noted)


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        ({"name": "\n"}, "bad_name", "name"),
        ({"scopes": ["owner"]}, "unknown_scope", "scope"),
        ({"scopes": []}, "no_scope", "scope"),
        ({"scopes": ["finance"], "teams": ["ml"]}, "not_limited", "team"),
        ({"expires": "2026-10-01"}, "expired", "expires"),
        ({"expires": "soon"}, "invalid_time", "expires"),
        ({"name": "twice"}, "name_taken", "name"),
    ],
)
def test_a_refusal_names_the_field_at_fault(
    embedded: Ledger, options: dict[str, Any], code: str, field: str
) -> None:
    blank = AddTokenOptions(name="twice", scopes=["read"])
    add_token(embedded, blank, by="ann", at=NOW)
    with pytest.raises(Invalid) as refused:
        add_token(embedded, replace(blank, **({"name": "x"} | options)), by="ann", at=NOW)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert "--" not in refused.value.message
    with embedded.reading() as connection:
        assert len(access.tokens(connection)) == len(audit.entries(connection)) == 1


def test_whoever_makes_and_revokes_a_token_is_recorded_with_it(embedded: Ledger) -> None:
    made = add_token(embedded, AddTokenOptions(name="one", scopes=["read"]), by="ann", at=NOW)
    (ended,) = revoke_token(embedded, "one", by="ben", at=NOW + 1)
    assert (made.token.created_by, ended.name) == ("ann", "one")
    with embedded.reading() as connection:
        (kept,) = access.tokens(connection)
        noted = [(entry.at, entry.by, entry.action) for entry in audit.entries(connection)]
    assert (kept.revoked_at, kept.revoked_by) == (NOW + 1, "ben")
    assert noted == [(NOW + 1, "ben", "token revoke"), (NOW, "ann", "token create")]


# The holder of a virtual key.


def used(ledger: Ledger) -> None:
    put(
        ledger,
        [
            call("2026-10-05T10:00:00+00:00", 3 * UNIT, virtual_key=KEY, model="a", team="ml"),
            call("2026-10-06T10:00:00+00:00", 4 * UNIT, virtual_key=KEY, model="b", team="ads"),
            call(
                "2026-10-06T11:00:00+00:00", 90 * UNIT, virtual_key="sk-bf-another-key-of-somebody", model="c"
            ),
        ],
    )


def test_whoever_holds_a_key_sees_its_use_and_nothing_else(embedded: Ledger) -> None:
    used(embedded)
    holder = client(embedded)
    found = holder.get(f"/v1/me/usage?{OCTOBER}&by=model", headers=bearer(KEY)).json()
    assert [(row["model"], row["total_cost"]) for row in found["rows"]] == [("b", "4"), ("a", "3")]
    assert found["totals"]["total_cost"] == "7"
    assert found["virtual_key"] == "sk-bf-…cdef"
    for path in ("/v1/spend", "/v1/requests", "/dashboard/", "/v1/budgets", "/openapi.json"):
        assert holder.get(path, headers=bearer(KEY)).status_code in (401, 403)
    text = holder.get(f"/v1/me/usage?{OCTOBER}&format=csv&by=virtual_key", headers=bearer(KEY)).text
    assert "another" not in text
    assert "90" not in text


@pytest.mark.parametrize(
    "asked", ["virtual_key=sk-bf-another-key-of-somebody", "where=team=ml", "nonsense=1"]
)
def test_a_holder_cannot_ask_about_others(embedded: Ledger, asked: str) -> None:
    used(embedded)
    assert client(embedded).get(f"/v1/me/usage?{OCTOBER}&{asked}", headers=bearer(KEY)).status_code == 422


def test_a_key_s_id_is_no_secret_and_opens_nothing(embedded: Ledger) -> None:
    put(embedded, [call("2026-10-05T10:00:00+00:00", 1, virtual_key="vk-engineering")])
    ident = embedded.keyring.conceal(KEY).ident
    for text in ("vk-engineering", ident, "sk-bf-nobody-has-ever-seen-this", ""):
        assert client(embedded).get("/v1/me/usage", headers=bearer(text)).status_code == 401


def test_a_holder_needs_the_key_on_an_open_server_too(embedded: Ledger) -> None:
    used(embedded)
    somebody = TestClient(make_site(embedded, Settings()), base_url="http://127.0.0.1:8000")
    assert somebody.get(f"/v1/me/usage?{OCTOBER}").status_code == 403
    answer: Any = somebody.get(f"/v1/me/usage?{OCTOBER}", headers=bearer(KEY)).json()
    assert answer["totals"]["total_cost"] == "7"


def test_a_holder_sees_the_budgets_of_the_key(embedded: Ledger, tallybook: Command) -> None:
    used(embedded)
    assert tallybook("budget", "set", "mine", "500", "--key", KEY).exit_code == 0
    assert tallybook("budget", "set", "everything", "9000").exit_code == 0
    found = client(embedded).get("/v1/me/usage", headers=bearer(KEY)).json()["budgets"]
    assert [(one["name"], one["limit"], one["allowed"]) for one in found] == [("mine", "500", True)]
