"""The prices of a model over all time, as stretches."""

from decimal import Decimal
from typing import Any

from ingest.ledger.price_book import snapshot
from ingest.pricing.book import Book, StoredPrices
from ingest.pricing.history import Stretch, history
from ingest.pricing.litellm_snapshot import EMPTY
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Unpriced
from ingest.pricing.terms import Term

JUNE, JULY, AUGUST = 1_780_000_000_000_000, 1_782_000_000_000_000, 1_785_000_000_000_000


def stretches(*points: PricePoint, terms: tuple[Term, ...] = ()) -> list[Stretch]:
    book = Book(StoredPrices(points=points, terms=terms), snapshot(), EMPTY)
    return history(book, "acme", "talker-1", None, AUGUST)


def point(price: str, **about: Any) -> PricePoint:
    fields: dict[str, Any] = {"provider": "acme", "model": "talker-1", "meter": "input", "per": 1_000_000}
    return PricePoint(source="own", price=Decimal(price), **(fields | about))


def price_of(stretch: Stretch) -> str:
    assert isinstance(stretch.prices, PriceSet)
    return str(stretch.prices.by_meter["input"].price)


def test_a_price_that_never_changes_is_one_stretch_without_start_and_end() -> None:
    (only,) = stretches(point("2"))
    assert (only.start, only.end, price_of(only)) == (None, None, "2")


def test_each_stretch_ends_where_the_next_starts() -> None:
    before, first, second, after = stretches(
        point("2", valid_from=JUNE), point("3", valid_from=JULY, valid_to=AUGUST, number=1, added_at=1)
    )
    assert isinstance(before.prices, Unpriced)
    assert [(one.start, one.end) for one in (before, first, second, after)] == [
        (None, JUNE),
        (JUNE, JULY),
        (JULY, AUGUST),
        (AUGUST, None),
    ]
    assert [price_of(one) for one in (first, second, after)] == ["2", "3", "2"]


def test_the_same_price_again_and_a_discount_start_no_stretch() -> None:
    same = stretches(
        point("2", valid_from=JUNE),
        point("2", valid_from=JULY, number=0, added_at=0),
        terms=(Term(kind="discount", factor=Decimal("0.9"), valid_from=AUGUST),),
    )
    assert [(one.start, one.end) for one in same] == [(None, JUNE), (JUNE, None)]


def test_a_stretch_holds_its_start_and_not_its_end() -> None:
    stretch = Stretch(JUNE, JULY, Unpriced(""))
    assert [stretch.covers(at) for at in (JUNE - 1, JUNE, JULY - 1, JULY)] == [False, True, True, False]
    assert Stretch(None, None, Unpriced("")).covers(0)
