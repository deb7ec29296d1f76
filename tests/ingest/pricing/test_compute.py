"""What costs what: reported, computed, unpriced, free.

Amounts are in units of the currency, at full precision.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.money import LARGEST, MoneyError, from_pico, to_pico
from ingest.model.zone import micros
from ingest.pricing.book import Book, StoredPrices
from ingest.pricing.breakdown import break_down
from ingest.pricing.charge import COMPONENTS, Charge
from ingest.pricing.compute import compute
from ingest.pricing.doubts import doubts
from ingest.pricing.gateway_cache import lookup_call
from ingest.pricing.pricing import price
from ingest.pricing.rates import PriceSet, Rate, Step, Unpriced
from ingest.pricing.terms import Term

UNIT = 10**12
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
AT = micros(MOMENT)
BOOK = Book()


def call(**facts: Any) -> UsageEvent:
    return UsageEvent(**{"source": "test", "provider": "openai", "model": "gpt-5.4", **facts})


def charged(**facts: Any) -> Charge:
    return price(call(**facts), BOOK, AT)


def units(pico: int | None) -> str:
    assert pico is not None
    return f"{from_pico(pico):f}"


def rates(provider: str, model: str, tier: str | None = None, input_tokens: int = 0) -> dict[str, str]:
    found = BOOK.find(provider, model, tier, AT, input_tokens)
    assert isinstance(found, PriceSet)
    return found.rates


def parts(charge: Charge) -> int:
    return sum(getattr(charge, name) or 0 for name in COMPONENTS)


# Worked examples. The rates are asserted first, so that a new release of the data shows what moved.


def test_input_and_output_at_a_flat_price() -> None:
    held = rates("openai", "gpt-4o-mini")
    assert (held["input"], held["output"]) == ("0.15 per 1000000", "0.6 per 1000000")
    charge = charged(model="gpt-4o-mini", input_tokens=1_000, output_tokens=500)
    # 1,000 x 0.15 / 10^6 = 0.00015; 500 x 0.60 / 10^6 = 0.0003
    assert Decimal(units(charge.input_cost)) == Decimal("0.00015")
    assert Decimal(units(charge.output_cost)) == Decimal("0.0003")
    assert Decimal(units(charge.total_cost)) == Decimal("0.00045")


def test_cached_audio_has_the_price_of_cached_audio_and_the_rest_that_of_audio() -> None:
    held = rates("gemini", "gemini-2.5-flash")
    meters = ("input", "input_audio", "cache_read", "cache_read_audio", "output")
    assert [held[meter].split()[0] for meter in meters] == ["0.3", "1", "0.03", "0.1", "2.5"]
    charge = charged(
        provider="gemini",
        model="gemini-2.5-flash",
        input_tokens=3_297,
        input_audio_tokens=321,
        cache_read_tokens=2_918,
        cache_read_audio_tokens=284,
        output_tokens=150,
    )
    # (342 x 0.30 + 37 x 1 + 2,634 x 0.03 + 284 x 0.10 + 150 x 2.50) / 10^6
    assert Decimal(units(charge.cache_read_cost)) == Decimal("0.00010742")
    assert Decimal(units(charge.total_cost)) == Decimal("0.00062202")


def test_cached_audio_without_a_price_of_its_own_is_charged_as_cached_text() -> None:
    usage = {"input_tokens": 1_000, "cache_read_tokens": 600, "input_audio_tokens": 400}
    told = charged(**usage, cache_read_audio_tokens=400, model="gpt-4o-mini")
    assert units(told.cache_read_cost) == units(charged(**usage, model="gpt-4o-mini").cache_read_cost)


def test_what_is_kept_in_the_cache_for_twelve_hours_has_its_own_price() -> None:
    held = rates("openai", "gpt-6-astra")
    charge = charged(
        model="gpt-6-astra", input_tokens=1_000, cache_write_tokens=1_000, cache_write_12h_tokens=400
    )
    expected = 600 * Decimal(held["cache_write"].split()[0]) + 400 * Decimal(
        held["cache_write_12h"].split()[0]
    )
    assert Decimal(units(charge.total_cost)) == expected / 10**6


def test_cache_reads_and_both_kinds_of_cache_writes_have_their_own_prices() -> None:
    held = rates("anthropic", "claude-sonnet-4-5", input_tokens=10_000)
    assert [held[m].split()[0] for m in ("input", "cache_read", "cache_write", "cache_write_1h", "output")] == [
        "3", "0.3", "3.75", "6", "15"
    ]  # fmt: skip
    charge = charged(
        provider="anthropic",
        model="claude-sonnet-4-5",
        input_tokens=10_000,
        cache_read_tokens=8_000,
        cache_write_tokens=1_000,
        cache_write_5m_tokens=600,
        cache_write_1h_tokens=400,
        output_tokens=500,
    )
    # uncached 1,000 x 3 = 0.003; read 8,000 x 0.30 = 0.0024; written 600 x 3.75 + 400 x 6 = 0.00465;
    # out 500 x 15 = 0.0075
    assert Decimal(units(charge.input_cost)) == Decimal("0.003")
    assert Decimal(units(charge.cache_read_cost)) == Decimal("0.0024")
    assert Decimal(units(charge.cache_write_cost)) == Decimal("0.00465")
    assert Decimal(units(charge.output_cost)) == Decimal("0.0075")
    assert Decimal(units(charge.total_cost)) == Decimal("0.01755")
    # saved: reads 8,000 x (3 - 0.30) = 0.0216, less writes 600 x 0.75 + 400 x 3 = 0.00165
    assert Decimal(units(charge.saved_cost)) == Decimal("0.01995")


def test_a_context_cliff_is_crossed_by_one_token_more_and_then_applies_to_the_whole_call() -> None:
    below = charged(provider="anthropic", model="claude-sonnet-4-5", input_tokens=200_000, output_tokens=1)
    above = charged(provider="anthropic", model="claude-sonnet-4-5", input_tokens=200_001, output_tokens=1)
    # 200,000 x 3 / 10^6 = 0.6; 200,001 x 6 / 10^6 = 1.200006
    assert Decimal(units(below.input_cost)) == Decimal("0.6")
    assert Decimal(units(above.input_cost)) == Decimal("1.200006")
    assert below.price_set != above.price_set


def test_a_batch_call_has_the_price_of_the_batch_tier() -> None:
    standard = charged(provider="anthropic", model="claude-sonnet-4-5", input_tokens=1_000, output_tokens=100)
    batch = charged(
        provider="anthropic",
        model="claude-sonnet-4-5",
        input_tokens=1_000,
        output_tokens=100,
        service_tier="batch",
    )
    assert batch.total_cost is not None
    assert standard.total_cost == 2 * batch.total_cost


def test_spoken_tokens_have_their_own_prices() -> None:
    held = rates("openai", "gpt-realtime")
    assert [held[m].split()[0] for m in ("input", "input_audio", "output", "output_audio")] == [
        "4", "32", "16", "64"
    ]  # fmt: skip
    charge = charged(
        model="gpt-realtime",
        input_tokens=1_000,
        input_audio_tokens=600,
        output_tokens=500,
        output_audio_tokens=300,
    )
    # in: 400 x 4 + 600 x 32 = 20,800; out: 200 x 16 + 300 x 64 = 22,400; both / 10^6
    assert Decimal(units(charge.input_cost)) == Decimal("0.0208")
    assert Decimal(units(charge.output_cost)) == Decimal("0.0224")


def test_spoken_tokens_without_a_price_of_their_own_are_charged_as_input() -> None:
    spoken = charged(model="gpt-4o-mini", input_tokens=1_000, input_audio_tokens=600)
    assert spoken.total_cost == charged(model="gpt-4o-mini", input_tokens=1_000).total_cost


def test_an_embedding_has_only_input() -> None:
    charge = charged(model="text-embedding-3-small", input_tokens=1_000)
    # 1,000 x 0.02 / 10^6
    assert Decimal(units(charge.total_cost)) == Decimal("0.00002")
    assert charge.output_cost is None


def test_reasoning_is_charged_as_output() -> None:
    charge = charged(input_tokens=10, output_tokens=500, reasoning_tokens=400)
    assert charge.output_cost == charged(input_tokens=10, output_tokens=500).output_cost
    assert charge.reasoning_cost is None


def test_reasoning_and_citations_stand_apart_where_they_have_prices_of_their_own() -> None:
    charge = charged(
        provider="perplexity",
        model="sonar-deep-research",
        input_tokens=100,
        output_tokens=1_000,
        reasoning_tokens=600,
        citation_tokens=300,
        search_queries=4,
    )
    # out 100 x 8 = 0.0008; reasoning 600 x 3 = 0.0018; citations 300 x 2 = 0.0006;
    # searches 4 x 5 / 1,000 = 0.02
    assert Decimal(units(charge.output_cost)) == Decimal("0.0008")
    assert Decimal(units(charge.reasoning_cost)) == Decimal("0.0018")
    assert Decimal(units(charge.citation_cost)) == Decimal("0.0006")
    assert Decimal(units(charge.search_cost)) == Decimal("0.02")


def test_a_fee_for_each_request() -> None:
    charge = charged(provider="perplexity", model="sonar-pro", input_tokens=1_000)
    # 14 / 1,000
    assert Decimal(units(charge.request_cost)) == Decimal("0.014")


def test_a_component_is_rounded_once_half_to_even() -> None:
    # 0.04 / 3,600,000 ms = 11,111.1... pico-units a millisecond
    charge = charged(provider="groq", model="whisper-large-v3-turbo", audio_ms=10_001)
    assert charge.input_cost == 111_122_222  # 10,001 x 0.04 / 3,600,000 = 0.000111122222 22...


def test_a_transcription_is_billed_at_least_for_the_least_that_is_sold() -> None:
    tiny, least = (
        charged(provider="groq", model="whisper-large-v3", audio_ms=length) for length in (1, 10_000)
    )
    assert tiny.total_cost == least.total_cost
    assert rates("groq", "whisper-large-v3")["input_audio_ms"] == "0.111 per 3600000, at least 10000"


def test_seconds_of_no_direction_are_neither_input_nor_output() -> None:
    # 3,600,000 ms of an hour at 3
    assert units(charged(model="gpt-live-1", audio_ms=3_600_000).other_cost) == "3.000000000000"


def test_a_model_sold_by_the_second_does_not_bill_its_tokens() -> None:
    charge = charged(model="whisper-1", audio_ms=60_000, input_tokens=5, output_tokens=90)
    assert charge.total_cost == charged(model="whisper-1", audio_ms=60_000).total_cost


def test_pictures_that_tokens_count_already_need_no_price_of_their_own() -> None:
    drawn = {"model": "gpt-image-1", "input_tokens": 20, "output_tokens": 1_000}
    assert charged(**drawn, images=1).total_cost == charged(**drawn).total_cost
    assert charged(**drawn).total_cost


def test_context_bands_are_chosen_by_all_input_cached_or_not() -> None:
    charge = charged(
        provider="anthropic", model="claude-sonnet-4-5", input_tokens=200_001, cache_read_tokens=200_000
    )
    # 200,000 x 0.60 / 10^6, the cache's price above 200,000
    assert Decimal(units(charge.cache_read_cost)) == Decimal("0.12")


def test_transcription_by_the_minute() -> None:
    charge = charged(model="whisper-1", audio_ms=60_000)
    # 60 s x 0.36 / 3,600 s
    assert Decimal(units(charge.total_cost)) == Decimal("0.006")


def set_of(*steps: Step, **prices: str) -> PriceSet:
    """Prices per unit of each meter."""
    by_meter = {meter: Rate(Decimal(text), 1) for meter, text in prices.items()}
    return PriceSet("acme", "m", "standard", 0, "USD", "list", by_meter, steps=steps)


@pytest.mark.parametrize(
    ("counted", "meter", "component"),
    [
        ("characters", "character", "input_cost"),
        ("pages", "page", "input_cost"),
        ("audio_ms", "input_audio_ms", "input_cost"),
        ("audio_ms", "audio_ms", "other_cost"),
        ("video_ms", "video_ms", "output_cost"),
        ("images", "image", "output_cost"),
        ("search_units", "search_unit", "other_cost"),
        ("search_queries", "search", "search_cost"),
        ("tool_calls", "tool_call", "tool_cost"),
    ],
)
def test_what_is_counted_beside_tokens_costs_its_price_in_its_part_of_the_total(
    counted: str, meter: str, component: str
) -> None:
    charge = compute(call(**{counted: 3}), set_of(**{meter: "2"}), None)
    assert isinstance(charge, Charge)
    assert (getattr(charge, component), charge.total_cost, charge.unpriced_reason) == (
        6 * UNIT,
        6 * UNIT,
        None,
    )


def test_speech_is_billed_by_the_characters_that_go_in_and_the_tokens_that_come_out() -> None:
    spoken = call(characters=3, output_tokens=5)
    charge = compute(spoken, set_of(character="2", output="1"), None)
    assert isinstance(charge, Charge)
    assert (charge.input_cost, charge.output_cost, charge.total_cost) == (6 * UNIT, 5 * UNIT, 11 * UNIT)
    by_characters = compute(spoken, set_of(character="2"), None)
    assert isinstance(by_characters, Charge)
    assert (by_characters.total_cost, by_characters.unpriced_reason) == (6 * UNIT, None)


@pytest.mark.parametrize(
    ("counts", "meter", "component"),
    [
        ({"input_tokens": 15}, "input", "input_cost"),
        ({"input_tokens": 15, "cache_read_tokens": 15}, "cache_read", "cache_read_cost"),
        ({"input_tokens": 15, "cache_write_tokens": 15}, "cache_write", "cache_write_cost"),
        ({"output_tokens": 15}, "output", "output_cost"),
        ({"search_queries": 15}, "search", "search_cost"),
        ({"characters": 15}, "character", "input_cost"),
        ({"pages": 15}, "page", "input_cost"),
        ({"images": 15}, "image", "output_cost"),
    ],
)
def test_a_marginal_price_is_that_of_the_units_above_its_start(
    counts: dict[str, int], meter: str, component: str
) -> None:
    steps = [Step(meter, above, Rate(Decimal(text), 1)) for above, text in ((10, "2"), (12, "1"), (15, "9"))]
    prices = set_of(*steps, **{"input": "7", meter: "3"})
    charge = compute(call(**counts), prices, None)
    assert isinstance(charge, Charge)
    # 10 at 3, 2 at 2 and 3 at 1; the last step begins where the call ends
    assert (getattr(charge, component), charge.total_cost) == (37 * UNIT, 37 * UNIT)
    workings = break_down(call(**counts), prices)
    assert workings.total == 37 * UNIT
    assert sum(line.product for line in workings.lines) == 37


def test_a_marginal_price_without_a_price_below_it_is_missing_for_calls_that_reach_it() -> None:
    step = Step("input", 10, Rate(Decimal(2), 1))
    prices = set_of(step, step._replace(above=12), output="1")
    reached = compute(call(input_tokens=15, output_tokens=1), prices, None)
    assert isinstance(reached, Charge)
    assert (reached.total_cost, reached.unpriced_reason) == (UNIT, "no price for the meter input of acme/m")


@pytest.mark.parametrize("cached", ["cache_read", "cache_write"])
def test_cached_input_costs_nothing_less_where_the_price_of_the_input_is_missing(cached: str) -> None:
    step = Step(cached, 10, Rate(Decimal(2), 1))
    prices = set_of(step, **{cached: "3", "output": "1"})
    event = call(input_tokens=15, output_tokens=1, **{f"{cached}_tokens": 15})
    charge = compute(event, prices, None)
    assert isinstance(charge, Charge)
    assert (charge.total_cost, charge.unpriced_reason) == (UNIT, "no price for the meter input of acme/m")
    workings = break_down(event, prices)
    assert (workings.total, workings.missing) == (UNIT, ("input",))


@pytest.mark.parametrize(
    ("reported", "computed", "is_far"),
    [
        (100 * UNIT, UNIT, False),
        (100 * UNIT + 1, UNIT, True),
        (UNIT, 100 * UNIT, False),
        (UNIT, 100 * UNIT + 1, True),
        (UNIT, 0, True),
        (UNIT - 1, 0, False),
        (UNIT, None, False),
    ],
)
def test_a_reported_cost_more_than_a_hundred_times_off_is_doubtful(
    reported: int, computed: int | None, is_far: bool
) -> None:
    charge = Charge(cost_source="reported", reported_total=reported, computed_total=computed)
    assert bool(doubts(charge)) == is_far
    assert not doubts(msgspec.structs.replace(charge, cost_source="computed"))


# Whose word counts.


@pytest.mark.parametrize(
    ("chosen", "counts"),
    [(set(), False), ({"other"}, False), ({"test"}, True), ({"other", "*"}, True)],
)
def test_the_computed_cost_counts_for_the_sources_that_are_chosen(chosen: set[str], counts: bool) -> None:
    book = Book(StoredPrices(computed=frozenset(chosen)))
    usage = call(input_tokens=1_000, output_tokens=100, reported=ReportedCost(total=7))
    charge = price(usage, book, AT)
    computed = charged(input_tokens=1_000, output_tokens=100).total_cost
    assert (charge.cost_source, charge.total_cost) == (("computed", computed) if counts else ("reported", 7))
    assert (charge.computed_total, charge.reported_total) == (computed, 7)


def test_a_reported_cost_is_kept_and_the_computed_one_stands_beside_it() -> None:
    reported = ReportedCost(
        input=to_pico(Decimal("0.001")), output=to_pico(Decimal("0.002")), total=to_pico(Decimal("0.003"))
    )
    charge = charged(input_tokens=1_000, output_tokens=100, reported=reported)
    assert charge.cost_source == "reported"
    assert charge.total_cost == charge.reported_total == to_pico(Decimal("0.003"))
    assert charge.computed_total == charged(input_tokens=1_000, output_tokens=100).total_cost
    assert charge.price_set == charged(input_tokens=1_000, output_tokens=100).price_set


@pytest.mark.parametrize(("total", "other"), [("0.01", "0.004"), ("0.005", "-0.001"), ("0.006", None)])
def test_what_a_reported_total_holds_beyond_its_parts_goes_to_other(total: str, other: str | None) -> None:
    told = ReportedCost(input=to_pico(Decimal("0.006")), total=to_pico(Decimal(total)))
    charge = charged(input_tokens=1, reported=told)
    assert charge.other_cost == (None if other is None else to_pico(Decimal(other)))


def test_a_bare_total_is_all_other() -> None:
    charge = charged(input_tokens=1, reported=ReportedCost(total=5))
    assert (charge.other_cost, charge.total_cost) == (5, 5)


def test_parts_without_a_total_make_the_total() -> None:
    assert charged(input_tokens=1, reported=ReportedCost(input=2, output=3)).total_cost == 5


def test_a_reported_cost_needs_no_usage_and_then_nothing_is_computed() -> None:
    for told in (ReportedCost(total=5), ReportedCost(input=2, output=3)):
        charge = charged(reported=told)
        assert (charge.cost_source, charge.total_cost, charge.computed_total) == ("reported", 5, None)


def test_a_reported_cost_in_another_currency_is_not_compared_with_dollars() -> None:
    charge = charged(input_tokens=1_000, currency="EUR", reported=ReportedCost(total=5))
    assert (charge.total_cost, charge.computed_total, charge.saved_cost) == (5, None, None)


def test_a_reported_cost_says_what_the_providers_cache_saved_where_there_is_a_price() -> None:
    cached = {"model": "gpt-4o-mini", "input_tokens": 1_000, "cache_read_tokens": 800}
    # 800 x (0.15 - 0.075) / 10^6
    assert units(charged(**cached, reported=ReportedCost(total=5)).saved_cost) == "0.000060000000"
    assert charged(model="gpt-4o-mini", input_tokens=1, reported=ReportedCost(total=5)).saved_cost == 0
    assert charged(**(cached | {"model": "own"}), reported=ReportedCost(total=5)).saved_cost is None


def test_a_computed_cost_beyond_what_one_event_can_hold_is_refused() -> None:
    with pytest.raises(MoneyError):
        charged(model="gpt-5.4-pro", input_tokens=10**12, output_tokens=10**12)


@pytest.mark.parametrize(
    "reported", [ReportedCost(input=2**63 - 1, output=1), ReportedCost(input=-(2**63 - 1), total=2**62)]
)
def test_a_reported_cost_beyond_what_one_event_can_hold_is_refused(reported: ReportedCost) -> None:
    with pytest.raises(MoneyError):
        charged(input_tokens=1, reported=reported)


def test_a_reported_zero_for_billable_tokens_is_not_believed() -> None:
    charge = charged(input_tokens=1_000, output_tokens=100, reported=ReportedCost(total=0))
    assert charge.cost_source == "computed"
    assert charge.total_cost


def test_a_reported_zero_that_cannot_be_computed_is_unpriced() -> None:
    charge = charged(provider="vllm", model="own", input_tokens=1_000, reported=ReportedCost(total=0))
    assert (charge.cost_source, charge.total_cost, charge.reported_total) == ("unpriced", None, 0)


def test_a_zero_that_the_source_vouches_for_is_a_price() -> None:
    charge = charged(
        provider="vllm", model="own", input_tokens=1_000, reported=ReportedCost(total=0, believed_zero=True)
    )
    assert (charge.cost_source, charge.total_cost) == ("reported", 0)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"provider": "vllm", "model": "own"}, "no price for vllm/own"),
        ({"model": "unknown"}, "the call names no model"),
        ({"service_tier": "provisioned"}, "service tier provisioned"),
        (
            {"model": "gpt-4o-mini", "input_tokens": None, "output_tokens": None, "characters": 9},
            "no price for the meter character of openai/gpt-4o-mini",
        ),
        (
            {"provider": "openai", "model": "tts-1", "input_tokens": 5, "search_queries": 1},
            "meters input and output and search",
        ),
        ({"input_tokens": None, "output_tokens": None, "total_tokens": 9}, "meter total_tokens"),
        ({"currency": "EUR"}, "no price in EUR for openai/gpt-5.4"),
    ],
)
def test_a_call_that_cannot_be_priced_has_no_total_and_a_reason(facts: dict[str, Any], reason: str) -> None:
    charge = charged(**{"input_tokens": 10, "output_tokens": 1, **facts})
    assert (charge.cost_source, charge.total_cost) == ("unpriced", None)
    assert reason in (charge.unpriced_reason or "")


@pytest.mark.parametrize(
    ("facts", "reason", "priced"),
    [
        (
            {"provider": "deepseek", "model": "deepseek-v4-pro", "search_queries": 3},
            "no price for the meter search of deepseek/deepseek-v4-pro",
            {},
        ),
        ({"model": "gpt-4o-mini", "output_tokens": None, "images": 1}, "meter image of", {}),
        ({"model": "gpt-4o-mini", "input_tokens": None, "characters": 9}, "meter character of", {}),
        ({"model": "text-embedding-3-small"}, "meter output of", {"output_tokens": None}),
    ],
)
def test_a_call_with_a_meter_that_has_no_price_costs_the_rest_and_names_the_meter(
    facts: dict[str, Any], reason: str, priced: dict[str, Any]
) -> None:
    usage = {"input_tokens": 10, "output_tokens": 1, **facts}
    partly = charged(**usage)
    whole = charged(**usage | dict.fromkeys(("search_queries", "images", "characters")) | priced)
    assert (partly.cost_source, partly.is_partly_priced, whole.is_partly_priced) == ("computed", True, False)
    assert partly.total_cost == whole.total_cost
    assert reason in (partly.unpriced_reason or "")
    assert doubts(partly) == ("partly_priced",)
    assert doubts(whole) == ()


def test_a_part_of_a_cost_is_no_match_for_a_reported_cost() -> None:
    usage = {"provider": "deepseek", "model": "deepseek-v4-pro", "input_tokens": 10, "search_queries": 3}
    charge = price(
        call(**usage, reported=ReportedCost(total=7)), Book(StoredPrices(computed=frozenset("*"))), AT
    )
    assert (charge.cost_source, charge.total_cost, charge.computed_total) == ("reported", 7, None)
    assert not charge.is_partly_priced


def test_a_successful_call_without_any_usage_is_unpriced() -> None:
    assert charged().cost_source == "unpriced"


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "error"},
        {"status": "cancelled"},
        {"request_type": "list_models"},
        {"request_type": "count_tokens", "input_tokens": 1_000},
        {"images": 0},
        {"request_type": "batch_create"},
        {"input_tokens": 0, "output_tokens": 0},
        {"status": "error", "reported": ReportedCost(total=0)},
    ],
)
def test_what_cannot_cost_anything_is_free(facts: dict[str, Any]) -> None:
    charge = charged(**facts)
    assert (charge.cost_source, charge.total_cost) == ("free", 0)


@pytest.mark.parametrize("status", ["error", "cancelled"])
def test_a_failed_call_with_billed_usage_costs_what_was_billed(status: str) -> None:
    charge = charged(status=status, input_tokens=1_000, output_tokens=100)
    assert charge.total_cost == charged(input_tokens=1_000, output_tokens=100).total_cost


# The gateway's own cache.

HIT: dict[str, Any] = {"cache_hit": True, "replayed_input_tokens": 1_000, "replayed_output_tokens": 100}
EMBEDDING: dict[str, Any] = {
    "cache_lookup_tokens": 50,
    "cache_used_provider": "openai",
    "cache_used_model": "text-embedding-3-small",
}


def test_a_direct_hit_is_free_and_saves_what_the_call_would_have_cost() -> None:
    charge = charged(**HIT, cache_hit_type="direct")
    assert (charge.cost_source, charge.total_cost) == ("free", 0)
    assert charge.saved_cost == charged(input_tokens=1_000, output_tokens=100).total_cost


def test_a_semantic_hit_costs_its_look_up() -> None:
    charge = charged(
        **HIT,
        **EMBEDDING,
        cache_hit_type="semantic",
    )
    # 50 x 0.02 / 10^6
    assert (charge.cost_source, units(charge.total_cost)) == ("computed", "0.000001000000")
    assert charge.other_cost == charge.total_cost
    embedding = BOOK.find("openai", "text-embedding-3-small", None, AT, 50)
    assert isinstance(embedding, PriceSet)
    assert charge.price_set == embedding.digest


def test_a_semantic_hit_whose_look_up_has_no_price_is_unpriced() -> None:
    charge = charged(
        **HIT, cache_hit_type="semantic", cache_lookup_tokens=50, cache_used_model="own-embedder"
    )
    assert (charge.cost_source, charge.total_cost) == ("unpriced", None)


def test_a_reported_cost_of_a_semantic_hit_is_the_look_up_and_is_kept() -> None:
    charge = charged(**HIT, **EMBEDDING, cache_hit_type="semantic", reported=ReportedCost(total=7))
    assert (charge.cost_source, charge.total_cost, charge.other_cost) == ("reported", 7, 7)
    assert charge.computed_total == to_pico(Decimal("0.000001"))


def test_a_reported_cost_of_a_direct_hit_is_that_of_the_replayed_call_and_is_not_kept() -> None:
    charge = charged(**HIT, cache_hit_type="direct", reported=ReportedCost(total=7))
    assert (charge.cost_source, charge.total_cost, charge.reported_total) == ("free", 0, 7)


def test_a_semantic_hit_without_look_up_tokens_is_free() -> None:
    charge = charged(**HIT, cache_hit_type="semantic")
    assert (charge.cost_source, charge.total_cost) == ("free", 0)
    assert charged(**HIT, cache_hit_type="semantic", reported=ReportedCost(total=7)).total_cost == 7


def test_what_a_hit_saved_is_unknown_without_a_price() -> None:
    assert charged(**HIT, provider="vllm", model="own", cache_hit_type="direct").saved_cost is None


def test_a_hit_that_names_no_model_saved_the_call_that_was_asked_for() -> None:
    asked = {"cache_requested_provider": "openai", "cache_requested_model": "gpt-5.4"}
    charge = charged(**HIT, **asked, provider="unknown", model="unknown", cache_hit_type="direct")
    assert charge.saved_cost == charged(input_tokens=1_000, output_tokens=100).total_cost


@pytest.mark.parametrize("used", [{}, {"cache_used_provider": "vllm", "cache_used_model": "own"}])
def test_a_miss_whose_look_up_has_no_price_is_partly_priced_unless_it_is_reported(
    used: dict[str, str],
) -> None:
    missed = {"input_tokens": 1_000, "cache_hit": False, "cache_lookup_tokens": 50, **used}
    charge = charged(**missed)
    assert charge.is_partly_priced
    assert charge.total_cost == charged(input_tokens=1_000).total_cost
    assert "cache look-up" in (charge.unpriced_reason or "")
    assert charged(**missed, reported=ReportedCost(total=7)).total_cost == 7


def test_a_look_up_without_a_price_is_the_reason_where_the_call_itself_costs_nothing() -> None:
    prices = BOOK.find("openai", "gpt-5.4", None, AT, 0)
    no_price = Unpriced("cache look-up: no price for own/embedder")
    assert compute(call(), prices, no_price) == no_price


def test_a_look_up_is_part_of_every_total_of_its_call() -> None:
    prices = replace(
        set_of(input="2"),
        terms=(Term(kind="discount", factor=Decimal("0.9")), Term(kind="markup", factor=Decimal("1.5"))),
    )
    lookup = Charge(cost_source="computed", total_cost=5, list_total=7, contracted_total=6)
    charge = compute(call(input_tokens=1), prices, lookup)
    assert isinstance(charge, Charge)
    plain = compute(call(input_tokens=1), prices, None)
    assert isinstance(plain, Charge)
    totals = ("other_cost", "total_cost", "computed_total", "list_total", "contracted_total")
    assert [(getattr(charge, name) or 0) - (getattr(plain, name) or 0) for name in totals] == [5, 5, 5, 7, 6]


def test_the_first_reason_of_a_partly_priced_call_is_its_own() -> None:
    partly = call(input_tokens=1, search_queries=1)
    no_price = Unpriced("cache look-up: no price for own/embedder")
    charge = compute(partly, set_of(input="2"), no_price)
    assert isinstance(charge, Charge)
    assert charge.unpriced_reason == "no price for the meter search of acme/m"
    assert (charge.total_cost, charge.other_cost) == (2 * UNIT, None)


@pytest.mark.parametrize(("price_of_one", "is_refused"), [(LARGEST, False), (LARGEST + 1, True)])
def test_a_cost_of_as_much_as_an_event_can_hold_is_charged(price_of_one: int, is_refused: bool) -> None:
    prices = set_of(request=f"{from_pico(price_of_one):f}")
    if is_refused:
        with pytest.raises(MoneyError, match="acme/m: the computed cost is larger"):
            compute(call(), prices, None)
    else:
        charge = compute(call(), prices, None)
        assert isinstance(charge, Charge)
        assert charge.total_cost == LARGEST


def test_a_look_up_names_the_provider_and_the_model_that_it_used() -> None:
    found = lookup_call(call(cache_lookup_tokens=50, cache_used_model="own-embedder", currency="EUR"))
    assert found == UsageEvent(
        source="test", provider="unknown", model="own-embedder", input_tokens=50, currency="EUR"
    )
    assert lookup_call(call(cache_lookup_tokens=0, cache_used_model="own-embedder")) is None
    assert lookup_call(call(cache_lookup_tokens=50)) is None


def test_a_miss_pays_for_its_look_up_where_the_cost_is_computed() -> None:
    with_lookup = charged(input_tokens=1_000, output_tokens=100, cache_hit=False, **EMBEDDING)
    without = charged(input_tokens=1_000, output_tokens=100)
    assert with_lookup.other_cost == to_pico(Decimal("0.000001"))
    assert (with_lookup.total_cost or 0) - (without.total_cost or 0) == with_lookup.other_cost


def test_a_look_up_is_never_added_to_a_reported_cost() -> None:
    assert charged(input_tokens=1_000, reported=ReportedCost(total=7), **EMBEDDING).total_cost == 7


# Properties.

MODELS = [
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-5.4"),
    ("openai", "whisper-1"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("perplexity", "sonar-deep-research"),
    ("groq", "whisper-large-v3-turbo"),
    ("vllm", "own"),
]
counts = st.integers(0, 400_000)

amounts = st.none() | st.integers(-(10**12), 10**15)
reports = st.none() | st.builds(
    ReportedCost, input=amounts, output=amounts, cache_read=amounts, other=amounts, total=amounts
)


some = st.none() | counts


@st.composite
def calls(draw: st.DrawFn) -> UsageEvent:
    read, written, thought = draw(counts), draw(counts), draw(counts)
    provider, model = draw(st.sampled_from(MODELS))
    return call(
        provider=provider,
        model=model,
        input_tokens=draw(st.none() | counts.map(lambda plain: plain + read + written)),
        cache_read_tokens=draw(st.sampled_from([None, read])),
        cache_write_tokens=draw(st.sampled_from([None, written])),
        cache_write_1h_tokens=draw(st.integers(0, written)),
        output_tokens=draw(st.none() | counts.map(lambda spoken: spoken + thought)),
        reasoning_tokens=draw(st.sampled_from([None, thought])),
        search_queries=draw(st.none() | st.integers(0, 3)),
        audio_ms=draw(some),
        images=draw(some),
        status=draw(st.sampled_from(["success", "error", "cancelled"])),
        request_type=draw(st.sampled_from(["chat_completion", "list_models", "count_tokens"])),
        cache_hit=draw(st.none() | st.booleans()),
        cache_hit_type=draw(st.sampled_from([None, "direct", "semantic"])),
        cache_lookup_tokens=draw(some),
        cache_used_model=draw(st.sampled_from([None, "own", "text-embedding-3-small"])),
        replayed_input_tokens=draw(some),
        reported=draw(reports),
    )


@given(calls())
def test_components_add_up_and_unknown_is_never_zero(event: UsageEvent) -> None:
    charge = price(event, BOOK, AT)
    assert (charge.total_cost is None) == (charge.cost_source == "unpriced")
    assert bool(charge.unpriced_reason) == (charge.total_cost is None or charge.is_partly_priced)
    assert (charge.cost_source == "computed") <= (charge.price_set is not None)
    assert (charge.price_set is not None) <= (charge.computed_total is not None)
    assert parts(charge) == (charge.total_cost or 0)
    if charge.cost_source == "free":
        assert charge.total_cost == 0


@given(calls())
def test_a_reported_cost_is_always_kept_to_the_pico(event: UsageEvent) -> None:
    charge = price(event, BOOK, AT)
    total = event.reported.total if event.reported else None
    if total and not (event.cache_hit and event.cache_hit_type == "direct"):
        assert (charge.cost_source, charge.total_cost) == ("reported", total)
    if total is not None:
        assert charge.reported_total == total


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_price_of_a_sum_at_a_flat_price_is_the_sum_of_prices(one: int, other: int) -> None:
    def cost(tokens: int) -> int:
        return charged(model="gpt-4o-mini", input_tokens=tokens).total_cost or 0

    assert cost(one) + cost(other) == cost(one + other)
