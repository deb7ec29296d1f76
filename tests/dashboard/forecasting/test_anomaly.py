"""Anomalies: what stands out of the days before it is found, and what is usual is not."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.forecasting.anomaly import Verdict, judge
from dashboard.forecasting.seasonality import HISTORY, Day
from ingest.model.money import PICO_PER_UNIT
from tests.support.examples import examples

MONDAY = date(2026, 6, 1)
DOLLAR: Final[int] = PICO_PER_UNIT
WORKWEEK = (100, 110, 120, 110, 90, 20, 15)


def spend(values: Sequence[int], unit: int = DOLLAR) -> list[Day]:
    """Daily values from a Monday on."""
    return [Day(MONDAY + timedelta(days=at), value * unit) for at, value in enumerate(values)]


def noisy(weeks: int, seed: int = 1, percent: int = 10) -> list[int]:
    """Weeks of the working week's pattern in cents, give or take some percent."""
    chance = random.Random(seed)
    return [usual * (100 + chance.randint(-percent, percent)) for _ in range(weeks) for usual in WORKWEEK]


def verdict(values: Sequence[int], unit: int = DOLLAR, least: int = 0) -> Verdict:
    judged = judge(spend(values, unit), least)
    assert judged is not None
    return judged


def alarms(values: Sequence[int], start: int) -> list[int]:
    """The places of the days from `start` on that are anomalies in the light of the days before them."""
    days = spend(values)
    verdicts = [judge(days[: at + 1]) for at in range(start, len(days))]
    return [at for at, verdict in enumerate(verdicts, start) if verdict is not None and verdict.is_anomaly]


def test_two_full_weeks_have_to_be_known() -> None:
    assert judge([]) is None
    assert judge(spend([5] * 14)) is None
    assert judge(spend([5] * 15)) is not None


def test_days_before_the_first_spend_are_not_known() -> None:
    assert judge(spend([0] * 30 + [5] * 14)) is None
    assert judge(spend([0] * 30 + [5] * 15)) is not None
    assert judge(spend([0] * 40)) is None


def test_a_tripled_day_is_an_anomaly_and_the_day_after_it_is_not() -> None:
    values = noisy(10)
    values[60] *= 3
    assert alarms(values, 56) == [60]


def test_a_sunday_is_compared_with_sundays() -> None:
    sunday = verdict([*WORKWEEK * 7, *WORKWEEK[:-1], 110])
    assert sunday.is_anomaly
    assert sunday.expected == 15 * DOLLAR
    assert sunday.compared_with == "the last 7 Sundays, at the level of the 7 days before"


def test_a_day_without_any_spend_is_an_anomaly_where_there_is_always_some() -> None:
    values = noisy(9)
    values[57] = 0
    assert alarms(values, 56) == [57]


def test_weekends_without_spend_are_no_anomaly_but_spend_on_them_is() -> None:
    values = [100, 110, 120, 110, 90, 0, 0] * 9
    assert alarms(values, 42) == []
    saturday = verdict([*values[:-2], 90])
    assert (saturday.is_anomaly, saturday.expected, saturday.low) == (True, 0, 0)


def test_growth_of_a_tenth_a_week_is_no_anomaly() -> None:
    values = [round(value * 1.1 ** (at / 7)) for at, value in enumerate(noisy(20))]
    assert alarms(values, 21) == []


def test_a_lasting_doubling_is_an_anomaly_for_less_than_a_week() -> None:
    values = noisy(12)
    values = values[:59] + [2 * value for value in values[59:]]
    days = alarms(values, 42)
    assert days[0] == 59
    assert days[-1] < 59 + 7


def test_a_doubling_that_one_day_cannot_tell_from_noise_is_found_on_the_third() -> None:
    values = noisy(12, percent=30)
    values = values[:63] + [200 * usual for usual in WORKWEEK]
    assert alarms(values, 56)[0] == 65


def test_a_halving_that_one_day_cannot_tell_from_noise_is_found_on_the_third() -> None:
    values = noisy(12, percent=40)
    values = values[:63] + [45 * usual for usual in WORKWEEK]
    assert alarms(values, 56)[0] == 65


def test_two_weeks_of_history_seldom_raise_an_alarm_over_noise() -> None:
    alarm_days = [alarms(noisy(3, seed, percent=30)[:17], 16) for seed in range(100)]
    assert sum(map(bool, alarm_days)) <= 4


def test_a_doubled_day_is_found_three_weeks_after_a_fall_to_a_tenth() -> None:
    values = noisy(14)
    values = values[:70] + [value // 10 for value in values[70:]]
    values[93] *= 2
    assert alarms(values, 91) == [93]


def test_the_same_deviation_is_within_the_noise_of_a_restless_team() -> None:
    calm, restless = noisy(8, percent=5), noisy(8, percent=60)
    assert verdict([*calm, 180 * 100]).is_anomaly
    assert not verdict([*restless, 180 * 100]).is_anomaly


def test_a_fifth_more_is_no_anomaly_however_steady_the_days_were() -> None:
    assert not verdict([100] * 40 + [120]).is_anomaly
    assert verdict([100] * 40 + [140]).is_anomaly


def test_few_tokens_are_chance() -> None:
    assert not verdict([4] * 40 + [9], unit=1).is_anomaly
    assert verdict([4000] * 40 + [9000], unit=1).is_anomaly


def test_a_difference_that_nobody_wants_to_be_told_of_is_no_anomaly() -> None:
    assert verdict([3] * 40 + [9]).is_anomaly
    assert not verdict([3] * 40 + [9], least=10 * DOLLAR).is_anomaly


def test_use_now_and_then_is_no_anomaly_until_it_is_far_more() -> None:
    chance = random.Random(4)
    values = [chance.choice([0, 0, 0, chance.randint(5, 15)]) for _ in range(84)]
    assert alarms([*values, 12], 84) == []
    assert alarms([*values, 60], 84) == [84]


def test_spend_after_a_month_of_silence_is_an_anomaly() -> None:
    assert verdict([50] * 30 + [0] * 30 + [50]).is_anomaly


def test_a_batch_that_ran_on_two_mondays_is_no_anomaly_on_the_next() -> None:
    values = noisy(9)
    batch = [*values[:-7], 400 * 100]
    assert verdict(batch).is_anomaly
    batch[35] = batch[42] = 400 * 100
    assert not verdict(batch).is_anomaly


def test_who_wants_to_hear_more_lowers_the_limit() -> None:
    days = spend([*noisy(12, percent=30), 175 * 100], unit=DOLLAR // 100)
    verdicts = {limit: judge(days, limit=Decimal(limit)) for limit in ("2.5", "3.5")}
    assert {limit: verdict and verdict.is_anomaly for limit, verdict in verdicts.items()} == {
        "2.5": True,
        "3.5": False,
    }


def test_no_more_than_twelve_weeks_are_looked_at() -> None:
    days = spend([7, 900, 3] * 20 + noisy(13))
    assert judge(days) == judge(days[-HISTORY - 1 :])


def test_days_that_do_not_follow_one_another_are_refused() -> None:
    days = spend([5] * 30)
    with pytest.raises(ValueError, match="2026-06-12 does not follow 2026-06-10"):
        judge([*days[:10], *days[11:]])


WEEKS = st.lists(st.integers(0, 10**6), min_size=7, max_size=7).filter(any)
UNITS = st.sampled_from([1, 10**6, DOLLAR, 10**15])


@examples(15)
@given(value=st.integers(0, 10**21), days=st.integers(15, 90))
def test_days_that_are_all_the_same_never_fire(value: int, days: int) -> None:
    judged = judge(spend([value] * days, unit=1))
    assert judged is None if not value else judged is not None and not judged.is_anomaly


@examples(15)
@given(week=WEEKS, days=st.integers(15, 90), unit=UNITS)
def test_weeks_that_are_all_the_same_never_fire(week: list[int], days: int, unit: int) -> None:
    judged = judge(spend((week * 13)[:days], unit))
    assert judged is None or (not judged.is_anomaly and judged.low <= judged.expected <= judged.high)


@examples(15)
@given(
    values=st.lists(st.integers(0, 10**9), min_size=15, max_size=60),
    factor=st.integers(2, 10**6),
    last=st.integers(0, 10**10),
)
def test_ten_times_the_spend_is_judged_the_same(values: list[int], factor: int, last: int) -> None:
    small = judge(spend([*values, last]))
    large = judge(spend([*values, last], DOLLAR * factor))
    if small is None or large is None:
        assert small is large
        return
    for small_value, large_value in (
        (small.expected, large.expected),
        (small.low, large.low),
        (small.high, large.high),
    ):
        assert isinstance(large_value, int)
        assert abs(small_value * factor - large_value) <= max(large_value // 10**3, factor)
    if not any(abs(last * DOLLAR - edge) < edge // 10**3 for edge in (small.low, small.high)):
        assert small.is_anomaly == large.is_anomaly


@examples(12)
@given(seed=st.integers(0, 10**6), at=st.integers(42, 69).filter(lambda at: at % 7 < 5))
def test_whenever_a_tripled_workday_comes_it_alone_is_found(seed: int, at: int) -> None:
    values = noisy(11, seed, percent=5)
    values[at] *= 3
    alarm_days = alarms(values[: at + 2], at)
    assert alarm_days == [at]
