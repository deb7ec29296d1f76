"""Price points, terms and aliases in the ledger and in the book.

What comes back, what is joined, and what a set is known by.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger import price_book as price_rows
from ingest.ledger.engine import Ledger
from ingest.ledger.price_sets import price_set_of, row_of
from ingest.model.event import UsageEvent
from ingest.model.zone import micros
from ingest.pricing.book import Alias, Book, StoredPrices
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.rates import PriceSet, Unpriced
from ingest.pricing.snapshot import GenaiPrices
from ingest.pricing.terms import Term

SNAPSHOT = GenaiPrices()
MONDAY = micros(datetime(2026, 11, 2, tzinfo=UTC))
HOUR = 3_600_000_000
DAY = 24 * HOUR
DOLLAR = 10**12


def point(price: str | None, meter: str = "input", **facts: Any) -> PricePoint:
    known: dict[str, Any] = {"source": OWN, "provider": "openai", "model": "house-model", "per": 1_000_000}
    amount = None if price is None else Decimal(price)
    return PricePoint(**{**known, "meter": meter, "price": amount, **facts})


def book(*points: PricePoint, terms: tuple[Term, ...] = (), **facts: Any) -> Book:
    numbered = [msgspec.structs.replace(one, number=at) for at, one in enumerate(points, 1)]
    counted = [msgspec.structs.replace(one, number=at) for at, one in enumerate(terms, 1)]
    return Book(StoredPrices(points=tuple(numbered), terms=tuple(counted), **facts), SNAPSHOT)


def found(
    held: Book, at: int = MONDAY, model: str = "house-model", tokens: int = 0, **who: Any
) -> PriceSet | Unpriced:
    facts = {"provider": "openai", "service_tier": None, **who}
    return held.find(model=model, at=at, input_tokens=tokens, **facts)


def price(held: Book, at: int = MONDAY, meter: str = "input", **asked: Any) -> str | None:
    """The price of a meter as text; None where there is none."""
    prices = found(held, at, **asked)
    if isinstance(prices, Unpriced) or meter not in prices.by_meter:
        return None
    return f"{prices.by_meter[meter].price:f}"


def charge(held: Book, at: int = MONDAY, **facts: Any) -> Charge:
    event = UsageEvent(source="test", provider="openai", model="house-model", **facts)
    prices = held.find("openai", "house-model", None, at, event.input_tokens or 0, event.region, event.team)
    made = compute(event, prices, None)
    assert isinstance(made, Charge), made
    return made


def term(kind: Any, factor: str, **facts: Any) -> Term:
    return Term(kind=kind, factor=Decimal(factor), **facts)


dated = st.builds(
    lambda amount, first, length, at: point(
        None if amount == 0 else str(amount),
        valid_from=None if first is None else MONDAY + first,
        valid_to=None if length is None else MONDAY + (first or 0) + length,
        added_at=at,
    ),
    st.integers(0, 9),
    st.none() | st.integers(0, 20),
    st.none() | st.integers(1, 10),
    st.integers(0, 3),
)


@given(st.lists(dated, min_size=1, max_size=8), st.integers(-2, 35))
def test_of_all_points_that_cover_an_instant_the_last_one_added_is_the_price(
    points: list[PricePoint], at: int
) -> None:
    held = book(*points)
    covering = [one for one in held.stored.points if one.covers(MONDAY + at)]
    last = max(covering, key=lambda one: (one.added_at, one.number), default=None)
    expected = None if last is None or last.price is None else f"{last.price:f}"
    assert price(held, MONDAY + at) == expected


def test_prices_in_two_currencies_make_no_sum() -> None:
    prices = found(book(point("2"), point("3", "output", currency="EUR")))
    assert isinstance(prices, Unpriced)
    assert prices.reason == "the prices of openai/house-model are in EUR and USD"


def test_a_call_that_states_no_money_has_the_currency_of_its_prices() -> None:
    held = book(point("3", currency="CNY"))
    made = charge(held, input_tokens=1_000_000)
    assert made.total_cost == 3 * DOLLAR


def test_a_less_trusted_source_adds_no_fee_but_a_price_of_cached_tokens() -> None:
    known: dict[str, Any] = {"source": "litellm"}
    catalogue = [
        point("1", "cache_read", **known),
        point("5", "request", per=1, **known),
        point("3", **known),
    ]
    prices = found(book(point("2", source="first"), *catalogue, trust=("first", "litellm")))
    assert isinstance(prices, PriceSet)
    assert {meter: f"{rate.price:f}" for meter, rate in prices.by_meter.items()} == {
        "input": "2",
        "cache_read": "1",
    }


def test_an_alias_stands_before_every_rule_and_says_so() -> None:
    alias = Alias(provider="azure", model="gpt-4o", target_provider="openai", target_model="house-model")
    prices = found(book(point("7"), aliases=(alias,)), model="gpt-4o", provider="azure")
    assert isinstance(prices, PriceSet)
    assert (f"{prices.by_meter['input'].price:f}", prices.rule) == ("7", "alias azure/gpt-4o: as written")


def test_rows_come_back_from_the_ledger_as_they_were_added(ledger: Ledger) -> None:
    points = [
        point(
            "2.50",
            valid_from=MONDAY,
            hours="sat 00:00-24:00",
            origin="a contract",
            added_at=5,
            added_by="ada",
        ),
        point(None, "output", above=10, marginal=True, currency="EUR", least=3, valid_to=MONDAY),
    ]
    terms = [term("discount", "0.88", team="red", valid_from=MONDAY)]
    alias = Alias(provider="azure", model="prod", target_provider="openai", target_model="gpt-4o")
    with ledger.writing() as connection:
        price_rows.add_points(connection, points)
        price_rows.add_terms(connection, terms)
        price_rows.add_aliases(connection, [alias])
    kept = price_rows.read_book(ledger).stored
    assert [msgspec.structs.replace(one, number=0) for one in kept.points] == points
    assert [msgspec.structs.replace(one, number=0) for one in kept.terms] == terms
    assert [msgspec.structs.replace(one, number=0) for one in kept.aliases] == [alias]


def test_a_running_process_takes_up_new_prices(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    live = price_rows.LiveBook(embedded)
    assert price(live.current()) is None
    with embedded.writing() as connection:
        price_rows.add_points(connection, [point("2")])
    monkeypatch.setattr(price_rows, "_RENEWED", 0.0)
    assert price(live.current()) == "2"


def test_a_price_set_comes_back_from_its_row_and_gives_the_same_cost() -> None:
    steps = [point("4", above=1_000, marginal=True), point("0.01", "search", per=1)]
    terms = (term("discount", "0.88"), term("region", "1.1", region="us"))
    prices = found(book(point("2"), *steps, terms=terms), region="us")
    assert isinstance(prices, PriceSet)
    row = msgspec.structs.asdict(row_of(prices))
    again = price_set_of(row)
    event = UsageEvent(source="test", provider="openai", model="m", input_tokens=12_345, search_queries=2)
    assert (again.digest, compute(event, again, None)) == (prices.digest, compute(event, prices, None))


def test_a_set_of_other_terms_or_rows_is_another_set() -> None:
    held = [
        book(point("2")),
        book(point("2"), point("2")),
        book(point("2"), terms=(term("discount", "0.9"),)),
    ]
    prices = [found(one) for one in held]
    assert len({one.digest for one in prices if isinstance(one, PriceSet)}) == len(held)
    first = prices[0]
    assert isinstance(first, PriceSet)
    assert replace(first).digest == first.digest
