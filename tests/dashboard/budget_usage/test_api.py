"""What budgets answer to a gateway that asks whether a key may go on, and to people who may see only some."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.budgets.model import Budget
from dashboard.budgets.store import add_budgets
from dashboard.server.site import make_site
from ingest.ledger import directory
from ingest.ledger.engine import Ledger
from ingest.model.zone import instant
from ingest.settings import Settings
from tests.support.calls import call, put
from tests.support.cli import Command, object_of
from tests.support.ledgers import ARRIVAL
from tests.support.owners import entry, owns

UNIT = 10**12
ADMIN = "the admin token of the tests"
KEY = "sk-bf-0123456789abcdef"
Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways ask when the calls are made, and not after midnight."""
    for module in ("budget_usage.api", "me.api"):
        monkeypatch.setattr(f"dashboard.{module}.now", lambda: ARRIVAL)


@pytest.fixture
def ask(embedded: Ledger) -> Ask:
    """Asks a server that wants tokens; `token` is the admin's where none is given."""
    client = TestClient(
        make_site(embedded, Settings(admin_token=SecretStr(ADMIN))), base_url="http://127.0.0.1"
    )

    def get(path: str, token: str = ADMIN, **headers: str) -> Any:
        return client.get(path, headers={"authorization": f"Bearer {token}"} | headers)

    return get


def spent(ledger: Ledger, dollars: int, first: int = 0, **facts: Any) -> None:
    put(ledger, [call(instant(ARRIVAL).isoformat(), dollars * UNIT, **facts)], first=first)


def limit(ledger: Ledger, name: str, dollars: int | None, **facts: Any) -> None:
    known: dict[str, Any] = {"scope": "all", "subject": None, "per": "month", "tokens": None}
    amount = None if dollars is None else dollars * UNIT
    with ledger.writing() as connection:
        add_budgets(
            connection, [Budget(**known | {"name": name, "amount": amount, "currency": "USD"} | facts)]
        )


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["budgets"]]


@pytest.fixture
def office(embedded: Ledger) -> Ledger:
    """Two teams of one customer each, with a key each, and a budget of everybody."""
    for at, team in enumerate(("search", "ads")):
        spent(embedded, 10, first=at, virtual_key=f"{team}-key", team=team)
        owns(embedded, team, (f"{team}-customer", 1), kind="team", target_kind="customer")
        for scope, ident in (
            ("team", team),
            ("virtual_key", f"{team}-key"),
            ("customer", f"{team}-customer"),
        ):
            limit(embedded, f"{team} {scope}", 100, scope=scope, subject=str(entry(embedded, scope, ident)))
    limit(embedded, "everything", 1_000)
    limit(embedded, "model", 100, scope="model", subject="gpt-5.4")
    return embedded


@pytest.mark.usefixtures("office")
def test_a_key_is_bound_by_its_own_budget_its_teams_their_customers_and_that_of_everything(ask: Ask) -> None:
    bound = ["everything", "search customer", "search team", "search virtual_key"]
    assert names(ask("/v1/budgets?virtual_key=search-key")) == bound
    assert names(ask("/v1/budgets", **{"x-bf-vk": "search-key"})) == bound


def test_a_key_that_was_given_to_another_team_is_bound_by_that_one(office: Ledger, ask: Ask) -> None:
    owns(office, "search-key", ("ads", 1))
    assert "ads team" in names(ask("/v1/budgets?virtual_key=search-key"))
    assert "search team" not in names(ask("/v1/budgets?virtual_key=search-key"))


def test_a_key_may_go_on_until_a_limit_is_reached_and_not_from_then_on(office: Ledger, ask: Ask) -> None:
    spent(office, 89, first=10, virtual_key="search-key", team="search")
    answer = ask("/v1/budgets?virtual_key=search-key").json()
    assert (answer["allowed"], ask("/v1/budgets/search team").json()["remaining"]) == (True, "1")
    spent(office, 1, first=11, virtual_key="search-key", team="search")
    assert ask("/v1/budgets?virtual_key=search-key").json()["allowed"] is False
    one = ask("/v1/budgets/search team").json()
    assert (one["allowed"], one["used"], one["remaining"], one["share"], one["reached"]) == (
        False,
        "100",
        "0",
        "1.0000",
        100,
    )
    assert ask("/v1/budgets/ads team").json()["allowed"] is True


def test_a_limit_of_tokens_stops_a_key_too(embedded: Ledger, ask: Ask) -> None:
    limit(embedded, "tokens", None, tokens=100, per="day")
    spent(embedded, 0, input_tokens=99, virtual_key="key")
    assert ask("/v1/budgets?virtual_key=key").json()["allowed"] is True
    spent(embedded, 0, first=1, input_tokens=1, virtual_key="key")
    answer = ask("/v1/budgets?virtual_key=key").json()
    assert (answer["allowed"], answer["budgets"][0]["limit"], answer["budgets"][0]["unit"]) == (
        False,
        100,
        "tokens",
    )


@pytest.mark.usefixtures("office")
def test_a_new_key_that_shows_itself_is_bound_by_what_binds_everybody(ask: Ask) -> None:
    assert names(ask("/v1/budgets", **{"x-bf-vk": KEY})) == ["everything"]


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("query", "code"),
    [("virtual_key=nobody", "unknown_key"), ("virtual_key=", "unknown_key"), ("key=x", "unknown_parameter"),
     ("virtual_key=search-key&virtual_key=ads-key", "given_twice")],
)  # fmt: skip
def test_a_question_about_no_key_is_refused(ask: Ask, query: str, code: str) -> None:
    answer = ask(f"/v1/budgets?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_budget_that_there_is_not_is_a_problem(ask: Ask) -> None:
    answer = ask("/v1/budgets/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_budget")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("office")
def test_whoever_reads_for_a_team_sees_its_budgets_alone(ask: Ask, tallybook: Command) -> None:
    token = object_of(tallybook("token", "create", "t", "--scope", "read", "--team", "search", "--json"))[
        "token"
    ]
    assert names(ask("/v1/budgets", token)) == ["search team"]
    assert names(ask("/v1/budgets?virtual_key=search-key", token)) == ["search team"]
    assert ask("/v1/budgets/search team", token).status_code == 200
    assert ask("/v1/budgets/ads team", token).status_code == 404
    assert ask("/v1/budgets?virtual_key=ads-key", token).status_code == 422


def test_the_holder_of_a_key_sees_its_use_and_its_budgets_alone(embedded: Ledger, ask: Ask) -> None:
    spent(embedded, 3, virtual_key=KEY, team="search", model="gpt-5.4", provider="openai")
    spent(embedded, 5, first=1, virtual_key="other", team="search")
    with embedded.reading() as connection:
        mine = directory.find(connection, "virtual_key", KEY, embedded.keyring)
    limit(embedded, "mine", 10, scope="virtual_key", subject=str(mine))
    limit(embedded, "everything", 100)
    answer = ask("/v1/me/usage?by=model&from=2026-09-01", KEY)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(row["model"], row["total_cost"]) for row in told["rows"]] == [("gpt-5.4", "3")]
    assert [(one["name"], one["used"]) for one in told["budgets"]] == [("mine", "3")]
    assert KEY not in answer.text
    for path in ("/v1/budgets", "/v1/spend", "/v1/alerts", "/dashboard/"):
        assert ask(path, KEY).status_code == 403
    assert ask("/v1/me/usage", "sk-bf-of-nobody-at-all").status_code == 401
