"""The HTTP interface: every kind of body, the answer, and what is in the ledger when things go wrong."""

import gzip
import http.client
import json
import shutil
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import zstandard
from starlette.testclient import TestClient

from ingest.http import limits, turns
from ingest.http.app import make_api
from ingest.intake.intake import Intake
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.ledger.tables.calls import directory, receipt, usage_event
from ingest.settings import Settings
from tests.support import serving
from tests.support.stored_events import kept

LIMIT = 2**20
SETTINGS = Settings(max_body_bytes=LIMIT)


@pytest.fixture
def client(embedded: Ledger) -> Iterator[TestClient]:
    with TestClient(make_api(embedded, SETTINGS), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def served(embedded: Ledger) -> Iterator[str]:
    """The address of the same app behind a real server."""
    with serving.served(make_api(embedded, SETTINGS)) as address:
        yield address


def call(name: str, **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {
        "id": name,
        "object": "chat.completion",
        "model": "gpt-4o",
        "created": 1_790_000_000,
        "usage": usage,
    } | more


EMBEDDING = {
    "object": "list",
    "data": [],
    "model": "text-embedding-3-large",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


def lines(*calls: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in calls)


def many(count: int) -> bytes:
    return lines(*(call(f"call-{n:07d}") for n in range(count)))


def events(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()


def stream() -> bytes:
    first = {
        "id": "s",
        "object": "chat.completion.chunk",
        "model": "gpt-4o",
        "choices": [{"index": 0, "delta": {}}],
    }
    last = {
        **first,
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": call("s")["usage"],
    }
    return (
        b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (first, last))
        + b"data: [DONE]\n\n"
    )


BODIES = {
    "object": ("application/json", json.dumps(call("a")).encode(), 1),
    "pretty object": ("application/json", json.dumps(call("a"), indent=2).encode(), 1),
    "array": ("application/json; charset=utf-8", json.dumps([call("a"), call("b")]).encode(), 2),
    "lines as json": ("application/json", many(3), 3),
    "lines": ("application/jsonl", many(3), 3),
    "ndjson": ("application/x-ndjson", many(3), 3),
    "stream": ("text/event-stream", stream(), 1),
    "stream of no type": ("", stream(), 1),
    "what curl -d says": ("application/x-www-form-urlencoded", json.dumps(call("a")).encode(), 1),
    "empty array": ("application/json", b"[]", 0),
}


PACKERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("packed", PACKERS)
def test_every_kind_of_body_is_taken_in_once(
    client: TestClient, embedded: Ledger, name: str, packed: str
) -> None:
    media_type, plain, count = BODIES[name]
    body = PACKERS[packed](plain)
    headers = {"content-type": media_type} | ({"content-encoding": packed} if packed else {})
    first = client.post("/v1/ingest", content=body, headers=headers)
    assert first.status_code == 200, first.text
    assert first.json() | {"event_ids": len(first.json()["event_ids"])} == {
        "accepted": count,
        "duplicates": 0,
        "revised": 0,
        "rejected": 0,
        "unpriced": 0,
        "keyless": 0,
        "flagged": 0,
        "rejections": [],
        "event_ids": count,
    }
    again = client.post("/v1/ingest", content=body, headers=headers).json()
    assert (again["accepted"], again["duplicates"]) == (0, count)
    assert again["event_ids"] == first.json()["event_ids"]
    assert events(embedded) == count


def test_a_packed_file_needs_no_content_encoding(client: TestClient) -> None:
    headers = {"content-type": "application/octet-stream"}
    answer = client.post("/v1/ingest", content=gzip.compress(many(3)), headers=headers)
    assert answer.json()["accepted"] == 3


def test_a_good_record_is_stored_whatever_its_neighbours_are(client: TestClient, embedded: Ledger) -> None:
    body = lines(call("a")) + b'{"broken":\n"text"\n' + lines(call("b")) + b'{"id":"cut'
    answer = client.post("/v1/ingest", content=body)
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["rejected"], events(embedded)) == (2, 3, 2)
    assert [(one["index"], one["line"]) for one in answer.json()["rejections"]] == [(1, 2), (2, 3), (4, 5)]
    assert answer.json()["rejections"][2]["code"] == "incomplete"


def test_a_body_of_bad_records_has_been_read_all_the_same(client: TestClient) -> None:
    answer = client.post("/v1/ingest", json=[{"nothing": "known"}, 1, None])
    assert (answer.status_code, answer.json()["rejected"]) == (200, 3)


def test_rows_of_a_table_are_records(client: TestClient) -> None:
    body = 'hello;world\n1;"2\n3"\n4\n'
    receipt = client.post("/v1/ingest", content=body, headers={"content-type": "text/csv"}).json()
    assert [(one["line"], one["code"]) for one in receipt["rejections"]] == [
        (2, "unknown_format"),
        (4, "ragged_row"),
    ]
    assert "no format knows these fields: hello, world" in receipt["rejections"][0]["reason"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b" \r\n\n", {}),
        (b"hello world", {}),
        (b"\x89PNG\r\n\x1a\n\0\0\0", {}),
        (b'{"a":1}', {"content-type": "text/event-stream"}),
        (b"[]", {"content-type": "text/event-stream"}),
        (b"not packed at all", {"content-encoding": "gzip"}),
        (b"not packed at all", {"content-encoding": "zstd"}),
    ],
)
def test_what_cannot_be_read_at_all_is_400(client: TestClient, body: bytes, headers: dict[str, str]) -> None:
    answer = client.post("/v1/ingest", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["receipt"]["accepted"] == 0


def test_a_packed_body_that_is_cut_keeps_what_was_readable(client: TestClient, embedded: Ledger) -> None:
    packed = gzip.compress(many(2500))[:-100]
    readable = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(packed).count(b"\n")
    answer = client.post("/v1/ingest", content=packed, headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert answer.json()["receipt"]["accepted"] == events(embedded) == readable


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "image/png"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/xml"},
        {"content-encoding": "br"},
        {"content-encoding": "gzip, gzip"},
    ],
)
def test_foreign_kinds_of_body_are_415(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/ingest", content=b"{}", headers=headers).status_code == 415


def test_a_body_over_the_limit_is_413_and_keeps_what_is_under_it(
    client: TestClient, embedded: Ledger
) -> None:
    body = many(LIMIT // len(lines(call("call-0001000"))) + 100)
    answer = client.post("/v1/ingest", content=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["receipt"]["accepted"] == events(embedded) == body[:LIMIT].count(b"\n")


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_a_body_that_grows_over_the_limit_is_413(client: TestClient, embedded: Ledger, packed: str) -> None:
    body = PACKERS[packed](many(10_000))
    assert len(body) < LIMIT
    answer = client.post("/v1/ingest", content=body, headers={"content-encoding": packed})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["receipt"]["accepted"] == events(embedded)


def test_the_format_of_the_path_is_the_only_one_read(client: TestClient) -> None:
    answer = client.post("/v1/ingest/bifrost-log", json=call("a"))
    assert (answer.status_code, answer.json()["rejections"][0]["code"]) == (200, "unknown_format")
    assert client.post("/v1/ingest/completion", json=call("a")).json()["accepted"] == 1
    unknown = client.post("/v1/ingest/nothing", json=call("a"))
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["parameter"]) == (
        422,
        "bad_parameter",
        "format",
    )


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"x-bf-vk": "vk-1"}, True),
        ({"authorization": "Bearer sk-bf-0123456789abcdef"}, True),
        ({"x-api-key": "sk-bf-0123456789abcdef"}, True),
        ({"api-key": "sk-bf-0123456789abcdef"}, True),
        ({"x-goog-api-key": "sk-bf-0123456789abcdef"}, True),
        ({"x-api-key": "sk-ant-0123456789abcdef"}, False),
        ({"authorization": "Bearer sk-0123456789abcdef"}, False),
        ({}, False),
    ],
)
def test_headers_say_whose_call_it_was(
    client: TestClient, embedded: Ledger, headers: dict[str, str], *, known: bool
) -> None:
    client.post("/v1/ingest", json=call("a"), headers=headers)
    with embedded.reading() as connection:
        keys = (
            connection.execute(sa.select(directory.c.ident).where(directory.c.kind == "virtual_key"))
            .scalars()
            .all()
        )
    assert len(keys) == known
    assert not any("0123456789abcdef" in key for key in keys)


CONVERSE = (
    b'data: {"messageStart":{"role":"assistant"}}\n\ndata: {"messageStop":{"stopReason":"end_turn"}}\n\n'
    b'data: {"metadata":{"usage":{"inputTokens":70,"outputTokens":9,"totalTokens":79}}}\n\n'
)
COHERE = (
    b'data: {"type":"message-start","id":"co-7","delta":{"message":{"role":"assistant"}}}\n\n'
    b'data: {"type":"message-end","delta":{"finish_reason":"COMPLETE",'
    b'"usage":{"billed_units":{"input_tokens":70,"output_tokens":9}}}}\n\n'
)


@pytest.mark.parametrize(
    ("body", "provider", "model"),
    [
        (CONVERSE, "bedrock", "anthropic.claude-3-5-haiku-20241022-v1:0"),
        (COHERE, "cohere", "command-r-plus-08-2024"),
    ],
)
def test_a_stream_that_names_no_model_is_priced_by_the_model_of_a_header(
    client: TestClient, embedded: Ledger, body: bytes, provider: str, model: str
) -> None:
    headers = {
        "content-type": "text/event-stream",
        "x-tallybook-model": model,
        "x-tallybook-occurred-at": "2026-11-20T09:30:00+01:00",
        "x-tallybook-labels": '{"job": "nächtlich", "attempt": 2}',
        "x-tallybook-session": "chat-7",
        "x-bf-vk": "vk-1",
    }
    answer = client.post(
        "/v1/ingest", content=body, headers={k.encode(): v.encode() for k, v in headers.items()}
    )
    assert (answer.json()["accepted"], answer.json()["unpriced"]) == (1, 0)
    (event,) = kept(embedded)
    assert event["occurred_at"] == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    assert json.loads(event["labels"]) == {"job": "nächtlich", "attempt": "2"}
    assert event["total_cost"] > 0
    assert (event["provider"], event["model"], event["virtual_key"]) == (provider, model, "vk-1")
    assert event["session"] == "chat-7"


def test_a_record_and_its_envelope_stand_before_headers(client: TestClient, embedded: Ledger) -> None:
    headers = {
        "x-tallybook-model": "gpt-4.1",
        "x-tallybook-provider": "azure",
        "x-tallybook-occurred-at": "1700000000",
        "x-tallybook-labels": '{"job": "header", "team": "a"}',
        "x-tallybook-session": "of the header",
    }
    envelope: dict[str, Any] = {
        "occurred_at": "2026-11-20T09:30:00Z",
        "session": "s-1",
        "agent": "a-1",
        "workflow": "w-1",
    }
    envelope |= {"labels": {"job": "own"}, "response": call("a")}
    client.post("/v1/ingest", json=envelope, headers=headers)
    (event,) = kept(embedded)
    assert event["occurred_at"] == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert json.loads(event["labels"]) == {"job": "own", "team": "a"}
    assert (event["provider"], event["model"]) == ("openai", "gpt-4o")
    assert (event["session"], event["agent"], event["workflow"]) == ("s-1", "a-1", "w-1")


def test_a_header_gives_the_provider_of_a_model_that_many_serve(client: TestClient, embedded: Ledger) -> None:
    record = call("a", model="llama-3.3-70b-versatile")
    client.post("/v1/ingest", json=record, headers={"x-tallybook-provider": "groq"})
    (event,) = kept(embedded)
    assert event["source_event_id"] == "groq:a"
    assert event["total_cost"] > 0


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("model", ""),
        ("provider", "x" * 256),
        ("occurred-at", "yesterday"),
        ("occurred-at", "2026-11-20T09:30:00"),
        ("occurred-at", "1700000000000"),
        ("occurred-at", "nan"),
        ("occurred-at", "1815-11-20T09:30:00Z"),
        ("labels", "job=nightly"),
        ("labels", '["nightly"]'),
        ("labels", '{"job": {"name": "nightly"}}'),
        ("session", "s" * 300),
    ],
)
def test_a_header_that_cannot_be_used_is_named(
    client: TestClient, embedded: Ledger, header: str, value: str
) -> None:
    answer = client.post("/v1/ingest", json=call("a"), headers={f"x-tallybook-{header}": value})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")
    assert answer.json()["parameter"] == f"x-tallybook-{header}"
    assert events(embedded) == 0


def test_the_same_idempotency_key_gets_the_same_receipt(client: TestClient, embedded: Ledger) -> None:
    headers = {"idempotency-key": "order 66"}
    keyless = {k: v for k, v in call("").items() if k != "id"}
    first = client.post("/v1/ingest", json=[keyless, keyless], headers=headers)
    again = client.post("/v1/ingest", json=[keyless, keyless], headers=headers)
    assert first.content == again.content
    assert events(embedded) == first.json()["accepted"] == 2
    with embedded.reading() as connection:
        (kept,) = connection.execute(sa.select(receipt.c.key_hash)).scalars()
    assert len(kept) == 16


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_has_a_length(client: TestClient, key: str) -> None:
    answer = client.post("/v1/ingest", json=call("a"), headers={"idempotency-key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")
    assert answer.json()["parameter"] == "idempotency-key"


def test_simultaneous_requests_of_one_key_count_once(served: str, embedded: Ledger) -> None:
    keyless = [{k: v for k, v in call("").items() if k != "id"} for _ in range(20)]

    def send(_: int) -> bytes:
        headers = {"idempotency-key": "k"}
        return httpx.post(f"{served}/v1/ingest", json=keyless, headers=headers, timeout=60).content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(16)))
    assert len(answers) == 1
    assert events(embedded) == 20


def test_a_ledger_that_is_locked_is_503_and_nothing_is_acknowledged(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BATCH_RECORDS", 10)
    body = many(25)
    app = make_api(embedded, SETTINGS)
    commit = Intake.commit

    def third_time_locked(intake: Intake, batch: Any) -> Any:
        if len(batch.entries) < 10:
            raise LedgerBusy("INSERT secret: database is locked")
        return commit(intake, batch)

    monkeypatch.setattr(Intake, "commit", third_time_locked)
    with TestClient(app) as client:
        answer = client.post("/v1/ingest", content=body)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "unavailable",
        "5",
    )
    assert answer.json()["receipt"]["accepted"] == events(embedded) == 20
    assert "secret" not in answer.text


def test_a_request_too_many_is_asked_to_come_later(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "QUEUE", 0)
    answer = client.post("/v1/ingest", json=call("a"))
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


def test_an_unexpected_error_shows_and_logs_no_content(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("the secret prompt")

    monkeypatch.setattr(Intake, "commit", explode)
    answer = client.post("/v1/ingest", json=call("a"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    logged = capsys.readouterr().err
    assert "RuntimeError" in logged
    assert "secret" not in answer.text + logged


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("PUT", "/v1/ingest", 405, "method_not_allowed")],
)
def test_what_is_not_there_is_a_problem(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_health_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    client.post("/v1/ingest", json=[call("a"), call("a"), {}, call("b", model="nobody-knows-this")])
    told = client.get("/metrics").text
    assert 'tallybook_records_total{outcome="accepted"} 2.0' in told
    assert 'tallybook_records_total{outcome="duplicates"} 1.0' in told
    assert 'tallybook_records_total{outcome="rejected"} 1.0' in told
    assert "tallybook_unpriced_records_total 1.0" in told
    assert 'tallybook_requests_total{method="POST",status="200"} 1.0' in told


def test_a_ledger_out_of_reach_is_not_ready_and_says_why(embedded: Ledger) -> None:
    client = TestClient(make_api(embedded, SETTINGS))  # without a lifespan it looks when it is asked
    assert client.get("/readyz").json() == {"status": "ready"}
    Path(str(embedded.engine.url.database)).unlink()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (
        503,
        "5",
        "replaced",
    )
    assert "restart" in answer.json()["detail"]


def test_a_body_for_a_file_that_was_replaced_is_not_acknowledged(
    client: TestClient, embedded: Ledger
) -> None:
    client.post("/v1/ingest", json=call("a"))
    file = Path(str(embedded.engine.url.database))
    shutil.copyfile(file, file.with_name("restored.db"))
    file.with_name("restored.db").replace(file)
    answer = client.post("/v1/ingest", json=call("b"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def wait_for(ledger: Ledger, count: int) -> None:
    deadline = time.monotonic() + 60
    while events(ledger) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_cut_connection_leaves_what_was_committed_and_all_can_be_sent_again(
    served: str, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BLOCK_BYTES", 2**14)
    body = many(3000)
    host, port = served.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/ingest HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body[: len(body) // 2])
        wait_for(embedded, 1000)
    assert 1000 <= events(embedded) < 3000
    kept = events(embedded)
    answer = httpx.post(f"{served}/v1/ingest", content=body).json()
    assert (answer["duplicates"], answer["accepted"], events(embedded)) == (kept, 3000 - kept, 3000)


def test_a_sender_that_listens_only_after_sending_hears_413(served: str, embedded: Ledger) -> None:
    with closing(http.client.HTTPConnection(served.removeprefix("http://"))) as connection:
        connection.request("POST", "/v1/ingest", many(60_000), {"connection": "close"})
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.load(answer)["receipt"]["accepted"] == events(embedded) > 0


def test_a_body_of_no_stated_length_is_bounded_too(served: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield many(100)

    assert httpx.post(f"{served}/v1/ingest", content=chunks()).status_code == 413


def test_two_posts_of_an_equal_call_without_an_id_are_two_calls(client: TestClient, embedded: Ledger) -> None:
    receipts = [client.post("/v1/ingest", json=EMBEDDING).json() for _ in range(2)]
    assert [(one["accepted"], one["keyless"]) for one in receipts] == [(1, 1), (1, 1)]
    assert events(embedded) == 2


def test_a_post_without_ids_is_safe_to_repeat_under_its_idempotency_key(
    client: TestClient, embedded: Ledger
) -> None:
    headers = {"Idempotency-Key": "job-1"}
    receipts = [client.post("/v1/ingest", json=[EMBEDDING] * 2, headers=headers).json() for _ in range(2)]
    assert [(one["accepted"], one["keyless"]) for one in receipts] == [(2, 0), (2, 0)]
    assert events(embedded) == 2


def test_an_envelope_with_an_event_id_is_known_by_it(client: TestClient, embedded: Ledger) -> None:
    envelope = {"event_id": "call-1", "response": EMBEDDING}
    receipts = [client.post("/v1/ingest", json=envelope).json() for _ in range(2)]
    assert [(one["accepted"], one["duplicates"], one["keyless"]) for one in receipts] == [
        (1, 0, 0),
        (0, 1, 0),
    ]
    assert events(embedded) == 1


@contextmanager
def locked(ledger: Ledger) -> Iterator[None]:
    """Another program holds the lock that writing needs."""
    if ledger.engine.dialect.name == "postgresql":
        with ledger.engine.begin() as other:
            other.execute(sa.text("LOCK TABLE usage_event IN ACCESS EXCLUSIVE MODE"))
            yield
        return
    with closing(sqlite3.connect(str(ledger.engine.url.database), isolation_level=None)) as other_file:
        other_file.execute("BEGIN IMMEDIATE")
        yield


def test_a_locked_ledger_keeps_one_post_waiting_and_refuses_the_others_at_once(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(limits, "RETRY_SECONDS", 3600)
    begun: list[None] = []
    with TestClient(make_api(embedded, SETTINGS)) as client:
        sa.event.listen(embedded.engine, "begin", lambda _: begun.append(None))
        with locked(embedded):
            answers = [client.post("/v1/ingest", json=call(f"a{number}")) for number in range(5)]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(503, "unavailable")}
    assert all("retry-after" in one.headers for one in answers)
    assert len(begun) <= 2  # the price book, and one write
    assert events(embedded) == 0


def test_posts_are_taken_again_when_the_lock_is_gone(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(limits, "RETRY_SECONDS", 0)
    with TestClient(make_api(ledger, SETTINGS)) as client:
        with locked(ledger):
            assert client.post("/v1/ingest", json=call("a")).status_code == 503
        assert client.post("/v1/ingest", json=call("a")).json()["accepted"] == 1


def test_what_was_committed_before_an_error_is_in_the_answer_and_counted(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BATCH_RECORDS", 10)
    commit = Intake.commit

    def second_time_broken(intake: Intake, batch: Any) -> Any:
        if len(batch.entries) < 10:
            raise RuntimeError("where is my parcel?")
        return commit(intake, batch)

    monkeypatch.setattr(Intake, "commit", second_time_broken)
    with TestClient(make_api(embedded, SETTINGS)) as client:
        answer = client.post("/v1/ingest", content=many(15))
        told = client.get("/metrics").text
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["receipt"]["accepted"] == events(embedded) == 10
    assert "parcel" not in answer.text
    assert 'outcome="accepted"' in told


def test_large_bodies_that_stop_leave_room_for_small_ones(embedded: Ledger) -> None:
    settings = Settings(max_memory_bytes=2**24)
    app = make_api(embedded, settings)
    head = b"POST /v1/ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 30000000\r\n\r\n"
    with serving.served(app) as address, ExitStack() as stack:
        host, port = address.removeprefix("http://").split(":")
        for _ in range(8):
            sender = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            sender.sendall(head + b'{"id":"' + b"x" * 3 * 2**20)
        for number in range(5):
            answer = httpx.post(f"{address}/v1/ingest", json=call(f"small {number}"))
            assert answer.json()["accepted"] == 1


def test_the_turns_of_a_sender_that_has_gone_end(
    served: str, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BATCH_RECORDS", 10)
    commit, gone = Intake.commit, threading.Event()

    def slowly(intake: Intake, batch: Any) -> Any:
        receipt = commit(intake, batch)
        gone.wait(20)
        return receipt

    monkeypatch.setattr(Intake, "commit", slowly)
    host, port = served.removeprefix("http://").split(":")
    body = many(1_000)
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/ingest HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        wait_for(embedded, 10)
    httpx.get(f"{served}/healthz")  # the server has seen the end of the connection
    gone.set()
    deadline = time.monotonic() + 60
    while "tallybook_bodies_underway 0.0" not in httpx.get(f"{served}/metrics").text:
        assert time.monotonic() < deadline
    assert events(embedded) < 100
