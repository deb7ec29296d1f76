"""A ledger that is served by a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

SECRET: Final = "of the benchmarks"


@contextmanager
def served(file: Path, workers: int = 1) -> Iterator[str]:
    """The address of a ledger that is served by a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "TALLYBOOK_DATABASE_URL": f"sqlite:///{file}",
        "TALLYBOOK_SECRET_KEY": SECRET,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "dashboard", "serve", "--port", str(port), "--workers", str(workers)],
        env=environment,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{address}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()
