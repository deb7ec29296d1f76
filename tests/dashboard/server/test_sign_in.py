"""Signing in with a token or an identity provider, and signing out.

What a session may do, how long it lasts, and how often a token may be guessed.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.server.oidc import IdentityProvider, SignInRefused, grants_of, read_roles
from dashboard.server.site import make_site
from ingest.access.credentials import COOKIE
from ingest.ledger.engine import Ledger, LedgerError
from ingest.model.principal import combine_grants
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.oidc_provider import provider

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of the provider of identities that the tests start

ADMIN: Final = "correct horse battery staple"
OUTSIDE: Final = "https://tally.example.com"
PAGE: Final = {"accept": "text/html,*/*"}
OWN: Final = {"origin": OUTSIDE}


def closed(**changed: Any) -> Settings:
    """Settings of a server that others reach."""
    about: dict[str, Any] = {
        "admin_token": SecretStr(ADMIN),
        "host": "tally.example.com",
        "public_url": OUTSIDE,
    }
    return Settings(**(about | changed))


def visitor(ledger: Ledger, settings: Settings | None = None, base: str = OUTSIDE) -> TestClient:
    return TestClient(make_site(ledger, settings or closed()), base_url=base, follow_redirects=False)


def sign_in(client: TestClient, token: str, place: str = "/dashboard/") -> Any:
    return client.post("/sign-in", data={"token": token, "next": place}, headers=OWN)


def made(tallybook: Command, *words: str) -> str:
    return str(object_of(tallybook("token", "create", *words, "--json"))["token"])


def test_whoever_opens_a_page_is_led_to_the_sign_in_and_back(embedded: Ledger) -> None:
    client = visitor(embedded)
    led = client.get("/dashboard/models?period=7d", headers=PAGE)
    assert (led.status_code, led.headers["location"]) == (
        303,
        "/sign-in?next=%2Fdashboard%2Fmodels%3Fperiod%3D7d",
    )
    page = client.get(led.headers["location"], headers=PAGE)
    assert page.status_code == 200
    assert 'value="/dashboard/models?period=7d"' in page.text
    come = sign_in(client, ADMIN, "/dashboard/models?period=7d")
    assert (come.status_code, come.headers["location"]) == (303, "/dashboard/models?period=7d")
    assert client.get("/dashboard/").status_code == 200
    assert client.get("/v1/spend").status_code == 200


def test_programs_are_asked_for_a_token(embedded: Ledger) -> None:
    answer = visitor(embedded).get("/v1/spend", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "no_access")


def test_the_cookie_is_of_no_use_to_scripts_and_other_sites(embedded: Ledger) -> None:
    cookie = sign_in(visitor(embedded), ADMIN).headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", "secure", "path=/", f"max-age={12 * 3600}"):
        assert part in cookie
    local = visitor(embedded, closed(public_url=None), "http://127.0.0.1:8000")
    told = local.post("/sign-in", data={"token": ADMIN}, headers={"origin": "http://127.0.0.1:8000"})
    assert "secure" not in told.headers["set-cookie"].lower()


def test_neither_token_nor_session_is_kept_in_the_clear(embedded: Ledger, tallybook: Command) -> None:
    token = made(tallybook, "mine", "--scope", "read")
    client = visitor(embedded)
    sign_in(client, token)
    session = client.cookies[COOKIE]
    with embedded.reading() as connection:
        held = "\n".join(connection.connection.iterdump())
    assert "token mine" in held
    for secret in (token, session, token[3:20], ADMIN):
        assert secret not in held


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/v1/spend",
        "/dashboard/\nx",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(embedded: Ledger, place: str) -> None:
    assert sign_in(visitor(embedded), ADMIN, place).headers["location"] == "/dashboard/"


@pytest.mark.parametrize("token", ["wrong", "", " ", "tb_wrong", "sk-bf-0123456789abcdef"])
def test_a_wrong_token_opens_nothing(embedded: Ledger, token: str) -> None:
    client = visitor(embedded)
    answer = sign_in(client, token)
    assert answer.status_code == 401
    assert "opens nothing" in answer.text
    assert COOKIE not in client.cookies
    assert not token.strip() or token not in answer.text


def test_a_token_that_may_not_read_signs_nobody_in(embedded: Ledger, tallybook: Command) -> None:
    assert sign_in(visitor(embedded), made(tallybook, "gateway", "--scope", "ingest")).status_code == 401


def test_signing_out_ends_the_session_itself(embedded: Ledger) -> None:
    client = visitor(embedded)
    sign_in(client, ADMIN)
    kept = client.cookies[COOKIE]
    assert client.post("/sign-out", headers=OWN).headers["location"] == "/sign-in"
    assert COOKIE not in client.cookies
    again = visitor(embedded)
    again.cookies.set(COOKIE, kept)
    assert again.get("/v1/spend").status_code == 401


def test_whoever_signs_out_is_out_at_once(embedded: Ledger) -> None:
    client = visitor(embedded)
    sign_in(client, ADMIN)
    kept = client.cookies[COOKIE]
    assert client.get("/v1/spend").status_code == 200
    client.post("/sign-out", headers=OWN)
    client.cookies.set(COOKIE, kept)
    assert client.get("/v1/spend").status_code == 401


def test_a_session_ends_with_its_token(embedded: Ledger, tallybook: Command) -> None:
    client = visitor(embedded)
    sign_in(client, made(tallybook, "mine", "--scope", "read"))
    assert client.get("/v1/spend").status_code == 200
    assert tallybook("token", "revoke", "mine").exit_code == 0
    assert renewed(embedded, client).get("/v1/spend").status_code == 401


def test_a_session_ends_when_the_admin_token_is_another(embedded: Ledger) -> None:
    client = visitor(embedded)
    sign_in(client, ADMIN)
    assert renewed(embedded, client).get("/v1/spend").status_code == 200
    assert (
        renewed(embedded, client, closed(admin_token=SecretStr("another"))).get("/v1/spend").status_code
        == 401
    )


def renewed(ledger: Ledger, client: TestClient, settings: Settings | None = None) -> TestClient:
    """The same browser at the server that was started again."""
    other = visitor(ledger, settings)
    other.cookies.set(COOKIE, client.cookies[COOKIE])
    return other


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
def test_a_session_writes_from_our_own_pages_only(embedded: Ledger, headers: dict[str, str]) -> None:
    client = visitor(embedded)
    sign_in(client, ADMIN)
    answer = client.post("/v1/ingest", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert client.post("/v1/ingest", content=b"{}", headers=OWN).status_code == 200
    with_token = {"authorization": f"Bearer {ADMIN}"}
    assert visitor(embedded).post("/v1/ingest", content=b"{}", headers=with_token).status_code == 200


def test_who_guesses_has_to_wait_and_who_knows_has_not(embedded: Ledger, tallybook: Command) -> None:
    token = made(tallybook, "mine", "--scope", "read")
    client = visitor(embedded)
    answers = [sign_in(client, f"guess {number}") for number in range(22)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    wrong = client.get("/v1/spend", headers={"authorization": "Bearer guess"})
    assert (wrong.status_code, wrong.json()["code"]) == (429, "too_many_tries")
    for right in (ADMIN, token):
        assert client.get("/v1/spend", headers={"authorization": f"Bearer {right}"}).status_code == 200
        assert sign_in(visitor(embedded), right).status_code == 303
        assert sign_in(client, right).status_code == 303
        assert client.get("/v1/spend").status_code == 200  # by the session
        client.cookies.clear()


def test_a_token_that_may_not_read_or_has_ended_is_no_guess(embedded: Ledger, tallybook: Command) -> None:
    client = visitor(embedded)
    gateway = made(tallybook, "gateway", "--scope", "ingest")
    old = made(tallybook, "old", "--scope", "read")
    tallybook("token", "revoke", "old")
    for token, said in ((gateway, "gateway may not read"), (old, "old was revoked")):
        answers = [sign_in(client, token) for _ in range(22)]
        assert {answer.status_code for answer in answers} == {401}
        assert said in answers[-1].text
    assert sign_in(client, "guess").status_code == 401


def test_every_answer_tells_browsers_what_it_may_do(embedded: Ledger) -> None:
    client = visitor(embedded)
    for path in ("/sign-in", "/v1/spend", "/healthz", "/nowhere"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "'unsafe-eval'" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name", ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
)
def test_an_open_server_serves_no_proxy(embedded: Ledger, name: str) -> None:
    """Behind a proxy on this machine everybody would seem to be this machine."""
    client = visitor(embedded, Settings(), "http://127.0.0.1:8000")
    assert client.get("/v1/spend").status_code == 200
    answer = client.get("/v1/spend", headers={name: "203.0.113.9"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forwarded")
    assert "TALLYBOOK_ADMIN_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}],
)
def test_a_page_elsewhere_reads_nothing_from_an_open_server(
    embedded: Ledger, headers: dict[str, str]
) -> None:
    client = visitor(embedded, Settings(), "http://127.0.0.1:8000")
    assert client.get("/v1/spend", headers=headers).status_code == 403
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/dashboard/", headers=link).status_code == 200


def test_a_token_of_an_open_server_limits_whoever_shows_it(embedded: Ledger, tallybook: Command) -> None:
    client = visitor(embedded, Settings(), "http://127.0.0.1:8000")
    token = made(tallybook, "gateway", "--scope", "ingest")
    answer = client.get("/v1/spend", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    wrong = client.get("/v1/spend", headers={"authorization": "Bearer tb_nobodys"})
    assert wrong.status_code == 401


# A provider of identities.


def with_provider(issuer: str, roles: str, **changed: Any) -> Settings:
    about = {
        "oidc_issuer": issuer,
        "oidc_client_id": "tallybook",
        "oidc_client_secret": SecretStr("between us"),
    }
    return closed(**(about | {"oidc_roles": roles} | changed))


def walk(client: TestClient, place: str = "/dashboard/keys", **changed: str) -> Any:
    """To the provider, where ada signs in, and back."""
    led = client.get(f"/sign-in/oidc?next={place}", headers=PAGE)
    assert led.status_code == 302, led.text
    there = led.headers["location"]
    asked = parse_qs(urlsplit(there).query)
    assert asked["redirect_uri"] == [f"{OUTSIDE}/sign-in/oidc/back"]
    assert asked["code_challenge_method"] == ["S256"]
    back = httpx.post(there, data={"sub": "ada"}, follow_redirects=False).headers["location"]
    for old, new in changed.items():
        back = back.replace(old, new)
    return client.get(back.removeprefix(OUTSIDE), headers=PAGE)


def test_a_person_signs_in_with_their_provider(embedded: Ledger) -> None:
    put(
        embedded,
        [call("2026-10-05T10:00:00+00:00", 1, team="ml"), call("2026-10-05T10:00:00+00:00", 1, team="ads")],
    )
    with provider(groups=["engineers"]) as issuer:
        settings = with_provider(issuer, "engineers=read:ml, bosses=admin")
        client = visitor(embedded, settings)
        assert "Sign in with your organisation" in client.get("/sign-in").text
        come = walk(client)
        assert (come.status_code, come.headers["location"]) == (303, "/dashboard/keys")
        found = client.get("/v1/spend?by=team&from=2026-10-01&to=2026-11-01").json()
        assert [row["team"] for row in found["rows"]] == ["ml"]
        assert client.get("/v1/reports/chargeback?period=2026-10").status_code == 403
        assert "ada@example.com" in client.get("/dashboard/_dash-layout").text
        assert renewed(embedded, client, settings).get("/v1/spend").status_code == 200
    assert renewed(embedded, client, closed()).get("/v1/spend").status_code == 401


def test_a_stranger_of_the_provider_is_not_let_in(embedded: Ledger) -> None:
    with provider(groups=["visitors"]) as issuer:
        client = visitor(embedded, with_provider(issuer, "engineers=read"))
        answer = walk(client)
        assert answer.status_code == 403
        assert "ada@example.com is in no group that may come in here" in answer.text
        assert COOKIE not in client.cookies


@pytest.mark.parametrize("changed", [{"state=": "state=x"}, {"code=": "code=x"}])
def test_an_answer_that_was_not_asked_for_signs_nobody_in(embedded: Ledger, changed: dict[str, str]) -> None:
    with provider(groups=["engineers"]) as issuer:
        client = visitor(embedded, with_provider(issuer, "*=admin"))
        answer = walk(client, **changed)
        assert answer.status_code == 403
        assert COOKIE not in client.cookies


def test_a_provider_that_is_away_is_told_of(embedded: Ledger) -> None:
    client = visitor(embedded, with_provider("http://127.0.0.1:9", "*=read"))
    answer = client.get("/sign-in/oidc", headers=PAGE)
    assert answer.status_code == 502
    assert "cannot be reached" in answer.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"oidc_roles": ""}, "TALLYBOOK_OIDC_ROLES"),
        ({"oidc_roles": "engineers"}, "engineers"),
        ({"oidc_roles": "engineers=owner"}, "owner"),
        ({"oidc_roles": "engineers=finance:ml"}, "finance:ml"),
        ({"oidc_client_id": None}, "TALLYBOOK_OIDC_CLIENT_ID"),
    ],
)
def test_settings_of_a_provider_that_cannot_be_meant_are_refused(
    embedded: Ledger, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(LedgerError, match=said):
        make_site(embedded, with_provider("https://id.example.com", "*=read", **changed))


def test_groups_add_up(embedded: Ledger) -> None:
    roles = read_roles("ml=read:ml, search=read:search, bosses=finance, *=ingest")
    assert combine_grants(grants_of(roles, ["ml", "search"])) == (
        frozenset(("read", "ingest")),
        ("ml", "search"),
    )
    assert combine_grants(grants_of(roles, ["ml", "bosses"])) == (
        frozenset(("read", "finance", "ingest")),
        None,
    )
    assert combine_grants(grants_of(roles, [])) == (frozenset(("ingest",)), None)
    identities = IdentityProvider(embedded, with_provider("https://id.example.com", "ml=read:nowhere"))
    with pytest.raises(SignInRefused, match="nowhere"):
        identities.principal({"sub": "ada", "groups": ["ml"]})
    with pytest.raises(SignInRefused, match="no sub"):
        identities.principal({"groups": ["ml"]})
