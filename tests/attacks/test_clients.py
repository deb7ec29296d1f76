"""Slow, silent and idle clients: they hold little, are not waited for, and shut nobody out."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.attacks.bodies import good
from tests.attacks.flow import flowing
from tests.attacks.server import MEBIBYTE, Server, most_memory
from tests.support.ledgers import blank

pytestmark = pytest.mark.long

GROWTH: Final = 512 * MEBIBYTE
"""What all unfinished bodies together may hold, with what the program needs to read them."""
SLOW: Final = 120
STREAMS: Final = 200
IDLE: Final = 1_100
PATIENCE: Final = 8
SILENCE: Final = 30
"""Seconds of silence in a body after which nobody waits for its sender."""
SOME: Final = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, blank(tmp_path / "ledger.db")) as made:
        yield made


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """Let this process open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"no more than {hard} files can be opened here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(server: Server, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))


def head(media_type: str, length: int) -> bytes:
    lines = (
        "POST /v1/ingest HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def send(connection: socket.socket, data: bytes) -> None:
    """Send what the server takes within a second: it may not read more of a body that it will not hold."""
    connection.settimeout(1)
    with suppress(OSError):
        connection.sendall(data)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has answered or closed."""
    connection.settimeout(0.01)
    try:
        return len(connection.recv(4_096)) >= 0
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    ("media_type", "count", "part"),
    [
        pytest.param("application/jsonl", SLOW, b'{"id":"' + b"x" * 15 * MEBIBYTE, id="15 MiB of one line"),
        pytest.param("text/event-stream", STREAMS, b"data: " + b'{"id":"s","x":"' + b"x" * 3 * MEBIBYTE + b'"}\n\n', id="streams"),
        pytest.param("application/json", SLOW, b"[" + good(1) + b',{"a":"' + b"x" * 3 * MEBIBYTE, id="arrays"),
    ],
)  # fmt: skip
def test_unfinished_bodies_hold_little_and_stop_nobody(
    server: Server, media_type: str, count: int, part: bytes
) -> None:
    with flowing(lambda: server.url, senders=2, first=1_000) as flow:
        flow.wait_for(SOME)
        before = server.memory
        with ExitStack() as stack, most_memory(server) as most:
            connections = [connected(server, stack) for _ in range(count)]
            for connection in connections:
                connection.settimeout(PATIENCE)
                connection.sendall(head(media_type, 64 * MEBIBYTE))
            for connection in connections:
                send(connection, part)
            flow.wait_for(SOME)
            deadline = time.monotonic() + 3 * SILENCE  # some are read only when others have been given up
            waiting = connections
            while (waiting := [one for one in waiting if not is_closed(one)]) and time.monotonic() < deadline:
                time.sleep(1)
            flow.wait_for(SOME)
    assert flow.wrong == []
    assert (most[0] - before) / MEBIBYTE < GROWTH / MEBIBYTE
    assert not waiting, f"{len(waiting)} of {count} are still waited for"
    assert flow.longest_wait < PATIENCE


def test_idle_connections_shut_nobody_out(tmp_path: Path) -> None:
    with (
        many_files(2 * IDLE),
        Server(tmp_path, blank(tmp_path / "ledger.db"), files=1_024) as server,
        ExitStack() as stack,
    ):
        idle = [connected(server, stack) for _ in range(IDLE)]
        started = time.monotonic()
        assert httpx.get(f"{server.url}healthz", timeout=PATIENCE).status_code == 200
        assert httpx.post(f"{server.url}v1/ingest", content=good(1), timeout=PATIENCE).json()["accepted"] == 1
        assert time.monotonic() - started < PATIENCE
        deadline = time.monotonic() + 30
        waiting = idle
        while (waiting := [one for one in waiting if not is_closed(one)]) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not waiting, f"{len(waiting)} connections are still held"


def test_a_header_byte_by_byte_is_not_waited_for(server: Server) -> None:
    with ExitStack() as stack:
        connection = connected(server, stack)
        started = time.monotonic()
        while not is_closed(connection) and time.monotonic() - started < 40:
            try:
                connection.send(b"G")
            except OSError:
                break
            time.sleep(0.5)
        assert time.monotonic() - started < 30


def test_readers_that_read_nothing_hold_little(server: Server) -> None:
    asked = b"GET /v1/prices HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    before = server.memory
    with ExitStack() as stack, most_memory(server) as most, flowing(lambda: server.url, senders=1) as flow:
        for _ in range(20):
            connection = connected(server, stack)
            connection.sendall(asked)
        flow.wait_for(SOME, 120)
    assert flow.wrong == []
    assert (most[0] - before) / MEBIBYTE < GROWTH / MEBIBYTE
