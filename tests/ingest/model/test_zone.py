from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model.zone import HOUR, MINUTE, UnknownZone, Zone, date_of, instant, micros

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]
instants = st.integers(micros(datetime(2020, 1, 1, tzinfo=UTC)), micros(datetime(2036, 1, 1, tzinfo=UTC)))


@given(st.sampled_from(ZONES), instants)
def test_a_slot_holds_its_instant_and_lies_in_one_local_hour_day_and_month(name: str, at: int) -> None:
    zone = Zone(name)
    slot = zone.slot(at)
    assert slot.slot <= at < slot.slot_end
    for inside in (slot.slot, slot.slot_end - 1):
        local = instant(inside).astimezone(ZoneInfo(name))
        assert date_of(slot.day) == local.date()
        assert slot.month == local.year * 12 + local.month - 1
        assert slot.hour <= inside < slot.hour + HOUR


@given(st.sampled_from(ZONES), instants)
def test_every_local_midnight_is_a_slot_edge(name: str, at: int) -> None:
    zone = Zone(name)
    midnight = zone.midnight(zone.day(at))
    assert zone.slot(midnight).slot == midnight
    assert zone.day(midnight) == zone.day(at)
    assert zone.day(midnight - 1) == zone.day(at) - 1


@pytest.mark.parametrize(
    ("name", "minutes"), [("UTC", 60), ("Europe/Berlin", 60), ("Asia/Kolkata", 30), ("Asia/Kathmandu", 15)]
)
def test_a_slot_is_as_long_as_the_zone_allows(name: str, minutes: int) -> None:
    assert Zone(name).slot_length == minutes * MINUTE


def test_a_day_of_changing_clocks_has_23_or_25_hours() -> None:
    berlin = Zone("Europe/Berlin")
    spring = berlin.day(micros(datetime(2026, 3, 29, 12, tzinfo=UTC)))
    autumn = berlin.day(micros(datetime(2026, 10, 25, 12, tzinfo=UTC)))
    assert berlin.midnight(spring + 1) - berlin.midnight(spring) == 23 * HOUR
    assert berlin.midnight(autumn + 1) - berlin.midnight(autumn) == 25 * HOUR


def test_an_unknown_zone_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(UnknownZone, match="Europe/Berlin"):
        Zone("Mars/Olympus")


def test_an_instant_makes_the_round_trip_to_the_microsecond() -> None:
    moment = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
    assert instant(micros(moment)) == moment
    assert instant(micros(moment) + 1) - moment == timedelta(microseconds=1)
