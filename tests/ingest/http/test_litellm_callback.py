"""The `litellm` package's own generic callback, pointed at a running Tallybook and nothing else changed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.fields import TERMS
from ingest.ledger.tables.calls import directory, rejected_record, term, usage_event
from ingest.settings import Settings
from tests.support.ledgers import SECRET, blank
from tests.support.paths import TESTS
from tests.support.serving import guarded_api, served

TOKEN = "correct horse"
COST = Decimal("0.000225")
KEY = "sk-1234567890abcdef"
SENDER = TESTS / "support" / "litellm_sender.py"


RECORDS = {"json_array": 7, "ndjson": 7, "single": 7, "v1": 6}
"""How many records the callback logs in each format: the oldest logs no failures."""


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ledger]]:
    """A ledger by format, to which the application has logged: one process, as litellm loads slowly."""
    with ExitStack() as stack:
        made: dict[str, Ledger] = {}
        words: list[str] = []
        for log_format, records in RECORDS.items():
            url = blank(tmp_path_factory.mktemp(log_format) / "ledger.db")
            opened = open_ledger(Settings(database_url=url, secret_key=SECRET))
            stack.callback(opened.close)
            made[log_format] = opened
            words += [log_format, stack.enter_context(served(guarded_api(opened, TOKEN))), str(records)]
        send(words)
        yield made


def send(words: list[str]) -> None:
    """Run the application, which logs in each format to an address so many records."""
    clean = {name: value for name, value in os.environ.items() if "LOGGER" not in name}
    headers = {"GENERIC_LOGGER_HEADERS": f"x-bf-vk={KEY}"}  # the key of calls that name none
    done = subprocess.run(
        [sys.executable, str(SENDER), TOKEN, *words],
        env=clean | headers,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def calls(ledger: Ledger) -> list[dict[str, Any]]:
    """The events in the order of their calls, with words in place of the numbers of terms."""
    with ledger.reading() as connection:
        words = {row.term_id: row.text for row in connection.execute(sa.select(term))}
        events = connection.execute(sa.select(usage_event).order_by(usage_event.c.occurred_at)).mappings()
        terms = {f"{name}_id": name for name in TERMS}
        return [
            {
                terms.get(name, name): words.get(value) if name in terms else value
                for name, value in one.items()
            }
            for one in events
        ]


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["json_array", "ndjson", "single"])
def test_the_callback_works_unchanged(ledgers: dict[str, Ledger], log_format: str) -> None:
    ledger = ledgers[log_format]
    plain, stream, unknown, embedding, failed, first, hit = calls(ledger)
    assert (plain["status"], plain["cost_source"], plain["total_cost"]) == ("success", "reported", COST)
    assert plain["input_cost"] + plain["output_cost"] == COST  # 10 in at 2.50 and 20 out at 10 a million
    assert stream["request_type"] == "chat_completion_stream"
    assert 0 < stream["time_to_first_token_us"] < stream["latency_us"]
    assert stream["labels"] == '{"jobID":"42"}'
    assert (unknown["cost_source"], unknown["total_cost"]) == ("unpriced", None)
    assert (embedding["request_type"], embedding["output_tokens"]) == ("embedding", 0)
    assert (failed["status"], failed["error_type"], failed["error_code"]) == (
        "error",
        "RateLimitError",
        "429",
    )
    assert (failed["cost_source"], failed["total_cost"]) == ("free", 0)
    assert (first["total_cost"], first["cache_hit"]) == (COST, None)
    assert (hit["cache_hit"], hit["total_cost"], hit["input_tokens"]) == (True, 0, 0)
    assert (hit["replayed_input_tokens"], hit["saved_cost"]) == (10, COST)
    assert names(ledger) == {("team", "team-7", "Search"), ("virtual_key", ident(ledger), "search")}


@pytest.mark.slow
def test_the_oldest_record_works_too(ledgers: dict[str, Ledger]) -> None:
    ledger = ledgers["v1"]
    plain, stream, unknown, embedding, first, hit = calls(ledger)
    assert (plain["cost_source"], plain["total_cost"], plain["input_tokens"]) == ("reported", COST, 10)
    assert stream["stream"]
    assert unknown["cost_source"] == "unpriced"
    assert embedding["total_cost"] == Decimal("0.0000002")
    assert (first["total_cost"], hit["total_cost"], hit["cache_hit"]) == (COST, 0, True)
    assert names(ledger) == {("team", "team-7", "Search"), ("virtual_key", ident(ledger), "search")}


def names(ledger: Ledger) -> set[tuple[str, str, str]]:
    """Who the calls belong to.

    The key in the callback's headers is the key whose hash LiteLLM logs: one entry.
    """
    with ledger.reading() as connection:
        assert connection.execute(sa.select(rejected_record)).all() == []
        return {(row.kind, row.ident, row.name) for row in connection.execute(sa.select(directory))}


def ident(ledger: Ledger) -> str:
    return ledger.keyring.conceal(KEY).ident
