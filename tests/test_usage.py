"""Counts and costs: inclusive totals, exclusive parts, and the same facts whichever shape carries them."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest import formats
from ingest.model.event import ReportedCost, UsageEvent, check
from ingest.model.money import to_pico

COUNTS = st.integers(0, 10**11)
PICO = st.integers(0, 10**18)


def read(usage: dict[str, Any], *, provider: str | None = None, model: str = "m") -> UsageEvent:
    body: dict[str, Any] = {"choices": [], "model": model, "usage": usage}
    if provider is not None:
        body["extra_fields"] = {"provider": provider, "request_type": "chat_completion"}
    return formats.read(json.dumps(body).encode())


def dollars(pico: int) -> float | str:
    """An amount as JSON text holds it: too long for a float, so it goes as text, which decodes the same."""
    return str(Decimal(pico).scaleb(-12))


def tokens(event: UsageEvent) -> tuple[int | None, ...]:
    return (
        event.input_tokens,
        event.output_tokens,
        event.total_tokens,
        event.cache_read_tokens,
        event.cache_write_tokens,
    )


@given(plain=COUNTS, cached=COUNTS, written=COUNTS, spoken=COUNTS, thought=COUNTS)
def test_gateway_eras_agree(plain: int, cached: int, written: int, spoken: int, thought: int) -> None:
    whole = {"prompt_tokens": plain + cached + written, "completion_tokens": spoken + thought}
    output = {"reasoning_tokens": thought}
    read_and_write = {"cached_read_tokens": cached, "cached_write_tokens": written}
    new = read_and_write | {"cached_tokens": cached, "cache_write_tokens": written}
    middle = read_and_write | {"cached_tokens": cached + written}
    events = [
        read(
            whole | {"prompt_tokens_details": details, "completion_tokens_details": output},
            provider="anthropic",
        )
        for details in (new, middle, {"cached_tokens": cached, "cache_write_tokens": written})
    ]
    for event in events:
        check(event)
        assert tokens(event) == tokens(events[0])
    assert events[0].cache_read_tokens == cached
    assert events[0].total_tokens == sum((plain, cached, written, spoken, thought))


@given(plain=COUNTS, cached=st.integers(1, 10**11), written=COUNTS, spoken=COUNTS)
def test_anthropics_additive_cache_is_the_same_from_itself_and_from_the_old_gateway(
    plain: int, cached: int, written: int, spoken: int
) -> None:
    own = read(
        {
            "input_tokens": plain,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": written,
            "output_tokens": spoken,
        },
        model="claude-sonnet-4-5",
    )
    old = read(
        {
            "prompt_tokens": plain,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens": spoken,
            "completion_tokens_details": {"cached_tokens": written},
            "total_tokens": plain + spoken,
        },
        provider="anthropic",
    )
    check(own)
    check(old)
    assert own.input_tokens == old.input_tokens == plain + cached + written
    assert own.total_tokens == old.total_tokens == plain + cached + written + spoken
    assert (own.cache_read_tokens, own.cache_write_tokens) == (cached, written)
    assert (old.cache_read_tokens, old.cache_write_tokens or 0) == (cached, written)


@given(prompt=COUNTS, spoken=COUNTS, thought=st.integers(1, 10**11))
def test_reasoning_is_in_the_output_once(prompt: int, spoken: int, thought: int) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": thought}}
    total = prompt + spoken + thought
    outside = read({"prompt_tokens": prompt, "completion_tokens": spoken, "total_tokens": total} | details)
    inside = read(
        {"prompt_tokens": prompt, "completion_tokens": spoken + thought, "total_tokens": total} | details
    )
    assert outside == inside
    assert inside.output_tokens == spoken + thought


@given(prompt=COUNTS, completion=COUNTS)
def test_an_integral_float_is_a_count(prompt: int, completion: int) -> None:
    usage = '{"prompt_tokens": %s, "completion_tokens": %s}'
    body = '{"choices": [], "usage": ' + usage + "}"
    as_ints = formats.read((body % (prompt, completion)).encode())
    assert formats.read((body % (f"{prompt}.0", f"{completion}.000")).encode()) == as_ints
    assert as_ints.total_tokens == prompt + completion


@given(prompt=COUNTS, completion=COUNTS)
def test_a_count_of_0_that_the_gateway_leaves_out_follows_from_the_others(
    prompt: int, completion: int
) -> None:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    event = read(
        {name: count for name, count in usage.items() if count or name == "total_tokens"}, provider="openai"
    )
    if prompt or completion:
        assert (event.input_tokens, event.output_tokens) == (prompt, completion)
    else:
        assert (event.input_tokens, event.output_tokens, event.total_tokens) == (None, None, 0)


def test_a_total_alone_is_not_split() -> None:
    event = read({"total_tokens": 33})
    assert (event.input_tokens, event.output_tokens, event.total_tokens) == (None, None, 33)


def parts(cost: ReportedCost | None) -> int:
    assert cost is not None
    amounts = (
        getattr(cost, name) for name in cost.__struct_fields__ if name not in {"total", "believed_zero"}
    )
    return sum(amount for amount in amounts if amount is not None)


@given(st.tuples(*[PICO] * 9))
def test_the_parts_of_a_nested_cost_are_exclusive(amounts: tuple[int, ...]) -> None:
    plain, cached, written, request, spoken, thought, cited, searched, tool = amounts
    cost = {
        "input_cost": dollars(plain + cached + written + request),
        "input_cost_details": {
            "cached_read_cost": dollars(cached),
            "cached_write_cost": dollars(written),
            "request_cost": dollars(request),
        },
        "output_cost": dollars(spoken + thought + cited + searched),
        "output_cost_details": {
            "reasoning_cost": dollars(thought),
            "citation_cost": dollars(cited),
            "search_queries_cost": dollars(searched),
        },
        "additional_cost": dollars(tool),
        "additional_cost_details": {"mcp_cost": dollars(tool)},
        "total_cost": dollars(sum(amounts) // 10),
    }
    reported = read({"cost": cost}).reported
    assert reported is not None
    assert (reported.input, reported.output, reported.tool, reported.other) == (plain, spoken, tool, 0)
    assert parts(reported) == sum(amounts)
    assert reported.total == sum(amounts) // 10


@given(plain=PICO, cached=PICO, spoken=PICO)
def test_a_flat_cost_says_the_same_as_a_nested_one(plain: int, cached: int, spoken: int) -> None:
    total = {"total_cost": dollars(7)}
    flat = {
        "input_tokens_cost": dollars(plain + cached),
        "cache_read_tokens_cost": dollars(cached),
        "output_tokens_cost": dollars(spoken),
    }
    nested = {
        "input_cost": dollars(plain + cached),
        "input_cost_details": {"cached_read_cost": dollars(cached)},
        "output_cost": dollars(spoken),
    }
    assert read({"cost": flat | total}).reported == read({"cost": nested | total}).reported


@given(st.decimals(0, 9_000_000, allow_nan=False, places=18))
def test_an_amount_is_exact_and_rounded_once(amount: Decimal) -> None:
    raw = f'{{"choices": [], "usage": {{"cost": {amount}}}}}'
    assert formats.read(raw.encode()).reported == ReportedCost(total=to_pico(amount))


def test_an_amount_survives_the_lenient_look() -> None:
    raw = b'{"choices": [], "usage": {"prompt_tokens": 5.0, "cost": 0.1234567890124999999999}}'
    assert formats.read(raw).reported == ReportedCost(total=123456789012)


def test_a_cost_object_that_says_nothing_is_none() -> None:
    assert read({"cost": {}}).reported is None
    assert read({"cost": None}).reported is None
    assert read({"cost": 0}).reported == ReportedCost(total=0)


def test_a_stated_total_stands_before_ticks() -> None:
    assert read({"cost": 0.5, "cost_in_usd_ticks": 10**10}).reported == ReportedCost(total=5 * 10**11)
    assert read({"cost_in_usd_ticks": 10**10}).reported == ReportedCost(total=10**12)


def test_additional_cost_without_a_sum_is_that_of_its_parts() -> None:
    details = {"guardrail_cost": "0.5", "routing_cost": "0.25", "mcp_cost": "1"}
    reported = read({"cost": {"input_cost": 0, "additional_cost_details": details}}).reported
    assert reported is not None
    assert (reported.tool, reported.other) == (10**12, 75 * 10**10)
