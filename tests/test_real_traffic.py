"""A sample of real traffic end to end: an hour of two Azure services, imported and posted, against plain sums.

The trace lies beside the project (`../shared/traces`, CC-BY 4.0, Azure Public Dataset) and is not part of it; the test
says so where it is not there.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboard.answer import as_json
from dashboard.question import Words, parse
from dashboard.runner import Result, run
from ingest.api import make_api
from ingest.files import sources
from ingest.importing import FileReport, Importer, Options
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.verification import verify
from ingest.settings import Settings

TRACES = Path(__file__).resolve().parents[2] / "shared" / "traces"
KEYS = ("vk-chat", "vk-search", "vk-batch")
SERVICES = {"conv": ("openai", "gpt-4o-mini"), "code": ("anthropic", "claude-sonnet-4-5")}


@dataclass(frozen=True)
class Traced:
    """One request of the trace."""

    service: str
    at: datetime
    tokens_in: int
    tokens_out: int


def traced(service: str) -> Iterator[Traced]:
    file = TRACES / f"AzureLLMInferenceTrace_{service}.csv"
    if not file.exists():
        pytest.skip(f"the Azure trace is not beside the project ({file.name})")
    with file.open() as rows:
        for row in csv.DictReader(rows):
            at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC)
            yield Traced(service, at, int(row["ContextTokens"]), int(row["GeneratedTokens"]))


def response(n: int, request: Traced) -> dict[str, Any]:
    """The request as the gateway would have answered it, in an envelope that names its time and key."""
    provider, model = SERVICES[request.service]
    return {
        "occurred_at": request.at.isoformat(),
        "virtual_key": KEYS[n % len(KEYS)],
        "response": {
            "id": f"{request.service}-{n}",
            "object": "chat.completion",
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": request.tokens_in,
                "completion_tokens": request.tokens_out,
                "total_tokens": request.tokens_in + request.tokens_out,
            },
            "extra_fields": {
                "request_type": "chat_completion",
                "provider": provider,
                "latency": 700,
                "chunk_index": 0,
            },
        },
    }


def lines(service: str) -> bytes:
    return b"".join(json.dumps(response(n, one)).encode() + b"\n" for n, one in enumerate(traced(service)))


def asked(ledger: Ledger, by: str) -> Result:
    words = Words(
        [by],
        ["requests,input_tokens,output_tokens,unpriced_requests,total_cost"],
        "2023-11-01",
        "2023-12-01",
        None,
        None,
        [],
    )
    return run(ledger, parse(words, ledger.zone, datetime.now(UTC)))


@pytest.mark.slow
def test_an_hour_of_real_traffic_adds_up(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "conv.jsonl"
    file.write_bytes(lines("conv"))
    report = FileReport(str(file))
    Importer(ledger, Options()).run(sources([str(file)])[0], report, lambda _size, _records: None)
    posted = TestClient(make_api(ledger, settings)).post(
        "/v1/ingest", content=lines("code"), headers={"content-type": "application/jsonl"}
    )
    assert posted.status_code == 200
    truth = {service: list(traced(service)) for service in SERVICES}
    assert (report.receipt.accepted, posted.json()["accepted"]) == (len(truth["conv"]), len(truth["code"]))
    for _ in ("from events", "from rollups"):
        _compare(ledger, truth)
        rollups.roll(ledger)
    assert verify(ledger) == []


def _compare(ledger: Ledger, truth: dict[str, list[Traced]]) -> None:
    rows = {row["model"]: row for row in as_json(asked(ledger, "model"))["rows"]}
    for service, (_, model) in SERVICES.items():
        assert rows[model]["requests"] == len(truth[service])
        assert rows[model]["input_tokens"] == sum(one.tokens_in for one in truth[service])
        assert rows[model]["output_tokens"] == sum(one.tokens_out for one in truth[service])
        assert rows[model]["unpriced_requests"] == 0
    # gpt-4o-mini: 0.15 and 0.60 per million tokens
    conv = truth["conv"]
    millionths = sum(one.tokens_in * 15 + one.tokens_out * 60 for one in conv)
    assert Decimal(rows["gpt-4o-mini"]["total_cost"]) == Decimal(millionths) / 10**8
    by_key = Counter(KEYS[n % len(KEYS)] for requests in truth.values() for n in range(len(requests)))
    assert {
        row["virtual_key"]: row["requests"] for row in as_json(asked(ledger, "virtual_key"))["rows"]
    } == by_key
