"""The price points of one source: which of them is the price of a call."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingest.model.zone import micros
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate, Step, Unpriced
from ingest.pricing.source_prices import SourcePrices

NOON = micros(datetime(2026, 11, 2, 12, tzinfo=UTC))  # a Monday
NIGHT = micros(datetime(2026, 11, 2, 23, tzinfo=UTC))
MARCH = micros(datetime(2026, 3, 1, tzinfo=UTC))


def point(price: str | None, **about: Any) -> PricePoint:
    fields: dict[str, Any] = {
        "source": "own",
        "provider": "acme",
        "model": "talker-1",
        "meter": "input",
        "per": 1_000_000,
    }
    return PricePoint(price=None if price is None else Decimal(price), **(fields | about))


def answer(
    *points: PricePoint, model: str = "talker-1", tier: str = "standard", at: int = NOON, tokens: int = 0
) -> PriceSet | Unpriced | None:
    prices = SourcePrices("own", points).find("acme", model, tier)
    return None if prices is None else prices.at(at, tokens)


def price(*points: PricePoint, meter: str = "input", **about: Any) -> str:
    found = answer(*points, **about)
    assert isinstance(found, PriceSet), found
    return str(found.by_meter[meter].price)


def test_a_model_s_own_name_stands_before_a_pattern_and_a_longer_pattern_before_a_shorter() -> None:
    points = (
        point("1", model="talker-*"),
        point("2", model="talker-mini-*"),
        point("3", model="talker-mini-7"),
        point("4", model="*", provider=ANY),
    )
    names = ("talker-mini-7", "talker-mini-8", "talker-8", "other")
    assert [price(*points, model=name) for name in names] == ["3", "2", "1", "4"]


def test_a_pattern_of_another_provider_and_one_that_does_not_fit_are_no_price() -> None:
    assert answer(point("1", model="talker-*", provider="other")) is None
    assert answer(point("1", model="talker-mini-*")) is None


def test_a_price_of_any_provider_names_the_provider_of_the_call() -> None:
    found = answer(point("1", provider=ANY))
    assert isinstance(found, PriceSet)
    assert (found.provider, found.model, found.rule) == ("acme", "talker-1", "as written")


def test_where_the_first_name_has_no_price_yet_the_next_name_has() -> None:
    points = (point("1", valid_from=NIGHT), point("2", model="talker-*", valid_from=MARCH))
    assert [price(*points, at=at) for at in (NOON, NIGHT)] == ["2", "1"]
    prices = SourcePrices("own", points).find("acme", "talker-1", "standard")
    assert prices is not None
    assert list(prices.edges) == [MARCH, NIGHT]
    assert prices.at(MARCH - 1, 0) == Unpriced("no price for acme/talker-1")


def test_a_tier_has_its_own_prices_and_searches_and_requests_of_the_standard_tier() -> None:
    points = (
        point("1"),
        point("0.5", service_tier="batch"),
        point("10", meter="search", per=1_000),
        point("0.01", meter="request", per=1),
        point("20", meter="image", per=1),
    )
    found = answer(*points, tier="batch")
    assert isinstance(found, PriceSet)
    assert {meter: str(rate.price) for meter, rate in found.by_meter.items()} == {
        "input": "0.5",
        "search": "10",
        "request": "0.01",
    }
    dearer = point("12", meter="search", per=1_000, service_tier="batch")
    assert price(dearer, *points, meter="search", tier="batch") == "12"
    assert answer(point("1"), tier="batch") is None


def test_hours_stand_before_always_and_what_was_added_last_before_what_was_before() -> None:
    night = point("1", hours="20:00-08:00")
    day = point("2", added_at=5)
    assert [price(night, day, at=at) for at in (NOON, NIGHT)] == ["2", "1"]
    assert price(point("1", added_at=2), point("3", added_at=1)) == "1"
    assert price(point("1", added_at=1, number=1), point("3", added_at=1, number=2)) == "3"


def test_a_withdrawn_price_leaves_the_less_specific_one() -> None:
    always, night = point("2"), point("1", hours="20:00-08:00")
    taken_back = point(None, hours="20:00-08:00", added_at=1)
    assert price(always, night, taken_back, at=NIGHT) == "2"
    assert answer(always, point(None, added_at=1)) == Unpriced("no price for acme/talker-1")


def test_a_price_is_valid_from_its_first_instant_up_to_its_end() -> None:
    points = (point("1", valid_from=NOON, valid_to=NIGHT),)
    assert [isinstance(answer(*points, at=at), PriceSet) for at in (NOON - 1, NOON, NIGHT - 1, NIGHT)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_band_holds_above_its_threshold_for_meters_that_have_one() -> None:
    points = (
        point("1"),
        point("8", meter="output"),
        point("2", above=200_000),
        point("3", above=500_000),
    )
    at = (0, 200_000, 200_001, 500_000, 500_001)
    assert [price(*points, tokens=tokens) for tokens in at] == ["1", "1", "2", "2", "3"]
    assert price(*points, meter="output", tokens=600_000) == "8"


def test_a_price_that_only_a_band_has_is_none_below_it() -> None:
    only_above = point("2", above=1_000)
    assert answer(only_above, tokens=1_000) == Unpriced("no price for acme/talker-1")
    assert price(only_above, tokens=1_001) == "2"


def test_a_marginal_price_is_a_step_and_no_band() -> None:
    points = (
        point("3", above=500, marginal=True, number=3),
        point("2", above=100, marginal=True),
        point("1"),
    )
    found = answer(*points, tokens=1_000)
    assert isinstance(found, PriceSet)
    assert (found.above_input_tokens, str(found.by_meter["input"].price)) == (0, "1")
    assert found.steps == (
        Step("input", 100, Rate(Decimal(2), 1_000_000, 0, "")),
        Step("input", 500, Rate(Decimal(3), 1_000_000, 0, "own#3")),
    )


def test_prices_in_two_currencies_make_no_price_set() -> None:
    euros = point("1", meter="output", currency="EUR")
    assert answer(point("1"), euros) == Unpriced("the prices of acme/talker-1 are in EUR and USD")


def test_a_price_set_says_where_its_prices_are_from() -> None:
    found = answer(
        point("1", origin="own contract 7", least=5, number=4),
        point("2", meter="output", origin="list of May"),
        point("3", meter="image"),
    )
    assert isinstance(found, PriceSet)
    assert (found.origin, found.source, found.currency) == (
        "own, own contract 7, own list of May",
        "own",
        "USD",
    )
    assert found.by_meter["input"] == Rate(Decimal(1), 1_000_000, 5, "own#4")


@pytest.mark.parametrize("beneath", [None, SourcePrices("litellm", [point("9", model="older-1")])])
def test_points_of_a_name_are_those_of_the_list_or_of_the_list_beneath(beneath: SourcePrices | None) -> None:
    prices = SourcePrices("own", [point("1")], beneath)
    assert [str(one.price) for one in prices.points_of(("acme", "talker-1"))] == ["1"]
    assert len(prices.points_of(("acme", "older-1"))) == (0 if beneath is None else 1)
    assert len(prices.points_of(("acme", "nobody"))) == 0
