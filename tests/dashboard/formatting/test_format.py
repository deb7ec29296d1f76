"""Numbers and dates as people read them, in their own locale."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from dashboard.formatting import format as wording
from dashboard.formatting import locale


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00 USD"),
        ("1234.565", "1,234.56 USD"),
        ("-92.4", "-92.40 USD"),
        ("0.8", "0.80 USD"),
        ("0.87654", "0.877 USD"),
        ("0.02", "0.02 USD"),
        ("0.0000217", "0.0000217 USD"),
        ("0.0000100", "0.00001 USD"),
        ("0.000000000001", "0.000000000001 USD"),
    ],
)
def test_an_amount_shows_cents_or_three_digits_that_count(value: str, text: str) -> None:
    assert wording.amount(Decimal(value), "USD") == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (71_000, "71.0 k"),
        (123_456, "123 k"),
        (3_900_000, "3.90 M"),
        (54_321_000_000, "54.3 B"),
        (10**12, "1.00 T"),
        (999_999, "1.00 M"),
        (99_949, "99.9 k"),
    ],
)
def test_a_large_count_is_three_digits(count: int, text: str) -> None:
    assert wording.compact(count) == text


def test_each_locale_has_its_own_separators() -> None:
    with locale.using_locale("de"):
        assert wording.amount(Decimal("1234.5"), "USD") == "1.234,50 USD"
        assert wording.percent(0.0193) == "1,93\N{NO-BREAK SPACE}%"
        assert wording.relative_change(106, 100) == "+6,0\N{NO-BREAK SPACE}%"
        assert wording.compact(14_200) == "14,2 k"
        assert wording.duration(17_610) == "17,61 s"
        assert wording.separators() == ",."
    with locale.using_locale("hi"):
        assert wording.number(12_345_678) == "1,23,45,678"


def test_each_locale_has_its_own_dates() -> None:
    at = datetime(2026, 10, 5, 22, 30, 1, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert wording.date_time(at, berlin) == "Oct 6, 2026, 00:30:01"
    assert (wording.bucket_label("2026-10-05"), wording.bucket_label("2026-10")) == ("Oct 5", "Oct 2026")
    assert wording.bucket_label("2026-10-05T13:00:00+02:00", "2026-10-05T09:00:00+02:00") == "13:00"
    assert wording.bucket_label("2026-10-05T13:00:00+02:00", "2026-10-04T09:00:00+02:00") == "13:00<br>Oct 5"
    assert wording.bucket_label("2026-10-05T00:00:00Z") == "00:00<br>Oct 5"
    assert wording.day_format() == "M/D/YYYY"
    with locale.using_locale("de"):
        assert wording.day(date(2026, 10, 5)) == "05.10.2026"
        assert wording.bucket_label("2026-10-05") == "5. Okt."
        assert wording.day_format() == "D.M.YYYY"
    with locale.using_locale("sv"):
        assert wording.day_format() == "YYYY-MM-DD"
    with locale.using_locale("bg"):
        assert wording.day_format() == "D.MM.YYYY"


def test_a_runaway_says_how_many_times_more_it_is() -> None:
    assert wording.relative_change(Decimal(26), Decimal(2)) == "\N{MULTIPLICATION SIGN}13"
    assert wording.relative_change(1, 4) == "-75.0%"
    assert wording.relative_change(1, 0) is None


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "en"),
        ("de-CH, de;q=0.9, en;q=0.5", "de_CH"),
        ("en;q=0.5, fr-FR", "fr_FR"),
        ("xx-YY, pl;q=0.2", "pl"),
        ("de-XX", "de"),
        ("fr;q=0, *", "en"),
        ("../../etc, ;;q=,=", "en"),
        ("de;q=much", "en"),
    ],
)
def test_the_browser_says_which_locale(asked: str, given: str) -> None:
    assert locale.preferred_locale(asked) == given
