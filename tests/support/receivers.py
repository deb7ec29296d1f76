"""Receivers of what is sent: a web server and a mail server, real ones that may refuse."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from ingest.settings import Settings

Mailbox = tuple[Settings, list[Message]]
"""Settings that send mails here, and what has come."""


class Hook:
    """A receiver of posts that may refuse."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(hook.answers.pop(0) if hook.answers else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/secret-path"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server("127.0.0.1") as made:
        yield made


@contextmanager
def mail_server(host: str, user: str = "") -> Iterator[Mailbox]:
    """A mail server without encryption, and settings that sign in to it as `user` (`ann:secret@`)."""
    got: list[Message] = []

    class Handler:
        async def handle_DATA(self, _: object, __: object, envelope: Any) -> str:  # noqa: N802 - the library's name
            got.append(message_from_bytes(envelope.content, policy=default))
            return "250 OK"

    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname=host, port=port)
    controller.start()
    yield Settings(smtp_url=SecretStr(f"smtp://{user}{host}:{port}"), mail_from="books@example.com"), got
    controller.stop()
