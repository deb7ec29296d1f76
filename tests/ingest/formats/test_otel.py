"""Spans: which are calls, which are the same call, what their attributes mean, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.formats import otel, redaction
from ingest.formats.otel import names, page, protobuf
from ingest.formats.otel.providers import provider
from ingest.formats.otel.span import Draft
from ingest.model.call_span import standing
from ingest.model.event import ImpossibleCount, UsageEvent, check
from ingest.model.rejection import Refused
from ingest.pricing.book import Book
from ingest.pricing.rates import PriceSet
from tests.support.examples import examples
from tests.support.paths import FORMATS
from tests.support.spans import CHAT, START, TRACE, as_json, as_protobuf, attributes, request, span

SAMPLES = [
    path
    for path in sorted((FORMATS / "otel").glob("*.json"))
    if not path.name.endswith(".expected.json") and "resourceSpans" in path.read_text()
]


def read(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> list[UsageEvent]:
    taken = otel.extract_calls(as_json(request(*spans, resource=resource)), page.drafts)
    return [formats.read(record) for record in taken.records]


def call(with_: dict[str, Any] | None = None, **fields: Any) -> UsageEvent:
    """The event of one chat."""
    (event,) = read(span(1, with_=with_ or {}, **fields))
    return event


def numbers(*spans: dict[str, Any]) -> list[int]:
    """Which spans stand for a call, by their number."""
    seen = [event.span for event in read(*spans)]
    assert all(seen)
    return sorted({int(one, 16) for one in standing(one for one in seen if one).values()})


# which spans are calls


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_both_encodings_of_a_sample_give_the_same_events(path: Path) -> None:
    sample = json.loads(path.read_text())
    binary, text = (
        otel.extract_calls(as_protobuf(sample), protobuf.drafts),
        otel.extract_calls(as_json(sample), page.drafts),
    )
    assert [formats.read(one) for one in binary.records] == [formats.read(one) for one in text.records]
    assert binary[1:] == text[1:]


@pytest.mark.parametrize(
    ("values", "request_type"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat_completion"),
        ({"gen_ai.operation.name": "Chat"}, "chat_completion"),
        ({"gen_ai.operation.name": "text_completion"}, "text_completion"),
        ({"gen_ai.operation.name": "generate_content"}, "chat_completion"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "rerank"}, "rerank"),
        ({"gen_ai.operation.name": "image_generation"}, "image_generation"),
        ({"gen_ai.operation.name": "aimage_generation"}, "image_generation"),
        ({"gen_ai.operation.name": "transcription_stream"}, "transcription"),
        ({"gen_ai.operation.name": "chat", "openai.api.type": "responses"}, "responses"),
        ({"gen_ai.operation.name": "chat", "request.type": "responses"}, "responses"),
        ({"gen_ai.operation.name": None, "openinference.span.kind": "llm"}, "chat_completion"),
        ({"gen_ai.operation.name": None, "openinference.span.kind": "EMBEDDING"}, "embedding"),
        ({"gen_ai.operation.name": None, "llm.request.type": "completion"}, "text_completion"),
        ({"gen_ai.operation.name": None, "llm.request.type": "rerank"}, "rerank"),
        ({"gen_ai.operation.name": None, "ai.operationId": "ai.embed.doEmbed"}, "embedding"),
        ({"gen_ai.operation.name": None}, "unknown"),
    ],
    ids=str,
)
def test_inference_is_a_call(values: dict[str, Any], request_type: str) -> None:
    assert call(values).request_type == request_type


@pytest.mark.parametrize(
    "values",
    [
        *(
            {"gen_ai.operation.name": name}
            for name in (
                "invoke_agent",
                "create_agent",
                "invoke_workflow",
                "execute_tool",
                "retrieval",
                "plan",
            )
        ),
        *(
            {"gen_ai.operation.name": None, "openinference.span.kind": kind}
            for kind in ("AGENT", "CHAIN", "TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR", "PROMPT")
        ),
        *(
            {"gen_ai.operation.name": None, "traceloop.span.kind": kind}
            for kind in ("workflow", "task", "agent", "tool")
        ),
        {"gen_ai.operation.name": None, "llm.request.type": "unknown"},
        {"gen_ai.operation.name": None, "ai.operationId": "ai.streamText"},
        {"gen_ai.operation.name": None, "gen_ai.request.model": None},
        {"openinference.span.kind": "AGENT"},
    ],
    ids=str,
)
def test_what_holds_calls_is_passed_over_with_its_sums(values: dict[str, Any]) -> None:
    taken = otel.extract_calls(as_json(request(span(1, with_=values), span(2))), page.drafts)
    assert (len(taken.records), taken.others) == (1, 1)


def test_a_span_that_answers_a_request_is_a_call_only_if_it_knows_the_usage() -> None:
    unsaid = {"gen_ai.operation.name": None}
    without = unsaid | {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}
    assert numbers(span(1, kind=2, with_=without), span(2, kind=2, with_=unsaid), span(3, with_=without)) == [
        2,
        3,
    ]


# which are the same call: the rule has tests of its own in tests/ingest/model/test_call_span.py

FRAMEWORK = {"gen_ai.provider.name": None, "gen_ai.system": "Langchain"}
NO_USAGE = {"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}


def test_of_a_call_inside_the_same_call_the_inner_one_counts() -> None:
    assert numbers(span(1, with_=FRAMEWORK), span(2, parent=1)) == [2]
    assert numbers(span(2, parent=1), span(1, with_=FRAMEWORK)) == [2]
    assert numbers(span(1, with_=FRAMEWORK), span(2, parent=1), span(3, parent=2)) == [3]


def test_spans_between_two_spans_of_a_call_do_not_part_them() -> None:
    between = span(2, parent=1, with_={"gen_ai.operation.name": None, "gen_ai.request.model": None})
    assert numbers(span(1, scope="framework", with_=FRAMEWORK), between, span(3, parent=2)) == [3]


def test_the_span_counts_that_knows_the_usage() -> None:
    assert numbers(span(1), span(2, parent=1, with_=NO_USAGE)) == [1]
    assert numbers(span(1, with_=NO_USAGE), span(2, parent=1)) == [2]
    assert numbers(span(1), span(2, scope="sdk", with_=NO_USAGE)) == [1]


@pytest.mark.parametrize(
    "more",
    [
        {"gen_ai.usage.cache_read.input_tokens": 64},
        {"gen_ai.usage.cost": 0.1},
        {"gen_ai.response.finish_reasons": ["stop"]},
    ],
    ids=str,
)
def test_the_more_complete_span_counts(more: dict[str, Any]) -> None:
    less = {"gen_ai.usage.cache_read.input_tokens": 0}
    assert numbers(span(1, with_=more), span(2, scope="sdk", with_=less)) == [1]
    assert numbers(span(1, with_=less), span(2, scope="sdk", with_=more)) == [2]


def test_a_cost_tells_less_than_the_parts_of_the_usage() -> None:
    parts = {"gen_ai.usage.cache_read.input_tokens": 64}
    assert numbers(span(1, with_=parts), span(2, scope="sdk", with_={"gen_ai.usage.cost": 0.1})) == [1]


@pytest.mark.parametrize("no_id", ["run-4f1c", "stub"])
def test_ids_that_frameworks_invent_or_many_calls_share_are_no_ids_of_responses(no_id: str) -> None:
    invented, given = {"gen_ai.response.id": no_id}, {"gen_ai.response.id": "chatcmpl-1"}
    assert len(numbers(span(1, with_=invented), span(2, scope="sdk", with_=given))) == 1


def test_a_span_without_times_is_compared_with_none() -> None:
    untimed = [span(1, startTimeUnixNano="0"), span(1, endTimeUnixNano="0"), span(1, endTimeUnixNano="1")]
    assert [read(one)[0].span for one in untimed] == [None, None, None]


# what their attributes mean


def test_a_call_is_known_by_its_trace_and_its_span() -> None:
    event = call(parentSpanId="00000000000000AB", traceId=TRACE.upper())
    assert event.source == "otel"
    assert event.trace_id == TRACE
    assert event.source_event_id == f"{TRACE}:0000000000000001"
    assert event.parent_id == f"{TRACE}:00000000000000ab"


def test_times_are_those_of_the_span() -> None:
    event = call(endTimeUnixNano=START + 1_234_567_890)
    assert (event.occurred_at, event.latency_us) == (START // 1000, 1_234_567)
    assert call(endTimeUnixNano=str(START - 1)).latency_us is None
    assert call(startTimeUnixNano="0").occurred_at is None
    assert call(endTimeUnixNano=START).latency_us is None


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        # input, cache read, cache write, output, reasoning, total
        ({}, (100, None, None, 10, None, 110)),
        ({"gen_ai.usage.cache_read.input_tokens": 100}, (100, 100, None, 10, None, 110)),
        ({"gen_ai.usage.cache_read.input_tokens": 101}, (201, 101, None, 10, None, 211)),
        (
            {"gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.cache_write.input_tokens": 60},
            (220, 60, 60, 10, None, 230),
        ),
        (
            {"gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.total_tokens": 110},
            (100, 60, None, 10, None, 110),
        ),
        (
            {"gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.total_tokens": 170},
            (160, 60, None, 10, None, 170),
        ),
        ({"gen_ai.usage.reasoning.output_tokens": 8}, (100, None, None, 10, 8, 110)),
        ({"gen_ai.usage.reasoning.output_tokens": 11}, (100, None, None, 21, 11, 121)),
        (
            {"gen_ai.usage.reasoning.output_tokens": 5, "gen_ai.usage.total_tokens": 115},
            (100, None, None, 15, 5, 115),
        ),
        (
            {"gen_ai.usage.output_tokens": None, "gen_ai.usage.total_tokens": 130},
            (100, None, None, 30, None, 130),
        ),
        ({"gen_ai.usage.total_tokens": 150}, (100, None, None, 50, None, 150)),
        (
            {"gen_ai.usage.reasoning.output_tokens": 30, "gen_ai.usage.total_tokens": 150},
            (100, None, None, 50, 30, 150),
        ),
        (NO_USAGE, (None, None, None, None, None, None)),
        ({"gen_ai.usage.input_tokens": 1e2}, (100, None, None, 10, None, 110)),
        ({"gen_ai.usage.prompt_tokens": 7, "llm.usage.prompt_tokens": 8}, (100, None, None, 10, None, 110)),
    ],
    ids=str,
)
def test_totals_are_inclusive(values: dict[str, Any], parts: tuple[int | None, ...]) -> None:
    event = call(values)
    cached = (event.cache_read_tokens, event.cache_write_tokens)
    counts = (event.input_tokens, *cached, event.output_tokens, event.reasoning_tokens, event.total_tokens)
    assert counts == parts


@pytest.mark.parametrize(
    "meaning", ["INPUT_TOKENS", "OUTPUT_TOKENS", "CACHE_READ", "CACHE_WRITE", "REASONING"]
)
def test_every_spelling_of_a_count_is_read(meaning: str) -> None:
    field = {"CACHE_READ": "cache_read_tokens", "CACHE_WRITE": "cache_write_tokens"}
    field |= {"REASONING": "reasoning_tokens"}
    for name in getattr(names, meaning):
        values: dict[str, Any] = {"gen_ai.usage.input_tokens": 50, "gen_ai.usage.output_tokens": 50}
        if meaning.endswith("_TOKENS"):
            values[getattr(names, meaning)[0]] = None
        assert getattr(call(values | {name: 33}), field.get(meaning, meaning.lower())) == 33, name


def test_what_only_anthropics_sdk_says_is_read() -> None:
    event = call(
        {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.usage.cache_write.input_tokens": 30,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 10,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 20,
            "anthropic.response.service_tier": "priority",
            "anthropic.message.stop_reason": "end_turn",
        }
    )
    assert (event.cache_write_tokens, event.cache_write_5m_tokens, event.cache_write_1h_tokens) == (
        30,
        10,
        20,
    )
    assert (event.service_tier, event.finish_reason) == ("priority", "end_turn")


@pytest.mark.parametrize(
    ("values", "pico"),
    [
        ({"gen_ai.usage.cost": 0.1}, 100_000_000_000),
        ({"gen_ai.usage.cost": 1e-7}, 100_000),
        ({"gen_ai.usage.cost": 3}, 3 * 10**12),
        ({"gen_ai.usage.cost": "0.000000000001"}, 1),
        ({"gen_ai.usage.cost.amount": 0.2, "gen_ai.usage.cost": 0.1}, 200_000_000_000),
        ({"operation.cost": 0.3}, 300_000_000_000),
        ({"llm.cost.total": 0.1 + 0.2}, 300_000_000_000),  # rounded once, to 10^-12
    ],
    ids=str,
)
def test_a_cost_is_the_shortest_text_of_its_float(values: dict[str, Any], pico: int) -> None:
    reported = call(values).reported
    assert reported is not None
    assert reported.total == pico


def test_a_cost_in_another_currency_keeps_it() -> None:
    assert call({"gen_ai.usage.cost.amount": 1, "gen_ai.usage.cost.currency": "EUR"}).currency == "EUR"


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("aws.bedrock", "bedrock"),
        ("azure.ai.openai", "azure"),
        ("az.ai.openai", "azure"),
        ("gcp.vertex_ai", "vertex"),
        ("gcp.gemini", "gemini"),
        ("gcp.gen_ai", "gemini"),
        ("x_ai", "xai"),
        ("mistral_ai", "mistral"),
        ("MistralAI", "mistral"),
        ("OpenAI", "openai"),
        ("openai.responses", "openai"),
        ("google.vertex.chat", "vertex"),
        ("our-own", "our-own"),
        ("our.own", "our.own"),
        ("Langchain", None),
        ("", None),
    ],
)
def test_providers_have_the_ledgers_names(stated: str, known: str | None) -> None:
    assert provider(stated) == known


@pytest.mark.parametrize(
    ("stated", "model"),
    [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("azure.ai.openai", "gpt-4o"),
        ("gcp.vertex_ai", "gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-flash"),
        ("x_ai", "grok-4"),
        ("mistral_ai", "mistral-large-latest"),
        ("cohere", "command-r"),
        ("deepseek", "deepseek-chat"),
        ("groq", "llama-3.3-70b-versatile"),
        ("perplexity", "sonar"),
        ("moonshot_ai", "kimi-k2"),
    ],
)
def test_the_price_book_knows_the_providers(stated: str, model: str, book: Book) -> None:
    known = provider(stated)
    assert known is not None
    assert isinstance(book.find(known, model, None, START // 1000, 10), PriceSet)


@pytest.mark.parametrize(
    ("values", "first_token"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250_000),
        ({"gen_ai.response.time_to_first_token": 0.25}, 250_000),
        ({"gen_ai.response.time_to_first_token": 250}, 250_000),
        ({"gen_ai.response.time_to_first_token": 250_000_000}, 250_000),
        ({"ai.response.msToFirstChunk": 250.5}, 250_500),
        ({"gen_ai.response.time_to_first_chunk": -1.0}, None),
        ({"gen_ai.response.time_to_first_chunk": float("nan")}, None),
    ],
    ids=str,
)
def test_the_first_token_is_in_microseconds(values: dict[str, Any], first_token: int | None) -> None:
    assert call(values).time_to_first_token_us == first_token


@pytest.mark.parametrize(
    ("values", "failed", "ended"),
    [
        ({}, False, ("success", None, None)),
        ({"http.response.status_code": 200}, False, ("success", None, None)),
        ({}, True, ("error", None, None)),
        ({"error.type": "timeout"}, False, ("error", "timeout", None)),
        (
            {"error.type": "RateLimitError", "http.response.status_code": 429},
            True,
            ("error", "RateLimitError", "429"),
        ),
        ({"error.type": "context.Canceled"}, True, ("cancelled", "context.Canceled", None)),
        ({"http.response.status_code": 499}, True, ("cancelled", None, "499")),
        ({"error.type": "cannot answer: where is my parcel?"}, True, ("error", None, None)),
        ({"error.type": "sk-1234567890abcdef"}, True, ("error", None, None)),
    ],
    ids=str,
)
def test_how_a_call_ended(values: dict[str, Any], failed: bool, ended: tuple[str, ...]) -> None:
    event = call(values, failed=failed)
    assert (event.status, event.error_type, event.error_code) == ended


def test_an_owner_is_said_by_the_span_or_by_its_resource() -> None:
    resource = {"tallybook.team": "search", "tallybook.project": "faq", "tallybook.label.region": "eu"}
    mine = {"tallybook.team": "ads", "tallybook.label.job": "nightly", "tallybook.label.attempt": 2}
    (first, second) = read(span(1), span(2, with_=mine), resource=resource)
    assert (first.team, first.project, first.labels) == ("search", "faq", {"region": "eu"})
    assert (second.team, second.project) == ("ads", "faq")
    assert second.labels == {"region": "eu", "job": "nightly", "attempt": "2"}


@pytest.mark.parametrize(
    ("attribute", "place"),
    [
        ("gen_ai.conversation.id", "session"),
        ("session.id", "session"),
        ("traceloop.association.properties.session_id", "session"),
        ("langfuse.session.id", "session"),
        ("gen_ai.agent.name", "agent"),
        ("gen_ai.agent.id", "agent"),
        ("agent.name", "agent"),
        ("gen_ai.workflow.name", "workflow"),
        ("traceloop.workflow.name", "workflow"),
    ],
)
def test_session_agent_and_workflow_are_read_in_every_spelling(attribute: str, place: str) -> None:
    assert getattr(call({attribute: "s-1"}), place) == "s-1"
    (event,) = read(span(1), resource={attribute: "s-2"})
    assert getattr(event, place) == "s-2"


def test_the_name_of_an_agent_comes_before_its_id() -> None:
    assert call({"gen_ai.agent.id": "a-1", "gen_ai.agent.name": "desk"}).agent == "desk"


AI_SDK = {
    "gen_ai.operation.name": None,
    "gen_ai.provider.name": None,
    "gen_ai.request.model": None,
} | NO_USAGE


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        (
            {
                "ai.operationId": "ai.embedMany.doEmbed",
                "ai.model.provider": "azure-openai.embeddings",
                "ai.model.id": "text-embedding-3-small",
                "ai.usage.tokens": 77,
            },
            ("embedding", "azure", "text-embedding-3-small", 77, None),
        ),
        (
            {
                "ai.operationId": "ai.rerank.doRerank",
                "ai.model.provider": "cohere.reranking",
                "ai.model.id": "rerank-v3.5",
            },
            ("rerank", "cohere", "rerank-v3.5", None, None),
        ),
        (
            {
                "ai.operationId": "ai.generateText.doGenerate",
                "ai.model.provider": "anthropic.messages",
                "ai.model.id": "claude-sonnet-4-5",
                "ai.usage.inputTokens": 9,
                "ai.usage.outputTokens": 5,
            },
            ("chat_completion", "anthropic", "claude-sonnet-4-5", 9, 5),
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_ai_sdk_has_names_of_its_own(values: dict[str, Any], facts: tuple[Any, ...]) -> None:
    event = call(AI_SDK | values)
    found = (event.request_type, event.provider, event.model, event.input_tokens, event.output_tokens)
    assert found == facts


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 8},
        {"gen_ai.operation.name": "embeddings", "gen_ai.usage.total_tokens": 8},
        {"gen_ai.operation.name": None, "llm.request.type": "embedding", "llm.usage.prompt_tokens": 8},
        {"gen_ai.operation.name": None, "openinference.span.kind": "EMBEDDING", "llm.token_count.total": 8},
        {"gen_ai.operation.name": None, "openinference.span.kind": "EMBEDDING", "llm.token_count.prompt": 8},
    ],
    ids=str,
)
def test_embeddings_count_their_input_in_every_spelling(values: dict[str, Any]) -> None:
    event = call(NO_USAGE | values)
    assert (event.request_type, event.input_tokens) == ("embedding", 8)


def test_labels_are_bounded() -> None:
    many = {f"tallybook.label.l{n}": "x" for n in range(50)} | {"session.id": "s" * 300}
    labels = call(many).labels
    assert labels is not None
    assert len(labels) == 16


def test_parameters_give_the_model_and_nothing_else() -> None:
    values = {
        "gen_ai.request.model": None,
        "llm.invocation_parameters": '{"model": "gpt-4o", "stop": "parcel"}',
    }
    drafts = page.drafts(as_json(request(span(1, with_=values))))
    assert "parcel" not in str(drafts)
    assert call(values).model == "gpt-4o"


@pytest.mark.parametrize("text", ["{", '{"model": 5}', "[1]", '{"model": null}', "[" * 100_000])
def test_odd_parameters_say_nothing(text: str) -> None:
    assert call({"llm.invocation_parameters": text}).model == "gpt-4o"


# what is refused


@pytest.mark.parametrize(
    ("values", "code", "field", "reason"),
    [
        (
            {"gen_ai.usage.input_tokens": "12"},
            "wrong_type",
            "gen_ai.usage.input_tokens",
            '"12", a whole number',
        ),
        (
            {"gen_ai.usage.input_tokens": "where is it?"},
            "wrong_type",
            "gen_ai.usage.input_tokens",
            "is text,",
        ),
        ({"gen_ai.usage.input_tokens": True}, "wrong_type", "gen_ai.usage.input_tokens", "is true,"),
        (
            {"gen_ai.usage.input_tokens": -1},
            "impossible_count",
            "gen_ai.usage.input_tokens",
            "is -1: a whole",
        ),
        (
            {"gen_ai.usage.input_tokens": 1.5},
            "impossible_count",
            "gen_ai.usage.input_tokens",
            "is 1.5: a whole",
        ),
        (
            {"gen_ai.usage.input_tokens": 10**13},
            "impossible_count",
            "gen_ai.usage.input_tokens",
            "1,000,000,000,000",
        ),
        (
            {"llm.token_count.prompt": ["x"], "gen_ai.usage.input_tokens": None},
            "wrong_type",
            None,
            "is a list",
        ),
        ({"gen_ai.usage.cost": "dear"}, "wrong_type", "gen_ai.usage.cost", '"dear", an amount is expected'),
        ({"gen_ai.usage.cost": float("nan")}, "bad_amount", "gen_ai.usage.cost", "not an amount"),
        ({"gen_ai.usage.cost": float("inf")}, "bad_amount", "gen_ai.usage.cost", "not an amount"),
        ({"gen_ai.usage.cost": 1e300}, "bad_amount", "gen_ai.usage.cost", "larger than one event"),
        (
            {"gen_ai.usage.cost": 1.0, "gen_ai.usage.cost.currency": "euros"},
            "bad_currency",
            "gen_ai.usage.cost.currency",
            "three capital letters",
        ),
    ],
    ids=str,
)
def test_a_refusal_names_the_attribute(
    values: dict[str, Any], code: str, field: str | None, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        call(values)
    assert caught.value.code == code
    assert reason in caught.value.reason
    if field is not None:
        assert caught.value.field == f"attributes.{field}"


def test_a_usage_of_unknown_counts_is_refused_with_their_names() -> None:
    unknown = {"gen_ai.usage.thinking_units": 7, "llm.token_count.odd.kind": 2.5, "ai.usage.nothing": 0}
    with pytest.raises(Refused) as caught:
        call(NO_USAGE | unknown)
    assert caught.value.code == "unknown_usage"
    assert ": gen_ai.usage.thinking_units, llm.token_count.odd.kind;" in caught.value.reason


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.usage.thinking_units": 7},
        NO_USAGE | {"gen_ai.usage.thinking_units": 0},
        NO_USAGE | {"gen_ai.usage.thinking_units": "seven"},
        NO_USAGE | {"gen_ai.usage.thinking_units": 7, "gen_ai.usage.cost": 0.1},
    ],
    ids=str,
)
def test_an_unknown_count_beside_what_is_known_is_passed_over(values: dict[str, Any]) -> None:
    assert call(values).status == "success"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"traceId": "0" * 32}, "bad_id", "traceId"),
        ({"traceId": "abc"}, "bad_id", "traceId"),
        ({"spanId": "W46/95gDgQM="}, "bad_id", "spanId"),
        ({"spanId": None}, "wrong_type", "spanId"),
        ({"traceId": 5}, "wrong_type", "traceId"),
        ({"parentSpanId": "xyz"}, "bad_id", "parentSpanId"),
        ({"startTimeUnixNano": "soon"}, "wrong_type", "startTimeUnixNano"),
        ({"endTimeUnixNano": -5}, "impossible_count", "endTimeUnixNano"),
    ],
    ids=str,
)
def test_a_span_without_identity_or_time_is_refused_alone(
    fields: dict[str, Any], code: str, field: str | None
) -> None:
    good, bad = otel.extract_calls(as_json(request(span(1), span(2) | fields)), page.drafts).records
    assert formats.read(good).input_tokens == 100
    with pytest.raises(Refused) as caught:
        formats.read(bad)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "not_json", None),
        ("{", "not_json", None),
        ("[]", "not_an_object", None),
        ('{"resourceSpans": 5}', "wrong_type", "resourceSpans"),
        ('{"resourceSpans": [5]}', "wrong_type", "resourceSpans[0]"),
        ('{"resourceSpans": [{"resource": "x"}]}', "wrong_type", "resourceSpans[0].resource"),
        (
            '{"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}',
            "wrong_type",
            "resourceSpans[0].scopeSpans[0].spans",
        ),
        (
            '{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": ["x"]}]}]}]}',
            "wrong_type",
            "resourceSpans[0].scopeSpans[0].spans[0].attributes[0]",
        ),
        ('{"resourceSpans": ' + "[" * 100_000, "not_json", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_page_that_cannot_be_decoded_is_refused_whole(text: str, code: str, field: str | None) -> None:
    with pytest.raises(Refused) as caught:
        otel.extract_calls(text.encode(), page.each_draft)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_page_of_nothing_is_no_fault() -> None:
    for text in ("{}", '{"resourceSpans": null}', '{"resourceSpans": []}', '{"resourceSpans": [{}]}'):
        assert page.drafts(text.encode()) == []
    assert formats.unpack(as_json(request())) == []
    assert protobuf.drafts(b"") == []


def test_a_page_is_not_one_record() -> None:
    with pytest.raises(Refused, match="a page of many spans"):
        formats.read(as_json(request(span(1))))


def test_a_word_of_another_format_in_a_page_does_not_hide_it() -> None:
    values = {"session.id": "iterations", "gen_ai.agent.name": "logs"}
    assert len(formats.unpack(as_json(request(span(1, with_=values)))) or ()) == 1


def test_a_span_record_by_itself_is_read_and_is_no_page() -> None:
    (record,) = otel.extract_calls(as_json(request(span(1))), page.drafts).records
    assert formats.unpack(record) is None
    assert formats.recognise(record) is otel.FORMAT
    odd = json.dumps(json.loads(record) | {"labels": {"said": "resourceSpans"}}).encode()
    assert [json.loads(one) for one in formats.unpack(odd) or ()] == [json.loads(odd)]
    assert formats.read(odd).labels == {"said": "resourceSpans"}


def test_a_span_that_is_no_call_says_so_by_itself() -> None:
    tool = {"traceId": TRACE, "spanId": "ab" * 8, "attributes": {"gen_ai.operation.name": "execute_tool"}}
    with pytest.raises(Refused, match="no call of a model"):
        formats.read(json.dumps(tool).encode())


@pytest.mark.parametrize(
    "name",
    [
        *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt"),
        *(
            "gen_ai.prompt.0.content",
            "gen_ai.completion.0.content",
            "gen_ai.tool.call.arguments",
            "input.value",
        ),
        *("output.value", "llm.input_messages.0.message.content", "llm.prompts", "traceloop.entity.input"),
        *("bifrost.raw_request", "gen_ai.error", "metadata", "llm.headers", "gen_ai.request.extra_header.x"),
        *("embedding.text", "reranker.query", "retrieval.documents.0.document.content", "exception.message"),
    ],
)
def test_content_is_in_no_record_also_when_it_is_refused(name: str) -> None:
    values = {name: "where is my parcel?", "gen_ai.usage.input_tokens": -1}
    event = {"name": "gen_ai.content.prompt", "attributes": attributes({name: "where is my parcel?"})}
    (record,) = otel.extract_calls(
        as_json(request(span(1, with_=values, events=[event]))), page.drafts
    ).records
    assert b"parcel" not in record
    assert "parcel" not in (redaction.redact(record) or "")


def test_a_refused_span_keeps_what_is_wrong_with_it() -> None:
    (record,) = otel.extract_calls(
        as_json(request(span(1, with_={"gen_ai.usage.input_tokens": -1}))), page.drafts
    ).records
    kept = redaction.redact(record)
    assert kept is not None
    with pytest.raises(Refused, match="is -1"):
        formats.read(kept.encode())


# whatever comes

LEAVES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.integers(0, 2000), st.floats(), st.text(max_size=6)),
    st.sampled_from(["chat", "LLM", "openai", "gpt-4o", TRACE, "0000000000000001", str(START)]),
)
ANY = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2), max_leaves=3)
KINDS = ("stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue")
VALUES = (
    st.dictionaries(st.sampled_from(KINDS), ANY | st.fixed_dictionaries({"values": ANY}), max_size=1) | ANY
)
NAMES = st.sampled_from(sorted(names.KNOWN | names.PARAMETERS | {f"{names.LABEL_PREFIXES[0]}x"})) | ANY
PAIRS = st.lists(st.fixed_dictionaries({"key": NAMES, "value": VALUES}), max_size=6)
EVENTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["exception", *names.FIRST_CHUNK_EVENTS]) | ANY,
        "timeUnixNano": ANY,
        "attributes": PAIRS,
    }
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "traceId": ANY,
        "spanId": ANY,
        "parentSpanId": ANY,
        "kind": ANY,
        "startTimeUnixNano": ANY,
        "endTimeUnixNano": ANY,
        "status": st.fixed_dictionaries({"code": ANY}) | ANY,
        "events": st.lists(EVENTS, max_size=2) | ANY,
        "attributes": PAIRS | ANY,
    },
)


def outcomes(raw: bytes, drafts: Any) -> list[UsageEvent | Refused]:
    """What becomes of the spans of a request; only a refusal may come of one that cannot be decoded."""
    try:
        records = otel.extract_calls(raw, drafts).records
    except Refused as refused:
        return [refused]
    results: list[UsageEvent | Refused] = []
    for record in records:
        try:
            results.append(formats.read(record))
        except Refused as refused:
            results.append(refused)
    return results


@examples(30)
@given(st.lists(st.tuples(st.integers(1, 5), FIELDS, PAIRS), max_size=4))
def test_any_spans_are_events_or_refusals(drawn: list[tuple[int, dict[str, Any], list[Any]]]) -> None:
    spans = [
        {**(made := span(number)), "attributes": made["attributes"] + pairs} | fields
        for number, fields, pairs in drawn
    ]
    for outcome in outcomes(as_json(request(*spans)), page.drafts):
        assert isinstance(outcome, UsageEvent) or (outcome.code and outcome.reason)


@given(st.binary(max_size=80))
def test_any_bytes_are_events_or_refusals(raw: bytes) -> None:
    whole = as_protobuf(request(span(1), span(2)))
    for damaged in (raw, whole + raw, raw + whole, whole[: len(raw)], b'{"resourceSpans":[' + raw + b"]}"):
        outcomes(damaged, protobuf.drafts)
        outcomes(damaged, page.drafts)


@given(st.binary(min_size=1, max_size=3), st.integers(0, 300))
def test_damaged_protobuf_is_events_or_refusals(damage: bytes, at: int) -> None:
    whole = as_protobuf(request(span(1), span(2), resource={"service.name": "shop"}))
    outcomes(whole[:at] + damage + whole[at + len(damage) :], protobuf.drafts)


COUNTS = st.none() | st.integers(0, 1000)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_parts_fit_their_wholes_or_are_refused_with_both(
    tokens_in: int | None,
    tokens_out: int | None,
    read_: int | None,
    write: int | None,
    reasoning: int | None,
    total: int | None,
) -> None:
    event = call(
        {
            "gen_ai.usage.input_tokens": tokens_in,
            "gen_ai.usage.output_tokens": tokens_out,
            "gen_ai.usage.cache_read.input_tokens": read_,
            "gen_ai.usage.cache_write.input_tokens": write,
            "gen_ai.usage.reasoning.output_tokens": reasoning,
            "gen_ai.usage.total_tokens": total,
        }
    )
    if tokens_in is not None and tokens_out is not None:
        assert event.input_tokens is not None
        assert event.output_tokens is not None
        if event.total_tokens == event.input_tokens + event.output_tokens:
            check(event)
        else:
            with pytest.raises(ImpossibleCount, match=f"total_tokens .{event.total_tokens}."):
                check(event)
        assert (event.input_tokens or 0) >= tokens_in
        assert (event.output_tokens or 0) >= tokens_out


def test_an_amount_is_never_a_float() -> None:
    (draft,) = page.drafts(as_json(request(span(1, with_={"gen_ai.usage.cost": 0.1}))))
    (same,) = protobuf.drafts(as_protobuf(request(span(1, with_={"gen_ai.usage.cost": 0.1}))))
    assert isinstance(draft, Draft)
    assert isinstance(same, Draft)
    assert draft.attributes["gen_ai.usage.cost"] == same.attributes["gen_ai.usage.cost"] == Decimal("0.1")
    assert CHAT.keys() <= draft.attributes.keys()
