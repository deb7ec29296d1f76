"""A program that asks a provider through a real client, under real instrumentation, and ends.

    .venv/clients/bin/python tests/support/instrumented_program.py CLIENT [INSTRUMENTATION ...]

It is a program of its own because instrumentations stay in a process and the tracer provider is set once; and
it knows nothing of Tallybook, since its Python has only the clients.
The environment has the addresses: PROVIDER and TRACES, and TOKEN; with ONE_BY_ONE each span is sent alone.
"""

import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

CALLS = 3
"""How many calls of the provider a program makes: one whole, the others streams."""
KEY = "a key of the tests"
LOGFIRE = "logfire"
QUESTION: Any = [{"role": "user", "content": "Where is my parcel?"}]

INSTRUMENTORS = {
    "openllmetry": (
        "opentelemetry.instrumentation.anthropic:AnthropicInstrumentor",
        "opentelemetry.instrumentation.openai:OpenAIInstrumentor",
        "opentelemetry.instrumentation.langchain:LangchainInstrumentor",
    ),
    "openinference": (
        "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        "openinference.instrumentation.openai:OpenAIInstrumentor",
        "openinference.instrumentation.langchain:LangChainInstrumentor",
    ),
    "semconv": ("opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",),
}


def anthropic_sdk(provider: str) -> Iterator[Any]:
    """Anthropic's SDK: a whole answer, a stream, and its helper for streams."""
    import anthropic

    client = anthropic.Anthropic(base_url=provider.removesuffix("/v1"), api_key=KEY)
    asked: Any = {"model": "claude-sonnet-5", "max_tokens": 500, "messages": QUESTION}
    yield client.messages.create(**asked)
    yield list(client.messages.create(**asked, stream=True))
    with client.messages.stream(**asked) as stream:
        yield stream.get_final_message()


def openai_sdk(provider: str) -> Iterator[Any]:
    """OpenAI's SDK: a whole answer, a stream, and its helper for streams."""
    import openai

    client = openai.OpenAI(base_url=provider, api_key=KEY)
    asked: Any = {"model": "gpt-4o", "messages": QUESTION}
    usage: Any = {"stream_options": {"include_usage": True}}
    yield client.chat.completions.create(**asked)
    yield list(client.chat.completions.create(**asked, **usage, stream=True))
    with client.chat.completions.stream(**asked, **usage) as stream:
        yield list(stream)


def anthropic_langchain(provider: str) -> Iterator[Any]:
    """LangChain over Anthropic's SDK."""
    from langchain_anthropic import ChatAnthropic

    model = ChatAnthropic(model="claude-sonnet-5", base_url=provider.removesuffix("/v1"), api_key=KEY)
    yield from _langchain(model)


def openai_langchain(provider: str) -> Iterator[Any]:
    """LangChain over OpenAI's SDK."""
    from langchain_openai import ChatOpenAI

    yield from _langchain(ChatOpenAI(model="gpt-4o", base_url=provider, api_key=KEY, stream_usage=True))


def _langchain(model: Any) -> Iterator[Any]:
    from langchain_core.output_parsers import StrOutputParser

    yield model.invoke("Where is my parcel?")
    yield list(model.stream("Where is my parcel?"))
    yield list((model | StrOutputParser()).stream("Where is my parcel?"))


CLIENTS: dict[str, Callable[[str], Iterator[Any]]] = {
    "anthropic": anthropic_sdk,
    "anthropic under LangChain": anthropic_langchain,
    "openai": openai_sdk,
    "openai under LangChain": openai_langchain,
}


def _instrument(client: str, names: list[str], processor: SpanProcessor) -> Any:
    """The provider of tracers, after everything that was named is instrumented."""
    if LOGFIRE in names:
        import logfire

        logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[processor])
        (logfire.instrument_anthropic if client.startswith("anthropic") else logfire.instrument_openai)()
        tracers: Any = trace.get_tracer_provider()
    else:
        tracers = TracerProvider()
        tracers.add_span_processor(processor)
        trace.set_tracer_provider(tracers)
    for path in (path for name in names for path in INSTRUMENTORS.get(name, ())):
        module, _, kind = path.partition(":")
        getattr(import_module(module), kind)().instrument()
    return tracers


def main(client: str, *instrumentations: str) -> None:
    """Make the calls within one trace, and send its spans."""
    exporter = OTLPSpanExporter(
        os.environ["TRACES"], headers={"authorization": f"Bearer {os.environ['TOKEN']}"}
    )
    processor = (SimpleSpanProcessor if os.environ.get("ONE_BY_ONE") else BatchSpanProcessor)(exporter)
    tracers = _instrument(client, list(instrumentations), processor)
    with tracers.get_tracer("the program").start_as_current_span("a request of a user"):
        answers = list(CLIENTS[client](os.environ["PROVIDER"]))
    tracers.force_flush()
    assert len(answers) == CALLS
    assert all(answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
