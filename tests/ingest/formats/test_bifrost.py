"""Bifrost's rows: which of them are calls, and a job that a provider makes in its own time is one call."""

import json
import uuid
from typing import Any

import pytest

from ingest import formats
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.rejection import Refused

SETTLED = str(uuid.uuid5(uuid.UUID("90a2f576-5276-481f-a753-2c78ccf97607"), "openai:batch_7"))
"""The id that Bifrost gives to the row that settles this batch."""


def row(request_type: str, **facts: Any) -> bytes:
    known = {
        "id": "req-1",
        "timestamp": "2026-10-02T09:15:00Z",
        "object": request_type,
        "provider": "openai",
        "model": "gpt-4o-mini",
        "status": "success",
    }
    return json.dumps(known | facts).encode()


def is_call(raw: bytes) -> bool:
    try:
        formats.read(raw)
    except Refused as refused:
        if refused.code != "not_a_call":
            raise
        return False
    return True


def batch_results(**facts: Any) -> bytes:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return row("batch_results", **{"token_usage": usage} | facts)


def about(batch: str = "batch_7", **accounting: Any) -> dict[str, Any]:
    return {"batch_id": batch, "accounting": {"model_breakdowns": {"gpt-4o-mini": {}}} | accounting}


@pytest.mark.parametrize(
    "request_type",
    [
        *("list_models", "count_tokens", "batch_create", "batch_retrieve", "batch_list", "file_upload"),
        *("file_content", "cached_content_create", "container_list", "container_file_content"),
        *("video_retrieve", "video_download", "responses_retrieve", "responses_input_items"),
    ],
)
def test_what_uses_no_model_is_no_call(request_type: str) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    assert not is_call(row(request_type, token_usage=usage))


def test_what_bifrost_has_a_price_for_counts() -> None:
    event = formats.read(row("container_create", cost=0.03))
    assert (event.request_type, event.reported) == ("container_create", ReportedCost(total=30_000_000_000))


@pytest.mark.parametrize(
    "request_type", ["chat_completion", "embedding", "ocr", "realtime", "compaction", "container_create"]
)
def test_a_call_of_a_model_is_one_without_a_cost_too(request_type: str) -> None:
    assert is_call(row(request_type))


@pytest.mark.parametrize("request_type", ["list_models", "count_tokens", "batch_retrieve", "file_upload"])
def test_an_answer_that_used_no_model_is_no_call(request_type: str) -> None:
    answer = {"object": "list", "data": [], "input_tokens": 12, "model": "gpt-4o-mini"}
    extra = {"request_type": request_type, "provider": "openai", "latency": 5, "chunk_index": 0}
    assert not is_call(json.dumps(answer | {"extra_fields": extra}).encode())


def test_a_row_with_a_cost_is_kept_without_a_doubtful_part() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 140}
    details = {"prompt_tokens_details": {"cached_read_tokens": 300}}
    event = formats.read(row("chat_completion", token_usage=usage | details, cost=0.01))
    assert (event.input_tokens, event.cache_read_tokens, event.total_tokens) == (100, None, 110)
    assert event.flags == ("part_dropped", "total_disagrees")
    assert event.reported == ReportedCost(total=10_000_000_000)


def test_a_batch_is_the_row_that_settles_it() -> None:
    event = formats.read(batch_results(id=SETTLED, cost=0.5, batch_debug=about()))
    assert (event.source_event_id, event.request_type, event.service_tier) == (SETTLED, "batch", "batch")
    assert (event.input_tokens, event.reported) == (1000, ReportedCost(total=500_000_000_000))


def test_a_batch_without_a_price_is_a_call_without_a_cost() -> None:
    event = formats.read(batch_results(id=SETTLED, cost=None, batch_debug=about(incomplete=True)))
    assert (event.input_tokens, event.reported) == (1000, None)


@pytest.mark.parametrize(
    "facts",
    [
        {"batch_debug": about(echo=True, cost=0.5)},
        {"batch_debug": about(echo=True), "cost": 0.5},
        {"batch_debug": about()},
        {"batch_debug": {"batch_id": "batch_7", "status": "in_progress"}},
        {"batch_debug": about("batch_8"), "id": SETTLED},
        {},
    ],
)
def test_reading_the_results_of_a_batch_is_no_call(facts: dict[str, Any]) -> None:
    assert not is_call(batch_results(**facts))


def test_a_row_that_was_billed_for_reading_results_is_the_same_call_as_the_settlement() -> None:
    """Older versions gave a cost to every row of results when they calculated costs again."""
    settled, read = (
        formats.read(batch_results(id=key, cost=0.5, batch_debug=about())) for key in (SETTLED, "req-9")
    )
    assert settled.source_event_id == read.source_event_id == SETTLED
    assert settled.source_updated_at is not None
    assert read.source_updated_at is None, "the settlement stands, whichever comes first"


def test_a_video_is_the_row_that_settles_it() -> None:
    asked = {"video_debug": {"video_id": "v-1", "status": "queued"}}
    settled = {"video_debug": json.dumps({"video_id": "v-1", "accounting": {"seconds": 8}}), "cost": 0.8}
    assert not is_call(row("video_generation", **asked))
    assert not is_call(row("video_retrieve", **asked))
    assert is_call(row("video_generation", id="req-2", parent_request_id="req-1", **settled))
    assert is_call(row("video_generation", **asked | {"status": "error"})), "a failed call is a call"
    assert is_call(row("video_generation", cost=0.8)), "older versions have a cost at once"


def model_names(**facts: Any) -> tuple[str | None, ...]:
    event = formats.read(row("chat_completion", **facts))
    return event.model, event.model_deployment, event.model_requested


def test_the_model_that_the_provider_served_is_the_billed_model() -> None:
    assert model_names() == ("gpt-4o-mini", None, None)
    assert model_names(served_model="gpt-4o-mini") == ("gpt-4o-mini", None, None)
    assert model_names(model="d-1", served_model="gpt-4o", alias="best") == ("gpt-4o", "d-1", "best")
    assert model_names(model="d-1", served_model="gpt-4o") == ("gpt-4o", "d-1", "d-1")
    assert model_names(server_side_fallback_model="m-2") == ("m-2", "gpt-4o-mini", "gpt-4o-mini")


def session(**facts: Any) -> str | None:
    event: UsageEvent = formats.read(row("chat_completion", **facts))
    return event.session


def test_the_session_of_a_call() -> None:
    assert session(session_id="s-1", parent_request_id="req-0", fallback_index=1) == "s-1"
    assert session(parent_request_id="s-1", fallback_index=0) == "s-1"
    assert session(parent_request_id="req-0", fallback_index=1) is None
    assert session(parent_request_id="req-0", video_debug={"video_id": "v-1"}) is None
    assert session(metadata={"session": "s-1"}) == "s-1"


def test_a_row_whose_usage_has_only_unknown_numbers_is_refused_with_their_names() -> None:
    for usage in ({"tokens_in": 12}, json.dumps({"tokens_in": 12})):
        with pytest.raises(Refused, match=r"token_usage has numbers.*: tokens_in;") as caught:
            formats.read(row("chat_completion", token_usage=usage, cost=0.5))
        assert caught.value.code == "unknown_usage"
