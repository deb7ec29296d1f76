"""Single calls: pages that hold each call once, and one call in full."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.calls.api import make_router
from dashboard.calls.calls import LISTED_FIELDS, last_call, read_cursor, to_cursor
from ingest.http import problems
from ingest.ledger.engine import Ledger
from ingest.ledger.fields import WHO
from ingest.model import event
from ingest.model.zone import instant
from ingest.pricing.book import Book
from ingest.pricing.charge import Charge
from tests.support.calls import a_ledger, call, put
from tests.support.ledgers import put_records
from tests.support.spans import as_json, request, span

FIRST = call(
    "2026-10-05T10:00:00.000001Z",
    1_500_000_000,
    model="gpt-4o",
    provider="openai",
    team="t-1",
    team_name="ML",
    virtual_key="sk-bf-0123456789abcdef",
    project="search",
    session="s-1",
    agent="planner",
    workflow="nightly",
    labels={"app": "a"},
    latency_us=1_234_567,
    cache_hit=False,
    stream=True,
)
SAME_TIME = [call("2026-10-06T10:00:00Z", n, model=f"m{n}") for n in range(5)]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with a_ledger(Path(tmp_path_factory.mktemp("requests"))) as opened:
        put(opened, [FIRST, *SAME_TIME])
        yield opened


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> TestClient:
    return client_of(ledger)


def client_of(ledger: Ledger) -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(make_router(ledger))
    return TestClient(app)


def pages(client: TestClient, query: str) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found, cursor = [], ""
    while True:
        page = client.get(f"/v1/requests?{query}{cursor}").json()
        found.append(page["requests"])
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 100])
def test_pages_hold_every_call_once_newest_first(client: TestClient, limit: int) -> None:
    models = [[one["model"] for one in page] for page in pages(client, f"limit={limit}")]
    assert [*chain.from_iterable(models)] == ["m4", "m3", "m2", "m1", "m0", "gpt-4o"]
    assert all(len(page) == limit for page in models[:-1])


def test_a_call_that_comes_in_between_moves_no_page(fresh: Ledger) -> None:
    put(fresh, SAME_TIME)
    cursor = client_of(fresh).get("/v1/requests?limit=2").json()["next_cursor"]
    put(fresh, [call("2026-10-07T00:00:00Z", 0, model="later")], first=10)
    page = client_of(fresh).get(f"/v1/requests?limit=2&cursor={cursor}").json()
    assert [one["model"] for one in page["requests"]] == ["m2", "m1"]


def test_the_newest_call(fresh: Ledger) -> None:
    assert last_call(fresh) is None
    put(fresh, SAME_TIME)
    assert last_call(fresh) == instant(SAME_TIME[0].micros)


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("where=model=m1", ["m1"]),
        ("model=m1&model=m2", ["m2", "m1"]),
        ("team=ML", ["gpt-4o"]),
        ("virtual_key=sk-bf-0123456789abcdef", ["gpt-4o"]),
        ("label:app=a", ["gpt-4o"]),
        ("session=s-1&agent=planner", ["gpt-4o"]),
        ("workflow=weekly", []),
        ("model=none", []),
        ("from=2026-10-05&to=2026-10-06", ["gpt-4o"]),
        ("to=2026-10-05T10:00:00.000001Z", []),
        ("from=2026-10-05T10:00:00.000001Z&to=2026-10-05T10:00:00.000002Z", ["gpt-4o"]),
        ("timezone=Pacific/Kiritimati&from=2026-10-07&to=2026-10-08", ["m4", "m3", "m2", "m1", "m0"]),
    ],
)
def test_filters_and_period(client: TestClient, query: str, models: list[str]) -> None:
    assert [one["model"] for one in client.get(f"/v1/requests?{query}").json().get("requests", [])] == models


def test_a_listed_call_is_decoded(client: TestClient) -> None:
    (one,) = client.get("/v1/requests?model=gpt-4o").json()["requests"]
    assert list(one) == list(LISTED_FIELDS)
    assert one["occurred_at"] == "2026-10-05T10:00:00.000001Z"
    assert one["total_cost"] == "0.0015"
    assert (one["virtual_key"], one["team"], one["project"]) == ("sk-bf-…cdef", "ML", "search")
    assert (one["session"], one["agent"], one["workflow"]) == ("s-1", "planner", "nightly")
    assert (one["latency_ms"], one["cache_hit"], one["stream"]) == (1234.567, False, True)


def test_one_call_in_full_has_everything_but_the_key(client: TestClient) -> None:
    (listed,) = client.get("/v1/requests?model=gpt-4o").json()["requests"]
    found = client.get(f"/v1/requests/{listed['event_id']}")
    one = found.json()
    facts = {
        f"{name.removesuffix('_us')}_ms" if name.endswith("_us") else name
        for name in event.COLUMNS
        if name not in WHO
    }
    assert facts | set(Charge.__struct_fields__) <= set(one)
    assert listed.items() <= one.items()
    assert one["labels"] == {"app": "a"}
    assert (one["revision"], one["revisions"], one["price_set"], one["import_batch"]) == (0, 0, None, None)
    assert one["received_at"] == "2027-01-15T08:00:00Z"
    assert "0123456789" not in found.text


def test_versions_that_were_replaced_are_counted(fresh: Ledger) -> None:
    for tokens in (1, 2):
        put(fresh, [call("2026-10-08T00:00:00Z", 1, input_tokens=tokens)])
    (listed,) = client_of(fresh).get("/v1/requests").json()["requests"]
    one = client_of(fresh).get(f"/v1/requests/{listed['event_id']}").json()
    assert (one["input_tokens"], one["revision"], one["revisions"]) == (2, 1, 1)


def test_every_span_of_a_call_finds_the_call_and_counts_as_a_version(fresh: Ledger, book: Book) -> None:
    spans = [span(1, scope="framework"), span(2, scope="sdk")]
    receipt = put_records(fresh, book, (as_json(request(*spans)),))
    found = [client_of(fresh).get(f"/v1/requests/{event_id}").json() for event_id in receipt.event_ids]
    assert found[0] == found[1]
    assert (len(found), found[0]["event_id"], found[0]["revisions"]) == (2, receipt.event_ids[1], 1)


@pytest.mark.parametrize("event_id", ["00000000-0000-0000-0000-000000000000", "nonsense"])
def test_a_call_that_is_not_there_is_a_problem(client: TestClient, event_id: str) -> None:
    found = client.get(f"/v1/requests/{event_id}")
    assert (found.status_code, found.json()["code"]) == (404, "unknown_request")


def test_csv_names_the_next_page_in_a_header(client: TestClient) -> None:
    found = client.get("/v1/requests?limit=1&model=m1&model=m2", headers={"accept": "text/csv"})
    header, line = found.text.splitlines()
    assert header == ",".join(LISTED_FIELDS)
    assert ",m2," in line
    assert read_cursor(found.headers["x-next-cursor"])[0] == 1_791_280_800_000_000


def test_cursors_go_there_and_back() -> None:
    assert read_cursor(to_cursor(1_791_280_800_000_000, 7)) == (1_791_280_800_000_000, 7)
    assert instant(1_791_280_800_000_000).isoformat() == "2026-10-06T10:00:00+00:00"
