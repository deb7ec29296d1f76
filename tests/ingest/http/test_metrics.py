"""Metrics: what a scrape tells, that it costs the ledger nothing, and that it does not grow without bound."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from starlette.testclient import TestClient

from dashboard.query.question import QuestionText, parse
from dashboard.query.run import run
from ingest.clock import now
from ingest.http import readiness
from ingest.http.app import make_api
from ingest.http.metrics import Metrics, Names
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.model.receipt import Receipt
from ingest.model.tally import LAG_SECONDS, MAX_NAMES, Lags
from ingest.settings import Settings
from tests.support.examples import examples
from tests.support.paths import ROOT

CALL = {
    "object": "chat.completion",
    "model": "gpt-4o",
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.fixture
def client(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(readiness, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(readiness, "FIGURES_SECONDS", 0.0)
    with TestClient(make_api(embedded, Settings())) as client:
        yield client


def scraped(client: TestClient) -> dict[str, float]:
    """Each series and its value."""
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def until(client: TestClient, name: str, *, is_shown: bool = True) -> dict[str, float]:
    """The metrics once one of them is shown, or is not shown any more."""
    for _ in range(2_000):
        told = scraped(client)
        if (name in told) is is_shown:
            return told
    raise AssertionError(name)


def test_outcomes_are_counted_by_source_and_rejections_by_code(client: TestClient) -> None:
    mine = {"event_id": "e", "source": "edge", "response": CALL}
    bodies: list[Any] = [[CALL | {"id": "a"}, CALL | {"id": "b"}, {}, {"x": 1}], [CALL | {"id": "a"}, mine]]
    for body in bodies:
        assert client.post("/v1/ingest", json=body).status_code == 200
    told = scraped(client)
    by_source = {name: value for name, value in told.items() if "source_records_total" in name}
    assert by_source == {
        'tallybook_source_records_total{outcome="accepted",source="openai"}': 2,
        'tallybook_source_records_total{outcome="accepted",source="edge"}': 1,
        'tallybook_source_records_total{outcome="duplicates",source="openai"}': 1,
    }
    codes = {name: value for name, value in told.items() if name.startswith("tallybook_rejections_total")}
    assert sum(codes.values()) == told['tallybook_records_total{outcome="rejected"}'] == 2


def test_calls_are_counted_by_how_late_they_came(client: TestClient) -> None:
    made = [now() // 1_000_000 - seconds for seconds in (0, 45, 4_000)]
    client.post("/v1/ingest", json=[CALL | {"id": str(at), "created": at} for at in made])
    client.post("/v1/ingest", json=CALL | {"id": "without a time"})
    told = scraped(client)
    buckets = [told[f'tallybook_arrival_lag_seconds_bucket{{le="{le}"}}'] for le in ("30.0", "60.0", "+Inf")]
    assert buckets == [1, 2, 3]
    assert 4_045 <= told["tallybook_arrival_lag_seconds_sum"] < 4_200


@examples(30)
@given(st.lists(st.integers(-(10**9), 2 * 10**12), max_size=50))
def test_many_lags_at_once_are_counted_as_one_by_one(lags: list[int]) -> None:
    registry = CollectorRegistry()
    one_by_one = Histogram("lag", "One by one.", buckets=LAG_SECONDS, registry=registry)
    for lag in lags:
        one_by_one.observe(max(0, lag) / 1_000_000)
    halves = [Lags(), Lags()]
    for half, part in zip(halves, (lags[::2], lags[1::2]), strict=True):
        half.note(part)
    halves[0].add(halves[1])
    below = 0
    for bound, count in zip([*map(float, LAG_SECONDS), "+Inf"], halves[0].counts, strict=True):
        below += count
        assert registry.get_sample_value("lag_bucket", {"le": str(bound)}) == below
    assert halves[0].microseconds == sum(max(0, lag) for lag in lags)


def test_ten_thousand_sources_and_codes_are_a_hundred_and_others() -> None:
    metrics = Metrics()
    for number in range(10_000):
        by_source = Counter({(f"source {number}", "accepted"): 1})
        metrics.count(Receipt(accepted=1, by_source=by_source, by_code=Counter({f"code {number}": 1})))
    text = metrics.text().decode()
    for name in ("source_records", "rejections"):
        series = re.findall(rf"^tallybook_{name}_total.* (\S+)$", text, re.MULTILINE)
        assert (len(series), sum(map(float, series))) == (MAX_NAMES + 1, 10_000)


def test_the_names_of_one_receipt_are_bounded_too() -> None:
    total = Receipt()
    for number in range(10_000):
        total.add(Receipt(by_source=Counter({(f"source {number}", "accepted"): 1})))
    assert len(total.by_source) <= 4 * MAX_NAMES


@pytest.mark.parametrize("name", ["x" * 81, "a\nb", "\x1b[2J", "\u202e"])
def test_names_that_are_long_or_steer_a_terminal_are_others(name: str) -> None:
    assert Names().label(name) == "other"


def test_work_on_the_ledger_is_timed(client: TestClient, embedded: Ledger) -> None:
    before = scraped(client)
    client.post("/v1/ingest", json=CALL | {"id": "a", "created": 1_790_000_000})
    rollups.roll(embedded)
    run(embedded, parse(QuestionText(), embedded.zone, datetime.now(UTC)))
    after = scraped(client)
    for work in ("commit", "rollup", "question"):
        assert after[f"tallybook_{work}_seconds_count"] > before[f"tallybook_{work}_seconds_count"], work


def test_sizes_and_ages_are_told_and_left_out_while_the_ledger_is_away(
    client: TestClient, embedded: Ledger
) -> None:
    client.post("/v1/ingest", json=CALL | {"id": "a", "created": 1_790_000_000})
    told = until(client, "tallybook_newest_event_age_seconds")
    assert told["tallybook_newest_event_age_seconds"] > 0
    assert told["tallybook_rollup_backlog_slots"] == told["tallybook_ready"] == 1
    for size in ("database", "wal", "disk_free"):
        assert told[f"tallybook_{size}_bytes"] > 0
    Path(str(embedded.engine.url.database)).unlink()
    told = until(client, "tallybook_database_bytes", is_shown=False)
    assert told["tallybook_ready"] == 0
    assert 'tallybook_records_total{outcome="accepted"}' in told


def test_a_scrape_asks_nothing_of_the_ledger(embedded: Ledger) -> None:
    client = TestClient(make_api(embedded, Settings()))  # without a lifespan there is no probe either
    asked: list[object] = []

    def note(*statement: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert client.get("/metrics").status_code == 200
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert asked == []


def test_every_metric_is_documented(client: TestClient) -> None:
    until(client, "tallybook_database_bytes")
    told = re.findall(r"^# TYPE (\S+) (\S+)$", client.get("/metrics").text, re.MULTILINE)
    names = {name for name, _ in told if not name.endswith("_created")} | {"tallybook_backup_age_seconds"}
    undocumented = {name for name in names if f"| `{name}" not in OPERATIONS}
    assert undocumented == set()


def test_the_counters_of_several_workers_are_added_up(tmp_path: Path) -> None:
    program = (
        "from ingest.http.metrics import Metrics; from ingest.model.receipt import Receipt\n"
        "metrics = Metrics(); metrics.count(Receipt(accepted=3)); print(metrics.text().decode())"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for count in ("3.0", "6.0"):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert f'tallybook_records_total{{outcome="accepted"}} {count}' in done.stdout
