"""Price sets: which meters share a price, what a region changes, and what identifies a set."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ingest.pricing.rates import METERS, PriceSet, Rate, Ratio, Step
from ingest.pricing.terms import Term

MILLION = 1_000_000
CONTAINERS = {
    "input": ["input_audio", "input_image", "cache_read", "cache_write"],
    "cache_read": ["cache_read_audio", "cache_read_image"],
    "cache_write": ["cache_write_1h"],
    "cache_write_1h": ["cache_write_12h"],
    "output": ["output_audio", "output_image", "reasoning", "citation"],
}
FEES = {
    "search",
    "request",
    "tool_call",
    "character",
    "page",
    "audio_ms",
    "input_audio_ms",
    "video_ms",
    "image",
    "search_unit",
}


def price_set(by_meter: dict[str, Rate], **about: Any) -> PriceSet:
    return PriceSet("acme", "talker-1", "standard", 0, "USD", "list 1", by_meter, **about)


def rate(price: str, per: int = MILLION, **about: Any) -> Rate:
    return Rate(Decimal(price), per, **about)


def within(meter: str) -> set[str]:
    """A meter and all that it contains."""
    return {meter}.union(*(within(part) for part in CONTAINERS.get(meter, ())))


@pytest.mark.parametrize("meter", METERS)
def test_a_meter_without_a_price_has_that_of_the_meter_that_holds_it(meter: str) -> None:
    compiled = price_set({meter: rate("2")})
    assert dict(compiled.numerators) == dict.fromkeys(within(meter), 2_000_000)
    assert compiled.denominator == 1


def test_the_price_of_a_meter_stands_before_that_of_its_container() -> None:
    compiled = price_set({"input": rate("2"), "cache_write_1h": rate("3")})
    assert compiled.numerators["cache_write"] == 2_000_000
    assert compiled.numerators["cache_write_12h"] == 3_000_000


@pytest.mark.parametrize("meter", METERS)
def test_a_region_makes_tokens_dearer_and_no_fees(meter: str) -> None:
    term = Term(kind="region", factor=Decimal("1.1"))
    compiled = price_set({meter: rate("2")}, terms=(term,))
    assert compiled.numerators[meter] == (2_000_000 if meter in FEES else 2_200_000)
    assert set(METERS) == FEES | within("input") | within("output")


def test_prices_that_do_not_divide_have_a_common_denominator() -> None:
    compiled = price_set({"audio_ms": rate("0.4", 3_600_000), "input": rate("0.000001", 3 * MILLION)})
    exact = {meter: Fraction(value, compiled.denominator) for meter, value in compiled.numerators.items()}
    assert exact["audio_ms"] == Fraction(4 * 10**11, 3_600_000)
    assert exact["input"] == Fraction(1, 3)
    assert compiled.listed([compiled.denominator, compiled.denominator // 2]) == 1, (
        "each is rounded by itself"
    )
    assert price_set({"input": rate("2")}).listed([3, 4]) == 7


def test_a_contract_has_a_discount_and_then_a_mark_up() -> None:
    terms = (
        Term(kind="discount", factor=Decimal("0.9")),
        Term(kind="markup", factor=Decimal("1.5")),
    )
    compiled = price_set({"input": rate("2")}, terms=terms)
    assert (compiled.factor("discount"), compiled.factor("region")) == (Fraction(9, 10), Fraction(1))
    assert compiled.contracted.of(1_000) == 900
    assert compiled.charged.of(1_000) == 1_350
    assert price_set({"input": rate("2")}).charged.of(7) == 7


@pytest.mark.parametrize(("number", "rounded"), [(5, 2), (15, 8), (-5, -2), (6, 3)])
def test_a_ratio_rounds_once_half_to_even(number: int, rounded: int) -> None:
    assert Ratio(1, 2).of(number) == rounded


def test_a_rate_is_written_with_its_units_and_its_least() -> None:
    assert str(rate("2.50")) == "2.50 per 1000000"
    assert str(rate("0.4", 3_600_000, least=10_000)) == "0.4 per 3600000, at least 10000"


def test_the_rows_of_a_set_are_those_of_the_ledger() -> None:
    compiled = price_set({"input": rate("2", row="own#3"), "output": rate("8")})
    assert compiled.rows == {"input": "own#3"}
    assert compiled.rates == {"input": "2 per 1000000", "output": "8 per 1000000"}


KNOWN = price_set({"input": rate("2"), "output": rate("8")})


def test_the_digest_of_a_set_is_that_of_every_release() -> None:
    assert KNOWN.digest == "70d7a3c710825aa45a309076"
    own = price_set(
        {"input": rate("2", row="own#3")},
        rule="as written",
        steps=(Step("input", 5, rate("1")),),
        terms=(Term(kind="discount", factor=Decimal("0.9"), number=4),),
    )
    assert own.digest == "0077a6726f387e32acee1b4d"


def test_prices_in_another_order_are_the_same_set_and_any_other_fact_makes_another() -> None:
    assert price_set({"output": rate("8"), "input": rate("2")}).digest == KNOWN.digest
    prices = {"input": rate("2"), "output": rate("8")}
    others = [
        price_set({**prices, "output": rate("9")}),
        price_set({**prices, "output": rate("8", row="own#1")}),
        price_set(prices, rule="as written"),
        price_set(prices, steps=(Step("input", 5, rate("1")),)),
        price_set(prices, steps=(Step("input", 6, rate("1")),)),
        price_set(prices, terms=(Term(kind="markup", factor=Decimal(2)),)),
        PriceSet("acme", "talker-1", "standard", 5, "USD", "list 1", prices),
        PriceSet("acme", "talker-1", "standard", 0, "EUR", "list 1", prices),
        PriceSet("acme", "talker-1", "batch", 0, "USD", "list 1", prices),
        PriceSet("acme", "talker-1", "standard", 0, "USD", "list 2", prices),
    ]
    assert len({KNOWN.digest, *(other.digest for other in others)}) == 11
