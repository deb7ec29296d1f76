"""Requests that two readers may understand differently: refused, and never read as two."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import pytest

from dashboard.server.site import RIGHTS
from ingest.access.guard import guarded
from ingest.http.app import make_api
from ingest.settings import Settings
from tests.attacks.bodies import good
from tests.support import serving
from tests.support.calls import a_ledger

GOOD: Final = good(1)
HIDDEN: Final = b"GET /v1/formats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
"""A request that hides in the body of another."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A server of this machine alone, which needs no credentials."""
    settings = Settings()
    with (
        a_ledger(tmp_path_factory.mktemp("smuggling")) as ledger,
        serving.served(guarded(make_api(ledger, settings), ledger, settings, RIGHTS)) as url,
    ):
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        yield parts.hostname, parts.port


def answers(address: tuple[str, int], request: bytes) -> list[int]:
    """The statuses of all answers on a connection, until the server closes it or waits for more."""
    said = b""
    with socket.create_connection(address, timeout=1) as connection:
        connection.sendall(request)
        with suppress(TimeoutError, ConnectionResetError):
            while more := connection.recv(65_536):
                said += more
    return [int(part[1:4]) for part in said.split(b"HTTP/1.1")[1:]]


def post(*headers: bytes, body: bytes = GOOD, target: bytes = b"/v1/ingest") -> bytes:
    head = [b"POST " + target + b" HTTP/1.1", *headers, b"Connection: close", b"", b""]
    return b"\r\n".join(head) + body


HOST: Final = b"Host: 127.0.0.1"
LENGTH: Final = b"Content-Length: %d" % len(GOOD)


def test_a_plain_post_is_answered_once(address: tuple[str, int]) -> None:
    assert answers(address, post(HOST, LENGTH)) == [200]


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(post(HOST, b"Host: evil.example", LENGTH), id="two hosts, the second a foreign one"),
        pytest.param(post(b"Host: evil.example", HOST, LENGTH), id="two hosts, the first a foreign one"),
        pytest.param(post(HOST, HOST, LENGTH), id="the same host twice"),
        pytest.param(post(b"Host: 127.0.0.1, evil.example", LENGTH), id="two hosts in a header"),
        pytest.param(post(LENGTH), id="no host"),
        pytest.param(post(HOST, LENGTH, target=b"http://evil.example/v1/ingest"), id="another host in the target"),
        pytest.param(post(b"Host: evil.example", LENGTH, target=b"http://127.0.0.1/v1/ingest"), id="this host in the target alone"),
        pytest.param(post(HOST, LENGTH, b"X-Forwarded-For: 10.0.0.1"), id="passed on by a proxy"),
        pytest.param(post(HOST, LENGTH, LENGTH.replace(b"Length: ", b"Length: 1")), id="two lengths"),
        pytest.param(post(HOST, b"Content-Length: +5", body=b"hello"), id="a length with a sign"),
        pytest.param(post(HOST, b"Content-Length: -5", body=b"hello"), id="a length below nothing"),
        pytest.param(post(HOST, b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN), id="chunks and a length"),
        pytest.param(post(HOST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HIDDEN), id="two codings"),
        pytest.param(post(HOST, b"Transfer-Encoding: xchunked", body=HIDDEN), id="a coding of no name"),
        pytest.param(post(HOST, b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + HIDDEN), id="a blank before the colon"),
        pytest.param(post(HOST, b"Transfer-Encoding: chunked", body=b"zz\r\n" + HIDDEN), id="a chunk without a size"),
        pytest.param(post(HOST, b"X-Note: a\r\n b", b"Transfer-Encoding:\x0bchunked", body=HIDDEN), id="a coding behind a tab"),
    ],
)  # fmt: skip
def test_a_request_that_can_be_read_two_ways_is_refused(address: tuple[str, int], request_: bytes) -> None:
    statuses = answers(address, request_)
    assert len(statuses) <= 1, "a hidden request was answered"
    assert not statuses or 400 <= statuses[0] < 500
