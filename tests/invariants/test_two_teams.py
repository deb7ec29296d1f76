"""Two people of two teams go through every address and every callback.

Nothing of the other's is ever seen, and nothing is changed. The addresses come from the server's own list,
the callbacks from the dashboard's registry, so that a new address or callback is tried by itself.
"""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from starlette.testclient import TestClient

from dashboard.alerts import store as alerts
from dashboard.alerts.model import AlertRule
from dashboard.alerts.notify import check
from dashboard.budgets.model import Budget
from dashboard.budgets.store import add_budgets
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.pages import PAGES, PARTS
from dashboard.pages import app as dashboard_app
from dashboard.server.site import RIGHTS, make_site
from ingest.access import store as access
from ingest.access.permissions import CLOSED, Rights
from ingest.access.store import Token
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.principal import Right
from ingest.model.zone import micros
from ingest.settings import Settings
from tests.support.calls import a_ledger, call, put
from tests.support.owners import entry, owns

ADMIN: Final = "the admin token of the tests"
HERE: Final = "http://tally.test"
UNIT: Final = 10**12
DAY: Final = "2026-10-05"
PERIOD: Final = "from=2026-10-01&to=2026-10-31"
OTHER: Final = re.compile(r"borealis|7777|424242", re.IGNORECASE)
"""What stands in everything of the other team: a name, an amount, a number of tokens."""


@dataclass(frozen=True)
class Office:
    """A server with two teams, and what their people show to it."""

    client: TestClient
    ledger: Ledger
    dash: Any
    mine: str
    their_event: str
    my_event: str

    def headers(self, token: str) -> dict[str, str]:
        return {"authorization": f"Bearer {token}", "x-request-id": "asked"}


def of_team(name: str, cost: int, tokens: int, minute: int) -> Any:
    return call(
        f"{DAY}T10:{minute:02}:00+00:00",
        cost,
        provider="openai",
        model=f"{name}-model",
        virtual_key=f"{name}-key",
        team=name,
        customer=f"{name}-customer",
        project=f"{name}-project",
        environment=f"{name}-env",
        end_user=f"{name}-user",
        status="error",
        request_type="chat",
        input_tokens=tokens,
        output_tokens=5,
        total_tokens=tokens + 5,
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made: list[Any] = []
    real = dashboard_app.make_dashboard
    with ExitStack() as stack:
        ledger = stack.enter_context(a_ledger(tmp_path_factory.mktemp("office")))
        theirs = [of_team("borealis", 7777 * UNIT + at, 424_242, at) for at in range(5)]
        mine = [of_team("atlas", 3 * UNIT, 100, 10 + at) for at in range(5)]
        shared = call(
            f"{DAY}T11:00:00+00:00", 2 * UNIT, virtual_key="shared-key", model="shared", provider="openai"
        )
        events = put(ledger, [*theirs, *mine, shared])
        owns(ledger, "shared-key", ("atlas", 1), ("borealis", 1))
        owns(ledger, "borealis-key", ("borealis", 1))
        _books(ledger)
        roll(ledger)
        assert len(check(ledger, micros(datetime(2026, 10, 20, tzinfo=UTC)))) == 5
        text = access.new_text()
        token = Token(name="mine", scopes=("read",), teams=("atlas",), created_at=now(), created_by="test")
        with ledger.writing() as connection:
            access.add_token(connection, token, text, ledger.keyring)

        def keeping(opened: Ledger) -> Any:
            made.append(real(opened))
            return made[-1]

        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("dashboard.server.site.make_dashboard", keeping)
        site = make_site(ledger, Settings(admin_token=SecretStr(ADMIN), host="tally.test"))
        client = stack.enter_context(TestClient(site, base_url=HERE, raise_server_exceptions=False))
        yield Office(client, ledger, made[0], text, events[0], events[5])


def _books(ledger: Ledger) -> None:
    """Fees and budgets of both teams, and what is watched of everybody."""
    with ledger.writing() as connection:
        target = ("webhook:https://borealis.example.com/hooks",)
        for kind in ("budget", "silent"):
            alerts.add_rule(connection, AlertRule(name=f"every {kind}", kind=kind, targets=target))
        for name, amount in (("borealis", 7777), ("atlas", 5)):
            team = entry(ledger, "team", name, connection)
            key = entry(ledger, "virtual_key", f"{name}-key", connection)
            about: dict[str, Any] = {"per": "month", "tokens": None, "currency": "USD", "recorded_at": 1}
            add_budgets(
                connection,
                [
                    Budget(
                        name=f"{name} budget", scope="team", subject=str(team), amount=amount * UNIT, **about
                    ),
                    Budget(
                        name=f"{name} key",
                        scope="virtual_key",
                        subject=str(key),
                        amount=amount * UNIT,
                        **about,
                    ),
                ],
            )
            fee = Fee(
                name=f"{name} fee",
                kind="platform",
                amount=amount * UNIT,
                currency="USD",
                start=0,
                team_id=team,
                recorded_at=1,
            )
            add_fees(connection, [fee])


def addresses(client: TestClient) -> list[tuple[str, str]]:
    """Every operation that the server lists."""
    paths = client.get("/openapi.json", headers={"authorization": f"Bearer {ADMIN}"}).json()["paths"]
    return [(method.upper(), path) for path, operations in sorted(paths.items()) for method in operations]


def questions(office: Office, path: str) -> Iterator[str]:
    """An address with what may be written into it: nothing, the days, the other's names, every dimension."""
    named = [
        path.replace("{event_id}", event).replace("{name}", f"{team} budget").replace("{format}", "auto")
        for event, team in ((office.their_event, "borealis"), (office.my_event, "atlas"))
    ]
    dimensions = [
        "provider",
        "model",
        "virtual_key",
        "team",
        "customer",
        "cost_center",
        "project",
        "environment",
        "end_user",
        "status",
    ]
    tails = [
        "",
        PERIOD,
        *(f"{PERIOD}&by={one}" for one in dimensions),
        *(f"{PERIOD}&{one}=borealis" for one in ("team", "customer", "project", "end_user", "model")),
        f"{PERIOD}&virtual_key=borealis-key",
        f"{PERIOD}&team=borealis&team=atlas&by=team,virtual_key",
        f"{PERIOD}&where=team=borealis&format=csv",
        f"{PERIOD}&format=csv",
        f"{PERIOD}&by=model&timezone=Asia/Kathmandu&interval=hour",
        f"{PERIOD}&to_model=gpt-4o&to_provider=openai&by=model",
        "period=2026-10",
        "period=2026-10&format=csv",
        "virtual_key=borealis-key",
    ]
    for one, tail in itertools.product(dict.fromkeys(named), tails):
        yield f"{one}?{tail}"


def leaked(said: str, asked: str) -> list[str]:
    """What is told of the other team beyond what the question itself names."""
    return [one for one in OTHER.findall(said) if not (one.lower() == "borealis" and "borealis" in asked)]


def state(ledger: Ledger) -> dict[str, Any]:
    """Every row of every table but those of sessions."""
    with ledger.reading() as connection:
        tables = sa.inspect(connection).get_table_names()
        return {
            name: connection.execute(sa.text(f'SELECT * FROM "{name}"')).all()
            for name in tables
            if name != "session"
        }


def test_no_address_tells_of_the_other_team(office: Office) -> None:
    tried = 0
    for method, path in addresses(office.client):
        if method != "GET":
            continue
        for asked in questions(office, path):
            answer = office.client.get(asked, headers=office.headers(office.mine))
            assert answer.status_code < 500, (asked, answer.text)
            said = answer.text.replace(asked, "")
            if answer.status_code >= 400:  # an error may repeat what was asked, and tells no figure
                assert not re.search("7777|424242", said), (asked, said)
            else:
                assert not leaked(said, ""), (asked, said[:2_000])
            tried += answer.status_code == 200
    assert tried > 50


def test_the_same_questions_tell_an_admin_of_the_other_team(office: Office) -> None:
    """Else the test above would find nothing because there is nothing."""
    told = [
        path
        for method, path in addresses(office.client)
        if method == "GET"
        and any(
            leaked(office.client.get(asked, headers=office.headers(ADMIN)).text, "")
            for asked in questions(office, path)
        )
    ]
    for path in (
        "/v1/spend",
        "/v1/requests",
        "/v1/requests/{event_id}",
        "/v1/reports/chargeback",
        "/v1/budgets",
        "/v1/alerts",
        "/v1/exports/focus",
    ):
        assert path in told


def test_what_one_may_see_is_one_s_own(office: Office) -> None:
    answer = office.client.get(f"/v1/spend?{PERIOD}&by=team", headers=office.headers(office.mine)).json()
    assert [row["team"] for row in answer["rows"]] == ["atlas"]
    assert answer["totals"]["total_cost"] == "16"  # five calls of 3, and half of a shared one of 2
    calls = office.client.get(f"/v1/requests?{PERIOD}", headers=office.headers(office.mine)).json()[
        "requests"
    ]
    assert {one["virtual_key"] for one in calls} == {"atlas-key", "shared-key"}
    assert {one["team"] for one in calls} == {"atlas"}


def test_no_writing_address_lets_a_reader_in(office: Office) -> None:
    before = state(office.ledger)
    for method, path in addresses(office.client):
        if method == "GET":
            continue
        answer = office.client.request(
            method, path.replace("{format}", "auto"), headers=office.headers(office.mine), content=b"{}"
        )
        assert answer.status_code == 403, (method, path)
    assert state(office.ledger) == before


TYPED: Final = {
    "owner-key": "borealis-key",
    "owner-teams": ["atlas"],
    "home-customer": "borealis-customer",
    "allocate-pool": "fees",
    "allocate-method": "even",
    "allocate-from": "2026-10-01",
    "accept-provider": "openai",
    "chargeback-month": "2026-10",
    "price-input": "1",
    "price-from": "2026-10-01",
    "filter-dates": ["2026-10-01", "2026-10-31"],
    "filter-preset": None,
    "filter-interval": "day",
    "filter-provider": None,
    "filter-model": None,
    "filter-status": None,
    "filter-request-type": None,
    "filter-team": ["borealis"],
    "filter-virtual-key": ["borealis-key"],
    "given-name": "mine now",
}
"""What somebody chooses or types into fields; `because` into all others."""
HELD: Final = {
    "period-of": {"month": "2026-10", "closed": False},
    "price-of": ["openai", "borealis-model", "USD"],
    "accept-of": "2026-10",
    "month-shown": "2026-09",
    "home-of": "borealis",
}
"""What a page has stored."""


@dataclass(frozen=True)
class Situation:
    """Where somebody is on the dashboard when a callback is called."""

    office: Office
    search: str
    place: str
    part: str

    def payload(self, output: str, callback: dict[str, Any]) -> dict[str, Any]:
        """What a browser posts."""
        inputs = [self._sent(one) for one in callback["inputs"]]
        first = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
        ident = first["id"]
        written = (
            ident if isinstance(ident, str) else json.dumps(ident, sort_keys=True, separators=(",", ":"))
        )
        several = output.startswith("..")
        outputs = [self._out(one) for one in output[2:-2].split("...")] if several else self._out(output)
        return {
            "output": output,
            "outputs": outputs,
            "inputs": inputs,
            "changedPropIds": [f"{written}.{first['property']}"],
            "state": [self._sent(one) for one in callback["state"]],
        }

    def _value(self, ident: Any, name: str) -> Any:
        held = {
            "search": self.search,
            "pathname": self.place,
            "id": ident,
            "n_clicks": 1,
            "n_submit": 1,
            "opened": False,
            "getRowsRequest": {"startRow": 0, "endRow": 100},
        }
        if name == "value":
            return TYPED.get(ident, "because") if isinstance(ident, str) else "borealis"
        if name == "data" and ident == "name-entry":
            return entry(self.office.ledger, "team", "borealis")
        return HELD.get(ident) if name == "data" and isinstance(ident, str) else held.get(name)

    def _concrete(self, text: str) -> Any:
        """An id as a browser sends it, in a list where all of a kind are meant."""
        if not text.startswith("{"):
            return text
        pattern = json.loads(text)
        known = {"search": self.search, "name": self.part, "interval": "day", "dimension": "team"}
        made = {key: known.get(key, "x") if isinstance(one, list) else one for key, one in pattern.items()}
        return [made] if ["ALL"] in pattern.values() else made

    def _sent(self, one: dict[str, str]) -> Any:
        name = one["property"]

        def filled(ident: Any) -> dict[str, Any]:
            return {"id": ident, "property": name, "value": self._value(ident, name)}

        found = self._concrete(one["id"])
        return [filled(each) for each in found] if isinstance(found, list) else filled(found)

    def _out(self, text: str) -> Any:
        ident, _, name = text.rpartition(".")
        found = self._concrete(ident)
        plain = name.partition("@")[0]
        if isinstance(found, list):
            return [{"id": each, "property": plain} for each in found]
        return {"id": found, "property": plain}


def callbacks(office: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every callback, called as a browser would, about the other team wherever one can say so."""
    searches = [
        f"?{PERIOD}",
        f"?{PERIOD}&team=borealis",
        f"?{PERIOD}&virtual_key=borealis-key&search=borealis",
        f"?{PERIOD}&provider=openai&model=borealis-model",
        f"?{PERIOD}&request={office.their_event}",
    ]
    places = [*(f"/dashboard/{page.path}" for page in PAGES), "/dashboard/nowhere"]
    parts = list(PARTS)
    for output, callback in office.dash.callback_map.items():
        if "callback" not in callback:
            continue  # it runs in the browser
        of_place = any(one["property"] == "pathname" for one in (*callback["inputs"], *callback["state"]))
        of_part = any('"type":"part"' in one["id"] for one in callback["inputs"])
        for search, place, part in itertools.product(
            searches, places if of_place else places[:1], parts if of_part else parts[:1]
        ):
            yield output, Situation(office, search, place, part).payload(output, callback)


def _called(office: Office, token: str, payload: dict[str, Any]) -> str:
    answer = office.client.post(
        "/dashboard/_dash-update-component", json=payload, headers=office.headers(token)
    )
    assert answer.status_code in (200, 204), (payload["output"], answer.status_code, answer.text[:500])
    return answer.text


def test_no_callback_tells_of_the_other_team_or_changes_anything(office: Office) -> None:
    before = state(office.ledger)
    for _, payload in callbacks(office):
        said = _called(office, office.mine, payload)
        asked = json.dumps(payload)
        found = OTHER.findall(said) if "borealis" not in asked else re.findall("7777|424242", said)
        assert not found, (payload["output"], asked[:600], said[:3_000])
    assert state(office.ledger) == before


def test_the_same_pages_tell_an_admin_of_the_other_team(office: Office) -> None:
    told = {
        output
        for output, payload in callbacks(office)
        if output.startswith(("..page.children", '{"name":["MATCH"]', "..filter-provider.data"))
        and OTHER.search(_called(office, ADMIN, payload))
    }
    assert len(told) == 3


@pytest.mark.parametrize(
    "path", ["/dashboard/", "/dashboard/_dash-layout", "/dashboard/_dash-dependencies", "/docs", "/metrics"]
)
def test_no_other_place_tells_of_the_other_team(office: Office, path: str) -> None:
    assert not OTHER.search(office.client.get(path, headers=office.headers(office.mine)).text)


def test_every_address_has_its_right(office: Office) -> None:
    """What no right is written for is closed to all but admins: a new address must be thought of."""
    forgotten = [
        path
        for _, path in addresses(office.client)
        if RIGHTS.right_of(path) is CLOSED and not path.startswith(("/healthz", "/readyz"))
    ]
    assert forgotten == []


def test_an_address_has_one_right() -> None:
    with pytest.raises(ValueError, match="/v1/spend"):
        Rights([Right("/v1/spend", "read"), Right("/v1/spend", None)])
