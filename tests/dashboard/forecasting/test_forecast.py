"""Forecasts: a period comes to what was used and what its days left are usually like."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.forecasting.forecast import Forecast, forecast
from dashboard.forecasting.seasonality import Day
from ingest.model.money import PICO_PER_UNIT
from tests.support.examples import examples

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)
"""June 2026 begins on a Monday."""
DOLLAR: Final[int] = PICO_PER_UNIT
WORKWEEK = (100, 110, 120, 110, 90, 20, 15)


def up_to(end: date, values: Sequence[int], unit: int = DOLLAR) -> list[Day]:
    """Daily values of which the last is that of the day before `end`."""
    start = end - timedelta(days=len(values))
    return [Day(start + timedelta(days=at), value * unit) for at, value in enumerate(values)]


def of_june(days: Sequence[Day], part: Fraction = Fraction(0)) -> Forecast:
    made = forecast(days, JUNE, JULY, part)
    assert made is not None
    return made


def is_about(amount: int, dollars: int, percent: int = 1) -> bool:
    return 100 * abs(amount - dollars * DOLLAR) <= percent * dollars * DOLLAR


def test_three_complete_days_have_to_be_known() -> None:
    assert forecast(up_to(date(2026, 6, 3), [5] * 2), JUNE, JULY) is None
    assert forecast(up_to(date(2026, 6, 4), [5] * 3), JUNE, JULY, Fraction(1, 2)) is None
    assert is_about(of_june(up_to(date(2026, 6, 4), [5] * 3)).expected, 30 * 5)


def test_days_before_the_first_spend_are_not_known() -> None:
    assert forecast(up_to(date(2026, 6, 10), [0] * 40 + [5] * 2), JUNE, JULY) is None
    assert forecast(up_to(date(2026, 6, 10), [0] * 40), JUNE, JULY) is None


def test_the_rest_of_a_month_is_forecast_from_its_weekdays() -> None:
    """On the evening of Friday, 5 June, 25 days are left, and 8 of them are at weekends."""
    made = of_june(up_to(date(2026, 6, 6), [*WORKWEEK * 6, 100, 110, 120, 110, 90]))
    assert made.used == 530 * DOLLAR
    assert is_about(made.expected, 4 * sum(WORKWEEK) + 100 + 110)
    assert made.low < made.expected < made.high


def test_a_month_that_has_not_begun_is_forecast_whole() -> None:
    made = of_june(up_to(date(2026, 5, 25), WORKWEEK * 6))
    assert made.used == 0
    assert is_about(made.expected, 4 * sum(WORKWEEK) + 100 + 110)


def test_of_a_running_day_only_the_part_that_is_left_is_expected() -> None:
    days = up_to(date(2026, 6, 30), WORKWEEK * 8 + (100,))
    running = [*days, Day(date(2026, 6, 30), 50 * DOLLAR)]
    made = of_june(running, Fraction(3, 4))
    assert made.used == sum(day.value for day in running if day.day >= JUNE)
    assert is_about(made.expected - made.used, 110 // 4, percent=3)


def test_a_running_day_does_not_lower_what_days_are_expected_to_be() -> None:
    days = up_to(date(2026, 6, 9), WORKWEEK * 8 + (100,))
    at_midnight = of_june([*days, Day(date(2026, 6, 9), 0)], Fraction(1, 1000))
    assert is_about(at_midnight.expected, of_june(days).expected // DOLLAR)


def test_a_month_that_is_over_comes_to_what_was_used() -> None:
    days = up_to(date(2026, 7, 10), WORKWEEK * 10)
    used = sum(day.value for day in days if JUNE <= day.day < JULY)
    assert of_june(days) == Forecast(used, used, used, used)


def test_growth_goes_on() -> None:
    grown = [round(1000 * 1.03 ** (at / 7)) for at in range(84 + 30)]
    actual = sum(grown[84:])
    made = of_june(up_to(JUNE, grown[:84]))
    assert is_about(made.expected, actual, percent=4)
    assert made.expected > 30 * grown[83] * DOLLAR


def test_one_odd_day_is_used_but_not_expected_again() -> None:
    days = up_to(date(2026, 6, 10), WORKWEEK * 8 + (100, 110))
    odd = [*days[:-3], days[-3]._replace(value=days[-3].value + 5000 * DOLLAR), *days[-2:]]
    assert is_about(of_june(odd).expected - 5000 * DOLLAR, of_june(days).expected // DOLLAR, percent=5)


def test_use_now_and_then_is_forecast_as_what_it_is_on_average() -> None:
    chance = random.Random(3)
    values = [chance.choice([0, 0, 0, 40]) for _ in range(84)]
    made = of_june(up_to(JUNE, values))
    assert is_about(made.expected, 30 * sum(values) // 84, percent=25)


def test_days_that_are_now_and_then_large_are_expected_to_be_so_again() -> None:
    chance = random.Random(8)
    values = [chance.choice([10, 10, 11, 12, 60]) for _ in range(84)]
    assert is_about(of_june(up_to(JUNE, values)).expected, 30 * sum(values) // 84, percent=15)


def test_one_silent_day_does_not_make_everything_uncertain() -> None:
    chance = random.Random(5)
    values = [usual * (100 + chance.randint(-10, 10)) for usual in WORKWEEK * 12]
    silent = [*values[:50], 0, *values[51:]]
    steady, shaken = (of_june(up_to(JUNE, those)) for those in (values, silent))
    assert shaken.high - shaken.low < 3 * (steady.high - steady.low)


def test_a_later_month_is_less_certain() -> None:
    days = up_to(JUNE, WORKWEEK * 12)
    near, far = (
        forecast(days, first, first + timedelta(days=28)) for first in (JUNE, JUNE + timedelta(days=56))
    )
    assert near is not None
    assert far is not None
    assert 2 * (near.high - near.low) < far.high - far.low


def test_a_restless_team_has_a_wider_range() -> None:
    chance = random.Random(2)

    def width(percent: int) -> Fraction:
        values = [usual * (100 + chance.randint(-percent, percent)) for usual in WORKWEEK * 8]
        made = of_june(up_to(JUNE, values))
        return Fraction(made.high - made.low, made.expected)

    assert 2 * width(5) < width(60)


def test_the_range_narrows_as_the_month_goes_on() -> None:
    values = WORKWEEK * 13
    widths = [
        (made.high - made.low)
        for last in (5, 15, 25)
        for made in [of_june(up_to(date(2026, 6, last), values[: 84 + last - 1]))]
    ]
    assert widths == sorted(widths, reverse=True)


def test_days_that_do_not_follow_one_another_are_refused() -> None:
    days = up_to(date(2026, 6, 10), [5] * 30)
    with pytest.raises(ValueError, match="does not follow"):
        forecast([*days[:10], *days[11:]], JUNE, JULY)


@examples(15)
@given(
    values=st.lists(st.integers(0, 10**9), min_size=1, max_size=100),
    elapsed=st.integers(0, 40),
    part=st.fractions(0, 1).filter(lambda part: part < 1),
    factor=st.integers(2, 10**6),
)
def test_a_forecast_is_in_integers_never_below_what_was_used_and_grows_with_the_unit(
    values: list[int], elapsed: int, part: Fraction, factor: int
) -> None:
    end = JUNE + timedelta(days=elapsed)
    small = forecast(up_to(end, values), JUNE, JULY, part)
    large = forecast(up_to(end, values, DOLLAR * factor), JUNE, JULY, part)
    if small is None or large is None:
        assert small is large
        return
    assert small.used <= small.low <= small.expected <= small.high
    for small_value, large_value in (
        (small.used, large.used),
        (small.expected, large.expected),
        (small.low, large.low),
        (small.high, large.high),
    ):
        assert isinstance(large_value, int)
        assert abs(small_value * factor - large_value) <= max(large_value // 10**9, factor)


@examples(15)
@given(value=st.integers(1, 10**21), known=st.integers(3, 100), elapsed=st.integers(0, 30))
def test_days_that_are_all_the_same_go_on_so(value: int, known: int, elapsed: int) -> None:
    made = forecast(up_to(JUNE + timedelta(days=elapsed), [value] * known, unit=1), JUNE, JULY)
    assert made is not None
    used = value * min(known, elapsed)
    assert (made.used, abs(made.expected - used - value * (30 - elapsed)) <= 30) == (used, True)
