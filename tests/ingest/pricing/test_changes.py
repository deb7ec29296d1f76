"""What a price list changes in the book: past prices stay, and only what differs is added."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from ingest.pricing.changes import Change, Changes, changes, term_changes
from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term

MAY, JUNE, JULY, AUGUST = 500, 600, 700, 800


def point(price: str | None, **about: Any) -> PricePoint:
    fields: dict[str, Any] = {
        "source": "litellm",
        "provider": "acme",
        "model": "talker-1",
        "meter": "input",
        "per": 1_000_000,
    }
    return PricePoint(price=None if price is None else Decimal(price), **(fields | about))


def made(
    stored: list[PricePoint],
    listed: list[PricePoint],
    *,
    start: int | None = None,
    is_whole: bool = True,
) -> Changes:
    return changes(stored, listed, JULY, start, is_whole=is_whole)


def test_the_first_price_of_a_unit_is_valid_always() -> None:
    new = point("2")
    result = made([], [new])
    assert (result.points, result.added, result.changed, result.unchanged) == ([new], 1, [], 0)


def test_another_price_is_valid_from_the_import_or_from_the_day_that_is_named() -> None:
    old, new = point("2"), point("3")
    for start, begin in ((None, JULY), (AUGUST, AUGUST), (MAY, MAY)):
        result = made([old], [new], start=start)
        dated = replace(new, valid_from=begin)
        assert (result.points, result.changed) == ([dated], [Change(old, dated)])
        assert (result.added, result.unchanged) == (0, 0)


@pytest.mark.parametrize(
    ("stored", "is_same"),
    [
        (point("2"), True),
        (point("0.002", per=1_000), True),
        (point("2", per=1_000), False),
        (point("2", least=10), False),
        (point("2", currency="EUR"), False),
        (point("2", valid_from=JULY), True),
        (point("2", valid_to=JULY), False),
        (point(None), False),
    ],
)
def test_the_same_price_of_a_unit_however_it_is_written_is_unchanged(
    stored: PricePoint, is_same: bool
) -> None:
    result = made([stored], [point("2")])
    assert (result.unchanged, result.points == []) == (int(is_same), is_same)


def test_a_price_that_holds_on_its_day_and_not_until_then_is_changed() -> None:
    history = [point("2"), point("3", valid_from=JUNE, added_at=JUNE)]
    assert made(history, [point("2")], start=MAY).points == [point("2", valid_from=MAY)]
    assert made(history, [point("2")], start=MAY).changed == [Change(history[0], point("2", valid_from=MAY))]
    assert made(history, [point("3")], start=JUNE).unchanged == 1
    later = [point("2"), point("3", valid_from=AUGUST, added_at=JUNE)]
    assert made(later, [point("3")], start=AUGUST).unchanged == 1, "it is in the book already"
    assert made(later, [point("3")]).points == [point("3", valid_from=JULY)]


def test_the_price_that_was_added_last_is_the_price_in_effect() -> None:
    history = [point("3", added_at=2, number=1), point("2", added_at=2, number=2), point("9", added_at=1)]
    assert made(history, [point("2")]).unchanged == 1


def test_a_withdrawn_price_comes_back_as_a_change_from_the_import_on() -> None:
    history = [point("2"), point(None, added_at=JUNE)]
    result = made(history, [point("2")])
    assert (result.points, result.added, result.changed) == ([point("2", valid_from=JULY)], 1, [])


def test_a_new_band_of_a_meter_that_has_a_price_is_valid_from_the_import_on() -> None:
    band = point("4", above=200_000)
    result = made([point("2")], [point("2"), band])
    assert (result.points, result.added, result.unchanged) == ([replace(band, valid_from=JULY)], 1, 1)


@pytest.mark.parametrize("about", [{"meter": "output"}, {"service_tier": "batch"}, {"model": "talker-2"}])
def test_a_new_meter_tier_or_model_is_valid_always(about: dict[str, str]) -> None:
    new = point("4", **about)
    assert made([point("2")], [point("2"), new]).points == [new]


def test_prices_of_other_hours_and_marginal_prices_are_other_prices() -> None:
    for about in ({"hours": "sat 00:00-24:00"}, {"marginal": True}, {"source": "bifrost"}, {"provider": "b"}):
        assert made([point("2", **about)], [point("2")]).unchanged == 0


def test_prices_that_a_list_no_longer_names_are_counted_and_stay() -> None:
    gone = [point("2", model="gone-1"), point("2", meter="output"), point(None, model="gone-2")]
    result = made([point("2"), *gone], [point("2")])
    assert (result.points, result.unlisted) == ([], 2)
    part = made([point("2"), *gone], [point("2")], is_whole=False)
    assert part.unlisted == 1, "a list of some models says nothing about others"


def test_a_price_that_has_ended_is_not_missed() -> None:
    assert made([point("2", model="gone-1", valid_to=JULY)], []).unlisted == 0
    assert made([point("2", model="gone-1", valid_to=AUGUST)], []).unlisted == 1


# Prices with dates of their own.

HISTORY = [
    point("1", valid_to=MAY),
    point("2", valid_from=MAY, valid_to=JUNE),
    point("3", valid_from=JUNE),
]


def test_a_history_is_added_with_its_dates_the_undated_price_first() -> None:
    listed = [HISTORY[2], point("0.5", valid_to=None), HISTORY[1]]
    result = made([], listed)
    assert result.points == [listed[1], HISTORY[1], HISTORY[2]]
    assert (result.added, result.changed, result.unchanged) == (3, [], 0)


def test_the_same_history_again_adds_nothing() -> None:
    result = made(HISTORY, HISTORY)
    assert (result.points, result.unchanged, result.changed) == ([], 3, [])


def test_from_the_first_difference_on_a_history_is_added_again() -> None:
    dearer = replace(HISTORY[1], price=Decimal(5))
    result = made(HISTORY, [HISTORY[0], dearer, HISTORY[2]])
    assert result.points == [dearer, HISTORY[2]]
    assert result.changed == [Change(HISTORY[1], dearer)]
    assert (result.added, result.unchanged) == (0, 2)


def test_an_end_that_a_list_changes_is_a_difference() -> None:
    longer = replace(HISTORY[2], valid_to=AUGUST)
    assert made(HISTORY, [*HISTORY[:2], longer]).changed == [Change(HISTORY[2], longer)]


def test_one_price_with_a_date_of_its_own_keeps_it() -> None:
    dated = point("3", valid_from=JUNE)
    assert made([], [dated]).points == [dated]
    ended = point("3", valid_to=JUNE)
    result = made([point("2")], [ended])
    assert (result.points, result.changed) == ([ended], [Change(point("2"), ended)])


def test_an_undated_price_before_a_dated_one_is_compared_before_that_day() -> None:
    listed = [point("1"), point("2", valid_from=JUNE)]
    book = [point("1"), replace(listed[1], added_at=1)]
    assert made(book, listed).unchanged == 2
    other = [point("7"), replace(listed[1], added_at=1)]
    assert made(other, listed).changed == [Change(point("7"), listed[0])]


# Terms.


def term(factor: str, **about: Any) -> Term:
    return Term(kind="region", factor=Decimal(factor), provider="acme", region="eu-*", **about)


def taken(stored: list[Term], listed: list[Term], start: int | None = None) -> Changes:
    result = Changes()
    term_changes(result, stored, listed, iter(["list 1", "list 2"]), JULY, start)
    return result


def test_the_first_factor_of_a_region_is_valid_always() -> None:
    assert taken([], [term("1.1")]).terms == [term("1.1")]


def test_a_factor_that_differs_from_an_earlier_edition_is_valid_from_the_import_on() -> None:
    stored = term("1.1", origin="list 1")
    assert taken([stored], [term("1.2", origin="list 2")]).terms == [
        term("1.2", origin="list 2", valid_from=JULY)
    ]
    assert taken([stored], [term("1.2")], start=JUNE).terms == [term("1.2", valid_from=JUNE)]


def test_a_factor_that_was_set_by_hand_stays() -> None:
    result = taken([term("1.3", origin="contract")], [term("1.2", origin="list 2")])
    assert (result.terms, result.kept_terms) == ([], 1)
    same = taken([term("1.2", origin="contract")], [term("1.2")])
    assert (same.terms, same.kept_terms) == ([], 0)


def test_a_factor_that_has_ended_starts_anew_from_the_import_on() -> None:
    ended = term("1.2", origin="contract", valid_to=JULY)
    assert taken([ended], [term("1.2")]).terms == [term("1.2", valid_from=JULY)]
    assert taken([ended], [term("1.2")], start=JUNE).terms == [term("1.2", valid_from=JUNE)]


def test_the_factor_that_was_added_last_is_compared() -> None:
    stored = [term("1.2", origin="list 1", added_at=2), term("1.1", origin="list 1", added_at=1)]
    assert taken(stored, [term("1.2")]).terms == []


def test_each_factor_of_an_earlier_edition_is_changed() -> None:
    def of(model: str, factor: str, origin: str) -> Term:
        return term(factor, model=model, origin=origin)

    stored = [of("a-1", "1.1", "list 2"), of("b-1", "1.1", "list 1")]
    listed = [of("a-1", "1.2", "list 3"), of("b-1", "1.3", "list 3")]
    result = taken(stored, listed)
    assert [str(one.factor) for one in result.terms] == ["1.2", "1.3"]
    assert result.kept_terms == 0
