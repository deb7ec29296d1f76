"""Codes of currencies: three letters, capital in records, as people like where they type."""

import pytest

from ingest.parse.currency import is_currency, read_currency


@pytest.mark.parametrize("text", [" usd ", "USD", "Usd"])
def test_a_code_is_read_however_it_is_typed(text: str) -> None:
    assert read_currency(text) == "USD"


@pytest.mark.parametrize("text", ["", "US", "USDT", "US1", "U D", "€€€", "ÄÖÜ"])
def test_what_is_no_code_is_nothing(text: str) -> None:
    assert read_currency(text) is None


def test_a_record_writes_capital_letters() -> None:
    assert is_currency("USD")
    assert not is_currency("usd")
    assert not is_currency("USD\n")
