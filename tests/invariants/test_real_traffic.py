"""An hour of traffic in the proportions of real services, end to end: imported and posted, against sums.

The calls are drawn; how long they are is drawn between the quantiles of two services in Azure's public trace
of 2023-11-16 (Azure Public Dataset, CC-BY 4.0), of whose requests these are a tenth.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from dashboard.query.question import QuestionText, parse
from dashboard.query.run import Result, run
from dashboard.query.serialize import as_json
from ingest.files.paths import sources
from ingest.http.app import make_api
from ingest.importing.importer import FileReport, Importer, ImportOptions
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.verification import verify
from ingest.settings import Settings

START = datetime(2023, 11, 16, 18, 15, tzinfo=UTC)
NOW = datetime(2023, 12, 1, tzinfo=UTC)
SHARES = (0.0, 0.5, 0.9, 0.99, 1.0)
KEYS = ("vk-chat", "vk-search", "vk-batch")
SERVICES = {"conv": ("openai", "gpt-4o-mini"), "code": ("anthropic", "claude-sonnet-4-5")}


@dataclass(frozen=True)
class Service:
    """How many requests came in the hour, and the tokens that each of `SHARES` of them had at most."""

    requests: int
    tokens_in: tuple[int, ...]
    tokens_out: tuple[int, ...]


TRAFFIC = {
    "conv": Service(1_936, (1, 1_020, 2_735, 4_142, 14_000), (1, 129, 424, 601, 1_000)),
    "code": Service(881, (1, 1_469, 5_194, 7_436, 7_500), (1, 13, 55, 252, 2_000)),
}


@dataclass(frozen=True)
class Traced:
    """One request of the hour."""

    service: str
    at: datetime
    tokens_in: int
    tokens_out: int


def traced(service: str) -> Iterator[Traced]:
    """The same requests each time."""
    chance, shape = random.Random(service), TRAFFIC[service]
    for second in sorted(chance.uniform(0, 3_600) for _ in range(shape.requests)):
        tokens = (drawn(chance.random(), shape.tokens_in), drawn(chance.random(), shape.tokens_out))
        yield Traced(service, START + timedelta(seconds=second), *tokens)


def drawn(share: float, tokens: tuple[int, ...]) -> int:
    """The tokens below which a share of the requests lies, on straight lines between what is known."""
    for (low, high), (least, most) in zip(pairwise(SHARES), pairwise(tokens), strict=True):
        if share <= high:
            return least + int((most - least) * (share - low) / (high - low))
    raise AssertionError(share)


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
    words = QuestionText(
        [by],
        ["requests,input_tokens,output_tokens,unpriced_requests,total_cost"],
        "2023-11-01",
        "2023-12-01",
        None,
        None,
        [],
    )
    return run(ledger, parse(words, ledger.zone, NOW))


def test_an_hour_of_traffic_adds_up(ledger: Ledger, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "conv.jsonl"
    file.write_bytes(lines("conv"))
    report = FileReport(str(file))
    importer = Importer(ledger, ImportOptions())
    importer.run(sources([str(file)])[0], report, lambda _size, _records: None)
    importer.finish()
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
