"""The OpenAPI document is true of the app, and the reference page needs no other server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from ingest.http.app import make_api
from ingest.ledger.engine import Ledger, open_ledger
from ingest.settings import Settings
from tests.support.examples import examples

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""That a bad record is refused is not among them: it is refused in the receipt of a 200."""


@schemathesis.serializer(
    "application/jsonl", "application/x-ndjson", "application/x-protobuf", "text/event-stream"
)
def as_text(_: Any, value: Any) -> bytes:
    """Bodies that schemathesis cannot write by itself."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API of an empty ledger, as schemathesis knows it from its description."""
    ledger = open_ledger(Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('openapi')}/ledger.db"))
    yield schemathesis.openapi.from_asgi("/openapi.json", make_api(ledger, Settings()))
    ledger.close()


OPERATIONS = [
    ("POST", "/v1/ingest"),
    ("POST", "/v1/ingest/{format}"),
    ("POST", "/v1/traces"),
    ("GET", "/v1/formats"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


@pytest.mark.hypothesis  # which pytest cannot see, as the property is made in the test
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_does_what_its_description_says(described: Any, method: str, path: str) -> None:
    operation = described[path][method]
    right, wrong = (operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

    @examples(20 if method == "POST" else 1)
    @given(right | wrong if method == "POST" else right)
    def holds(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    holds()


def test_every_operation_is_tried(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert [(method.upper(), path) for path, item in paths.items() for method in item] == OPERATIONS


@pytest.fixture
def client(embedded: Ledger) -> TestClient:
    return TestClient(make_api(embedded, Settings()))


def test_the_reference_page_shows_everything_and_loads_nothing(client: TestClient) -> None:
    answer = client.get("/docs")
    document = client.get("/openapi.json").json()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<code>{path}</code>" in answer.text for path in document["paths"])
    assert all(f"<code>{name}</code>" in answer.text for name in document["components"]["schemas"])
    assert not re.search(r"<(script|link|img)|https?://|url\(|@import", answer.text)


def test_every_reference_in_the_document_leads_somewhere(client: TestClient) -> None:
    text = client.get("/openapi.json").text
    defined = set(client.get("/openapi.json").json()["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= defined
    assert "$defs" not in text
