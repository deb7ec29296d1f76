"""Which spans of a trace show the same call, and which of them stands for it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.model.call_span import LONGEST_STREAM, CallSpan, standing

SCOPES = ("framework", "instrumentation", "sdk")
"""Instrumentations, each around the next."""

SECOND = 1_000_000
START = 1_790_000_000 * SECOND

SEEN: dict[str, Any] = {
    "trace_id": "5b8efff798038103d269b633813fc60c",
    "parent_span_id": None,
    "scope": "sdk",
    "response_id": None,
    "model": "gpt-4o",
    "model_requested": "gpt-4o",
    "input_tokens": 100,
    "output_tokens": 10,
    "succeeded": True,
    "completeness": 1,
}
NO_USAGE: dict[str, Any] = {"input_tokens": None, "output_tokens": None, "completeness": 0}


def span(name: str, start: float = 0, end: float = 2, **facts: Any) -> CallSpan:
    times = {"started_at": START + int(start * SECOND), "ended_at": START + int(end * SECOND)}
    return CallSpan(span_id=name, **SEEN | times | facts)


def calls(*spans: CallSpan) -> list[set[str]]:
    """The names of the spans of each call."""
    stands = standing(spans)
    assert stands == standing(spans[::-1])
    assert stands.keys() == {one.span_id for one in spans}
    return sorted(
        ({one for one, of in stands.items() if of == best} for best in set(stands.values())), key=min
    )


def test_two_instrumentations_of_one_call_make_one_call() -> None:
    assert calls(span("a", 0, 3, scope="framework"), span("b", 1, 2)) == [{"a", "b"}]
    assert calls(span("a", 0, 2, scope="framework"), span("b", 1, 3)) == [{"a", "b"}]


def test_every_instrumentation_of_a_call_belongs_to_it() -> None:
    assert calls(*(span(scope, n, 9 - n, scope=scope) for n, scope in enumerate(SCOPES))) == [set(SCOPES)]


def test_spans_of_one_instrumentation_are_different_calls() -> None:
    same: Any = {"response_id": "chatcmpl-1"}
    assert calls(span("a"), span("b")) == [{"a"}, {"b"}]
    assert calls(span("a", **same), span("b", **same)) == [{"a"}, {"b"}]


def test_spans_that_share_no_time_are_different_calls() -> None:
    same: Any = {"response_id": "chatcmpl-1"}
    assert calls(span("a", 0, 1, scope="framework", **same), span("b", 2, 3, **same)) == [{"a"}, {"b"}]


@pytest.mark.parametrize(
    "other",
    [
        {"input_tokens": 99},
        {"output_tokens": 11},
        {"model": "gpt-4o-mini", "model_requested": None},
        {"succeeded": False},
        {"response_id": "chatcmpl-2"},
    ],
    ids=str,
)
def test_what_both_say_and_say_otherwise_parts_them(other: dict[str, Any]) -> None:
    outer = span("a", 0, 3, scope="framework", response_id="chatcmpl-1")
    assert calls(outer, span("b", 1, 2, **other)) == [{"a"}, {"b"}]


@pytest.mark.parametrize(
    "other",
    [
        NO_USAGE,
        {"input_tokens": None},
        {"model": None, "model_requested": None},
        {"model": "unknown"},
        {"model": "openai/gpt-4o-2024-08-06", "model_requested": None},
        {"response_id": "chatcmpl-2"},
    ],
    ids=str,
)
def test_what_only_one_of_them_says_does_not_part_them(other: dict[str, Any]) -> None:
    assert calls(span("a", 0, 3, scope="framework"), span("b", 1, 2, **other)) == [{"a", "b"}]


def test_spans_that_were_sent_with_different_keys_are_different_calls() -> None:
    same = {"response_id": "chatcmpl-1"}
    outer = span("a", 0, 3, scope="framework", sent_with="one", **same)
    assert calls(outer, span("b", 1, 2, sent_with="another", **same)) == [{"a"}, {"b"}]
    assert calls(outer, span("b", 1, 2, sent_with="one", **same)) == [{"a", "b"}]
    assert calls(outer, span("b", 1, 2, **same)) == [{"a", "b"}]
    begun = span("a", 0, 1, sent_with="one", **NO_USAGE)
    assert calls(begun, span("b", 5, 5, sent_with="another")) == [{"a"}, {"b"}]


def test_the_same_response_is_the_same_call_whatever_else_is_said() -> None:
    same: Any = {"response_id": "chatcmpl-1"}
    other = {"input_tokens": 99, "model": "my-deployment", "model_requested": None, "succeeded": False}
    assert calls(span("a", 0, 3, scope="framework", **same), span("b", 1, 2, **same, **other)) == [{"a", "b"}]


def test_a_span_belongs_to_one_of_two_calls_at_the_same_time() -> None:
    outer = [span("a", 0, 9, scope="framework"), span("b", 0.1, 9, scope="framework")]
    assert calls(*outer, span("c", 0.2, 8)) == [{"a"}, {"b", "c"}]
    assert calls(*outer, span("c", 0.2, 8), span("d", 0.3, 8)) == [{"a", "d"}, {"b", "c"}]


def test_of_calls_at_the_same_time_the_same_response_tells_most_and_then_the_parent() -> None:
    outer = [span("a", 0, 9, scope="framework"), span("b", 0, 9, scope="framework", response_id="chatcmpl-1")]
    assert calls(*outer, span("c", 1, 8, response_id="chatcmpl-1")) == [{"a"}, {"b", "c"}]
    assert calls(*outer, span("c", 1, 8, parent_span_id="a")) == [{"a", "c"}, {"b"}]
    assert calls(*outer, span("c", 1, 8, parent_span_id="b")) == [{"a"}, {"b", "c"}]


def test_of_calls_at_the_same_time_the_same_counts_tell_more_than_none() -> None:
    outer = [span("a", 0, 9, scope="framework", **NO_USAGE), span("b", 0, 9, scope="framework")]
    assert calls(*outer, span("c", 1, 8)) == [{"a"}, {"b", "c"}]


def test_an_id_that_many_calls_share_does_not_mix_their_counts() -> None:
    stub, dear = {"response_id": "stub"}, {"response_id": "stub", "input_tokens": 999}
    outer = [span("a", 0, 9, scope="framework", **stub), span("b", 0, 9, scope="framework", **dear)]
    assert calls(*outer, span("c", 1, 8, **dear), span("d", 1, 8, **stub)) == [{"a", "d"}, {"b", "c"}]


def test_a_child_of_the_same_instrumentation_is_the_same_call() -> None:
    assert calls(span("a", 0, 3), span("b", 1, 2, parent_span_id="a")) == [{"a", "b"}]
    chain = [span("a", 0, 9), span("b", 1, 8, parent_span_id="a"), span("c", 2, 7, parent_span_id="b")]
    assert calls(*chain) == [{"a", "b", "c"}]


def test_two_attempts_inside_one_span_are_two_calls() -> None:
    failed = span("b", 1, 2, parent_span_id="a", succeeded=False, **NO_USAGE)
    assert calls(span("a", 0, 9), failed, span("c", 3, 8, parent_span_id="a")) == [{"a", "c"}, {"b"}]
    assert calls(span("a", 0, 9), *(span(n, 1, 8, parent_span_id="a") for n in "bc")) == [{"a", "b"}, {"c"}]


def test_the_usage_of_a_stream_that_is_recorded_later_belongs_to_its_span() -> None:
    begun, record = span("a", 0, 1, **NO_USAGE), span("b", 5, 5)
    assert calls(begun, record) == [{"a", "b"}]
    assert calls(begun, record, span("c", 0.1, 4.9, scope="instrumentation")) == [{"a", "b", "c"}]


@pytest.mark.parametrize(
    ("begun", "record"),
    [
        ({}, {}),
        (NO_USAGE, {"end": 6}),
        (NO_USAGE, NO_USAGE),
        (NO_USAGE, {"start": 0.5, "end": 0.5}),
        (NO_USAGE, {"start": 2 + LONGEST_STREAM / SECOND, "end": 2 + LONGEST_STREAM / SECOND}),
        (NO_USAGE, {"scope": "instrumentation"}),
        (NO_USAGE, {"parent_span_id": "c"}),
        (NO_USAGE, {"model_requested": "gpt-4o-mini"}),
        (NO_USAGE | {"succeeded": False}, {}),
    ],
    ids=str,
)
def test_other_spans_without_length_are_calls_of_their_own(
    begun: dict[str, Any], record: dict[str, Any]
) -> None:
    assert calls(span("a", 0, 1, **begun), span("b", **{"start": 5, "end": 5, **record})) == [{"a"}, {"b"}]


def test_each_stream_has_one_record_of_its_usage() -> None:
    begun = [span("a", 0, 1, **NO_USAGE), span("b", 2, 3, **NO_USAGE)]
    assert calls(*begun, span("c", 5, 5), span("d", 6, 6)) == [{"a", "d"}, {"b", "c"}]
    assert calls(*begun, span("c", 5, 5)) == [{"a"}, {"b", "c"}]
    assert calls(begun[0], span("c", 5, 5), span("d", 6, 6)) == [{"a", "c"}, {"d"}]


def test_the_most_complete_span_stands_and_of_equal_ones_the_inner_one() -> None:
    outer, inner = span("a", 0, 3, scope="framework", completeness=2), span("b", 1, 2)
    assert set(standing([outer, inner]).values()) == {"a"}
    assert set(standing([span("a", 0, 3, scope="framework"), inner]).values()) == {"b"}


COUNTS = st.sampled_from([100, 100, 200])


MANY = pytest.mark.parametrize("examples", [40, pytest.param(2000, marks=pytest.mark.long)])


@st.composite
def traffic(draw: st.DrawFn, *, everywhere: bool = False) -> list[list[CallSpan]]:
    """Calls, many at the same time and with equal counts, each with its spans of some or of all scopes."""
    made = []
    for number in range(draw(st.integers(1, 8))):
        start, length, tokens = draw(st.integers(0, 20)), draw(st.integers(8, 30)), draw(COUNTS)
        seen_by = range(3) if everywhere else draw(st.lists(st.integers(0, 2), min_size=1, unique=True))
        made.append(
            [
                span(f"{number}{n}", start + n, start + length - n, scope=SCOPES[n], input_tokens=tokens)
                for n in seen_by
            ]
        )
    return made


def flat(made: Sequence[Sequence[CallSpan]]) -> list[CallSpan]:
    return [one for spans in made for one in spans]


@MANY
def test_no_order_of_the_spans_matters(examples: int) -> None:
    @settings(max_examples=examples)
    @given(traffic(), st.randoms(use_true_random=False))
    def check(made: list[list[CallSpan]], random: Any) -> None:
        spans = flat(made)
        assert standing(random.sample(spans, len(spans))) == standing(spans)

    check()


@MANY
def test_no_two_spans_of_a_call_are_of_one_instrumentation_or_share_no_time(examples: int) -> None:
    @settings(max_examples=examples)
    @given(traffic())
    def check(made: list[list[CallSpan]]) -> None:
        spans = {one.span_id: one for one in flat(made)}
        for names in calls(*spans.values()):
            found = [spans[name] for name in names]
            assert len({one.scope for one in found}) == len(found)
            assert max(one.started_at for one in found) <= min(one.ended_at for one in found)
            assert len({one.input_tokens for one in found}) == 1

    check()


@MANY
def test_calls_that_every_instrumentation_saw_are_as_many_as_they_were(examples: int) -> None:
    @settings(max_examples=examples)
    @given(traffic(everywhere=True))
    def check(made: list[list[CallSpan]]) -> None:
        assert len(calls(*flat(made))) == len(made)

    check()
