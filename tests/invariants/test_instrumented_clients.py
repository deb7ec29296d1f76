"""The spans that real clients send of one call are one event.

An SDK may make spans by itself, an instrumentation makes more, and so does a framework. The spans here are
recorded ones, without their content and with times and ids of the tests. In
`tests/ingest/http/otlp/test_instrumented.py` the clients run.
"""

from itertools import permutations
from typing import Any

import pytest

from ingest.ledger.engine import Ledger
from ingest.pricing.book import Book
from tests.support.ledgers import put_records
from tests.support.spans import CHAT, START, as_json, request, span
from tests.support.stored_events import kept

Span = dict[str, Any]

ANTHROPIC_SDK = "com.anthropic.sdk.python"
OPENLLMETRY = "opentelemetry.instrumentation"
OPENINFERENCE = "openinference.instrumentation"

REQUEST = 9
"""The span of the application's own request, in which everything happens. It is no call."""


def seen(
    number: int,
    scope: str,
    times: tuple[float, float],
    attributes: dict[str, Any],
    parent: int | None = REQUEST,
) -> Span:
    """A span with only these attributes. Times are in milliseconds."""
    start, end = (START + int(time * 1_000_000) for time in times)
    with_ = dict.fromkeys(CHAT) | attributes
    return span(number, parent, scope=scope, with_=with_, startTimeUnixNano=start, endTimeUnixNano=end)


CLAUDE = {
    "gen_ai.provider.name": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-5",
    "gen_ai.response.id": "msg_011CdeLWpLfpDTLH7GNWjzMP",
    "gen_ai.usage.input_tokens": 13947,
    "gen_ai.usage.output_tokens": 155,
    "gen_ai.usage.cache_read.input_tokens": 2836,
}
OWN = seen(
    *(1, ANTHROPIC_SDK, (137, 237)),
    CLAUDE | {"gen_ai.usage.cache_write.input_tokens": 11107, "gen_ai.usage.reasoning.output_tokens": 26},
)
ANTHROPIC_BY_OPENLLMETRY = seen(
    *(2, f"{OPENLLMETRY}.anthropic", (132, 238)),
    CLAUDE | {"gen_ai.usage.cache_creation.input_tokens": 11107, "gen_ai.usage.total_tokens": 14102},
)
ANTHROPIC_BY_OPENINFERENCE = seen(
    *(3, f"{OPENINFERENCE}.anthropic", (131, 239)),
    {
        "openinference.span.kind": "LLM",
        "llm.provider": "anthropic",
        "llm.system": "anthropic",
        "llm.model_name": "claude-sonnet-5",
        "llm.token_count.prompt": 13947,
        "llm.token_count.completion": 155,
        "llm.token_count.prompt_details.cache_read": 2836,
        "llm.token_count.prompt_details.cache_write": 11107,
    },
)
ANTHROPIC_BY_LANGCHAIN = seen(
    *(4, f"{OPENLLMETRY}.langchain", (120, 245)),
    {
        "gen_ai.system": "anthropic",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.response.model": "claude-sonnet-5",
        "gen_ai.response.id": "run-0b7d",
        "gen_ai.usage.input_tokens": 13947,
        "gen_ai.usage.output_tokens": 155,
        "llm.usage.total_tokens": 14102,
    },
    8,
)
ANTHROPIC_COUNTS = (13947, 2836, 11107, 155)

GPT = {"llm.system": "openai", "llm.model_name": "gpt-4o-mini-2024-07-18", "openinference.span.kind": "LLM"}
GPT_COUNTS = {"llm.token_count.prompt": 20, "llm.token_count.completion": 4, "llm.token_count.total": 24}
OPENAI_BY_OPENINFERENCE = seen(5, f"{OPENINFERENCE}.openai", (721, 805), GPT | GPT_COUNTS)
OPENAI_BY_LANGCHAIN = seen(
    6, f"{OPENINFERENCE}.langchain", (710, 806), GPT | GPT_COUNTS | {"llm.provider": "openai"}, 8
)
OPENAI_BY_OPENLLMETRY = seen(
    *(7, f"{OPENLLMETRY}.openai.v1", (720.5, 805.5)),
    {
        "gen_ai.provider.name": "openai",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 4,
    },
)
LOGFIRE = {"gen_ai.system": "openai", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
STREAM_BY_LOGFIRE = seen(10, "logfire.openai", (0, 10), LOGFIRE | {"gen_ai.response.model": "gpt-4o"})
USAGE_BY_LOGFIRE = seen(
    *(11, "logfire.openai", (50, 50)),
    LOGFIRE
    | {
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-2",
        "gen_ai.usage.input_tokens": 58,
        "gen_ai.usage.output_tokens": 17,
    },
)
STREAM_BY_OPENINFERENCE = seen(12, f"{OPENINFERENCE}.openai", (1, 49), GPT)

CLIENTS: dict[str, tuple[list[Span], tuple[int | None, ...], int]] = {
    "anthropic": ([OWN], ANTHROPIC_COUNTS, 1),
    "anthropic with OpenLLMetry": ([OWN, ANTHROPIC_BY_OPENLLMETRY], ANTHROPIC_COUNTS, 1),
    "anthropic with OpenInference": ([OWN, ANTHROPIC_BY_OPENINFERENCE], ANTHROPIC_COUNTS, 1),
    "anthropic under LangChain": ([OWN, ANTHROPIC_BY_LANGCHAIN], ANTHROPIC_COUNTS, 1),
    "anthropic with everything": (
        [OWN, ANTHROPIC_BY_OPENLLMETRY, ANTHROPIC_BY_OPENINFERENCE, ANTHROPIC_BY_LANGCHAIN],
        ANTHROPIC_COUNTS,
        1,
    ),
    "openai under LangChain": ([OPENAI_BY_OPENINFERENCE, OPENAI_BY_LANGCHAIN], (20, None, None, 4), 5),
    "openai with OpenLLMetry under LangChain": (
        [OPENAI_BY_OPENLLMETRY, OPENAI_BY_LANGCHAIN, OPENAI_BY_OPENINFERENCE],
        (20, None, None, 4),
        7,
    ),
    "a stream by logfire": ([STREAM_BY_LOGFIRE, USAGE_BY_LOGFIRE], (58, None, None, 17), 11),
    "a stream by logfire and OpenInference": (
        [STREAM_BY_LOGFIRE, USAGE_BY_LOGFIRE, STREAM_BY_OPENINFERENCE],
        (58, None, None, 17),
        11,
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_spans_of_a_call_are_one_event_in_any_order_and_split(
    client: str, embedded: Ledger, book: Book
) -> None:
    spans, counts, standing = CLIENTS[client]
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    orders = list(permutations(spans))
    for number, order in enumerate(orders, 1):
        traced = [one | {"traceId": f"{number:032x}"} for one in order]
        for part in ([traced], [[one] for one in traced])[number % 2]:
            put_records(embedded, book, (as_json(request(*part)),))
    found = kept(embedded)
    assert len(found) == len(orders)
    for call in found:
        assert tuple(call.get(name) for name in names) == counts
        assert call["source_event_id"].endswith(f":{standing:016x}")


def test_calls_at_the_same_time_are_as_many_as_they_were(embedded: Ledger, book: Book) -> None:
    again = {"gen_ai.response.id": "msg_011CdeLWpLfpDTLH7GNWjzMQ"}
    other = seen(20, ANTHROPIC_SDK, (138, 230), CLAUDE | again)
    seen_again = seen(21, f"{OPENLLMETRY}.anthropic", (131, 241), CLAUDE | again)
    spans = [OWN, ANTHROPIC_BY_OPENLLMETRY, ANTHROPIC_BY_OPENINFERENCE, other, seen_again]
    put_records(embedded, book, (as_json(request(*spans)),))
    assert [call["input_tokens"] for call in kept(embedded)] == [13947, 13947]
