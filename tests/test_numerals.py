"""Numbers as people type them: what is meant is taken, what may be meant in two ways is not."""

from decimal import Decimal

import pytest

from ingest.parse.numbers import NotANumber, amount, number, percent, whole


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("500", "500"),
        (" 500 ", "500"),
        ("1,200.50", "1200.50"),
        ("1,234,567", "1234567"),
        ("5_000_000", "5000000"),
        (".5", "0.5"),
        ("-3.", "-3"),
        ("1e3", "1000"),
    ],
)
def test_a_number_is_read_exactly(text: str, meant: str) -> None:
    assert number(text) == Decimal(meant)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-",
        "e5",
        "1,5",
        "1,50",
        "12,34",
        "1234,567",
        ",500",
        "1,200,",
        "1__0",
        "٣",
        "NaN",
        "Infinity",
        "1e16",
        "1e99",
        "1e-999999",
        "0x10",
        "1 000",
        "9" * 5000,
    ],
)
def test_what_is_no_number_or_two_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        number(text)


def test_money_is_taken_to_its_last_digit_or_not_at_all() -> None:
    assert amount("0.000000000001") == 1
    with pytest.raises(NotANumber):
        amount("0.0000000000001")


def test_half_a_token_is_none() -> None:
    assert whole("5,000") == 5_000
    with pytest.raises(NotANumber):
        whole("1.5")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("12%", "0.12"),
        (" 7.5 % ", "0.075"),
        ("+10%", "0.1"),
        ("-5%", "-0.05"),
        ("\N{MINUS SIGN}5%", "-0.05"),
        ("1,200%", "12"),
        ("0.000000001%", "0.00000000001"),
    ],
)
def test_a_percentage_is_an_exact_share(text: str, meant: str) -> None:
    assert percent(text) == Decimal(meant)


@pytest.mark.parametrize(
    "text", ["", "%", "12", "12%%", "12% off", "%12", "1,5%", "NaN%", "1000000%", "0.0000000001%"]
)
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        percent(text)
