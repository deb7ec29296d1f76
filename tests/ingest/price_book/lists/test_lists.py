"""Price lists: LiteLLM's map, Bifrost's datasheet and one's own tables, down to the last digit."""

import json
import re
from decimal import Context, Decimal
from typing import Any

import pytest

from ingest.price_book import lists
from ingest.price_book.lists import NotAPriceList, PriceList, off_peak
from ingest.price_book.lists.entries import model_of
from ingest.pricing import hours
from ingest.pricing.matching import provider_of
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import METERS
from tests.support.paths import DOCS
from tests.support.price_lists import REAL


# Some models of the map of litellm 1.110.2 (MIT licence), with the fields of price that it has of each kind.
def litellm(*args: str, mode: str = "chat", **fields: Any) -> PriceList:
    """The list of a map with one entry: a key and a provider, and its fields."""
    key, provider = args or ("gpt-x", "openai")
    return lists.read(
        "map.json", json.dumps({key: {"litellm_provider": provider, "mode": mode, **fields}}).encode()
    )


def named(field: str, price: float) -> dict[str, Any]:
    return {field: price}


def told(listed: PriceList) -> dict[str, str]:
    """What the points say: the meter, with its tier and band where it has one, and the rate."""
    return {_named(one): f"{one.price:f} per {one.per}" for one in listed.points}


def _named(point: PricePoint) -> str:
    tier = "" if point.service_tier == "standard" else f" {point.service_tier}"
    band = f" above {point.above}" if point.above else ""
    return f"{point.meter}{tier}{band}{f' {point.hours}' if point.hours else ''}"


def left_out(listed: PriceList) -> dict[str, int]:
    return {one.field: one.count for one in listed.left_out}


# LiteLLM's map.


def test_prices_of_a_token_are_said_per_million() -> None:
    listed = litellm(
        input_cost_per_token=2.5e-06, output_cost_per_token=1e-05, cache_read_input_token_cost=1.25e-06
    )
    assert told(listed) == {
        "input": "2.5 per 1000000",
        "output": "10 per 1000000",
        "cache_read": "1.25 per 1000000",
    }
    assert {(one.source, one.provider, one.model, one.origin) for one in listed.points} == {
        ("litellm", "openai", "gpt-x", "map.json")
    }


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("5.0000000000000004E-8", "0.05"),
        ("2.9999999999999997e-07", "0.3"),
        ('"0.00000125"', "1.25"),
        ("1e-12", "0.000001"),
    ],
)
def test_what_floats_do_to_a_price_is_undone(written: str, price: str) -> None:
    raw = f'{{"m": {{"litellm_provider": "p", "input_cost_per_token": {written}}}}}'
    (point,) = lists.read("map.json", raw.encode()).points
    assert f"{point.price:f}" == price


@pytest.mark.parametrize(
    ("field", "meter"),
    [
        ("input_cost_per_token_batches", "input batch"),
        ("input_cost_per_token_flex", "input flex"),
        ("output_cost_per_token_priority", "output priority"),
        ("output_cost_per_token_ultrafast", "output ultrafast"),
        ("input_cost_per_token_above_200k_tokens", "input above 200000"),
        ("input_cost_per_token_above_272k_tokens_priority", "input priority above 272000"),
        ("cache_creation_input_token_cost", "cache_write"),
        ("cache_creation_input_token_cost_above_1hr", "cache_write_1h"),
        ("cache_creation_input_token_cost_above_12hr", "cache_write_12h"),
        ("cache_creation_input_token_cost_above_12hr_above_200k_tokens", "cache_write_12h above 200000"),
        ("cache_read_input_audio_token_cost", "cache_read_audio"),
        ("cache_read_input_image_token_cost", "cache_read_image"),
        ("cache_creation_input_token_cost_above_1hr_above_200k_tokens", "cache_write_1h above 200000"),
        ("cache_creation_input_token_cost_batches", "cache_write batch"),
        ("input_cost_per_token_cache_hit", "cache_read"),
        ("output_cost_per_reasoning_token", "reasoning"),
        ("citation_cost_per_token", "citation"),
        ("input_cost_per_audio_token", "input_audio"),
        ("output_cost_per_audio_token", "output_audio"),
        ("input_cost_per_image_token", "input_image"),
        ("output_cost_per_image_token", "output_image"),
    ],
)
def test_a_field_names_its_meter_tier_and_band(field: str, meter: str) -> None:
    assert told(litellm(**named(field, 3e-06))) == {meter: "3 per 1000000"}


@pytest.mark.parametrize(
    ("field", "mode", "said"),
    [
        ("input_cost_per_character", "audio_speech", {"character": "15 per 1000000"}),
        ("input_cost_per_second", "audio_transcription", {"input_audio_ms": "0.000015 per 1000"}),
        ("output_cost_per_second", "video_generation", {"video_ms": "0.000015 per 1000"}),
        ("output_cost_per_second", "audio_speech", {"audio_ms": "0.000015 per 1000"}),
        ("output_cost_per_image", "image_generation", {"image": "0.000015 per 1"}),
        ("ocr_cost_per_page", "ocr", {"page": "0.015 per 1000"}),
        ("ocr_cost_per_page_batches", "ocr", {"page batch": "0.015 per 1000"}),
        ("input_cost_per_query", "rerank", {"search_unit": "0.015 per 1000"}),
        ("input_cost_per_query", "search", {"search": "0.015 per 1000"}),
        ("input_cost_per_request", "chat", {"request": "0.000015 per 1"}),
        ("search_context_cost_per_query", "chat", {"search": "0.015 per 1000"}),
        ("input_cost_per_second", "chat", {}),  # provisioned throughput: a second of a machine, not of speech
        ("output_cost_per_image", "chat", {}),  # of some models a token of an image, of others an image
    ],
)
def test_other_measures_are_said_as_they_are_sold(field: str, mode: str, said: dict[str, str]) -> None:
    listed = litellm(mode=mode, **named(field, 1.5e-05))
    assert told(listed) == said
    assert left_out(listed) == ({} if said else {field: 1})


@pytest.mark.parametrize(
    ("sizes", "price"),
    [
        ({"low": 0.01, "medium": 0.025, "high": 0.05}, "25"),
        ({"low": 0.01, "high": 0.05}, "10"),
        ({"high": 0.05}, "50"),
    ],
)
def test_a_search_costs_what_one_of_middle_size_does(sizes: dict[str, float], price: str) -> None:
    cost = {f"search_context_size_{size}": one for size, one in sizes.items()}
    assert told(litellm(search_context_cost_per_query=cost)) == {"search": f"{price} per 1000"}


def test_ranges_of_tokens_are_bands() -> None:
    listed = litellm(
        tiered_pricing=[
            {"input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06, "range": [0, 32000.0]},
            {"input_cost_per_token": 1.8e-06, "output_cost_per_token": 9e-06, "range": [32000.0, 128000.0]},
        ]
    )
    assert told(listed) == {
        "input": "1 per 1000000",
        "output": "5 per 1000000",
        "input above 32000": "1.8 per 1000000",
        "output above 32000": "9 per 1000000",
    }


def test_bands_of_xai_start_at_their_number_of_tokens() -> None:
    assert list(told(litellm("grok-x", "xai", input_cost_per_token_above_200k_tokens=1e-06))) == [
        "input above 199999"
    ]


def test_a_fast_mode_is_a_tier_with_dearer_tokens() -> None:
    listed = litellm(
        input_cost_per_token=5e-06,
        search_context_cost_per_query=0.01,
        provider_specific_entry={"us": 1.1, "fast": 2.0},
    )
    assert told(listed) == {"input": "5 per 1000000", "search": "10 per 1000", "input fast": "10 per 1000000"}


def test_what_a_region_costs_more_is_a_term() -> None:
    listed = litellm(
        input_cost_per_token=1e-06,
        provider_specific_entry={"us": 1.1},
        regional_processing_uplift_multiplier_eu=1.2,
        regional_processing_uplift_multiplier_jp=1,
    )
    assert [(one.kind, one.provider, one.model, one.region, str(one.factor)) for one in listed.terms] == [
        ("region", "openai", "gpt-x", "us", "1.1"),
        ("region", "openai", "gpt-x", "eu", "1.2"),
    ]


@pytest.mark.parametrize(
    ("region", "concerned"),
    [("us-central1", True), ("europe-west4", True), ("eu", True), ("global", False), (None, False)],
)
def test_a_vertex_endpoint_that_is_not_global_costs_more(region: str | None, concerned: bool) -> None:
    terms = litellm(
        "vertex_ai/gemini-x", "vertex_ai", input_cost_per_token=1e-06, regional_endpoint_uplift_multiplier=1.1
    ).terms
    assert any(one.concerns("vertex", "gemini-x", region, None, None) for one in terms) is concerned


def test_off_peak_prices_have_hours() -> None:
    listed = litellm(
        input_cost_per_token=2e-06,
        off_peak_pricing={
            "input_cost_per_token": 1e-06,
            "windows": [
                {"hours_utc": ["00:00-01:00", "16:30-00:30"], "weekdays": [1, 2, 3, 4, 5]},
                {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
            ],
        },
    )
    assert told(listed) == {
        "input": "2 per 1000000",
        "input mon,tue,wed,thu,fri 00:00-01:00,16:30-24:00; sat,sun 00:00-24:00": "1 per 1000000",
    }


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"hours_utc": "16:30-00:30"}, "00:00-00:30,16:30-24:00"),
        ({"hours_utc": ["01:00-02:00", "02:00-03:00"]}, "01:00-03:00"),
        # In Shanghai, which is eight hours ahead, Saturday starts on Friday at 16:00 UTC.
        (
            {"windows": [{"hours_utc": "00:00-00:00", "weekdays": [6]}], "weekday_timezone": "Asia/Shanghai"},
            "fri 16:00-24:00; sat 00:00-16:00",
        ),
        (
            {"windows": [{"hours_utc": "00:00-00:00", "weekdays": [6]}], "weekday_timezone": "Europe/Berlin"},
            None,
        ),
        ({"hours_utc": "late"}, None),
        ({"windows": [{"hours_utc": "01:00-02:00", "weekdays": ["sat"]}]}, None),
        ({}, None),
    ],
)
def test_off_peak_windows_are_hours_of_a_week_in_utc(block: dict[str, Any], text: str | None) -> None:
    assert off_peak.hours(block) == text
    assert text is None or hours.spans(text)


def test_a_price_of_nothing_is_kept_only_where_nothing_is_what_it_costs() -> None:
    free: dict[str, Any] = {"input_cost_per_token": 0, "output_cost_per_token": 0.0}
    assert told(litellm("ollama/llama3", "ollama", **free)) == {
        "input": "0 per 1000000",
        "output": "0 per 1000000",
    }
    assert told(litellm("openrouter/some/model:free", "openrouter", **free)).keys() == {"input", "output"}
    listed = litellm(**free)
    assert told(listed) == {}
    assert left_out(listed) == {"input_cost_per_token": 1, "output_cost_per_token": 1}


def test_what_has_no_meter_is_counted_by_name() -> None:
    listed = litellm(
        input_cost_per_token=1e-06, google_maps_grounding_cost_per_query=0.025, input_dbu_cost_per_token=2e-06
    )
    assert list(told(listed)) == ["input"]
    assert left_out(listed) == {"google_maps_grounding_cost_per_query": 1, "input_dbu_cost_per_token": 1}


def test_what_tokens_count_is_not_charged_by_the_second_or_the_piece_too() -> None:
    listed = litellm(
        mode="image_generation",
        input_cost_per_token=3e-07,
        output_cost_per_image=0.039,
        output_cost_per_image_token=3e-05,
    )
    assert set(told(listed)) == {"input", "output_image"}
    assert left_out(listed) == {"output_cost_per_image": 1}


@pytest.mark.parametrize("price", [-1e-06, "cheap", True, [], "NaN", 1e9])
def test_what_is_no_price_is_a_fault_with_its_entry_field_and_value(price: Any) -> None:
    listed = litellm(input_cost_per_token=price, output_cost_per_token=1e-06)
    (fault,) = listed.faults
    assert (fault.where, fault.field) == ("gpt-x", "input_cost_per_token")
    assert list(told(listed)) == ["output"]
    assert "a number from 0" in str(fault)


@pytest.mark.parametrize("key", ["a\0b", "a\ud800", "m" * 256, ""])
def test_a_name_that_no_database_would_keep_is_a_fault(key: str) -> None:
    listed = litellm(key, "acme", input_cost_per_token=1e-06)
    assert not listed.points
    assert str(listed.faults[0]).isprintable()


@pytest.mark.parametrize("start", [-1, 0.5, 1e30, "many", None])
def test_a_band_that_starts_nowhere_is_a_fault(start: Any) -> None:
    listed = litellm(tiered_pricing=[{"input_cost_per_token": 1e-06, "range": [start, None]}])
    assert not listed.points
    assert [one.field for one in listed.faults] == ["tiered_pricing"]


def test_entries_that_agree_about_a_model_are_joined_and_others_are_not() -> None:
    def read(standard: float) -> PriceList:
        entries = {
            "gemini-x": {"input_cost_per_token": 1e-06},
            "vertex_ai/gemini-x": {"input_cost_per_token": standard, "input_cost_per_token_batches": 5e-07},
        }
        named = {
            key: {"litellm_provider": "vertex_ai-language-models", **one} for key, one in entries.items()
        }
        return lists.read("map.json", json.dumps(named).encode())

    assert told(read(1e-06)) == {"input": "1 per 1000000", "input batch": "0.5 per 1000000"}
    other = read(2e-06)
    assert told(other) == {"input": "1 per 1000000"}
    assert left_out(other) == {"input_cost_per_token": 1, "input_cost_per_token_batches": 1}


@pytest.mark.parametrize(
    ("key", "provider", "name"),
    [
        ("gpt-x", "openai", "openai/gpt-x"),
        ("azure/eu/gpt-x", "azure", "azure/eu/gpt-x"),
        ("vertex_ai/claude-x@20260101", "vertex_ai-anthropic_models", "vertex/claude-x@20260101"),
        ("fireworks_ai/accounts/fireworks/models/X", "fireworks_ai", "fireworks/accounts/fireworks/models/x"),
        ("openrouter/openai/gpt-x", "openrouter", "openrouter/openai/gpt-x"),
        ("us.anthropic.claude-x-v1:0", "bedrock_converse", "bedrock/us.anthropic.claude-x-v1:0"),
    ],
)
def test_a_key_is_a_model_of_its_provider(key: str, provider: str, name: str) -> None:
    (point,) = litellm(key, provider, input_cost_per_token=1e-06).points
    assert f"{point.provider}/{point.model}" == name


# A sample of the real map.


@pytest.fixture(scope="module")
def real() -> PriceList:
    return lists.read("litellm", REAL.read_bytes())


def test_every_price_of_the_real_map_is_one_that_the_book_can_keep(real: PriceList) -> None:
    assert (real.models, len(real.points), len(real.terms)) == (160, 1_063, 16)
    assert not real.faults
    for one in real.points:
        assert one.price is not None
        assert one.price.is_finite()
        assert one.price >= 0
        assert Decimal(f"{one.price:f}") == one.price
        assert one.meter in METERS
        assert one.provider == one.provider.lower()
        assert one.model == one.model.lower()
        hours.spans(one.hours)
    assert all(one.factor > 1 for one in real.terms)


def test_the_real_maps_numbers_are_kept_exactly(real: PriceList) -> None:
    """Each price beside the shortest text of LiteLLM's own number."""
    points = {(one.provider, one.model, _named(one)): one for one in real.points}
    fields = {
        "input_cost_per_token": "input",
        "output_cost_per_token": "output",
        "cache_read_input_token_cost": "cache_read",
        "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
        "output_cost_per_token_batches": "output batch",
        "input_cost_per_token_above_272k_tokens": "input above 272000",
    }
    pairs = []
    for key, said in json.loads(REAL.read_bytes()).items():
        provider = provider_of(said.get("litellm_provider", ""))
        for field, meter in fields.items():
            point = points.get((provider, model_of(key, provider), meter))
            if point is not None and said.get(field):
                pairs.append((Context(prec=15).create_decimal(repr(said[field])), point))
    agree = [point.price == number * 1_000_000 for number, point in pairs if point.price is not None]
    assert (len(pairs), sum(agree)) == (403, 399), "the few others are said twice of one model"


# Bifrost's datasheet.


def test_a_datasheet_is_read_by_the_same_table() -> None:
    entries = {
        "gpt-x": {
            "provider": "openai",
            "mode": "chat",
            "input_cost_per_token": 2.5e-06,
            "input_cost_per_token_priority": 5e-06,
            "input_cost_per_token_fast": 6e-06,
            "input_cost_per_token_above_272k_tokens_priority": 1e-05,
            "search_context_cost_per_query": 0.01,
            "code_interpreter_cost_per_session": 0.03,
        },
        "vertex/gemini-x": {"provider": "vertex", "mode": "image", "output_cost_per_image": 0.04},
        "broken": "no entry",
    }
    listed = lists.read("datasheet", json.dumps(entries).encode())
    assert (listed.kind, listed.source, listed.models) == ("bifrost", "bifrost", 2)
    assert told(listed) == {
        "input": "2.5 per 1000000",
        "input priority": "5 per 1000000",
        "input fast": "6 per 1000000",
        "input priority above 272000": "10 per 1000000",
        "search": "10 per 1000",
        "image": "0.04 per 1",
    }
    assert left_out(listed) == {"code_interpreter_cost_per_session": 1}


def test_images_of_a_quality_are_models_of_a_datasheet() -> None:
    drawn = {"output_cost_per_image": 0.04, "output_cost_per_image_high_quality": 0.17}
    entries = {"draw-x": {"provider": "openai", "mode": "image_generation", **drawn}}
    listed = lists.read("datasheet", json.dumps(entries).encode())
    assert {one.model: str(one.price) for one in listed.points} == {"draw-x": "0.04", "high/draw-x": "0.17"}
    assert left_out(listed) == {}


@pytest.mark.parametrize(
    ("key", "found"), [("high/1024-x-1024/draw-x", {"image": "0.17 per 1"}), ("draw-x", {})]
)
def test_an_image_of_a_size_has_the_price_that_the_map_calls_that_of_input(
    key: str, found: dict[str, str]
) -> None:
    said = {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_image": 0.17}
    assert told(lists.read("map", json.dumps({key: said}).encode())) == found


# Tables of one's own.

WIDE = b"""provider,model,input,output,input_audio_seconds,image,currency,service_tier,above,valid_from,valid_to
azure,GPT-4o,2.50,10,,,,,,2026-07-01,2026-10-01T00:00:00+02:00
mistral,voxtral,,,0.0001,,eur,on_demand_flex,200_000,,
acme,painter,,,,0.04,,,,,
"""
YAML = b"""
currency: EUR
valid_from: 2026-07-01
prices:
  - provider: azure
    model: gpt-4o
    input: 0.1
    hours: "sat,sun 00:00-24:00"
  - {provider: azure, model: gpt-4o, meter: output, price: 0.30, per: 1000, above: 128000, marginal: yes}
"""


def test_columns_of_a_table_are_meters_in_the_units_of_people() -> None:
    listed = lists.read("own.csv", WIDE)
    assert not listed.faults
    assert [
        (one.provider, one.model, _named(one), f"{one.price:f} {one.currency} per {one.per}")
        for one in listed.points
    ] == [
        ("azure", "gpt-4o", "input", "2.5 USD per 1000000"),
        ("azure", "gpt-4o", "output", "10 USD per 1000000"),
        ("mistral", "voxtral", "input_audio_ms flex above 200000", "0.0001 EUR per 1000"),
        ("acme", "painter", "image", "0.04 USD per 1"),
    ]
    assert {one.source for one in listed.points} == {"own"}


def test_a_date_is_midnight_in_utc_and_a_time_says_its_zone() -> None:
    point = lists.read("own.csv", WIDE).points[0]
    assert (point.valid_from, point.valid_to) == (1_782_864_000_000_000, 1_790_805_600_000_000)


def test_yaml_shares_what_stands_beside_the_prices_and_keeps_their_text() -> None:
    listed = lists.read("own.yaml", YAML)
    first, second = listed.points
    assert not listed.faults
    assert (first.price, first.currency, first.hours) == (Decimal("0.1"), "EUR", "sat,sun 00:00-24:00")
    assert (second.price, second.per, second.above, second.marginal) == (Decimal("0.3"), 1_000, 128_000, True)
    assert first.valid_from == second.valid_from == 1_782_864_000_000_000


def test_json_of_ones_own_keeps_its_decimals() -> None:
    raw = b'[{"provider": "azure", "model": "gpt-4o", "input": 0.1, "above": 200000, "hours": null}]'
    (point,) = lists.read("own.json", raw).points
    assert (point.price, point.above) == (Decimal("0.1"), 200_000)


def test_the_tables_in_the_documentation_can_be_imported() -> None:
    text = (DOCS / "prices.md").read_text()
    examples = re.findall(r"```(csv|yaml)\n(.*?)```", text, re.DOTALL)
    assert {kind for kind, _ in examples} == {"csv", "yaml"}
    for kind, example in examples:
        listed = lists.read(f"own.{kind}", example.encode())
        assert listed.points
        assert not listed.faults, example


@pytest.mark.parametrize("raw", [WIDE.replace(b",", b";"), WIDE.replace(b",", b"\t"), b"\xef\xbb\xbf" + WIDE])
def test_other_delimiters_and_a_byte_order_mark_are_no_trouble(raw: bytes) -> None:
    assert lists.read("prices", raw).points == tuple(lists.read("prices", WIDE).points)


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ("azure,m,1.2x,,,,,", "input", "1.2x"),
        ("azure,m,-1,,,,,", "input", "-1"),
        ('azure,m,"2,50",,,,,', "input", "2,50"),
        (",m,1,,,,,", "provider", ""),
        ("azure,,1,,,,,", "model", ""),
        ("azure,m,1,dollars,,,,", "currency", "dollars"),
        ("azure,m,1,,-5,,,", "above", "-5"),
        ("azure,m,1,,,2026-13-01,,", "valid_from", "2026-13-01"),
        ("azure,m,1,,,2026-07-01T09:00:00,,", "valid_from", "2026-07-01T09:00:00"),
        ("azure,m,1,,,2026-07-01,2026-07-01,", "valid_to", "2026-07-01"),
        ("azure,m,1,,,,,at night", "hours", "at night"),
        ("azure,m,,,,,,", "price", ""),
    ],
)
def test_a_fault_names_line_field_and_value_and_the_other_rows_stand(
    row: str, field: str, value: str
) -> None:
    names = "provider,model,input,currency,above,valid_from,valid_to,hours"
    listed = lists.read("own.csv", f"{names}\nacme,good,1,,,,,\n{row}\n".encode())
    (fault,) = listed.faults
    assert (fault.where, fault.field, fault.value) == ("line 3", field, value)
    assert [one.model for one in listed.points] == ["good"]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"provider": "p", "model": "m", "inptu": "1"}, "inptu"),
        ({"provider": "p", "model": "m", "meter": "inputs", "price": "1"}, "meter"),
        ({"provider": "p", "model": "m", "price": "1"}, "meter"),
        ({"provider": "p", "model": "m", "input": "1", "per": "10"}, "per"),
        ({"provider": "p", "model": "m", "input": "1", "marginal": "yes"}, "marginal"),
        ({"provider": "p", "model": "m", "reasoning": "1", "marginal": "yes", "above": "5"}, "reasoning"),
        ({"provider": "p", "model": "m", "input": "1", "least": "1000"}, "least"),
        ({"provider": "p", "model": "m", "input": {"usd": "1"}}, "input"),
        ({"provider": "p", "model": "m", "input": "1", "source": "genai-prices"}, "source"),
    ],
)
def test_a_fault_of_a_document_names_its_entry(entry: dict[str, Any], field: str) -> None:
    good = {"provider": "p", "model": "good", "input": "1"}
    listed = lists.read("own.json", json.dumps([good, entry]).encode())
    (fault,) = listed.faults
    assert (fault.where, fault.field) == ("entry 2", field)


def test_every_digit_of_ones_own_price_counts() -> None:
    (point,) = lists.read("own.csv", b"provider,model,input\np,m,0.12345678901234567890\n").points
    assert f"{point.price:f}" == "0.1234567890123456789"


def test_a_row_can_name_its_source() -> None:
    rows = b"provider,model,input,source\np,m,1,\np,m,2,Broker\n"
    assert [one.source for one in lists.read("own.csv", rows).points] == ["own", "broker"]
    assert {one.source for one in lists.read("own.csv", rows[:-14], "resale").points} == {"resale"}


def test_two_rows_that_contradict_each_other_are_told() -> None:
    listed = lists.read("own.csv", b"provider,model,input\np,m,1\np,m,1.0\np,m,2\n")
    assert [str(one) for one in listed.faults] == [
        "line 4: input is '2'; another row says 1 of the same; keep one of them"
    ]


# What is no list.


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("x.json", b"", "it is empty"),
        ("x.json", b'{"a": ', "its JSON cannot be read"),
        ("x.json", b"[" * 100_000, "nested too deeply"),
        ("x.json", b'{"a": 1}', "it holds no prices"),
        ("x.yaml", b"- [", "it is not YAML in line 1"),
        ("x.yaml", b"hello", "it holds no prices"),
        ("x.csv", b"name,cost\ngpt,1\n", "no column model"),
        ("x.csv", b"provider,model,input\n", "it has no prices"),
        ("x.bin", b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_what_is_no_price_list_says_what_to_do(name: str, raw: bytes, reason: str) -> None:
    with pytest.raises(NotAPriceList, match=reason):
        lists.read(name, raw)


def test_yaml_that_grows_when_it_is_read_is_refused_with_its_line() -> None:
    levels = [b"a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)]
    with pytest.raises(NotAPriceList, match=r"line 2 has the alias \*a0: write the values out instead"):
        lists.read("own.yaml", b"\n".join(levels))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"prices:\n- " + b"[" * 5_000, "line 2 is nested too deeply"),
        (b"".join(b"%*s- \n" % (2 * n, b"") for n in range(400)), "line 21 is nested too deeply"),
        (b"prices: [" + b"1," * 100_001 + b"]", "more than 100,000 values by line 1"),
    ],
    ids=["brackets", "dashes", "values"],
)
def test_yaml_deeper_or_larger_than_any_price_list_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(NotAPriceList, match=message):
        lists.read("own.yaml", text)
