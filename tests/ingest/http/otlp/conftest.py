"""Fixtures: a server that takes spans in, and a provider to ask."""

from collections.abc import Iterator

import pytest

from ingest.ledger.engine import Ledger
from tests.support.provider import a_provider
from tests.support.serving import guarded_api, served

TOKEN = "the token of the tests"


@pytest.fixture
def traces(embedded: Ledger) -> Iterator[str]:
    """The address for traces of a server that wants a token."""
    with served(guarded_api(embedded, TOKEN)) as address:
        yield f"{address}/v1/traces"


@pytest.fixture
def provider() -> Iterator[str]:
    with a_provider() as url:
        yield url
