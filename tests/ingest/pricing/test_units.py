"""The units in which prices are written, and the names of meters that people write."""

import pytest

from ingest.pricing.units import meter_of, per_of, unit_of, units_of, written_as


@pytest.mark.parametrize(
    ("meter", "per"),
    [
        ("input", 1_000_000),
        ("cache_read", 1_000_000),
        ("character", 1_000_000),
        ("audio_ms", 1_000),
        ("image", 1),
        ("request", 1),
    ],
)
def test_a_price_is_written_for_a_million_tokens_a_second_or_one_of_anything_else(
    meter: str, per: int
) -> None:
    assert per_of(meter) == per


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("input", "input"),
        (" Cache_Read ", "cache_read"),
        ("audio_seconds", "audio_ms"),
        ("audio_ms", "audio_ms"),
        ("seconds", None),
        ("words", None),
        ("words_seconds", None),
    ],
)
def test_a_duration_may_be_named_by_its_seconds_and_any_meter_in_capitals(
    text: str, meter: str | None
) -> None:
    assert meter_of(text) == meter


def test_a_meter_is_written_as_it_is_read() -> None:
    assert written_as("audio_ms") == "audio_seconds"
    assert written_as("input") == "input"


def test_a_second_is_a_thousand_units_of_a_duration_and_anything_else_one() -> None:
    assert (units_of("audio_ms"), units_of("input")) == (1_000, 1)


@pytest.mark.parametrize(
    ("meter", "per", "unit"),
    [
        ("input", 1_000_000, "million tokens"),
        ("input", 1, "token"),
        ("search", 1_000, "1,000 searches"),
        ("search", 1, "search"),
        ("request", 1, "request"),
        ("tool_call", 1_000, "1,000 tool calls"),
        ("character", 1_000_000, "million characters"),
        ("page", 1_000, "1,000 pages"),
        ("image", 1, "image"),
        ("search_unit", 1_000, "1,000 search units"),
        ("audio_ms", 1_000, "second"),
        ("audio_ms", 60_000, "minute"),
        ("audio_ms", 3_600_000, "hour"),
        ("audio_ms", 15_000, "15 seconds"),
        ("audio_ms", 1_500, "1,500 milliseconds"),
    ],
)
def test_the_unit_of_a_price_is_said_in_words(meter: str, per: int, unit: str) -> None:
    assert unit_of(meter, per) == unit
