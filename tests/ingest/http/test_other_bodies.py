"""Bodies on their way to anything but ingestion are small."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from ingest.http import limits, problems
from ingest.http.other_bodies import OtherBodies


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An app that says how large a body was, on any path."""
    monkeypatch.setattr(limits, "OTHER_BODY_BYTES", 100)
    app = FastAPI()
    problems.install(app)

    @app.post("/{path:path}")
    async def size(path: str, request: Request) -> int:  # noqa: ARG001 - any path
        return len(await request.body())

    with TestClient(OtherBodies(app)) as made:
        yield made


def test_a_small_body_is_handed_on(client: TestClient) -> None:
    assert client.post("/v1/budgets", content=b"x" * 100).json() == 100


def test_a_large_body_is_refused_by_its_stated_length(client: TestClient) -> None:
    answer = client.post("/v1/budgets", content=b"x" * 101)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_large_body_of_no_stated_length_is_refused_when_it_is_too_long(client: TestClient) -> None:
    answer = client.post("/v1/budgets", content=iter([b"x" * 60] * 2))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/v1/ingest", "/v1/ingest/completion", "/v1/traces"])
def test_bodies_for_ingestion_have_their_own_limits(client: TestClient, path: str) -> None:
    assert client.post(path, content=b"x" * 1_000).json() == 1_000
