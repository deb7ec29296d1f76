"""Where sources disagree about the price of the same unit, and that the snapshot lists what it finds."""

from decimal import Decimal
from typing import Any

import pytest

from ingest.ledger.price_book import snapshot
from ingest.pricing.book import Book, StoredPrices
from ingest.pricing.conflicts import Conflict, conflicts
from ingest.pricing.litellm_snapshot import EMPTY
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet

AT = 1_795_000_000_000_000


def point(source: str, price: str, **about: Any) -> PricePoint:
    values: dict[str, Any] = {
        "provider": "acme",
        "model": "talker-1",
        "meter": "input",
        "per": 1_000_000,
        "number": 1,
    }
    return PricePoint(source=source, price=Decimal(price), **(values | about))


def found(*points: PricePoint, at: int = AT, threshold: str = "0.01") -> list[Conflict]:
    book = Book(StoredPrices(points=points), snapshot(), EMPTY)
    return conflicts(book, at, Decimal(threshold))


def test_two_sources_with_another_price_of_the_same_unit_are_a_conflict() -> None:
    (one,) = found(point("litellm", "2.50"), point("bifrost", "2"))
    assert one[:5] == ("acme", "talker-1", "standard", "input", 0)
    assert {source: str(rate) for source, rate in one.prices.items()} == {
        "litellm": "2.50 per 1000000",
        "bifrost": "2 per 1000000",
    }
    assert list(one.prices) == ["litellm", "bifrost"], "the more trusted source stands first"
    assert one.spread == Decimal("0.2")


@pytest.mark.parametrize(("other", "count"), [("0.99", 0), ("0.9899", 1)])
def test_up_to_one_percent_is_the_rounding_of_list_makers(other: str, count: int) -> None:
    assert len(found(point("litellm", "1"), point("bifrost", other))) == count


def test_the_threshold_can_be_chosen() -> None:
    pair = point("litellm", "1"), point("bifrost", "0.8")
    assert found(*pair, threshold="0.2") == []
    assert len(found(*pair, threshold="0.19")) == 1


def test_prices_per_thousand_and_per_million_are_compared_per_unit() -> None:
    assert found(point("litellm", "2.5"), point("bifrost", "0.0025", per=1_000)) == []


def test_a_price_against_a_price_of_nothing_is_the_widest_conflict() -> None:
    (one,) = found(point("litellm", "0"), point("bifrost", "2"))
    assert one.spread == 1


def test_prices_in_two_currencies_cannot_be_compared() -> None:
    assert found(point("litellm", "1"), point("bifrost", "3", currency="EUR")) == []


def test_different_spellings_of_a_model_meet() -> None:
    dated = "talker-1-2026-02-03"
    (one,) = found(point("litellm", "1", model=dated), point("bifrost", "2"), point("litellm", "2"))
    assert (one.model, list(one.prices)) == (dated, ["litellm", "bifrost"])


def test_what_two_spellings_of_a_model_say_alike_is_told_once() -> None:
    dated = point("litellm", "1", model="talker-1-2026-02-03", number=2)
    (one,) = found(dated, point("litellm", "1"), point("bifrost", "2"))
    assert one.model == "talker-1"


def test_a_tier_is_compared_with_the_same_tier() -> None:
    batch = point("bifrost", "0.5", service_tier="batch")
    assert found(point("litellm", "1"), batch) == []
    (one,) = found(point("litellm", "0.6", service_tier="batch"), batch)
    assert one.service_tier == "batch"


def test_a_band_that_one_source_does_not_know_is_a_conflict_of_the_band() -> None:
    (one,) = found(point("litellm", "1"), point("litellm", "2", above=200_000), point("bifrost", "1"))
    assert (one.above, one.spread) == (200_000, Decimal("0.5"))


def test_a_conflict_below_a_band_is_not_told_again_above_it_where_nothing_changes() -> None:
    one = found(point("litellm", "1"), point("bifrost", "2"), point("bifrost", "8", meter="output"))
    assert len(one) == 1


def test_conflicts_are_those_of_an_instant() -> None:
    later = point("bifrost", "1", valid_from=AT)
    pair = point("litellm", "1"), point("bifrost", "2"), later
    assert found(*pair) == []
    assert len(found(*pair, at=AT - 1)) == 1


def test_prices_of_ones_own_are_compared_with_those_that_ship() -> None:
    own = point("own", "99", provider="openai", model="gpt-4o")
    told = [one for one in found(own) if one.model == "gpt-4o"]
    assert [list(one.prices) for one in told] == [["own", "genai-prices"]]


def test_the_snapshot_finds_each_price_that_it_lists_under_the_name_it_lists_it() -> None:
    listed = list(snapshot().points(AT))
    assert len({(one.provider, one.model) for one in listed}) > 2_000
    for one in listed:
        dated = snapshot().find(one.provider, one.model, one.service_tier)
        prices = dated.at(AT, one.above + 1)  # type: ignore[union-attr]
        assert isinstance(prices, PriceSet)
        assert prices.by_meter[one.meter][:3] == (one.price, one.per, one.least), one


def test_one_source_contradicts_nobody() -> None:
    prices = StoredPrices(points=(point("own", "1"), point("own", "2", number=2)), trust=("own",))
    book = Book(prices, snapshot(), EMPTY)
    assert conflicts(book, AT) == []


def test_what_two_spellings_of_a_model_say_alike_of_two_tiers_is_told_of_both() -> None:
    dated = "talker-1-2026-02-03"
    told = found(
        point("litellm", "1"),
        point("bifrost", "2"),
        point("litellm", "1", model=dated, service_tier="batch"),
        point("bifrost", "2", model=dated, service_tier="batch"),
    )
    assert [(one[1], one[2]) for one in told] == [("talker-1", "standard"), (dated, "batch")]
