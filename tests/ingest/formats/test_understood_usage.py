"""A usage is understood or refused: no call is accepted with tokens that nobody read."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import stream
from ingest.model.event import UsageEvent, check
from ingest.model.rejection import PassedOver, Refused

COUNTS = st.integers(1, 10**9)
BODY = {"id": "chatcmpl-8Zt4", "object": "chat.completion", "model": "acme-large", "choices": []}


def read(record: dict[str, Any]) -> UsageEvent:
    event = formats.read(json.dumps(record).encode())
    check(event)
    return msgspec.structs.replace(event, former=None)


def with_usage(usage: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return {**BODY, **fields, "usage": usage}


def refusal(record: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        read(record)
    return caught.value


# Numbers that nobody knows.


@pytest.mark.parametrize(
    ("usage", "names"),
    [
        ({"tokens_read": 40, "tokens_made": 9}, "tokens_read, tokens_made"),
        ({"tokens": {"read": 40}, "steps": [{"made": 9}]}, "tokens.read, steps.made"),
        ({"tokens_read": "40"}, "tokens_read"),
        ({"prompt_tokens": None, "tokens_read": 40, "service_tier": "flex"}, "tokens_read"),
        ({"total_tokens": 49, "tokens_read": 40, "tokens_made": 9}, "tokens_read, tokens_made"),
        ({"cost": 0.25, "tokens_read": 40}, "tokens_read"),
        ({"How are you?": 40}, "?"),
    ],
)
def test_a_usage_of_unknown_numbers_is_refused_with_their_names(usage: dict[str, Any], names: str) -> None:
    refused = refusal(with_usage(usage))
    assert (refused.code, refused.field) == ("unknown_usage", "usage")
    assert f"knows: {names};" in refused.reason


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "tokens_wasted": 3},
        {"service_tier": "flex", "is_byok": False},
        {"cost": 0.25, "pictures": 0},
    ],
)
def test_a_usage_that_says_nothing_or_0_is_accepted(usage: dict[str, Any] | None) -> None:
    assert not read(with_usage(usage)).input_tokens


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (
            {"candidates": [], "modelVersion": "gemini-3-pro", "usageMetadata": {"tokensRead": 4}},
            "usageMetadata",
        ),
        (
            {"candidates": [], "model_version": "gemini-3-pro", "usage_metadata": {"read": 4}},
            "usage_metadata",
        ),
        ({"output": {}, "stopReason": "end_turn", "usage": {"readTokens": 4}}, "usage"),
        ({"finish_reason": "COMPLETE", "message": {}, "usage": {"billed_units": {"words": 4}}}, "usage"),
        ({"object": "interaction", "status": "completed", "usage": {"total_read": 4}}, "usage"),
    ],
)
def test_unknown_numbers_are_refused_in_every_shape(record: dict[str, Any], field: str) -> None:
    refused = refusal(record)
    assert (refused.code, refused.field) == ("unknown_usage", field)


@pytest.mark.parametrize(
    ("chunks", "name"),
    [
        (
            [{"id": "c-7f", "choices": [{"delta": {}}]}, {"choices": [], "usage": {"tokens_read": 4}}],
            "tokens_read",
        ),
        ([{"type": "message_start", "message": {"usage": {"read": 4}}}, {"type": "message_stop"}], "read"),
        (
            [{"candidates": [{}], "usageMetadata": {"tokensRead": 4}, "modelVersion": "gemini-3"}],
            "tokensRead",
        ),
        ([{"messageStart": {}}, {"metadata": {"usage": {"readTokens": 4}}}], "readTokens"),
        ([{"type": "message-start"}, {"type": "message-end", "delta": {"usage": {"words": 4}}}], "words"),
        ([{"type": "response.completed", "response": {"usage": {"tokens_read": 4}}}], "tokens_read"),
    ],
)
def test_unknown_numbers_of_a_stream_are_refused(chunks: list[dict[str, Any]], name: str) -> None:
    with pytest.raises(Refused, match=name) as caught:
        stream.assemble([json.dumps(chunk).encode() for chunk in chunks])
    assert caught.value.code == "unknown_usage"


# Cached tokens, under every name.


@pytest.mark.parametrize(
    "cached",
    [
        {"num_cached_tokens": 40},
        {"cached_tokens": 40},
        {"cached_input_tokens": 40},
        {"cached_prompt_tokens": 40},
        {"cached_prompt_text_tokens": "40"},
        {"prompt_cache_hit_tokens": 40, "prompt_cache_miss_tokens": 60},
        {"cache_read_tokens": 40},
        {"cache_read_input_tokens": 40, "cache_creation_input_tokens": 0},
        {"prompt_tokens_details": {}, "input_tokens_details": {"cached_tokens": 40}},
        {"prompt_token_details": {"cached_tokens": 40}},
        {"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 40},
        {"prompt_tokens_details": {"cache_read_tokens": 40}},
        {"input_token_details": {"cache_read_input_tokens": 40}},
    ],
)
def test_cached_tokens_are_seen_under_every_name(cached: dict[str, Any]) -> None:
    event = read(with_usage({"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107, **cached}))
    assert (event.input_tokens, event.cache_read_tokens, event.output_tokens) == (100, 40, 7)


@given(plain=COUNTS, cached=COUNTS, written=COUNTS, answer=COUNTS)
def test_cache_counts_beside_prompt_tokens_are_parts_unless_the_total_holds_them_too(
    plain: int, cached: int, written: int, answer: int
) -> None:
    beside = {"cache_read_input_tokens": cached, "cache_creation_input_tokens": written}
    whole, total = plain + cached + written, plain + cached + written + answer
    inside = {"prompt_tokens": whole, "completion_tokens": answer, "total_tokens": total}
    outside = {"prompt_tokens": plain, "completion_tokens": answer, "total_tokens": total}
    for usage in (inside, outside):
        event = read(with_usage({**usage, **beside}))
        assert (event.input_tokens, event.cache_read_tokens, event.cache_write_tokens) == (
            whole,
            cached,
            written,
        )
        assert (event.output_tokens, event.total_tokens) == (answer, total)


# What the total holds beyond input and output.


@given(prompt=COUNTS, answer=COUNTS, thought=COUNTS)
def test_the_rest_of_a_total_is_the_thoughts_where_the_model_is_googles(
    prompt: int, answer: int, thought: int
) -> None:
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer + thought}
    event = read(with_usage(usage, model="gemini-3-flash"))
    assert (event.input_tokens, event.output_tokens) == (prompt, answer + thought)
    native = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": answer,
        "totalTokenCount": prompt + answer + thought,
    }
    body = {"candidates": [], "modelVersion": "gemini-3-flash", "usageMetadata": native}
    assert read(body).output_tokens == answer + thought


@given(prompt=COUNTS, answer=COUNTS, audio=COUNTS, thought=COUNTS)
def test_audio_and_reasoning_that_only_the_total_holds_are_added_once(
    prompt: int, answer: int, audio: int, thought: int
) -> None:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer + audio + thought,
        "prompt_tokens_details": {"audio_tokens": audio},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    event = read(with_usage(usage))
    assert (event.input_tokens, event.output_tokens) == (prompt + audio, answer + thought)


def test_reasoning_beside_the_totals_is_inside_the_output_where_the_total_says_so() -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110, "reasoning_tokens": 64}
    event = read(with_usage(usage))
    assert (event.output_tokens, event.reasoning_tokens) == (90, 64)


def test_a_total_of_which_nobody_knows_the_rest_is_refused() -> None:
    refused = refusal(with_usage({"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 45}))
    assert (refused.code, refused.field) == ("total_disagrees", "usage.total_tokens")
    assert "the other 15 tokens" in refused.reason


@pytest.mark.parametrize("total", [45, 12])
def test_a_call_of_known_cost_is_kept_and_flagged_where_its_total_disagrees(total: int) -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": total, "cost": 0.5}
    event = read(with_usage(usage))
    assert (event.total_tokens, event.flags) == (30, ("total_disagrees",))


# Numbers as text, names in camelCase, nulls.


@given(prompt=COUNTS, answer=COUNTS, cached=COUNTS)
def test_counts_as_text_are_counts(prompt: int, answer: int, cached: int) -> None:
    usage = {
        "prompt_tokens": prompt + cached,
        "completion_tokens": answer,
        "total_tokens": prompt + cached + answer,
    }
    details = {"prompt_tokens_details": {"cached_tokens": cached}}
    as_text = {name: str(count) for name, count in usage.items()}
    text_details = {"prompt_tokens_details": {"cached_tokens": str(cached)}}
    assert read(with_usage(as_text | text_details)) == read(with_usage(usage | details))


def test_seconds_of_audio_that_are_not_set_are_none() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_audio_seconds": {}}
    assert read(with_usage(usage)).audio_ms is None
    assert read(with_usage(usage | {"prompt_audio_seconds": "1.5"})).audio_ms == 1500


def test_names_in_camel_case_are_read_where_no_other_count_is_known() -> None:
    usage = {"inputTokens": 12, "outputTokens": 30, "reasoningTokens": 8, "cachedInputTokens": 5}
    event = read(with_usage(usage))
    assert (event.input_tokens, event.output_tokens) == (12, 30)
    assert (event.reasoning_tokens, event.cache_read_tokens) == (8, 5)


NULLS = (
    *("choices", "extra_fields", "response", "usage_metadata", "candidates", "stopReason", "meta", "message"),
    *("object", "type", "error", "custom_id", "recordId", "done", "x_groq", "prompt_filter_results"),
    *("content_filters", "timestamp", "status", "name", "output", "embeddings", "data", "text", "results"),
)
BODIES: tuple[dict[str, Any], ...] = (
    {"output": {"message": {}}, "stopReason": "end_turn", "usage": {"inputTokens": 5, "outputTokens": 2}},
    {
        "id": "a7c1",
        "finish_reason": "MAX_TOKENS",
        "message": {},
        "usage": {"billed_units": {"input_tokens": 5}},
    },
    {"generation_id": "b7c1", "text": "", "meta": {"billed_units": {"input_tokens": 5, "output_tokens": 2}}},
    {"candidates": [], "modelVersion": "gemini-3-pro", "usageMetadata": {"promptTokenCount": 5}},
    {"model": "qwen3:4b", "created_at": "2026-07-01T08:15:00Z", "done": True, "prompt_eval_count": 5},
    {"object": "interaction", "model": "gemini-3-pro", "usage": {"total_input_tokens": 5}},
    with_usage({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: "-".join(list(body)[:3]))
def test_a_null_is_no_mark_of_a_format_or_provider(body: dict[str, Any]) -> None:
    alone = read(body)
    assert alone.input_tokens == 5
    for name in NULLS:
        if name not in body:
            assert read({name: None, **body}) == alone, name
    assert read({**dict.fromkeys(NULLS), **body}) == alone


@pytest.mark.parametrize("body", BODIES[:3], ids=["converse", "cohere", "cohere-v1"])
def test_an_added_model_does_not_change_whose_body_it_is(body: dict[str, Any]) -> None:
    event = read(body | {"model": "acme-large"})
    assert (event.model, event.provider, event.input_tokens) == ("acme-large", read(body).provider, 5)


# Streams of JSON lines.


def test_the_lines_of_ollamas_stream_before_its_last_are_no_calls() -> None:
    line = {
        "model": "qwen3:4b",
        "created_at": "2026-07-01T08:15:00Z",
        "message": {"content": "x"},
        "done": False,
    }
    with pytest.raises(PassedOver):
        read(line)
    last = line | {"done": True, "prompt_eval_count": 5, "eval_count": 2}
    assert (read(last).input_tokens, read(last).output_tokens) == (5, 2)


def test_a_line_of_ollama_that_is_not_done_counts_if_it_has_counts() -> None:
    line = {"model": "llama3.2", "created_at": "2026-07-01T10:15:02Z", "done": False, "message": {}}
    with pytest.raises(PassedOver):
        formats.read(json.dumps(line).encode())
    event = formats.read(json.dumps(line | {"prompt_eval_count": 26, "eval_count": 282}).encode())
    assert (event.input_tokens, event.output_tokens) == (26, 282)


def test_a_duration_that_no_call_takes_is_refused_alone() -> None:
    record = {"model": "m", "embeddings": [[0.1]], "prompt_eval_count": 8, "total_duration": 10**90}
    assert refusal(record).field == "total_duration"
