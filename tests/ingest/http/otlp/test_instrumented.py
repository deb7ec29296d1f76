"""Programs under real instrumentation, and their calls in the ledger.

The openai client, three instrumentations of it, the SDK's exporters and a server.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import sqlalchemy as sa
from openai.resources.chat.completions import Completions
from openai.resources.embeddings import Embeddings
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.common.http import Compression as JsonCompression
from opentelemetry.exporter.otlp.json.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter as JsonExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as ProtobufExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as SemanticConventions
from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ingest.files.paths import sources
from ingest.importing.importer import FileReport, Importer, ImportOptions
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import call_span
from tests.ingest.http.otlp.conftest import TOKEN
from tests.support.provider import ANSWER, BUSY, MODEL
from tests.support.stored_events import kept

pytestmark = pytest.mark.filterwarnings(
    "ignore:Support for class-based `config`"  # of a library that an instrumentation imports when it starts
)

QUESTION = "Where is my parcel?"

INSTRUMENTATIONS: dict[str, Callable[[], Any]] = {
    "semconv": SemanticConventions,
    "openllmetry": OpenLLMetry,
    "openinference": OpenInference,
}
EXPORTERS: dict[str, Callable[[str, dict[str, str]], SpanExporter]] = {
    "protobuf": lambda url, headers: ProtobufExporter(url, headers=headers),
    "protobuf-gzip": lambda url, headers: ProtobufExporter(
        url, headers=headers, compression=Compression.Gzip
    ),
    "json": lambda url, headers: JsonExporter(url, headers=headers),
    "json-gzip": lambda url, headers: JsonExporter(url, headers=headers, compression=JsonCompression.GZIP),
}


@pytest.fixture(autouse=True)
def uninstrumented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client as it is without instrumentation comes back after a test: not all take all of theirs out."""
    for resource in (Completions, Embeddings):
        monkeypatch.setattr(resource, "create", resource.create)


@contextmanager
def a_program(
    traces: str, encoding: str, *instrumentations: str, one_by_one: bool = False
) -> Iterator[TracerProvider]:
    """A program whose calls are instrumented; when it ends, its spans have been sent."""
    headers = {"authorization": f"Bearer {TOKEN}", "x-bf-vk": "vk-shop"}
    resource = {"service.name": "shop-assistant", "deployment.environment.name": "production"}
    tracers = TracerProvider(resource=Resource.create(resource))
    processor = SimpleSpanProcessor if one_by_one else BatchSpanProcessor
    tracers.add_span_processor(processor(EXPORTERS[encoding](traces, headers)))
    with ExitStack() as stack:
        stack.callback(tracers.shutdown)
        for name in instrumentations:
            instrumentor = INSTRUMENTATIONS[name]()
            instrumentor.instrument(tracer_provider=tracers)
            stack.callback(instrumentor.uninstrument)
        yield tracers


def ask(provider: str, model: str = "gpt-4o", *, stream: bool = False) -> None:
    with openai.OpenAI(base_url=provider, api_key="sk-of-the-tests", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": QUESTION}]
        more: Any = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        answer: Any = client.chat.completions.create(model=model, messages=messages, **more)
        if stream:
            said = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
            assert said.split() == ANSWER.split()
        else:
            assert answer.choices[0].message.content == ANSWER


def sums(call: dict[str, Any]) -> dict[str, Any]:
    names = ("input_tokens", "cache_read_tokens", "output_tokens", "total_tokens", "total_cost")
    return {name: call.get(name) for name in names}


EXPECTED = {
    "input_tokens": 1200,
    "cache_read_tokens": 1024,
    "output_tokens": 90,
    "total_tokens": 1290,
    "total_cost": Decimal("0.00262"),
}


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_an_instrumented_call_is_in_the_ledger_with_its_usage_and_cost(
    instrumentation: str, traces: str, provider: str, embedded: Ledger
) -> None:
    with a_program(traces, "protobuf", instrumentation):
        ask(provider)
    (call,) = kept(embedded)
    assert sums(call) == EXPECTED
    assert (call["source"], call["provider"], call["model"]) == ("otel", "openai", MODEL)
    assert (call["status"], call["request_type"], call["finish_reason"]) == (
        "success",
        "chat_completion",
        "stop",
    )
    assert (call["application"], call["environment"]) == ("shop-assistant", "production")
    assert call["virtual_key"] == "vk-shop"
    assert call["latency_us"] > 0


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_a_stream_is_one_call(instrumentation: str, traces: str, provider: str, embedded: Ledger) -> None:
    with a_program(traces, "protobuf", instrumentation):
        ask(provider, stream=True)
    (call,) = kept(embedded)
    whole = {"input_tokens": 1200, "output_tokens": 90, "total_tokens": 1290}
    assert {name: call[name] for name in whole} == whole
    assert (call["request_type"], call["stream"]) == ("chat_completion_stream", True)
    assert 0 < call["time_to_first_token_us"] <= call["latency_us"]


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_a_call_that_fails_is_an_error_and_free(
    instrumentation: str, traces: str, provider: str, embedded: Ledger
) -> None:
    with a_program(traces, "protobuf", instrumentation), pytest.raises(openai.RateLimitError):
        ask(provider, BUSY)
    (call,) = kept(embedded)
    assert (call["status"], call["model"], call["cost_source"]) == ("error", BUSY, "free")
    assert "RateLimitError" in call["error_type"]


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_embeddings_count_their_input(
    instrumentation: str, traces: str, provider: str, embedded: Ledger
) -> None:
    with (
        a_program(traces, "protobuf", instrumentation),
        openai.OpenAI(base_url=provider, api_key="sk-of-the-tests") as client,
    ):
        client.embeddings.create(model="text-embedding-3-small", input=QUESTION)
    (call,) = kept(embedded)
    assert (call["request_type"], call["input_tokens"], call["cost_source"]) == ("embedding", 8, "computed")


@pytest.mark.parametrize("encoding", EXPORTERS)
def test_every_exporter_is_understood(encoding: str, traces: str, provider: str, embedded: Ledger) -> None:
    with a_program(traces, encoding, "semconv"):
        ask(provider)
        ask(provider)
    assert [sums(call) for call in kept(embedded)] == [EXPECTED, EXPECTED]


@pytest.mark.parametrize("pair", [("semconv", "openllmetry"), ("openllmetry", "openinference")], ids="-".join)
def test_two_instrumentations_of_one_call_count_it_once(
    pair: tuple[str, ...], traces: str, provider: str, embedded: Ledger
) -> None:
    with a_program(traces, "protobuf", *pair):
        ask(provider)
    assert [sums(call) for call in kept(embedded)] == [EXPECTED]
    told = httpx.get(traces.replace("/v1/traces", "/metrics"), headers={"x-tallybook-token": TOKEN}).text
    assert 'tallybook_records_total{outcome="duplicates"} 1.0' in told


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_spans_of_one_call_that_are_sent_one_by_one_count_it_once(
    stream: bool, traces: str, provider: str, embedded: Ledger
) -> None:
    with a_program(traces, "protobuf", *INSTRUMENTATIONS, one_by_one=True):
        ask(provider, stream=stream)
        ask(provider, stream=stream)
    assert [(call["input_tokens"], call["output_tokens"]) for call in kept(embedded)] == [(1200, 90)] * 2


def test_equal_calls_at_the_same_time_are_as_many_as_they_were(
    traces: str, provider: str, embedded: Ledger
) -> None:
    with a_program(traces, "protobuf", "openllmetry", "openinference") as tracers:
        tracer = tracers.get_tracer("a program")
        with tracer.start_as_current_span("all at once"), ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(copy_context().run, ask, provider) for _ in range(4)]:
                done.result()
    assert [call["input_tokens"] for call in kept(embedded)] == [1200] * 4
    with embedded.reading() as connection:
        spans = connection.execute(sa.select(call_span.c.trace_id)).scalars().all()
    assert len(spans) == 8
    assert len(set(spans)) == 1


def test_spans_around_a_call_are_passed_over(traces: str, provider: str, embedded: Ledger) -> None:
    with a_program(traces, "json", "semconv") as tracers:
        tracer = tracers.get_tracer("a framework")
        sums_of_children: dict[str, Any] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.usage.input_tokens": 1200,
        }
        with tracer.start_as_current_span("agent", attributes=sums_of_children):
            ask(provider)
    assert [call["input_tokens"] for call in kept(embedded)] == [1200]


def test_what_was_said_is_nowhere_in_the_ledger(
    traces: str, provider: str, embedded: Ledger, tmp_path: Path
) -> None:
    with a_program(
        traces, "protobuf", "openllmetry", "openinference"
    ):  # both send content unless told not to
        ask(provider)
        ask(provider, stream=True)
    assert len(kept(embedded)) == 2
    written = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert b"shop-assistant" in written
    assert not [said for said in (QUESTION, ANSWER, "parcel", "streets") if said.encode() in written]


def test_spans_that_a_collector_wrote_to_a_file_meet_those_that_were_sent(
    traces: str, provider: str, embedded: Ledger, tmp_path: Path
) -> None:
    held = InMemorySpanExporter()
    with a_program(traces, "protobuf", "semconv") as tracers:
        tracers.add_span_processor(SimpleSpanProcessor(held))
        ask(provider)
        ask(provider, stream=True)
    file = tmp_path / "traces.jsonl"
    file.write_text("".join(f"{encode_spans([span]).to_json()}\n" for span in held.get_finished_spans()))
    importer = Importer(embedded, ImportOptions(virtual_key="vk-shop"))
    report = FileReport(str(file))
    (source,) = sources([str(file)])
    importer.run(source, report, lambda *_: None)
    importer.finish()
    assert (report.receipt.duplicates, report.receipt.records, report.formats) == (2, 2, {"otel"})
