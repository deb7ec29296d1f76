"""Dated prices and terms: which of them is the price of a call, and that list, contracted and charged cost are exact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest.event import UsageEvent
from ingest.ledger import prices as price_rows
from ingest.ledger.engine import Ledger
from ingest.ledger.price_sets import price_set_of, row_of
from ingest.ledger.price_tables import price_alias, price_point, price_term
from ingest.ledger.types import micros
from ingest.pricing.book import Alias, Book, Stored
from ingest.pricing.catalog import GenaiPrices
from ingest.pricing.charge import Charge
from ingest.pricing.computed import compute
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.rates import PriceSet, Unpriced
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
    return Book(Stored(points=tuple(numbered), terms=tuple(counted), **facts), SNAPSHOT)


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


# Time.


def test_a_correction_is_a_later_point_and_the_earlier_one_stays() -> None:
    held = book(point("2", added_at=1), point("3", added_at=2))
    assert (price(held), len(held.stored.points)) == ("3", 2)


def test_a_price_holds_from_its_first_instant_to_the_one_before_its_end() -> None:
    held = book(point("2", valid_from=MONDAY, valid_to=MONDAY + DAY))
    at = (MONDAY - 1, MONDAY, MONDAY + DAY - 1, MONDAY + DAY)
    assert [price(held, one) for one in at] == [None, "2", "2", None]


def test_when_a_bounded_price_ends_the_earlier_one_shows_again() -> None:
    held = book(point("2"), point("1", valid_from=MONDAY, valid_to=MONDAY + DAY, added_at=1))
    assert [price(held, MONDAY + days * DAY) for days in (-1, 0, 1)] == ["2", "1", "2"]


def test_a_point_without_a_price_takes_an_earlier_one_back() -> None:
    held = book(point("2"), point("9", "output"), point(None, "output", added_at=1, valid_from=MONDAY))
    assert [price(held, at, "output") for at in (MONDAY - 1, MONDAY)] == ["9", None]


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("mon-fri 00:30-16:30", [30, 16 * 60 + 29], [29, 16 * 60 + 30, 5 * 24 * 60 + 60]),
        ("22:00-02:00", [22 * 60, 24 * 60 + 119, 6 * 24 * 60 + 23 * 60, 60], [120, 21 * 60 + 59]),
        ("sun 23:00-01:00", [6 * 24 * 60 + 23 * 60, 30], [60, 24 * 60 + 30]),
        ("sat,sun 00:00-24:00", [5 * 24 * 60, 7 * 24 * 60 - 1], [0, 5 * 24 * 60 - 1]),
    ],
)
def test_a_price_of_some_hours_holds_in_them_and_the_usual_one_outside(
    hours: str, inside: list[int], outside: list[int]
) -> None:
    held = book(point("1", hours=hours), point("2", added_at=1))
    minutes = [MONDAY + minute * 60_000_000 for minute in (*inside, *outside)]
    assert [price(held, at) for at in minutes] == ["1"] * len(inside) + ["2"] * len(outside)


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


# Context bands.


def test_above_a_band_the_whole_call_has_its_price() -> None:
    held = book(point("2"), point("8", "output"), point("4", above=200_000))
    below, above = (charge(held, input_tokens=n, output_tokens=1_000_000) for n in (200_000, 200_001))
    assert (below.input_cost, above.input_cost) == (200_000 * 2_000_000, 200_001 * 4_000_000)
    assert below.output_cost == above.output_cost == 8 * DOLLAR  # which has no price of its own up there


def test_a_marginal_price_is_of_the_units_above_alone() -> None:
    steps = [point("4", above=200_000, marginal=True), point("1", above=500_000, marginal=True)]
    held = book(point("2"), *steps)
    made = charge(held, input_tokens=600_000)
    assert made.input_cost == 200_000 * 2_000_000 + 300_000 * 4_000_000 + 100_000 * 1_000_000
    assert charge(held, input_tokens=200_000).input_cost == 200_000 * 2_000_000


# Sources.


def test_prices_of_ones_own_stand_before_the_snapshot_which_gives_what_they_leave_out() -> None:
    own = point("1", model="gpt-4o")
    prices = found(book(own), model="gpt-4o")
    assert isinstance(prices, PriceSet)
    assert {meter: f"{prices.by_meter[meter].price:f}" for meter in ("input", "output", "cache_read")} == {
        "input": "1",
        "output": "10",
        "cache_read": "1.25",
    }
    assert prices.rows["input"] == "own#1"
    assert prices.rows["output"].startswith("genai-prices ")


@pytest.mark.parametrize(
    ("trust", "expected"), [(("a", "b"), "1"), (("b", "a"), "2"), ((), "1"), (("genai-prices", "b"), "2.5")]
)
def test_the_most_trusted_source_that_knows_a_model_gives_its_price(
    trust: tuple[str, ...], expected: str
) -> None:
    known = {"model": "gpt-4o"}
    held = book(point("1", source="a", **known), point("2", source="b", **known), trust=trust)
    assert price(held, model="gpt-4o") == expected


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


def test_a_model_by_name_stands_before_a_pattern_and_a_longer_pattern_before_a_shorter() -> None:
    held = book(
        point("1", model="*"), point("2", model="house-*"), point("3", model="house-model"), trust=(OWN,)
    )
    models = ("house-model", "house-other", "any-other")
    assert [price(held, model=one) for one in models] == ["3", "2", "1"]


def test_an_alias_stands_before_every_rule_and_says_so() -> None:
    alias = Alias(provider="azure", model="gpt-4o", target_provider="openai", target_model="house-model")
    prices = found(book(point("7"), aliases=(alias,)), model="gpt-4o", provider="azure")
    assert isinstance(prices, PriceSet)
    assert (f"{prices.by_meter['input'].price:f}", prices.rule) == ("7", "alias azure/gpt-4o: as written")


def test_a_price_of_one_tier_is_none_of_another() -> None:
    held = book(point("2"), point("1", service_tier="batch"))
    assert [price(held, service_tier=tier) for tier in (None, "auto", "batch", "flex")] == [
        "2",
        "2",
        "1",
        None,
    ]


def test_prices_in_two_currencies_make_no_sum() -> None:
    prices = found(book(point("2"), point("3", "output", currency="EUR")))
    assert isinstance(prices, Unpriced)
    assert prices.reason == "the prices of openai/house-model are in EUR and USD"


def test_a_call_that_states_no_money_has_the_currency_of_its_prices() -> None:
    held = book(point("3", currency="CNY"))
    made = charge(held, input_tokens=1_000_000)
    assert made.total_cost == 3 * DOLLAR


# Terms.


def term(kind: Any, factor: str, **facts: Any) -> Term:
    return Term(kind=kind, factor=Decimal(factor), **facts)


def test_list_contracted_and_charged_cost_are_kept_apart() -> None:
    terms = (term("discount", "0.88"), term("markup", "1.05"))
    made = charge(book(point("2"), terms=terms), input_tokens=1_000_000)
    assert (made.list_total, made.contracted_total, made.total_cost) == (
        2 * DOLLAR,
        1_760_000_000_000,
        1_848_000_000_000,
    )


def test_a_teams_discount_is_for_that_team_alone_and_stands_before_the_providers() -> None:
    terms = (term("discount", "0.5", team="red"), term("discount", "0.9", provider="openai", added_at=9))
    held = book(point("2"), terms=terms)
    totals = [charge(held, input_tokens=1_000_000, team=team).total_cost for team in ("red", "blue", None)]
    assert totals == [DOLLAR, 18 * DOLLAR // 10, 18 * DOLLAR // 10]


def test_a_term_holds_in_its_time_and_a_factor_of_one_ends_it() -> None:
    terms = (
        term("discount", "0.5", valid_from=MONDAY),
        term("discount", "1", valid_from=MONDAY + DAY, added_at=1),
    )
    held = book(point("2"), terms=terms)
    totals = [charge(held, MONDAY + at, input_tokens=1_000_000).total_cost for at in (-1, 0, DAY)]
    assert totals == [2 * DOLLAR, DOLLAR, 2 * DOLLAR]


def test_a_region_makes_tokens_dearer_at_list_price_and_leaves_searches_alone() -> None:
    held = book(point("2"), point("0.01", "search", per=1), terms=(term("region", "1.1", region="us"),))
    made = charge(held, input_tokens=1_000_000, search_queries=3, region="us")
    assert (made.input_cost, made.search_cost) == (2_200_000_000_000, 30_000_000_000)
    assert made.list_total == made.contracted_total == made.total_cost
    assert charge(held, input_tokens=1_000_000, region="eu").input_cost == 2 * DOLLAR


amounts = st.decimals(0, 100, places=8, allow_nan=False, allow_infinity=False)
factors = st.decimals("0.01", 2, places=4)
counts = st.integers(0, 3_000_000)


@given(amounts, amounts, factors, factors, counts, counts)
def test_each_total_is_the_exact_product_rounded_once_for_each_component(
    inputs: Decimal, outputs: Decimal, discount: Decimal, markup: Decimal, came: int, went: int
) -> None:
    terms = (term("discount", str(discount)), term("markup", str(markup)))
    held = book(point(f"{inputs:f}"), point(f"{outputs:f}", "output"), terms=terms)
    made = charge(held, input_tokens=came, output_tokens=went)
    exact = [Fraction(one) * count * 1_000_000 for one, count in ((inputs, came), (outputs, went))]
    listed, contracted, charged = (
        sum(round(one * factor) for one in exact)
        for factor in (Fraction(1), Fraction(discount), Fraction(discount) * Fraction(markup))
    )
    assert (made.list_total, made.contracted_total, made.total_cost) == (listed, contracted, charged)


@given(amounts, st.lists(counts, min_size=1, max_size=6))
def test_the_price_of_a_sum_of_quantities_at_a_flat_price_is_the_sum_of_the_prices(
    amount: Decimal, parts: list[int]
) -> None:
    # Eight decimals per million tokens are fourteen per token: whole millions of tokens are exact in pico-units.
    held = book(point(f"{amount:f}"))
    whole = [part * 100 for part in parts]
    apart = [charge(held, input_tokens=one).total_cost or 0 for one in whole]
    assert charge(held, input_tokens=sum(whole)).total_cost == sum(apart)


# What is kept.


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


def test_nothing_that_was_added_is_ever_changed(embedded: Ledger) -> None:
    def rows() -> list[list[Any]]:
        with embedded.reading() as connection:
            return [
                list(connection.execute(sa.select(table).order_by(table.c.number)))
                for table in (price_point, price_term, price_alias)
            ]

    before: list[list[Any]] = [[], [], []]
    for amount in ("1", "2", None, "3"):
        with embedded.writing() as connection:
            price_rows.add_points(connection, [point(amount)])
            price_rows.add_terms(connection, [term("discount", "0.9")])
        now = rows()
        assert [held[: len(old)] for held, old in zip(now, before, strict=True)] == before
        before = now


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


def test_the_days_of_a_price_are_instants_so_a_day_more_is_a_day_more() -> None:
    later = timedelta(days=1) // timedelta(microseconds=1)
    one, other = (book(point("1"), point("2", valid_from=at, added_at=1)) for at in (MONDAY, MONDAY + later))
    changed = [at for at in range(MONDAY - DAY, MONDAY + 3 * DAY, HOUR) if price(one, at) != price(other, at)]
    assert changed == list(range(MONDAY, MONDAY + DAY, HOUR))
