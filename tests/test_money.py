from decimal import Decimal, InvalidOperation
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model.money import (
    LARGEST,
    MoneyError,
    as_written,
    divide_half_even,
    from_pico,
    plain,
    plain_decimal,
    to_pico,
)

pico = st.integers(-LARGEST, LARGEST)


@given(pico)
def test_an_amount_makes_the_round_trip_exactly(amount: int) -> None:
    assert to_pico(from_pico(amount)) == amount


@given(pico)
def test_plain_text_is_the_same_number_without_an_exponent(amount: int) -> None:
    text = plain(amount)
    assert Decimal(text) == from_pico(amount)
    assert "E" not in text.upper()


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (10**12, "1"), (12_300_000_000, "0.0123"), (-5, "-0.000000000005"), (3 * 10**11, "0.3")],
)
def test_money_is_written_as_people_write_it(amount: int, text: str) -> None:
    assert plain(amount) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.0000000000005", 0), ("0.0000000000015", 2), ("0.0000000000025", 2), ("-0.0000000000015", -2)],
)
def test_half_a_pico_rounds_to_the_even_one(text: str, expected: int) -> None:
    assert to_pico(Decimal(text)) == expected


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1E+400", "9300000", "-9300000"])
def test_what_no_event_can_cost_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        to_pico(Decimal(text))


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_integer_division_rounds_like_exact_arithmetic(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("1,5", "1.5"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("-0,75", "-0.75"),
    ],
)
def test_a_comma_is_read_as_what_it_can_only_be(text: str, number: str) -> None:
    assert as_written(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1,234", "1,234,567", "1,2,3", "one", "", ",5,"])
def test_a_number_that_may_be_two_is_none(text: str) -> None:
    with pytest.raises(InvalidOperation):
        as_written(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("2.50", "2.5"),
        ("1E+3", "1000"),
        ("0E-12", "0"),
        ("100", "100"),
        ("-0.10", "-0.1"),
        ("1E-12", "0.000000000001"),
    ],
)
def test_a_decimal_is_written_with_every_digit_it_has_and_no_other(amount: str, text: str) -> None:
    assert plain_decimal(Decimal(amount)) == text
