"""Connections of clients that are slow, silent, too many, or that speak no HTTP, on a real server."""

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from starlette.types import Send

from ingest.http import connections, limits
from ingest.http.app import make_api
from ingest.ledger.engine import Ledger
from ingest.settings import Settings
from tests.support.serving import served

GET = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
HEAD = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"
POST = b"POST /v1/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/jsonl\r\n"


@pytest.fixture
def address(embedded: Ledger) -> Iterator[tuple[str, int]]:
    """Where the interface of a ledger is served."""
    with served(make_api(embedded, Settings())) as url:
        host, port = url.removeprefix("http://").split(":")
        yield host, int(port)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=20)


def answer(connection: socket.socket) -> bytes:
    """All that the server sends until it ends the connection."""
    parts = []
    while part := connection.recv(2**16):
        parts.append(part)
    return b"".join(parts)


def told(data: bytes) -> tuple[int, str]:
    """Status and code of the first answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]


def ask(address: tuple[str, int], data: bytes) -> bytes:
    with connect(address) as connection:
        connection.sendall(data)
        return answer(connection)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"x: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (HEAD + b"x: " + b"a" * 2_000_000, 431),
        (HEAD + b"".join(b"x%d: 1\r\n" % n for n in range(200)) + b"\r\n", 431),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (b"CONNECT a.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        (b"BREW /v1/ingest HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        (POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400),
        (POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"content-length: -2\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_gets_a_problem(address: tuple[str, int], sent: bytes, status: int) -> None:
    assert told(ask(address, sent))[0] == status


def test_headers_that_do_not_come_are_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADERS_SECONDS", 0.05)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0.02)
    with connect(address) as begun, connect(address) as silent:
        begun.sendall(b"GET / HTTP/1.1\r\nx: ")
        assert told(answer(begun)) == (408, "too_slow")
        assert answer(silent) == b""


def test_a_body_that_stops_keeps_what_came_and_says_so(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SILENCE_SECONDS", 0.05)
    call = b'{"id":"a","object":"chat.completion","model":"gpt-4o","usage":{"prompt_tokens":3}}\n'
    with connect(address) as connection:
        connection.sendall(POST + b"content-length: 100000\r\n\r\n" + call)
        said = answer(connection)
    assert told(said) == (408, "too_slow")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["receipt"]["accepted"] == 1


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "READ_SECONDS", 0.05)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0.02)
    ended = threading.Event()

    async def large(_: object, __: object, send: Send) -> None:
        """An answer larger than what systems keep of it on the way."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1_000):
            await send({"type": "http.response.body", "body": b"x" * 2**16, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        ended.set()

    with served(large) as url:
        host, port = url.removeprefix("http://").split(":")
        with connect((host, int(port))) as connection:
            connection.sendall(GET)
            assert ended.wait(20)


def test_connections_without_a_request_shut_nobody_out(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.CONNECTIONS, "most", 20)
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(address)) for _ in range(60)]
        for _ in range(5):
            assert httpx.get(f"http://{address[0]}:{address[1]}/healthz").status_code == 200
        assert answer(idle[0]) == b""
        idle[-1].sendall(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert answer(idle[-1]).startswith(b"HTTP/1.1 200")


def test_one_connection_too_many_with_requests_is_asked_to_come_later(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.CONNECTIONS, "most", 3)
    with ExitStack() as stack:
        for _ in range(3):
            busy = stack.enter_context(connect(address))
            busy.sendall(POST + b"content-length: 100\r\n\r\n{")
        refused = ask(address, GET)
    assert told(refused) == (503, "busy")
    assert b"retry-after: 5" in refused


def test_the_oldest_request_that_is_on_its_way_for_long_makes_room(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.CONNECTIONS, "most", 3)
    monkeypatch.setattr(limits, "SENDING_SECONDS", 0)
    with ExitStack() as stack:
        for _ in range(3):
            slow = stack.enter_context(connect(address))
            slow.sendall(POST + b"content-length: 100\r\n\r\n{")
        assert ask(address, GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")).startswith(
            b"HTTP/1.1 200"
        )


def test_requests_in_a_row_are_answered_in_order(address: tuple[str, int]) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert ask(address, GET * 3 + last).count(b"HTTP/1.1 200") == 4


def test_a_body_in_chunks_of_odd_sizes_is_read(address: tuple[str, int]) -> None:
    call = b'{"id":"a","object":"chat.completion","model":"gpt-4o","usage":{"prompt_tokens":3}}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in call) + b"0\r\n\r\n"
    said = ask(address, POST + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" + chunks)
    assert json.loads(said.partition(b"\r\n\r\n")[2])["accepted"] == 1


@pytest.mark.parametrize(
    ("soft", "hard", "refused", "most"),
    [
        (1_024, 2**20, False, limits.MOST_CONNECTIONS),
        (1_024, 4_096, False, 4_096 - limits.FILES_RESERVED),
        (2**20, 2**20, True, limits.MOST_CONNECTIONS),
        (1_024, resource.RLIM_INFINITY, False, limits.MOST_CONNECTIONS),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, True, limits.MOST_CONNECTIONS),
        (256, resource.RLIM_INFINITY, True, 128),
    ],
)
def test_connections_are_as_many_as_the_system_allows_files(
    soft: int, hard: int, *, refused: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_limit(_kind: int, wanted: tuple[int, int]) -> None:
        if refused or wanted[0] == resource.RLIM_INFINITY:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    monkeypatch.setattr(connections.CONNECTIONS, "most", 0)
    connections.raise_file_limit()
    assert most == connections.CONNECTIONS.most
