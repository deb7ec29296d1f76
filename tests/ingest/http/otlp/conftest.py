"""Fixtures: a server that takes spans in, and a provider to ask."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from pydantic import SecretStr

from ingest.access.guard import guarded
from ingest.access.permissions import Rights
from ingest.http.app import RIGHTS, make_api
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.provider import a_provider

TOKEN = "the token of the tests"


@pytest.fixture
def traces(embedded: Ledger) -> Iterator[str]:
    """The address for traces of a server that wants a token."""
    settings = Settings(admin_token=SecretStr(TOKEN))
    config = uvicorn.Config(
        guarded(make_api(embedded, settings), embedded, settings, Rights(RIGHTS)),
        port=0,
        log_level="error",
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}/v1/traces"
    server.should_exit = True
    thread.join()


@pytest.fixture
def provider() -> Iterator[str]:
    with a_provider() as url:
        yield url
