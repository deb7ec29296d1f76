"""Exchange rates: never of a later day, never older than a week, exact, and an error where there is none."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.exchange_rates.model import LONGEST_GAP, NoRate, Quote, Rates
from dashboard.exchange_rates.store import add_quotes, read_quotes, read_rates
from ingest.ledger.engine import Ledger
from ingest.model.zone import day_number

FRIDAY = day_number(date(2026, 11, 20))


def quoted(base: str, quote: str, rate: str, day: int = FRIDAY, at: int = 0) -> Quote:
    return Quote(base=base, quote=quote, day=day, rate=Decimal(rate), source="ecb", recorded_at=at)


ECB = Rates(
    [quoted("EUR", "USD", "1.25"), quoted("EUR", "GBP", "0.8"), quoted("EUR", "USD", "1.5", FRIDAY + 3)]
)


def test_a_weekend_has_the_rate_of_the_friday_before_it() -> None:
    assert [ECB.find("EUR", "USD", FRIDAY + later).rate for later in (0, 1, 2, 3)] == [
        Fraction(5, 4),
        Fraction(5, 4),
        Fraction(5, 4),
        Fraction(3, 2),
    ]


def test_a_rate_stands_for_a_week_and_not_longer() -> None:
    assert ECB.find("EUR", "GBP", FRIDAY + LONGEST_GAP).day == FRIDAY
    with pytest.raises(
        NoRate, match=r"no rate from EUR to GBP on 2026-11-28 .* `tallybook rates set EUR GBP"
    ):
        ECB.find("EUR", "GBP", FRIDAY + LONGEST_GAP + 1)


def test_no_rate_of_a_later_day_is_ever_used() -> None:
    with pytest.raises(NoRate):
        ECB.find("EUR", "USD", FRIDAY - 1)


def test_two_currencies_meet_in_the_one_that_both_are_quoted_with() -> None:
    assert ECB.find("USD", "GBP", FRIDAY).rate == Fraction(16, 25)
    assert ECB.find("GBP", "USD", FRIDAY).rate == Fraction(25, 16)


def test_a_pair_that_is_quoted_itself_goes_no_other_way() -> None:
    rates = Rates([quoted("EUR", "USD", "1.25"), quoted("EUR", "GBP", "0.8"), quoted("USD", "GBP", "0.7")])
    assert rates.find("USD", "GBP", FRIDAY).rate == Fraction(7, 10)


def test_a_correction_counts_and_the_first_quote_stays(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        assert add_quotes(connection, [quoted("EUR", "USD", "1.25")]) == 1
        assert add_quotes(connection, [quoted("EUR", "USD", "1.250", at=1)]) == 0
        assert add_quotes(connection, [quoted("EUR", "USD", "1.26", at=2)]) == 1
        assert read_rates(connection).find("EUR", "USD", FRIDAY).rate == Fraction(63, 50)
        assert [one.rate for one in read_quotes(connection)] == [Decimal("1.25"), Decimal("1.26")]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.decimals("0.0001", "9999", places=4)), min_size=1),
    st.integers(0, 60),
)
def test_there_and_back_is_exactly_the_same(quotes: list[tuple[int, Decimal]], day: int) -> None:
    rates = Rates([quoted("EUR", "USD", str(rate), on, at) for at, (on, rate) in enumerate(quotes)])
    standing = {on: rate for on, rate in quotes if day - LONGEST_GAP <= on <= day}
    if not standing:
        with pytest.raises(NoRate):
            rates.find("USD", "EUR", day)
        return
    there, back = rates.find("EUR", "USD", day), rates.find("USD", "EUR", day)
    assert there.rate * back.rate == 1
    assert there.rate == Fraction(standing[max(standing)])
