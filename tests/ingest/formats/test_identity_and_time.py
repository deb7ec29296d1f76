"""Which call a body is, when it was made, whose it is, and what is no call."""

import json
from typing import Any

import pytest

from ingest import formats
from ingest.formats import stream
from ingest.formats.completion.response_id import is_id
from ingest.framing import RawRecord, Splitter
from ingest.model.event import UsageEvent
from ingest.model.rejection import Refused

BODY: dict[str, Any] = {"object": "chat.completion", "model": "acme-large", "choices": []}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
AT = 1_782_893_700_000_000


def read(**fields: Any) -> UsageEvent:
    return formats.read(json.dumps(BODY | fields).encode())


def refusal(record: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        formats.read(json.dumps(record).encode())
    return caught.value


def streamed(*chunks: dict[str, Any]) -> list[UsageEvent]:
    """The events of a body of server-sent events."""
    splitter = Splitter("sse", assemble=stream.assemble)
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
    records = [*splitter.feed(body), *splitter.finish()]
    return [formats.read(record.raw) for record in records if isinstance(record, RawRecord)]


# Ids.


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        0,
        41,
        "41",
        "998",
        "cmpl-",
        "stub",
        "STUB",
        "chatcmpl-None",
        "undefined",
        "n/a",
        "-",
        "0" * 32,
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_an_id_that_many_calls_share_is_no_id(value: str | int | None) -> None:
    assert not is_id(value)
    assert read(id=value).source_event_id is None


@pytest.mark.parametrize(
    "value", ["chatcmpl-8Zt4", "chatcmpl-1234567", 1_790_000_001, "0a1b", "msg_01Pq8w", "gen-177301-d", "wx7"]
)
def test_any_other_id_identifies_the_call(value: str | int) -> None:
    assert is_id(value)
    assert read(id=value).source_event_id == f"{read(id=value).provider}:{value}"


@pytest.mark.parametrize("value", ["chatcmpl-0", "chatcmpl-506", "cmpl-12", "resp_90210", "w7"])
def test_a_small_number_of_a_server_that_nobody_knows_is_no_id(value: str) -> None:
    assert read(id=value, system_fingerprint="fp_ollama").source_event_id is None
    assert read(id=value).source_event_id is None
    assert read(id=value, model="gpt-4o").source_event_id == f"openai:{value}"


def test_groqs_own_id_stands_in_for_an_id_that_is_none() -> None:
    assert read(id="stub", x_groq={"id": "req_01k7s9"}).source_event_id == "groq:req_01k7s9"
    assert read(id="chatcmpl-8Zt4", x_groq={"id": "req_01k7s9"}).source_event_id == "groq:chatcmpl-8Zt4"


def chunk(chunk_id: str, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": {"content": "x"}, "finish_reason": finish}]
    return {"id": chunk_id, "object": "chat.completion.chunk", "model": "m", "choices": choices, **fields}


def test_a_stream_whose_chunks_have_ids_of_their_own_is_one_call() -> None:
    usage_alone = {"id": "e4-d", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
    (event,) = streamed(chunk("e4-a"), chunk("e4-b"), chunk("e4-c", "stop"), usage_alone)
    assert (event.input_tokens, event.status, event.source_event_id) == (5, "success", "unknown:e4-a")
    (event,) = streamed(
        chunk("e5-a"), chunk("e5-b"), chunk("stub", "stop", x_groq={"id": "req_9q", "usage": USAGE})
    )
    assert event.source_event_id == "groq:req_9q"


def test_a_stream_after_one_that_has_ended_is_another_call() -> None:
    events = streamed(
        *(chunk("e4-a"), chunk("e4-b", "stop", usage=USAGE)),
        *(chunk("e5-a"), chunk("e5-a"), chunk("e6-a"), chunk("e6-a", "stop", usage=USAGE)),
    )
    assert [event.source_event_id for event in events] == ["unknown:e4-a", "unknown:e5-a", "unknown:e6-a"]
    assert [event.status for event in events] == ["success", "cancelled", "success"]


# Times.


@pytest.mark.parametrize(
    "created",
    [
        1782893700,
        "1782893700",
        1782893700000,
        "1782893700000",
        1782893700000000,
        1782893700000000000,
        "2026-07-01T08:15:00Z",
        "2026-07-01T10:15:00.000000001+02:00",
    ],
)
def test_the_time_of_a_response_may_have_an_odd_form(created: str | int) -> None:
    assert read(created=created).occurred_at == AT


@pytest.mark.parametrize("created", [None, 0, "", 12, 63_400, "86400.5"])
def test_a_time_since_the_start_of_a_server_is_no_time(created: str | float | None) -> None:
    assert read(created=created).occurred_at is None


@pytest.mark.parametrize("created", ["yesterday", "2026-07-01T08:15:00", -5, 99_999_999_999, 10**25, {}])
def test_a_time_that_cannot_be_read_refuses_the_call_but_not_where_the_envelope_has_a_time(
    created: Any,
) -> None:
    assert refusal({**BODY, "created": created}).field == "created"
    envelope = {
        "occurred_at": "2026-07-01T08:15:00Z",
        "response": {**BODY, "created": created, "usage": USAGE},
    }
    event = formats.read(json.dumps(envelope).encode())
    assert (event.occurred_at, event.input_tokens) == (AT, 5)
    assert refusal({"response": {**BODY, "created": created}}).field == "response.created"


def test_the_time_of_an_envelope_does_not_hide_another_fault() -> None:
    response = {**BODY, "created": "yesterday", "usage": {"prompt_tokens": -1}}
    refused = refusal({"occurred_at": "2026-07-01T08:15:00Z", "response": response})
    assert refused.field == "response.usage.prompt_tokens"


# Providers.


@pytest.mark.parametrize(
    ("fields", "provider"),
    [
        ({"model": "gpt-5-mini", "content_filters": [{"blocked": False}]}, "azure"),
        ({"model": "gpt-5-mini", "content_filters": None, "x_groq": None}, "openai"),
        ({"model": "gpt-oss-20b"}, "unknown"),
        ({"model": "openai/gpt-oss-20b"}, "unknown"),
        ({"model": "openai/gpt-oss-20b", "x_groq": {"id": "req_9q"}}, "groq"),
        ({"model": "gpt-oss:20b", "system_fingerprint": "fp_ollama"}, "ollama"),
        ({"model": "mistral-7b-instruct-v0.3"}, "unknown"),
        ({"model": "mistral-small:24b"}, "unknown"),
        ({"model": "deepseek-r1-distill-qwen-32b"}, "unknown"),
        ({"model": "whisper-large-v3"}, "unknown"),
        ({"model": "ministral-8b-latest"}, "mistral"),
        ({"model": "deepseek-reasoner"}, "deepseek"),
        ({"model": "gemini-1.5-flash-8b"}, "gemini"),
        ({"model": "whisper-1"}, "openai"),
    ],
)
def test_open_weights_are_nobodys_and_only_values_are_marks(fields: dict[str, Any], provider: str) -> None:
    assert read(**fields).provider == provider


# What is no call.


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"id": "asst_9q", "object": "assistant", "model": "gpt-4.1", "tools": []}, "not_a_call"),
        ({"id": "step_9q", "object": "thread.run.step", "usage": USAGE}, "not_a_call"),
        (
            {"id": "ftjob-9q", "object": "fine_tuning.job", "model": "gpt-4.1", "status": "running"},
            "not_a_call",
        ),
        ({"id": "sess_9q", "object": "realtime.session", "model": "gpt-realtime"}, "not_a_call"),
        ({"id": "w9q", "object": "acme.workspace", "model": "acme-large"}, "not_a_call"),
        ({"id": "vs_9q", "object": "vector_store", "model": "m", "usage": {"bytes": 5}}, "not_a_call"),
        (
            {
                "name": "cachedContents/9q",
                "model": "models/gemini-3",
                "usageMetadata": {"totalTokenCount": 5},
            },
            "not_a_call",
        ),
        ({"name": "cachedContents/9q", "usage_metadata": {"total_token_count": 5}}, "not_a_call"),
        ({"id": "batch_9q", "object": "batch", "model": "m", "usage": USAGE}, "aggregate"),
        (
            {"type": "result", "session_id": "s", "total_cost_usd": 0.5, "usage": {"input_tokens": 5}},
            "aggregate",
        ),
        (
            {"id": "run_9q", "object": "thread.run", "model": "gpt-4.1", "status": "queued", "usage": None},
            "processing",
        ),
    ],
)
def test_a_resource_or_a_sum_is_no_call(record: dict[str, Any], code: str) -> None:
    assert refusal(record).code == code


def test_a_run_of_an_assistant_is_one_call_however_it_comes() -> None:
    run = {"id": "run_9q", "object": "thread.run", "model": "gpt-4.1", "status": "completed", "usage": USAGE}
    step = {"id": "step_9q", "object": "thread.run.step", "run_id": "run_9q", "usage": USAGE}
    message = {"id": "msg_9q", "object": "thread.message.delta", "delta": {"content": []}}
    (event,) = streamed({**run, "status": "queued", "usage": None}, step, message, step, run)
    assert (event.input_tokens, event.source_event_id) == (5, "openai:run_9q")
    assert formats.read(json.dumps(run).encode()).source_event_id == event.source_event_id


def test_an_object_of_an_unknown_kind_with_usage_is_a_call() -> None:
    assert read(object="acme.answer", usage=USAGE).input_tokens == 5
