"""Providers' own bodies, streams and batches: what their counts and costs mean, and which call is which."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import stream
from ingest.formats.redaction import redact
from ingest.framing import RawRecord, Splitter
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import usage_event
from ingest.model.event import UsageEvent, check
from ingest.model.money import to_pico
from ingest.model.rejection import Refused
from ingest.pricing.book import Book
from ingest.pricing.charge import Charge
from ingest.pricing.pricing import price
from tests.support.ledgers import Post
from tests.support.paths import FORMATS

FOLDER = FORMATS
COUNTS = st.integers(0, 10**11)
AMOUNTS = st.decimals(0, 1000, allow_nan=False, places=9)
AT = 1_790_000_000_000_000


def sample(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return value


def read(record: dict[str, Any]) -> UsageEvent:
    return formats.read(json.dumps(record).encode())


def changed(record: Any, path: str, value: Any) -> Any:
    """`record` with `value` at the dotted `path`."""
    name, _, rest = path.partition(".")
    return record | {name: changed(record[name], rest, value) if rest else value}


# What counts mean.


@given(prompt=COUNTS, tool=COUNTS, answer=COUNTS, thought=COUNTS, cached=COUNTS)
def test_geminis_thoughts_are_output_and_a_tools_prompt_is_input(
    prompt: int, tool: int, answer: int, thought: int, cached: int
) -> None:
    cached = min(cached, prompt)
    counts = {
        "promptTokenCount": prompt,
        "toolUsePromptTokenCount": tool,
        "candidatesTokenCount": answer,
        "thoughtsTokenCount": thought,
        "cachedContentTokenCount": cached,
        "totalTokenCount": prompt + tool + answer + thought,
    }
    event = read({"candidates": [], "modelVersion": "gemini-2.5-pro", "usageMetadata": counts})
    check(event)
    assert (event.input_tokens, event.output_tokens) == (prompt + tool, answer + thought)
    assert (event.reasoning_tokens, event.cache_read_tokens) == (thought, cached)
    left_out = {name: count for name, count in counts.items() if count}
    zeros = read({"candidates": [], "modelVersion": "gemini-2.5-pro", "usageMetadata": left_out})
    if left_out:
        assert (zeros.input_tokens, zeros.output_tokens) == (event.input_tokens, event.output_tokens)


def test_gemini_says_the_same_in_either_spelling() -> None:
    camel = sample("gemini/cached-and-thinking")
    names = {"usageMetadata": "usage_metadata", "modelVersion": "model_version", "responseId": "response_id"}
    snake: dict[str, Any] = {names.get(name, name): value for name, value in camel.items()}
    snake["candidates"] = [{"finish_reason": "STOP"}]
    usage = {
        "prompt_token_count": 2152,
        "cached_content_token_count": 2027,
        "candidates_token_count": 710,
        "thoughts_token_count": 1286,
        "total_token_count": 4148,
        "prompt_tokens_details": [{"modality": "TEXT", "token_count": 2152}],
        "candidates_tokens_details": [{"modality": "TEXT", "token_count": 710}],
    }
    assert read(snake | {"usage_metadata": usage}) == read(camel)


@given(plain=COUNTS, cached=COUNTS, five=COUNTS, hour=COUNTS, answer=COUNTS)
def test_converse_and_anthropic_agree_that_the_cache_stands_beside_the_input(
    plain: int, cached: int, five: int, hour: int, answer: int
) -> None:
    converse = {
        "inputTokens": plain,
        "outputTokens": answer,
        "cacheReadInputTokens": cached,
        "cacheWriteInputTokens": five + hour,
        "cacheDetails": [{"ttl": "1h", "inputTokens": hour}, {"ttl": "5m", "inputTokens": five}],
    }
    anthropic = {
        "input_tokens": plain,
        "output_tokens": answer,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
    }
    bedrock_event = read({"output": {}, "stopReason": "end_turn", "usage": converse})
    anthropic_event = read({"type": "message", "model": "claude-sonnet-4-5", "usage": anthropic})
    for event in (bedrock_event, anthropic_event):
        check(event)
        assert event.input_tokens == plain + cached + five + hour
        assert (event.cache_read_tokens, event.cache_write_tokens) == (cached, five + hour)
        assert (event.cache_write_5m_tokens, event.cache_write_1h_tokens) == (five, hour)
        assert event.total_tokens == plain + cached + five + hour + answer


@given(billed=COUNTS, raw=COUNTS)
def test_cohere_is_counted_by_what_it_bills(billed: int, raw: int) -> None:
    usage = {"billed_units": {"input_tokens": float(billed)}, "tokens": {"input_tokens": float(raw)}}
    event = read({"id": "c", "finish_reason": "COMPLETE", "message": {}, "usage": usage})
    assert event.input_tokens == billed


@given(prompt=COUNTS, answer=COUNTS, thought=st.integers(1, 10**11))
def test_reasoning_larger_than_the_completion_is_outside_it(prompt: int, answer: int, thought: int) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "completion_tokens_details": {"reasoning_tokens": answer + thought},
    }
    event = read({"choices": [], "model": "grok-4", "usage": usage})
    check(event)
    assert event.output_tokens == answer + answer + thought


# What costs mean.


@given(fee=AMOUNTS, upstream=AMOUNTS, byok=st.booleans())
def test_a_call_with_ones_own_key_costs_the_fee_and_the_providers_price(
    fee: Decimal, upstream: Decimal, *, byok: bool
) -> None:
    spend = to_pico(fee) + (to_pico(upstream) if byok else 0)
    details = {"upstream_inference_cost": str(upstream)}
    usage = {"prompt_tokens": 1, "cost": str(fee), "is_byok": byok, "cost_details": details}
    body = read({"id": "gen-1", "choices": [], "usage": usage})
    record = sample("openrouter/generation")["data"] | {
        "total_cost": str(fee),
        "is_byok": byok,
        "upstream_inference_cost": str(upstream),
    }
    row = sample("openrouter-activity/row") | {
        "cost_total": str(fee),
        "byok_usage_inference": str(upstream) if byok else "0",
    }
    for event in (body, read(record), read({"data": record}), read(row)):
        assert event.reported is not None
        assert event.reported.total == spend


def test_a_price_of_0_is_believed_of_the_one_who_bills() -> None:
    event = read(sample("openrouter/free"))
    assert charged(event).cost_source == "reported"
    assert charged(event).total_cost == 0


def test_a_call_with_ones_own_key_and_no_known_price_is_not_taken_for_its_fee() -> None:
    assert read(sample("openrouter/byok-price-unknown")).reported is None
    assert read(sample("completion/openrouter-byok-price-unknown")).reported is None


def test_perplexitys_cache_is_taken_out_of_the_input_where_the_total_says_that_it_is_in_it() -> None:
    cost = {
        "input_cost": "0.010",
        "output_cost": "0.002",
        "cache_read_cost": "0.003",
        "cache_creation_cost": "0.001",
        "tool_calls_cost": "0.005",
    }
    body = sample("completion/perplexity-agent")
    inside = read(changed(body, "usage.cost", cost | {"total_cost": "0.017"})).reported
    beside = read(changed(body, "usage.cost", cost | {"total_cost": "0.021"})).reported
    assert inside is not None
    assert beside is not None
    assert (inside.input, beside.input) == (6 * 10**9, 10 * 10**9)
    for parts in (inside, beside):
        stated = (parts.input, parts.output, parts.cache_read, parts.cache_write, parts.tool)
        assert sum(part or 0 for part in stated) == parts.total


def charged(event: UsageEvent) -> Charge:
    return price(event, Book(), AT)


# Which call is which.


def token_counts(ledger: Ledger) -> list[tuple[int | None, int | None]]:
    """Input and output tokens of the events, in no order."""
    with ledger.reading() as connection:
        rows = connection.execute(sa.select(usage_event.c.input_tokens, usage_event.c.output_tokens))
        return sorted((row.input_tokens or 0, row.output_tokens or 0) for row in rows)


def test_the_last_of_an_array_of_chunks_counts(embedded: Ledger, post: Post) -> None:
    chunks = [
        changed(sample("gemini/chunk-of-an-array"), "usageMetadata", counts)
        for counts in (
            {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15},
            {"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17},
            {"promptTokenCount": 12, "candidatesTokenCount": 8, "totalTokenCount": 20},
        )
    ]
    last = chunks[-1]["candidates"][0] | {"finishReason": "STOP"}
    chunks[-1] = chunks[-1] | {"candidates": [last]}
    records = [json.dumps(chunk).encode() for chunk in chunks]
    post(embedded, *records)
    assert token_counts(embedded) == [(12, 8)]
    assert post(embedded, *records).duplicates == 3


def test_a_chunk_that_does_not_say_of_which_stream_it_is_is_refused() -> None:
    chunk = sample("gemini/chunk-of-an-array") | {"responseId": None}
    with pytest.raises(Refused, match="server-sent events") as caught:
        read(chunk)
    assert caught.value.code == "partial"


def test_two_batches_with_the_same_custom_id_are_two_calls(embedded: Ledger, post: Post) -> None:
    line = sample("openai-batch/chat")
    again = changed(changed(line, "id", "batch_req_9"), "response.body.id", "chatcmpl-b9")
    expired = sample("anthropic-batch/expired")
    lines = [json.dumps(one).encode() for one in (line, again, expired, expired | {"custom_id": "other"})]
    assert post(embedded, *lines).accepted == 4
    assert post(embedded, *lines).duplicates == 4


def test_a_response_its_record_and_its_row_in_the_export_are_one_call(embedded: Ledger, post: Post) -> None:
    body = sample("completion/openrouter-parts") | {"id": "gen-one"}
    record = sample("openrouter/generation-alone") | {"id": "gen-one"}
    row = sample("openrouter-activity/row") | {"generation_id": "gen-one"}
    post(embedded, *(json.dumps(one).encode() for one in (body, record, row)))
    assert token_counts(embedded) == [(1200, 300)]


@pytest.mark.parametrize("name", ["anthropic-batch/succeeded-tier-not-said", "openai-batch/chat"])
def test_a_batch_is_never_priced_as_if_it_were_none(name: str) -> None:
    event = read(sample(name))
    assert event.service_tier == "batch"
    standard = charged(msgspec.structs.replace(event, service_tier=None))
    assert charged(event).total_cost == (standard.total_cost or 0) // 2


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("anthropic-batch/errored", "error"),
        ("anthropic-batch/canceled", "cancelled"),
        ("anthropic-batch/expired", "cancelled"),
        ("openai-batch/refused-request", "error"),
        ("openai-batch/expired", "cancelled"),
        ("openai-batch/cancelled", "cancelled"),
        ("bedrock-batch/failed", "error"),
    ],
)
def test_what_a_batch_did_not_do_is_free(name: str, status: str) -> None:
    event = read(sample(name))
    assert event.status == status
    assert (event.input_tokens, event.output_tokens) == (None, None)
    assert (charged(event).cost_source, charged(event).total_cost) == ("free", 0)


def test_advice_of_another_model_has_that_models_price(embedded: Ledger, post: Post) -> None:
    raw = json.dumps(sample("envelope/turns-of-another-model")).encode()
    assert post(embedded, raw).accepted == 2
    assert token_counts(embedded) == [(412, 531), (923, 1612)]
    assert post(embedded, raw).duplicates == 2


@pytest.mark.parametrize("mark", ["extra_fields", "call_type"])
def test_the_turns_of_a_gateways_record_are_in_its_counts(mark: str) -> None:
    message = sample("completion/anthropic-compaction")
    assert formats.unpack(json.dumps(message | {mark: {}}).encode()) is None
    assert formats.unpack(json.dumps({"response": message, mark: {}}).encode()) is None


def test_a_stream_whose_message_was_compacted_is_two_calls() -> None:
    message = sample("completion/anthropic-compaction")
    start = {"type": "message_start", "message": message | {"usage": {"input_tokens": 5, "output_tokens": 1}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": message["usage"]}
    record = stream.assemble([json.dumps(one).encode() for one in (start, end)])
    calls = formats.unpack(record)
    assert calls is not None
    assert [formats.read(one).input_tokens for one in calls] == [23_000, 180_120]


# Streams as they arrive.


def cut(body: bytes) -> list[bytes]:
    splitter = Splitter(assemble=stream.assemble, open_envelope=stream.open_envelope)
    records = [*splitter.feed(body), *splitter.finish()]
    assert all(isinstance(record, RawRecord) for record in records)
    return [record.raw for record in records if isinstance(record, RawRecord)]


@pytest.mark.parametrize("path", sorted((FOLDER / "stream").glob("*.sse")), ids=lambda path: path.stem)
def test_a_recorded_stream_is_one_record(path: Path) -> None:
    records = cut(path.read_bytes())
    assert len(records) == 1
    expected = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
    assert formats.read(records[0]).input_tokens == expected.get("input_tokens")


@pytest.mark.parametrize("name", ["anthropic", "gemini", "cohere", "azure"])
def test_streams_after_one_another_are_told_apart(name: str) -> None:
    body = (FOLDER / "stream" / f"{name}.sse").read_bytes().replace(b"data: [DONE]\n\n", b"")
    ids = {"anthropic": b"msg_s1", "gemini": b"st1", "cohere": b"co-1", "azure": b"chatcmpl-s"}
    other = body.replace(ids[name], ids[name] + b"-other")
    assert len(cut(body + other)) == 2


def enclosed(envelope: dict[str, Any], *names: str) -> bytes:
    """Recorded streams after one another, with an envelope before the first."""
    streams = (FOLDER / "stream" / f"{name}.sse" for name in names)
    return json.dumps(envelope).encode() + b"\n" + b"".join(path.read_bytes() for path in streams)


@pytest.mark.parametrize("name", ["converse", "cohere", "chat"])
def test_an_envelope_before_a_stream_says_what_the_stream_does_not(name: str) -> None:
    envelope = {
        "event_id": "e-1",
        "model": "command-r",
        "provider": "bedrock",
        "occurred_at": "2026-11-20T09:30:00Z",
        "virtual_key": "vk-1",
        "session": "s-1",
        "labels": {"job": "nightly"},
        "team": None,
    }
    (record,) = cut(enclosed(envelope, name))
    event = formats.read(record)
    assert (event.source_event_id, event.provider, event.model) == ("e-1", "bedrock", "command-r")
    assert (event.occurred_at, event.virtual_key) == (1_795_167_000_000_000, "vk-1")
    assert (event.session, event.labels, event.team) == ("s-1", {"job": "nightly"}, None)
    assert event.input_tokens
    assert event.stream


def test_streams_of_one_envelope_are_calls_of_their_own() -> None:
    records = cut(enclosed({"event_id": "e-1", "model": "m"}, "groq", "azure"))
    events = [formats.read(record) for record in records]
    assert [(event.source_event_id, event.model) for event in events] == [("e-1", "m"), ("e-1#2", "m")]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b'{"modl": "x"}', '"modl"'),
        (b'{"response": {}, "model": "x"}', '"response"'),
        (b'{"model": "x"', "no JSON object"),
        (b'{"a prompt in place of a name": 1}', "text"),
    ],
)
def test_a_line_before_a_stream_that_is_no_envelope_is_refused(line: bytes, named: str) -> None:
    with pytest.raises(Refused, match=named) as caught:
        stream.open_envelope(line)
    assert caught.value.code == "bad_envelope"
    assert "prompt" not in caught.value.reason


@given(length=st.integers(1, 10))
def test_a_message_that_was_cut_anywhere_keeps_what_is_known_of_its_input(length: int) -> None:
    lines = (FOLDER / "stream" / "anthropic.sse").read_text().splitlines()
    chunks = [line.removeprefix("data: ").encode() for line in lines if line.startswith("data: ")]
    event = formats.read(stream.assemble(chunks[:length]))
    check(event)
    assert event.input_tokens in {1325, 1330}
    assert (event.status == "success") == (length == 10)


# What is refused, and with what words.


@pytest.mark.parametrize(
    ("name", "path", "value", "code", "field"),
    [
        (
            "gemini/text",
            "usageMetadata.promptTokenCount",
            "twelve",
            "wrong_type",
            "usageMetadata.promptTokenCount",
        ),
        (
            "gemini/text",
            "usageMetadata.promptTokenCount",
            -1,
            "impossible_count",
            "usageMetadata.promptTokenCount",
        ),
        ("gemini/snake-case", "usage_metadata", [], "wrong_type", "usage_metadata"),
        ("gemini/vertex", "createTime", "yesterday", "bad_time", "createTime"),
        ("bedrock/converse", "usage.inputTokens", 1.5, "impossible_count", "usage.inputTokens"),
        ("bedrock/converse", "metrics.latencyMs", "slow", "wrong_type", "metrics.latencyMs"),
        ("bedrock-log/converse", "input.inputTokenCount", True, "wrong_type", "input.inputTokenCount"),
        ("bedrock-log/converse", "modelId", 5, "wrong_type", "modelId"),
        ("bedrock-log/converse", "timestamp", "then", "bad_time", "timestamp"),
        (
            "cohere/chat",
            "usage.billed_units.input_tokens",
            0.5,
            "impossible_count",
            "usage.billed_units.input_tokens",
        ),
        ("openrouter/generation", "data.total_cost", "dear", "wrong_type", "data.total_cost"),
        ("openrouter/generation", "data.total_cost", 1e9, "bad_amount", "total_cost"),
        (
            "openrouter/generation",
            "data.native_tokens_prompt",
            -4,
            "impossible_count",
            "data.native_tokens_prompt",
        ),
        ("openrouter-activity/row", "tokens_prompt", "many", "wrong_type", "tokens_prompt"),
        ("openrouter-activity/row", "cost_total", "1,5", "wrong_type", "cost_total"),
        ("openrouter-activity/row", "created_at", "30/03/2026", "bad_time", "created_at"),
        ("openai-batch/chat", "response.status_code", "fine", "wrong_type", "response.status_code"),
        ("openai-batch/chat", "response.body", None, "no_response", "response.body"),
        ("openai-batch/chat", "response.body", {"a": 1}, "unknown_format", "response.body"),
        (
            "openai-batch/chat",
            "response.body.usage.prompt_tokens",
            -1,
            "impossible_count",
            "response.body.usage.prompt_tokens",
        ),
        ("anthropic-batch/succeeded", "result.type", "odd", "unknown_status", "result.type"),
        (
            "anthropic-batch/succeeded",
            "result.message.usage.input_tokens",
            "nine",
            "wrong_type",
            "result.message.usage.input_tokens",
        ),
        ("bedrock-batch/nova", "modelOutput", {}, "unknown_format", "modelOutput"),
        ("completion/anthropic-plain", "usage.input_tokens", "nine", "wrong_type", "usage.input_tokens"),
        ("completion/openrouter-byok", "usage.cost_details", 5, "wrong_type", "usage.cost_details"),
        ("completion/openrouter-byok", "usage.cost", "9e9", "bad_amount", "usage.cost"),
        ("completion/xai-tools", "usage.cost_in_usd_ticks", "nine", "wrong_type", "usage.cost_in_usd_ticks"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    name: str, path: str, value: Any, code: str, field: str
) -> None:
    with pytest.raises(Refused) as caught:
        read(changed(sample(name), path, value))
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    "record",
    [
        {
            "id": "batch_1",
            "object": "batch",
            "model": "gpt-5",
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
        {"object": "bucket", "start_time": 1, "end_time": 2, "results": []},
        {"object": "organization.usage.completions.result", "input_tokens": 9, "model": "gpt-5"},
    ],
)
def test_a_sum_over_many_calls_is_not_taken_for_a_call(record: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="sum over many calls") as caught:
        read(record)
    assert caught.value.code == "aggregate"


def test_an_envelope_says_the_model_that_a_body_does_not() -> None:
    image = read({"model": "gpt-image-1", "response": sample("completion/openai-image")})
    assert (image.source, image.provider, image.model) == ("openai", "openai", "gpt-image-1")
    rerank = read({"model": "rerank-v3.5", "response": sample("cohere/rerank")})
    assert (rerank.provider, rerank.model, rerank.source_event_id) == (
        "cohere",
        "rerank-v3.5",
        "cohere:07734bd2",
    )
    named = {"provider": "bedrock", "model": "amazon.nova-lite-v1:0"}
    converse = read(named | {"response": sample("bedrock/converse")})
    assert charged(converse).cost_source == "computed"


@pytest.mark.parametrize(
    "path",
    [path for path in FOLDER.glob("*/*.json") if not path.name.endswith(".expected.json")],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_a_refused_record_of_any_format_is_kept_without_its_content(path: Path) -> None:
    kept = redact(path.read_bytes())
    assert kept is not None
    for content in ("Hello", "Paris", "UklGRg", "let me see", "I will"):
        assert content not in kept
