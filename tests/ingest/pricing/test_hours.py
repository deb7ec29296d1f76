"""Hours of the week in which a price applies."""

from datetime import UTC, datetime

import pytest

from ingest.model.zone import micros
from ingest.pricing.hours import HoursRefused, covers, minute, next_within, spans

HOUR = 60
DAY = 24 * HOUR
MON, TUE, WED, THU, FRI, SAT, SUN = range(0, 7 * DAY, DAY)


def at(day: int, clock: str, seconds: int = 0) -> int:
    """An instant in the week of 2 November 2026, a Monday."""
    hours, minutes = map(int, clock.split(":"))
    return micros(datetime(2026, 11, day, hours, minutes, seconds, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("sat 00:00-24:00", ((SAT, SUN),)),
        ("Mon, Wed 08:00-09:30", ((MON + 480, MON + 570), (WED + 480, WED + 570))),
        ("mon-wed 00:30-16:30", tuple((day + 30, day + 990) for day in (MON, TUE, WED))),
        (
            "sat-mon 10:00-11:00",
            tuple((day + 600, day + 660) for day in (MON, SAT, SUN)),
        ),
        ("fri 20:00-24:00,00:00-01:00", ((FRI, FRI + 60), (FRI + 1_200, SAT))),
        ("fri 22:00-02:00", ((FRI + 1_320, SAT), (SAT, SAT + 120))),
        ("sun 22:00-02:00", ((MON, MON + 120), (SUN + 1_320, SUN + DAY))),
        ("sat 08:00-09:00,\t10:00-11:00", ((SAT + 480, SAT + 540), (SAT + 600, SAT + 660))),
        ("sun 22:00-00:00", ((SUN + 1_320, SUN + DAY),)),
        ("mon 01:00-02:00; mon 01:00-02:00; tue 03:00-04:00", ((60, 120), (TUE + 180, TUE + 240))),
        ("23:59-24:00", tuple((day + 1_439, day + 1_440) for day in range(0, 7 * DAY, DAY))),
    ],
)
def test_text_names_minutes_of_the_week(text: str, expected: tuple[tuple[int, int], ...]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "always",
        "mon",
        "8:00-9:00",
        "24:00-24:00",
        "24:00-01:00",
        "00:00-24:01",
        "08:60-09:00",
        "08:00-09:60",
        "08:00-08:00",
        "funday 08:00-09:00",
        "mon-funday 08:00-09:00",
        "mon- 08:00-09:00",
        ", 08:00-09:00",
        "mon 08:00-09:00;",
    ],
)
def test_what_names_no_hours_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(HoursRefused) as refused:
        spans(text)
    assert str(refused.value).startswith(
        'hours are written like "mon-fri 00:30-16:30,20:00-24:00" (UTC), not '
    )
    assert text in str(refused.value)


def test_a_minute_is_counted_from_the_monday_of_its_week() -> None:
    assert minute(at(2, "00:00")) == 0
    assert minute(at(5, "13:01", 59)) == THU + 781
    assert minute(at(8, "23:59")) == 7 * DAY - 1
    assert minute(at(9, "00:00")) == 0


def test_the_first_minute_is_covered_and_the_last_is_not() -> None:
    text = "mon 08:00-09:00"
    assert [covers(text, at(2, clock)) for clock in ("07:59", "08:00", "08:59", "09:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert covers(" ", at(2, "03:00")), "no hours mean always"


def test_the_next_instant_within_is_the_next_start_in_this_week_or_the_next() -> None:
    text = "tue 08:00-09:00; fri 10:00-11:00"
    assert next_within(text, at(3, "08:30", 7)) == at(3, "08:30", 7), "it is within already"
    assert next_within(text, at(3, "09:00", 7)) == at(6, "10:00")
    assert next_within(text, at(6, "11:00")) == at(10, "08:00"), "on Tuesday of the week after"
    assert next_within("", at(3, "09:00")) == at(3, "09:00")
