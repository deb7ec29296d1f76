"""An app behind a real server, for clients that do not run inside the test."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from pydantic import SecretStr

from ingest.access.guard import guarded
from ingest.access.permissions import Rights
from ingest.http.app import RIGHTS, make_api
from ingest.http.connections import BoundedProtocol
from ingest.ledger.engine import Ledger
from ingest.settings import Settings


@contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The address of an app on a free port; `options` are uvicorn's."""
    about: dict[str, Any] = {"port": 0, "http": BoundedProtocol, "log_level": "error", "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(app, **(about | options)))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join()


def guarded_api(ledger: Ledger, token: str) -> Any:
    """The interface of a ledger that wants this token."""
    settings = Settings(admin_token=SecretStr(token))
    return guarded(make_api(ledger, settings), ledger, settings, Rights(RIGHTS))
