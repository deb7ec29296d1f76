"""Certain wholes, doubtful parts: a part that cannot be true is dropped where its whole is certain."""

import json
from typing import Any

import pytest

from ingest import formats
from ingest.model.event import ImpossibleCount, UsageEvent, check
from ingest.model.rejection import Refused

TOTALS = {"prompt_tokens": 100, "completion_tokens": 20}
CERTAIN: tuple[dict[str, Any], ...] = ({"total_tokens": 120}, {"cost": 0.5})


def read(usage: dict[str, Any]) -> UsageEvent:
    body = {"id": "chatcmpl-8Zt4", "object": "chat.completion", "model": "acme-large", "choices": []}
    event = formats.read(json.dumps(body | {"usage": TOTALS | usage}).encode())
    check(event)
    return event


PARTS = [
    ("prompt_tokens_details", {"cached_tokens": 101}, "cache_read_tokens"),
    ("prompt_tokens_details", {"cache_write_tokens": 101}, "cache_write_tokens"),
    ("prompt_tokens_details", {"text_tokens": -3}, "input_text_tokens"),
    ("prompt_tokens_details", {"audio_tokens": 375}, "input_audio_tokens"),
    ("completion_tokens_details", {"citation_tokens": 21}, "citation_tokens"),
    ("completion_tokens_details", {"audio_tokens": -1}, "output_audio_tokens"),
    ("completion_tokens_details", {"rejected_prediction_tokens": 40}, "rejected_prediction_tokens"),
]


@pytest.mark.parametrize("whole", CERTAIN, ids=["by-total", "by-cost"])
@pytest.mark.parametrize(("details", "part", "dropped"), PARTS, ids=[dropped for _, _, dropped in PARTS])
def test_a_part_that_does_not_fit_a_certain_whole_is_dropped_and_flagged(
    details: str, part: dict[str, int], dropped: str, whole: dict[str, Any]
) -> None:
    event = read({details: part, **whole})
    assert (event.input_tokens, event.output_tokens, event.total_tokens) == (100, 20, 120)
    assert (getattr(event, dropped), event.flags) == (None, ("part_dropped",))


@pytest.mark.parametrize(("details", "part", "field"), PARTS[:5], ids=[field for _, _, field in PARTS[:5]])
def test_a_part_that_does_not_fit_an_uncertain_whole_refuses_the_call(
    details: str, part: dict[str, int], field: str
) -> None:
    with pytest.raises((Refused, ImpossibleCount), match=f"{field} ") as caught:
        read({details: part})
    assert not isinstance(caught.value, Refused) or caught.value.field == field


def test_reasoning_above_the_output_is_dropped_where_the_total_has_no_room_for_it() -> None:
    event = read({"total_tokens": 120, "completion_tokens_details": {"reasoning_tokens": 21}})
    assert (event.output_tokens, event.reasoning_tokens, event.flags) == (20, None, ("part_dropped",))


def test_parts_that_are_too_large_together_are_all_dropped() -> None:
    event = read({"total_tokens": 120, "prompt_tokens_details": {"text_tokens": 90, "image_tokens": 60}})
    assert (event.input_text_tokens, event.input_image_tokens) == (None, None)
    assert event.flags == ("part_dropped",)


@pytest.mark.parametrize("whole", CERTAIN, ids=["by-total", "by-cost"])
def test_cached_and_written_tokens_that_overlap_are_dropped_and_flagged(whole: dict[str, Any]) -> None:
    event = read({**whole, "prompt_tokens_details": {"cached_tokens": 96, "cache_write_tokens": 96}})
    assert (event.input_tokens, event.cache_read_tokens, event.cache_write_tokens) == (100, None, None)
    assert event.flags == ("cache_overlap",)


def test_a_cost_of_zero_that_is_not_believed_makes_nothing_certain() -> None:
    with pytest.raises(Refused, match=r"usage\.total_tokens is 160") as caught:
        read({"total_tokens": 160, "cost": 0})
    assert caught.value.code == "total_disagrees"


@pytest.mark.parametrize("side", ["prompt_tokens", "completion_tokens"])
def test_a_total_below_the_only_count_beside_it_is_refused_without_a_cost(side: str) -> None:
    other = next(name for name in TOTALS if name != side)
    with pytest.raises(ImpossibleCount, match=r"total_tokens \(20\) cannot be smaller"):
        read({side: 50, other: None, "total_tokens": 20})
    event = read({side: 50, other: None, "total_tokens": 20, "cost": 0.5})
    assert (event.total_tokens, event.flags) == (50, ("total_disagrees",))


def test_a_total_of_converse_above_its_counts_is_refused() -> None:
    body = {"stopReason": "end_turn", "output": {"message": {"role": "assistant", "content": []}}}
    usage = {"inputTokens": 30, "outputTokens": 50, "totalTokens": 592}
    with pytest.raises(Refused, match=r"usage\.totalTokens is 592"):
        formats.read(json.dumps(body | {"usage": usage}).encode())


def test_a_span_with_a_cost_keeps_it_without_a_doubtful_part() -> None:
    counts = {"input_tokens": 100, "output_tokens": 20, "cost": 0.5}
    attributes = {f"gen_ai.usage.{name}": value for name, value in counts.items()} | {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "acme-large",
        "gen_ai.usage.prompt_token_details.text_tokens": 101,
    }
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "attributes": attributes}
    event = formats.read(json.dumps(span).encode())
    check(event)
    assert (event.input_tokens, event.input_text_tokens, event.flags) == (100, None, ("part_dropped",))


@pytest.mark.parametrize("part", ["cached_tokens", "reasoning_tokens"])
def test_a_part_below_zero_beside_the_totals_is_dropped_too(part: str) -> None:
    event = read({"total_tokens": 120, part: -4})
    assert (event.cache_read_tokens, event.reasoning_tokens, event.flags) == (None, None, ("part_dropped",))


def test_parts_that_fit_are_kept_without_a_flag() -> None:
    event = read(
        {"total_tokens": 120, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 40}}
    )
    assert (event.cache_read_tokens, event.cache_write_tokens, event.flags) == (60, 40, None)


def test_a_generation_of_openrouter_keeps_its_cost_without_a_doubtful_part() -> None:
    generation = {
        "id": "gen-8Zt4",
        "total_cost": 0.25,
        "native_tokens_prompt": 30,
        "native_tokens_completion": 10,
        "native_tokens_reasoning": 12,
    }
    event = formats.read(json.dumps(generation).encode())
    check(event)
    assert (event.output_tokens, event.reasoning_tokens, event.flags) == (10, None, ("part_dropped",))
