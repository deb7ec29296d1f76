"""A stand-in for a provider: a local server that answers as OpenAI's API does, always in the same words."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "In the van, two streets away."
USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 90,
    "total_tokens": 1290,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 0},
}
MODEL = "gpt-4o-2024-08-06"
BUSY = "gpt-4o-busy"
"""The model that is never free."""


def _completion(**more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-9Xw4",
        "created": 1_790_000_000,
        "model": MODEL,
        "system_fingerprint": "fp_1",
        **more,
    }


def _answer() -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return _completion(object="chat.completion", choices=[choice], usage=USAGE, service_tier="default")


def _chunks() -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _completion(object="chat.completion.chunk", choices=[choice])

    yield chunk({"role": "assistant", "content": ""})
    for word in ANSWER.split():
        yield chunk({"content": f"{word} "})
    yield chunk({}, "stop")
    yield _completion(object="chat.completion.chunk", choices=[], usage=USAGE)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked["model"] == BUSY:
            self._send(
                429, {"error": {"message": "try later", "type": "requests", "code": "rate_limit_exceeded"}}
            )
        elif self.path.endswith("/embeddings"):
            usage = {"prompt_tokens": 8, "total_tokens": 8}
            data = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]
            self._send(200, {"object": "list", "model": asked["model"], "data": data, "usage": usage})
        elif asked.get("stream"):
            events = "".join(f"data: {json.dumps(one)}\n\n" for one in _chunks())
            self._write(200, "text/event-stream", f"{events}data: [DONE]\n\n".encode())
        else:
            self._send(200, _answer())

    def _send(self, status: int, body: dict[str, Any]) -> None:
        self._write(status, "application/json", json.dumps(body).encode())

    def _write(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Nothing: a test that fails says why itself."""


@contextmanager
def a_provider() -> Iterator[str]:
    """The base URL of a provider that answers for as long as the context is open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
