"""The file of LiteLLM's prices that ships: what is written comes back."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from ingest.model.zone import micros
from ingest.pricing.litellm_snapshot import EMPTY, Edition, LitellmSnapshot, decoded, encoded
from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term

OLD, NEW = Edition("1.0.0", date(2026, 5, 1)), Edition("1.1.0", date(2026, 6, 2))
MAY, JUNE = (micros(datetime(2026, month, day, tzinfo=UTC)) for month, day in ((5, 1), (6, 2)))


def point(meter: str, price: str, edition: Edition, added_at: int, valid_from: int | None) -> PricePoint:
    return PricePoint(
        source="litellm",
        provider="acme",
        model="talker-1",
        meter=meter,
        price=Decimal(price),
        per=1_000_000,
        service_tier="batch",
        above=200_000,
        hours="sat 00:00-24:00",
        origin=edition.origin,
        added_at=added_at,
        valid_from=valid_from,
    )


LIST = LitellmSnapshot(
    (OLD, NEW),
    (point("input", "0.0000001", OLD, 0, None), point("input", "2", NEW, JUNE, JUNE)),
    (
        Term(
            kind="region",
            factor=Decimal("1.10"),
            provider="acme",
            model="talker-1",
            region="eu-*",
            origin=OLD.origin,
        ),
        Term(
            kind="region",
            factor=Decimal("1.2"),
            provider="acme",
            model="talker-2",
            region="us",
            origin=NEW.origin,
            added_at=JUNE,
            valid_from=JUNE,
        ),
    ),
)


def test_a_list_comes_back_as_it_was_written() -> None:
    again = decoded(encoded(LIST))
    assert again.editions == (OLD, NEW)
    assert again.points == LIST.points
    assert again.terms == LIST.terms


def test_the_same_list_gives_the_same_bytes_in_whatever_order_its_points_are() -> None:
    turned = LitellmSnapshot(LIST.editions, LIST.points[::-1], LIST.terms)
    assert encoded(turned) == encoded(LIST)


def test_a_price_is_written_without_an_exponent() -> None:
    (row, _) = msgspec.json.decode(gzip.decompress(encoded(LIST)))["prices"]["acme"]["talker-1"]
    assert row[:3] == ["input", "0.0000001", 1_000_000]


def test_the_newest_edition_names_the_list_and_none_an_empty_one() -> None:
    assert LIST.origin == "litellm 1.1.0"
    assert EMPTY.origin == ""


def test_a_list_is_younger_than_a_day_from_its_first_edition_after_it_on() -> None:
    assert LIST.released_after(date(2026, 4, 30)) == MAY
    assert LIST.released_after(date(2026, 5, 1)) == JUNE
    assert LIST.released_after(date(2026, 6, 2)) is None
