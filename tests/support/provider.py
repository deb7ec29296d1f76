"""A stand-in for two providers: a local server that answers as OpenAI's and Anthropic's APIs do.

The answers have always the same words and the same usage.
"""

import json
import threading
import uuid
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

CLAUDE = "claude-sonnet-5"
CLAUDE_USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 11107,
    "cache_read_input_tokens": 2836,
    "cache_creation": {"ephemeral_5m_input_tokens": 1107, "ephemeral_1h_input_tokens": 10000},
    "output_tokens": 155,
    "service_tier": "standard",
}


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


def _message(**more: Any) -> dict[str, Any]:
    message = {"id": f"msg_{uuid.uuid4().hex[:24]}", "type": "message", "role": "assistant", "model": CLAUDE}
    return message | {"content": [], "stop_reason": None, "stop_sequence": None, **more}


def _claude_answer() -> dict[str, Any]:
    text = {"type": "text", "text": ANSWER, "citations": None}
    return _message(content=[text], stop_reason="end_turn", usage=CLAUDE_USAGE)


def _claude_events() -> Iterator[dict[str, Any]]:
    at = {"index": 0}
    yield {"type": "message_start", "message": _message(usage=CLAUDE_USAGE | {"output_tokens": 1})}
    yield {"type": "content_block_start", **at, "content_block": {"type": "text", "text": ""}}
    for word in ANSWER.split():
        yield {"type": "content_block_delta", **at, "delta": {"type": "text_delta", "text": f"{word} "}}
    yield {"type": "content_block_stop", **at}
    whole = {name: count for name, count in CLAUDE_USAGE.items() if name.endswith("_tokens")}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": whole}
    yield {"type": "message_stop"}


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
        elif self.path.endswith("/messages"):
            if asked.get("stream"):
                events = "".join(
                    f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _claude_events()
                )
                self._write(200, "text/event-stream", events.encode())
            else:
                self._send(200, _claude_answer())
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
