"""Targets of requests, as they come over a connection: a path, and never a host beside the Host header."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.responses import PlainTextResponse

from tests.support.serving import served


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server listens that answers every request that it understands."""
    with served(PlainTextResponse("inside"), log_level="critical") as url:
        parts = urlsplit(url)
        yield str(parts.hostname), int(parts.port or 0)


def answer(address: tuple[str, int], head: str) -> str:
    """The status line of the answer to a request."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        return connection.makefile().readline().strip()


@pytest.mark.parametrize("target", ["/", "/v1/spend?by=model", "//other.example/v1/spend", "/http://x"])
def test_a_path_is_answered(address: tuple[str, int], target: str) -> None:
    assert answer(address, f"GET {target} HTTP/1.1\r\nHost: tally.test") == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "line",
    [
        "GET http://tally.test/v1/spend",
        "GET http://other.example/v1/spend",
        "GET HTTP://tally.test",
        "POST https://tally.test/v1/ingest",
        "CONNECT tally.test:443",
        "OPTIONS *",
    ],
)
def test_any_other_target_is_refused(address: tuple[str, int], line: str) -> None:
    assert answer(address, f"{line} HTTP/1.1\r\nHost: tally.test") == "HTTP/1.1 400 Bad Request"


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Content-Length: +0",
        "Host : tally.test",
    ],
)
def test_a_length_or_a_header_with_two_meanings_is_refused(address: tuple[str, int], headers: str) -> None:
    line = f"POST / HTTP/1.1\r\nHost: tally.test\r\n{headers}"
    assert answer(address, line) == "HTTP/1.1 400 Bad Request"
