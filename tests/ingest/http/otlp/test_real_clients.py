"""Programs with real clients under real instrumentations, and their calls in the ledger: each once.

The clients are no part of the extra `test`: `make test-long` installs them beside it.
"""

import os
import subprocess

import pytest
import sqlalchemy as sa

from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import call_span
from tests.ingest.http.otlp.conftest import TOKEN
from tests.support import instrumented_program
from tests.support.paths import ROOT
from tests.support.stored_events import kept

CLIENTS = ROOT / ".venv/clients/bin/python"
"""A Python that has the real clients."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CLIENTS.exists(), reason="wants real clients: make .venv/clients/installed"),
]

PROGRAMS = [
    ("anthropic",),
    ("anthropic", "openllmetry"),
    ("anthropic", "openinference"),
    ("anthropic", "openllmetry", "openinference"),
    ("anthropic", "logfire"),
    ("anthropic", "logfire", "openinference"),
    ("anthropic under LangChain",),
    ("anthropic under LangChain", "openllmetry"),
    ("anthropic under LangChain", "openinference"),
    ("anthropic under LangChain", "openllmetry", "openinference"),
    ("anthropic under LangChain", "logfire", "openinference"),
    ("openai", "openllmetry"),
    ("openai", "openinference"),
    ("openai", "openllmetry", "openinference"),
    ("openai", "logfire"),
    ("openai", "logfire", "openinference"),
    ("openai", "semconv", "logfire", "openllmetry", "openinference"),
    ("openai under LangChain", "openllmetry"),
    ("openai under LangChain", "openinference"),
    ("openai under LangChain", "openllmetry", "openinference"),
    ("openai under LangChain", "semconv", "openinference"),
    ("openai under LangChain", "logfire", "openllmetry"),
]
SCOPES = {
    "itself": "com.anthropic.sdk.python",
    "openllmetry": "opentelemetry.instrumentation.",
    "openinference": "openinference.instrumentation.",
    "semconv": "opentelemetry.instrumentation.genai.",
    "logfire": "logfire.",
}
"""How the names of the scopes begin."""

COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cache_write_1h_tokens")
GPT, CLAUDE, HOUR = (1200, 1024, None, 90), (13947, 2836, 11107, 155), 10000
"""The counts of the bodies. Only the spans of Anthropic's SDK itself know the hour of the cache."""


@pytest.mark.parametrize("one_by_one", ["", "1"], ids=["together", "one by one"])
@pytest.mark.parametrize("program", PROGRAMS, ids=" with ".join)
def test_the_calls_of_a_real_client_count_once_each_as_their_bodies_say(
    program: tuple[str, ...], one_by_one: str, traces: str, provider: str, embedded: Ledger
) -> None:
    client, *instrumentations = program
    addresses = {"PROVIDER": provider, "TRACES": traces, "TOKEN": TOKEN, "ONE_BY_ONE": one_by_one}
    run = [str(CLIENTS), instrumented_program.__file__, *program]
    ended = subprocess.run(run, env=os.environ | addresses, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    by_itself = client.startswith("anthropic") and "logfire" not in instrumentations  # logfire turns it off
    makers = [*instrumentations, *(["itself"] if by_itself else [])]
    with embedded.reading() as connection:
        scopes = connection.execute(sa.select(call_span.c.scope).distinct()).scalars().all()
    assert [name for name in makers if not any(one.startswith(SCOPES[name]) for one in scopes)] == []
    counts = (*(CLAUDE if client.startswith("anthropic") else GPT), HOUR if by_itself else None)
    assert [tuple(call.get(name) for name in COUNTS) for call in kept(embedded)] == (
        [counts] * instrumented_program.CALLS
    )
