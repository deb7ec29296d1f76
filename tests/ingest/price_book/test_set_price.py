"""Prices set by hand: dated, only ever added, exact; and which of them a call pays."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.ledger import directory
from ingest.ledger.directory import DirectoryEntry
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import add_points, points, read_book, snapshot
from ingest.ledger.tables.prices import price_alias, price_point, price_term
from ingest.model.event import UsageEvent
from ingest.model.invalid import Invalid
from ingest.model.money import PICO_PER_UNIT
from ingest.model.zone import micros
from ingest.parse.dates import read_edges
from ingest.price_book import set_command
from ingest.price_book.service import PriceChange, SetPriceOptions, add_alias, set_price
from ingest.price_book.set_price import PriceRefused
from ingest.price_book.terms import AddTermOptions, TermChange, TermRefused, add_term, factor_of
from ingest.pricing import hours
from ingest.pricing.book import Book, StoredPrices
from ingest.pricing.charge import Charge
from ingest.pricing.hours import HoursRefused
from ingest.pricing.point import PricePoint
from ingest.pricing.pricing import price
from ingest.pricing.rates import PriceSet, Unpriced
from ingest.pricing.terms import Term
from tests.support.calls import a_ledger
from tests.support.examples import examples
from tests.support.ledgers import SECRET

ADDED = micros(datetime(2026, 11, 20, tzinfo=UTC))
DAY = 86_400_000_000


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


NOON = at("2026-11-02T12:00")  # a Monday


def dated(ledger: Ledger, start: str | None = None, end: str | None = None, **how: Any) -> dict[str, Any]:
    """Options with their dates as instants."""
    valid_from, valid_to = read_edges(start, end, ledger.zone)
    return {"valid_from": valid_from, "valid_to": valid_to, **how}


def set_(ledger: Ledger, model: str, *assignments: str, who: str = "ana", **how: Any) -> list[PriceChange]:
    provider, _, name = model.partition("/")
    options = SetPriceOptions(provider=provider, model=name, assignments=assignments, **dated(ledger, **how))
    return set_price(ledger, options, by=who, at=ADDED)


def term(ledger: Ledger, kind: Any, what: str, percent: str, **how: Any) -> TermChange:
    options = AddTermOptions(kind=kind, what=what, percent=percent, **dated(ledger, **how))
    return add_term(ledger, options, by="ana", at=ADDED)


def paid(ledger: Ledger, when: int = NOON, meter: str = "input", tokens: int = 0, **call: Any) -> str | None:
    """The price of a meter for a call of acme's model a-1."""
    facts: dict[str, Any] = {"provider": "acme", "model": "a-1", "service_tier": None} | call
    found = read_book(ledger).find(at=when, input_tokens=tokens, **facts)
    if isinstance(found, Unpriced) or meter not in found.by_meter:
        return None
    return str(found.by_meter[meter].price)


def cost(ledger: Ledger, when: int = NOON, **facts: Any) -> Charge:
    event = UsageEvent(**{"source": "test", "provider": "acme", "model": "a-1", **facts})
    return price(event, read_book(ledger), when)


def in_units(pico: int | None) -> Decimal:
    assert pico is not None
    return Decimal(pico).scaleb(-12)


def rows(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Every row of the price book, as it stands in the tables."""
    with ledger.reading() as connection:
        return [
            (table.name, *row)
            for table in (price_point, price_term, price_alias)
            for row in connection.execute(sa.select(table).order_by(table.c.number))
        ]


# Only ever added.

COMMANDS: dict[str, Callable[[Ledger], object]] = {
    "set": lambda ledger: set_(ledger, "acme/a-1", "input=2", "output=8"),
    "correct": lambda ledger: set_(ledger, "acme/a-1", "input=3", start="2026-11-01"),
    "take back": lambda ledger: set_(ledger, "acme/a-1", "input=none"),
    "pattern": lambda ledger: set_(ledger, "acme/a-*", "input=1", service_tier="batch", hours="22:00-06:00"),
    "band": lambda ledger: set_(ledger, "acme/a-1", "input=4", above=200_000, marginal=True),
    "discount": lambda ledger: term(ledger, "discount", "acme", "12%", team="Research"),
    "end it": lambda ledger: term(ledger, "discount", "acme", "0%", team="Research"),
    "markup": lambda ledger: term(ledger, "markup", "all", "5%"),
    "region": lambda ledger: term(ledger, "region", "acme/a-1", "10%", region="us"),
}


@examples(5)
@given(names=st.lists(st.sampled_from(sorted(COMMANDS)), max_size=8))
def test_no_command_ever_changes_or_removes_a_row(
    fresh_ledger: Callable[[], Ledger], names: list[str]
) -> None:
    ledger = fresh_ledger()
    kept: set[tuple[Any, ...]] = set()
    for name in names:
        COMMANDS[name](ledger)
        now = rows(ledger)
        assert kept < set(now)
        kept = set(now)
    ledger.close()


def test_no_command_changes_a_row_on_any_database(ledger: Ledger) -> None:
    kept: set[tuple[Any, ...]] = set()
    for command in COMMANDS.values():
        command(ledger)
        now = set(rows(ledger))
        assert kept < now
        kept = now


def test_a_correction_supersedes_and_the_old_row_stays_with_who_added_it(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2.50", who="ana")
    (added,) = set_(ledger, "acme/a-1", "input=2.40", who="ben")
    assert paid(ledger) == "2.40"
    assert (str(added.before), added.before_from) == ("2.50 per 1000000", "own#1")
    with ledger.reading() as connection:
        kept = points(connection)
    assert [(str(one.price), one.added_by, one.added_at) for one in kept] == [
        ("2.50", "ana", ADDED),
        ("2.40", "ben", ADDED),
    ]


# Dates.


@given(
    start=st.integers(1, 20),
    shift=st.sampled_from([-1, 1]),
    moments=st.lists(st.integers(0, 30 * DAY - 1), min_size=1, max_size=40),
)
def test_moving_the_first_day_by_one_changes_exactly_the_calls_of_that_day(
    start: int, shift: int, moments: list[int]
) -> None:
    month = at("2026-11-01T00:00")
    base = PricePoint(source="own", provider="acme", model="a-1", meter="input", price=Decimal(2), per=1)

    def book(first: int) -> Book:
        dearer = replace(base, price=Decimal(3), valid_from=month + first * DAY, number=1)
        return Book(StoredPrices(points=(base, dearer)), snapshot())

    before, after = book(start), book(start + shift)
    moved = range(min(start, start + shift), max(start, start + shift))
    for moment in [*moments, start * DAY, start * DAY - 1, moved.start * DAY, moved.stop * DAY - 1]:
        asked = [one.find("acme", "a-1", None, month + moment, 0) for one in (before, after)]
        prices = [one.by_meter["input"].price for one in asked if isinstance(one, PriceSet)]
        assert (prices[0] != prices[1]) == (moment // DAY in moved)


def test_a_bounded_price_ends_and_the_earlier_one_shows_again(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2")
    set_(ledger, "acme/a-1", "input=1", start="2026-11-10", end="2026-11-12")
    edges = ["2026-11-09T23:59", "2026-11-10T00:00", "2026-11-11T23:59", "2026-11-12T00:00"]
    assert [paid(ledger, at(one)) for one in edges] == ["2", "1", "1", "2"]


def test_a_bounded_price_of_a_model_gives_way_to_the_pattern(ledger: Ledger) -> None:
    set_(ledger, "acme/a-*", "input=2")
    set_(ledger, "acme/a-1", "input=1", end="2026-11-12")
    assert paid(ledger, at("2026-11-11T23:59")) == "1"
    assert paid(ledger, at("2026-11-12T00:00")) == "2"


def test_days_are_those_of_the_reporting_zone(tmp_path: Path) -> None:
    with a_ledger(tmp_path, "Europe/Berlin") as berlin:
        (day,) = set_(berlin, "acme/a-1", "input=2", start="2026-11-01")
        assert day.point.valid_from == at("2026-10-31T23:00")
        (exact,) = set_(berlin, "acme/a-1", "input=2", start="2026-11-01T09:00:00Z")
        assert exact.point.valid_from == at("2026-11-01T09:00")


# Hours of the week.


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        ("2026-11-02T00:29", "2"),  # Monday
        ("2026-11-02T00:30", "1"),
        ("2026-11-02T16:29", "1"),
        ("2026-11-02T16:30", "2"),
        ("2026-11-06T12:00", "1"),  # Friday
        ("2026-11-07T12:00", "2"),  # Saturday
    ],
)
def test_an_off_peak_price_holds_in_its_hours_of_the_week(embedded: Ledger, moment: str, price: str) -> None:
    set_(embedded, "acme/a-1", "input=1", hours="mon-fri 00:30-16:30")
    set_(embedded, "acme/a-1", "input=2")  # added later, and still not the price of those hours
    assert paid(embedded, at(moment)) == price


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-06:00", ["02T22:00", "02T23:59", "03T00:00", "03T05:59"], ["02T21:59", "03T06:00"]),
        ("sun 22:00-06:00", ["01T22:00", "02T05:59"], ["02T22:00", "01T05:59"]),
        ("20:00-24:00", ["02T20:00", "02T23:59"], ["03T00:00"]),
        ("fri-mon 10:00-11:00", ["06T10:00", "07T10:00", "08T10:00", "02T10:00"], ["03T10:00"]),
        ("Mon 10:00-11:00; tue 12:00-13:00,14:00-15:00", ["02T10:30", "03T14:30"], ["02T12:30", "03T13:30"]),
        ("  ", ["02T10:00", "07T23:59"], []),
    ],
)
def test_hours_run_over_midnight_and_over_sunday(text: str, inside: list[str], outside: list[str]) -> None:
    assert all(hours.covers(text, at(f"2026-11-{one}")) for one in inside)
    assert not any(hours.covers(text, at(f"2026-11-{one}")) for one in outside)


@pytest.mark.parametrize(
    "text", ["noon", "25:00-26:00", "10:00-10:00", "mon", "moon 10:00-11:00", ";", "10:60-11:00"]
)
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(HoursRefused):
        hours.spans(text)


@given(start=st.integers(0, hours.WEEK - 1))
def test_the_next_instant_within_hours_is_within_them_and_the_first(start: int) -> None:
    text, moment = "tue 22:00-06:00; sat 10:00-11:00", at("2026-11-02T00:00") + start * 60_000_000
    found = hours.next_within(text, moment)
    assert hours.covers(text, found)
    assert not any(hours.covers(text, one) for one in range(moment, found, 3_600_000_000))


def test_taking_back_an_off_peak_price_leaves_the_price_of_all_hours(embedded: Ledger) -> None:
    set_(embedded, "acme/a-1", "input=2")
    set_(embedded, "acme/a-1", "input=1", hours="10:00-14:00")
    set_(embedded, "acme/a-1", "input=none", hours="10:00-14:00")
    assert paid(embedded) == "2"


# Bands.


def test_a_band_is_the_price_of_the_whole_call(embedded: Ledger) -> None:
    set_(embedded, "acme/a-1", "input=2", "output=8")
    set_(embedded, "acme/a-1", "input=4", above=200_000)
    below, above = (cost(embedded, input_tokens=n, output_tokens=0) for n in (200_000, 300_000))
    assert in_units(below.total_cost) == Decimal("0.4")  # 200,000 x 2 / 10^6
    assert in_units(above.total_cost) == Decimal("1.2")  # 300,000 x 4 / 10^6


def test_a_marginal_price_is_only_of_the_units_above(embedded: Ledger) -> None:
    set_(embedded, "acme/a-1", "input=2", "output=8")
    set_(embedded, "acme/a-1", "input=4", above=200_000, marginal=True)
    set_(embedded, "acme/a-1", "input=5", above=250_000, marginal=True)
    call = cost(embedded, input_tokens=300_000, output_tokens=0)
    # 200,000 x 2 + 50,000 x 4 + 50,000 x 5 = 400,000 + 200,000 + 250,000 = 850,000; / 10^6
    assert in_units(call.total_cost) == Decimal("0.85")


def test_a_marginal_price_of_ones_own_stands_on_a_price_of_another_source(embedded: Ledger) -> None:
    base = {meter: PricePoint(source="litellm", provider="acme", model="a-1", meter=meter, price=Decimal(2), per=1_000_000)
            for meter in ("input", "output")}  # fmt: skip
    with embedded.writing() as connection:
        add_points(connection, [replace(one, added_at=1, added_by="list") for one in base.values()])
    set_(embedded, "acme/a-1", "input=1", above=100_000, marginal=True)
    call = cost(embedded, input_tokens=300_000, output_tokens=0)
    assert in_units(call.total_cost) == Decimal("0.4")  # (100,000 x 2 + 200,000 x 1) / 10^6


# Tiers, patterns, sources.


def test_a_tier_has_its_own_price_or_none_but_searches_cost_the_same(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2", "output=8", "search=0.01")
    assert paid(ledger, service_tier="batch") is None
    set_(ledger, "acme/a-1", "input=1", "output=4", service_tier="batch")
    assert paid(ledger, service_tier="batch") == "1"
    assert paid(ledger, service_tier="batch", meter="search") == "0.01"


def test_ones_own_prices_of_some_meters_stand_over_the_snapshot(embedded: Ledger) -> None:
    set_(embedded, "openai/gpt-4o", "cache_read=1.10")
    own: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}
    assert paid(embedded, meter="cache_read", **own) == "1.10"
    assert paid(embedded, meter="input", **own) == "2.5"
    assert paid(embedded, meter="output", **own) == "10"


def test_a_model_takes_what_its_own_price_leaves_out_from_ones_own_pattern(embedded: Ledger) -> None:
    set_(embedded, "openai/gpt-4o*", "input=2", "output=7")
    set_(embedded, "openai/gpt-4o", "cache_read=1.10")
    own: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}
    assert [paid(embedded, meter=one, **own) for one in ("cache_read", "input", "output")] == [
        "1.10",
        "2",
        "7",
    ]


def test_a_longer_pattern_stands_before_a_shorter_one_and_a_name_before_both(embedded: Ledger) -> None:
    for model, unit in (("a-*", "1"), ("a-1*", "2"), ("*", "9")):
        set_(embedded, f"acme/{model}", f"input={unit}")
    assert paid(embedded) == "2"
    assert paid(embedded, model="acme/a-1") == "2"
    assert paid(embedded, model="a-2") == "1"
    assert paid(embedded, model="b") == "9"
    set_(embedded, "acme/a-1", "input=3")
    assert paid(embedded) == "3"


def test_a_price_that_is_taken_back_gives_way_to_the_next_source(embedded: Ledger) -> None:
    set_(embedded, "openai/gpt-4o", "input=2", "output=8")
    set_(embedded, "openai/gpt-4o", "input=none", start="2026-11-10")
    own: dict[str, Any] = {"provider": "openai", "model": "gpt-4o"}
    assert paid(embedded, at("2026-11-09T12:00"), **own) == "2"
    assert paid(embedded, at("2026-11-10T12:00"), **own) == "2.5"


def test_a_model_whose_only_price_is_taken_back_is_unpriced_and_not_free(embedded: Ledger) -> None:
    set_(embedded, "acme/a-1", "input=2", "output=8")
    set_(embedded, "acme/a-1", "input=none", "output=none")
    call = cost(embedded, input_tokens=10, output_tokens=10)
    assert (call.cost_source, call.total_cost) == ("unpriced", None)


def test_the_order_of_trust_is_a_setting() -> None:
    base = PricePoint(source="litellm", provider="acme", model="a-1", meter="input", price=Decimal(2), per=1)
    both = (base, replace(base, source="bifrost", price=Decimal(3)))
    for trust, expected in ((("litellm", "bifrost"), 2), (("bifrost", "litellm"), 3)):
        found = Book(StoredPrices(points=both, trust=trust), snapshot()).find("acme", "a-1", None, NOON, 0)
        assert isinstance(found, PriceSet)
        assert found.by_meter["input"].price == expected


# Terms.


def test_list_contracted_and_charged_are_kept_apart(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2", "output=8")
    term(ledger, "discount", "acme", "12%")
    term(ledger, "markup", "acme/a-1", "5%")
    call = cost(ledger, input_tokens=1_000, output_tokens=500)
    # (1,000 x 2 + 500 x 8) / 10^6 = 0.006; x 0.88 = 0.00528; x 1.05 = 0.005544
    totals = [in_units(one) for one in (call.list_total, call.contracted_total, call.total_cost)]
    assert totals == [Decimal("0.006"), Decimal("0.00528"), Decimal("0.005544")]


def test_a_teams_discount_is_of_its_calls_only_by_the_name_people_know(ledger: Ledger) -> None:
    directory.enter(ledger, [DirectoryEntry("team", "team-7", "Research")], ADDED)
    set_(ledger, "acme/a-1", "input=2", "output=8")
    added = term(ledger, "discount", "all", "50%", team="Research")
    assert (added.term.team, added.unknown_names) == ("team-7", ())
    of = {
        team: cost(ledger, input_tokens=1_000, output_tokens=0, team=team)
        for team in ("team-7", "team-8", None)
    }
    assert [in_units(one.total_cost) for one in of.values()] == [
        Decimal("0.001"),
        Decimal("0.002"),
        Decimal("0.002"),
    ]


def test_a_team_that_nobody_knows_is_kept_as_it_is_written_and_said(ledger: Ledger) -> None:
    added = term(ledger, "discount", "acme", "5%", team="Nobody", customer="Ghost")
    assert (added.term.team, added.term.customer) == ("Nobody", "Ghost")
    assert added.unknown_names == ("the team Nobody", "the customer Ghost")


def test_a_name_that_several_teams_have_is_refused(ledger: Ledger) -> None:
    directory.enter(ledger, [DirectoryEntry("team", one, "Research") for one in ("team-7", "team-8")], ADDED)
    with pytest.raises(TermRefused, match="several teams are called Research"):
        term(ledger, "discount", "acme", "5%", team="Research")
    assert rows(ledger) == []


def test_no_percent_ends_a_discount_from_its_day_on(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2", "output=8")
    term(ledger, "discount", "acme", "50%")
    ended = term(ledger, "discount", "acme", "0%", start="2026-11-10")
    assert ended.before is not None
    costs = [
        cost(ledger, at(day), input_tokens=1_000, output_tokens=0) for day in ("2026-11-09", "2026-11-10")
    ]
    assert [in_units(one.total_cost) for one in costs] == [Decimal("0.001"), Decimal("0.002")]


def test_a_region_makes_tokens_dearer_and_leaves_searches_alone(ledger: Ledger) -> None:
    set_(ledger, "acme/a-1", "input=2", "output=8", "search=0.01")
    term(ledger, "region", "acme", "10%", region="us")
    call = cost(ledger, input_tokens=1_000, output_tokens=500, search_queries=3, region="us")
    # (1,000 x 2 + 500 x 8) / 10^6 x 1.1 = 0.0066; 3 x 0.01 = 0.03
    assert in_units(call.search_cost) == Decimal("0.03")
    assert in_units(call.total_cost) == in_units(call.list_total) == Decimal("0.0366")


@pytest.mark.parametrize(
    ("kind", "percent", "expected"),
    [("discount", "12%", "0.88"), ("discount", "7.125 %", "0.92875"), ("markup", "5%", "1.05"), ("markup", "250%", "3.5"),
     ("region", "+10%", "1.1"), ("discount", "0%", "1")],
)  # fmt: skip
def test_a_factor_is_exact(kind: Any, percent: str, expected: str) -> None:
    assert factor_of(kind, percent) == Decimal(expected)


@pytest.mark.parametrize(
    ("kind", "percent", "said"),
    [("discount", "-5%", "prices markup"), ("markup", "-5%", "prices discount"), ("discount", "100%", "less than 100%"),
     ("discount", "150%", "less than 100%"), ("discount", "12", "no percentage"), ("discount", "NaN%", "no percentage")],
)  # fmt: skip
def test_what_is_no_discount_is_refused_in_words(kind: Any, percent: str, said: str) -> None:
    with pytest.raises(TermRefused, match=said):
        factor_of(kind, percent)


# Exactness.

amounts = st.decimals(0, 999, places=9)
counts = st.integers(0, 10**7)


def half_even(exact: Fraction) -> int:
    return round(exact)


@given(
    inp=amounts, out=amounts, tokens=st.tuples(counts, counts), off=st.integers(0, 99), on=st.integers(0, 200)
)
def test_every_total_is_the_exact_product_rounded_once(
    inp: Decimal, out: Decimal, tokens: tuple[int, int], off: int, on: int
) -> None:
    prices = {"input": inp, "output": out}
    stored = [
        PricePoint(source="own", provider="acme", model="a-1", meter=meter, price=one, per=1_000_000)
        for meter, one in prices.items()
    ]
    terms = (
        Term(kind="discount", factor=factor_of("discount", f"{off}%")),
        Term(kind="markup", factor=factor_of("markup", f"{on}%")),
    )
    book = Book(StoredPrices(points=tuple(stored), terms=terms), snapshot())
    event = UsageEvent(
        source="t", provider="acme", model="a-1", input_tokens=tokens[0], output_tokens=tokens[1]
    )
    charge = price(event, book, NOON)
    exact = [
        Fraction(one) * count / 1_000_000 * PICO_PER_UNIT
        for one, count in zip(prices.values(), tokens, strict=True)
    ]
    contracted, charged = Fraction(100 - off, 100), Fraction(100 - off, 100) * Fraction(100 + on, 100)
    if not any(tokens):
        assert charge.total_cost == 0
        return
    assert charge.list_total == sum(map(half_even, exact))
    assert charge.contracted_total == sum(half_even(one * contracted) for one in exact)
    assert charge.total_cost == sum(half_even(one * charged) for one in exact)


@given(unit=st.decimals(0, 999, places=6), parts=st.lists(counts, min_size=1, max_size=6))
def test_the_price_of_a_sum_of_quantities_is_the_sum_of_their_prices(unit: Decimal, parts: list[int]) -> None:
    flat = PricePoint(source="own", provider="acme", model="a-1", meter="input", price=unit, per=1_000_000)
    book = Book(StoredPrices(points=(flat,)), snapshot())

    def of(tokens: int) -> int:
        event = UsageEvent(source="t", provider="acme", model="a-1", input_tokens=tokens, output_tokens=0)
        return price(event, book, NOON).total_cost or 0

    found = book.find("acme", "a-1", None, NOON, 0)
    assert isinstance(found, PriceSet)
    exact = Fraction(found.numerators["input"], found.denominator)
    assert exact * sum(parts) == sum(exact * one for one in parts)  # before rounding, always
    assert of(sum(parts)) == sum(of(one) for one in parts)  # after it too, as a token's price has 12 decimals


# What is written.


@pytest.mark.parametrize(
    ("written", "kept"),
    [("input=2.50", "2.50"), ("input=2.5e-3", "0.0025"), ("input=1e2", "100"), ("input=0", "0"),
     ("input=0.1234567890123456789", "0.1234567890123456789"), ("INPUT= .5", "0.5")],
)  # fmt: skip
def test_a_price_is_kept_to_its_last_digit(ledger: Ledger, written: str, kept: str) -> None:
    set_(ledger, "acme/a-1", written)
    assert paid(ledger) == kept


@pytest.mark.parametrize(
    ("assignments", "how", "said"),
    [
        (["inptu=2"], {}, "did you mean input"),
        (["tokens=2"], {}, "search_unit"),
        (["input=-2"], {}, "not negative"),
        (["input=NaN"], {}, "no price"),
        (["input=Infinity"], {}, "no price"),
        (["input=1e-99"], {}, "no price"),
        (["input=1", "input=2"], {}, "two prices"),
        (["input=1"], {"start": "2026-11-02", "end": "2026-11-01"}, "end after it starts"),
        (["input=1"], {"start": "2026-11-02", "end": "2026-11-02"}, "end after it starts"),
        (["input=1"], {"currency": "dollars"}, "currency"),
        (["input=1"], {"hours": "noon"}, "hours"),
        (["input=1"], {"marginal": True}, "above"),
        (["request=1"], {"marginal": True, "above": 5}, "marginal"),
    ],
)
def test_what_is_no_price_is_refused_and_adds_nothing(
    embedded: Ledger, assignments: list[str], how: dict[str, Any], said: str
) -> None:
    with pytest.raises(PriceRefused, match=said):
        set_(embedded, "acme/a-1", *assignments, **how)
    assert rows(embedded) == []


@pytest.mark.parametrize(
    ("act", "code", "field"),
    [
        (
            lambda ledger: set_(ledger, "acme/a-1", "input=1", currency="dollars"),
            "unknown_currency",
            "currency",
        ),
        (lambda ledger: set_(ledger, "acme/a-1", "input=two"), "not_a_price", "input"),
        (lambda ledger: term(ledger, "discount", "acme", "12"), "no_percentage", "percent"),
        (lambda ledger: term(ledger, "discount", "acme", "5%", team=" "), "no_name", "team"),
        (
            lambda ledger: term(ledger, "markup", "all", "5%", start="2026-11-02", end="2026-11-01"),
            "empty_period",
            "to",
        ),
        (lambda ledger: add_alias(ledger, "azure/x", "x", by="ana", at=ADDED), "no_provider", "model"),
    ],
)
def test_a_refusal_names_its_code_and_field_and_no_flag(
    embedded: Ledger, act: Callable[[Ledger], object], code: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        act(embedded)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert "--" not in refused.value.message
    assert rows(embedded) == []


def test_the_command_says_what_was_added_as_json(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = embedded.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", url)
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())
    options = SetPriceOptions(
        provider="groq", model="hear-1", assignments=["audio_seconds=0.04"], per=3_600, least=10
    )
    assert set_command.run(options, None, None, as_json=True) == 0
    (added,) = json.loads(capsys.readouterr().out)["added"]
    assert (added["row"], added["meter"], added["price"], added["unit"]) == (
        "own#1",
        "audio_ms",
        "0.04",
        "hour",
    )
    assert (added["per"], added["at_least"], added["replaces"]) == (3_600_000, 10_000, None)


def images(ledger: Ledger, **facts: Any) -> Charge:
    told = {"source": "test", "provider": "acme", "model": "draw-1", "images": 2, **facts}
    return price(UsageEvent(**told), read_book(ledger), NOON)


def test_an_image_has_the_price_of_its_size_and_quality(embedded: Ledger) -> None:
    set_(embedded, "acme/draw-1", "image=0.04")
    set_(embedded, "acme/1024-x-1024/draw-1", "image=0.06")
    set_(embedded, "acme/high/1024-x-1024/draw-1", "image=0.17")
    dear = {"image_size": "1024x1024", "image_quality": "high"}
    for facts, cents in (
        (dear, 34),
        ({"image_size": "1024x1024"}, 12),
        ({"image_quality": "low"}, 8),
        ({}, 8),
    ):
        assert images(embedded, **facts).total_cost == cents * PICO_PER_UNIT // 100


def test_images_that_tokens_count_are_not_charged_by_their_size(embedded: Ledger) -> None:
    set_(embedded, "acme/draw-1", "input=5", "output=40")
    set_(embedded, "acme/high/draw-1", "image=0.17")
    charge = images(embedded, image_quality="high", input_tokens=100, output_tokens=1_000)
    assert charge.total_cost == 40_500 * PICO_PER_UNIT // 10**6


def test_calls_of_tools_are_charged_where_they_have_a_price_and_not_where_they_have_none(
    embedded: Ledger,
) -> None:
    used = UsageEvent(
        source="test", provider="acme", model="think-1", input_tokens=10, output_tokens=1, tool_calls=3
    )
    set_(embedded, "acme/think-1", "input=1", "output=1")
    assert price(used, read_book(embedded), NOON).tool_cost is None
    set_(embedded, "acme/think-1", "tool_call=0.03")
    charge = price(used, read_book(embedded), NOON)
    assert (charge.tool_cost, charge.total_cost) == (
        9 * PICO_PER_UNIT // 100,
        90_011 * PICO_PER_UNIT // 10**6,
    )
