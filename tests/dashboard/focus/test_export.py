"""The FOCUS export: each row is one price times one quantity, exactly.

All rows together are the ledger's total, to the last unit.
"""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.closing import close
from dashboard.exchange_rates.model import Quote, Rates
from dashboard.exchange_rates.store import add_quotes
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.focus import api as focus_api
from dashboard.focus import csv_text, parquet_file
from dashboard.focus.attribution import DirectoryEntry
from dashboard.focus.columns import columns
from dashboard.focus.dataset import Dataset
from dashboard.focus.decimals import MONEY_SCALE, ONE, ZERO, split
from dashboard.focus.export import export_metadata, export_to_files
from dashboard.focus.export_period import read_span
from dashboard.focus.meters import METERS
from dashboard.focus.other_charges import Allocation, OtherCharge, other_charge_rows
from dashboard.focus.parse_request import ExportOptions, ExportScope, Profile, read_request
from dashboard.focus.row import FocusRow, ReportingCurrency
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.query.calendar import read_month
from dashboard.query.question import QuestionError
from ingest.http import problems
from ingest.ledger import imports
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.ledger.rollups import roll
from ingest.ledger.tables.calls import directory
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.zone import Zone, day_number, micros
from ingest.pricing import rates
from tests.support.calls import a_ledger, call, put
from tests.support.examples import examples
from tests.support.focus_rows import (
    ACME,
    EXACT,
    NOON,
    NOW,
    PICO,
    add,
    by_team,
    effective,
    exported,
    holds_exactly,
    owed,
    own_price,
    scope,
    spent,
    term,
    used,
)
from tests.support.ledgers import put_events
from tests.support.owners import owns
from tests.support.paths import DOCS


def charged(row: FocusRow) -> tuple[str | None, str, str, str, str]:
    """What a row charges: meter, quantity, unit, unit price and cost."""
    assert row.pricing_quantity is not None
    assert row.pricing_unit is not None
    assert row.list_unit_price is not None
    numbers = (
        f"{number.normalize():f}"
        for number in (row.pricing_quantity, row.list_unit_price, row.effective_cost)
    )
    quantity, price, cost = numbers
    return row.sku_meter, quantity, row.pricing_unit, price, cost


def test_each_kind_of_token_is_a_row_at_its_price(ledger: Ledger) -> None:
    add(ledger, used(cache_read_tokens=8_000, cache_write_tokens=1_000, cache_write_1h_tokens=400))
    rows = exported(ledger)
    assert {charged(row) for row in rows} == {
        ("Input Tokens", "0.001", "1000000 Tokens", "3", "0.003"),
        ("Cache Read Input Tokens", "0.008", "1000000 Tokens", "0.3", "0.0024"),
        ("Cache Write Input Tokens", "0.0006", "1000000 Tokens", "3.75", "0.00225"),
        ("Cache Write 1h Input Tokens", "0.0004", "1000000 Tokens", "6", "0.0024"),
        ("Output Tokens", "0.0005", "1000000 Tokens", "15", "0.0075"),
    }
    assert {row.sku_price_id for row in rows} >= {"anthropic/claude-sonnet-4-5/cache-read/standard"}
    assert sum(row.x_request_count or 0 for row in rows) == 1
    holds_exactly(rows)


def test_every_meter_that_can_have_a_price_has_a_name() -> None:
    assert set(rates.METERS) <= set(METERS)


def test_cached_audio_is_a_row_at_its_price(ledger: Ledger) -> None:
    parts: Any = {"input_audio_tokens": 500, "cache_read_tokens": 2_000, "cache_read_audio_tokens": 400}
    add(ledger, used(provider="gemini", model="gemini-2.5-flash", output_tokens=0, **parts))
    rows = exported(ledger)
    assert {(row.sku_meter, f"{row.effective_cost.normalize():f}") for row in rows} == {
        ("Input Tokens", "0.00237"),
        ("Audio Input Tokens", "0.0001"),
        ("Cache Read Input Tokens", "0.000048"),
        ("Cache Read Audio Input Tokens", "0.00004"),
    }
    holds_exactly(rows)


def test_a_partly_priced_call_is_exported_with_what_is_known(ledger: Ledger) -> None:
    for meter in ("input", "output"):
        own_price(ledger, meter, "2")
    add(ledger, used("a", search_queries=1, **ACME), used("b", **ACME))
    rows = exported(ledger)
    assert {row.sku_meter for row in rows} == {"Input Tokens", "Output Tokens"}
    holds_exactly(rows)


def test_a_price_that_changes_in_a_day_makes_two_rows_of_one_sku(ledger: Ledger) -> None:
    own_price(ledger, "input", "2")
    own_price(ledger, "input", "3", valid_from=micros(NOON))
    facts = {**ACME, "output_tokens": 0}
    add(ledger, used("a", NOON.replace(hour=11), **facts), used("b", **facts))
    rows = exported(ledger)
    assert [row.sku_price_id for row in rows] == ["acme/big-1/input/standard"] * 2
    assert {row.list_unit_price for row in rows} == {Decimal(2), Decimal(3)}
    assert len({row.x_price_version for row in rows}) == 2
    holds_exactly(rows)


def test_tier_and_context_band_are_price_points_of_their_own(ledger: Ledger) -> None:
    own_price(ledger, "input", "1", service_tier="batch")
    add(
        ledger,
        used("a", output_tokens=0),
        used("b", output_tokens=0, service_tier="batch", **ACME),
        used("c", output_tokens=0, input_tokens=200_001),
    )
    assert {row.sku_price_id for row in exported(ledger)} == {
        "anthropic/claude-sonnet-4-5/input/standard",
        "acme/big-1/input/batch",
        "anthropic/claude-sonnet-4-5/input/standard/over-200000",
    }


def test_what_lies_above_a_marginal_price_is_a_row_and_what_lies_below_another(ledger: Ledger) -> None:
    own_price(ledger, "input", "2")
    own_price(ledger, "input", "5", above=1_000, marginal=True)
    own_price(ledger, "input", "7", above=3_000, marginal=True)
    add(ledger, used(**ACME, input_tokens=4_000, output_tokens=0))
    rows = exported(ledger)
    assert {(row.sku_price_id, *charged(row)[1:2], *charged(row)[3:]) for row in rows} == {
        ("acme/big-1/input/standard", "0.001", "2", "0.002"),
        ("acme/big-1/input/standard/marginal-over-1000", "0.002", "5", "0.01"),
        ("acme/big-1/input/standard/marginal-over-3000", "0.001", "7", "0.007"),
    }
    holds_exactly(rows)


def test_a_least_quantity_is_priced_and_what_was_counted_is_told(ledger: Ledger) -> None:
    own_price(ledger, "audio_ms", "0.111", per=3_600_000, least=10_000)
    facts = {**ACME, "input_tokens": 0, "output_tokens": 0}
    add(ledger, used("a", audio_ms=1_500, **facts), used("b", audio_ms=36_000, **facts))
    (row,) = exported(ledger)
    assert (row.consumed_quantity, row.consumed_unit) == (Decimal("37.5"), "Seconds")
    assert (row.pricing_quantity, row.pricing_unit) == (Decimal("0.012777777778"), "Hours")
    assert row.list_unit_price == Decimal("0.111")
    assert effective([row]) * PICO == spent(ledger)
    holds_exactly([row])


def test_a_token_is_of_one_kind_also_where_kinds_overlap(ledger: Ledger) -> None:
    own_price(ledger, "input", "2")
    own_price(ledger, "cache_read", "2")
    facts = {
        **ACME,
        "output_tokens": 0,
        "input_tokens": 100,
        "cache_read_tokens": 50,
        "input_audio_tokens": 80,
    }
    add(ledger, used("a", **facts), used("b", **facts))
    assert {(row.sku_meter, row.consumed_quantity) for row in exported(ledger)} == {
        ("Audio Input Tokens", Decimal(100)),
        ("Cache Read Input Tokens", Decimal(100)),
    }


def test_what_rounding_leaves_is_in_the_rows_of_calls(ledger: Ledger) -> None:
    own_price(ledger, "input", "0.3333333")
    facts = {**ACME, "output_tokens": 0, "input_tokens": 1}
    add(ledger, *(used(str(number), **facts) for number in range(1_000)))
    (row,) = exported(ledger)
    # 333,333.3 pico-units each, of which the ledger holds 333,333
    assert row.effective_cost * PICO == 333_333_000
    assert row.list_cost * PICO == Decimal(333333300)


def test_searches_are_requests(ledger: Ledger) -> None:
    add(ledger, used(search_queries=3))
    (row,) = (row for row in exported(ledger) if row.sku_meter == "Search Requests")
    assert (row.pricing_quantity, row.pricing_unit) == (Decimal("0.003"), "1000 Requests")
    assert (row.consumed_quantity, row.consumed_unit) == (Decimal(3), "Requests")
    assert row.list_cost == Decimal("0.03")


def test_calls_of_tools_have_rows_of_their_own_though_no_sum_counts_them(ledger: Ledger) -> None:
    own_price(ledger, "input", "2.5")
    own_price(ledger, "tool_call", "0.03", 1)
    add(ledger, *(used(number, **ACME, input_tokens=1_000, output_tokens=0, tool_calls=3) for number in "ab"))
    (row,) = (row for row in exported(ledger) if row.sku_meter == "Tool Calls")
    assert (row.pricing_quantity, row.list_unit_price) == (Decimal(6), Decimal("0.03"))
    assert row.list_cost == Decimal("0.18")


def test_list_contracted_and_charged_costs_are_told_apart(ledger: Ledger) -> None:
    own_price(ledger, "input", "2.5")
    term(ledger, "0.88")
    term(ledger, "1.1", "markup")
    add(ledger, used(**ACME, input_tokens=10_000, output_tokens=0))
    (row,) = exported(ledger)
    costs = (row.list_cost, row.contracted_cost, row.effective_cost, row.billed_cost)
    assert costs == (Decimal("0.025"), Decimal("0.022"), Decimal("0.0242"), Decimal("0.0242"))
    assert (row.list_unit_price, row.contracted_unit_price) == (Decimal("2.5"), Decimal("2.2"))
    (bought,) = exported(ledger, "provider")
    costs = (bought.list_cost, bought.contracted_cost, bought.effective_cost, bought.billed_cost)
    assert costs == (Decimal("0.025"), Decimal("0.022"), Decimal("0.022"), Decimal("0.022"))


def parts(rows: Sequence[FocusRow]) -> set[tuple[str | None, str, str | None, str]]:
    """SKU price, counted quantity and unit, and the cost in pico-units of each row."""
    return {
        (
            row.sku_price_id,
            f"{row.consumed_quantity:f}",
            row.consumed_unit,
            f"{(row.effective_cost * PICO).normalize():f}",
        )
        for row in rows
    }


def test_a_reported_cost_is_told_by_its_parts_each_with_its_tokens_and_list_price(ledger: Ledger) -> None:
    cost = ReportedCost(input=3_000, output=4_000, cache_read=500, total=7_600)
    add(ledger, used(cache_read_tokens=8_000, reasoning_tokens=100, reported=cost))
    rows = exported(ledger)
    sku = "anthropic/claude-sonnet-4-5"
    assert parts(rows) == {
        (f"{sku}/input/standard", "2000", "Tokens", "3000"),
        (f"{sku}/output/standard", "500", "Tokens", "4000"),
        (f"{sku}/cache-read/standard", "8000", "Tokens", "500"),
        (f"{sku}/other/standard/reported", "1", "Requests", "100"),
    }
    listed = {row.sku_meter: (row.list_unit_price, row.list_cost) for row in rows}
    assert listed["Input Tokens"] == (Decimal(3), Decimal("0.006"))
    assert listed["Cache Read Input Tokens"] == (Decimal("0.3"), Decimal("0.0024"))
    assert {row.x_cost_source for row in rows} == {"reported"}
    holds_exactly(rows)


def test_a_reported_total_is_divided_in_proportion_to_list_prices(ledger: Ledger) -> None:
    add(ledger, used(input_tokens=1_000, output_tokens=200, reported=ReportedCost(total=7_001)))
    rows = exported(ledger)
    assert parts(rows) == {  # 0.003 and 0.003 by the list
        ("anthropic/claude-sonnet-4-5/input/standard", "1000", "Tokens", "3501"),
        ("anthropic/claude-sonnet-4-5/output/standard", "200", "Tokens", "3500"),
    }
    assert sum(row.list_cost for row in rows) == Decimal("0.006")
    holds_exactly(rows)


def test_a_reported_cost_in_another_currency_than_the_prices_is_an_amount(ledger: Ledger) -> None:
    add(ledger, used(currency="EUR", reported=ReportedCost(total=7_600)))
    (row,) = exported(ledger, "provider")
    assert (row.sku_price_id or "").endswith("/other/standard/reported")
    assert row.list_unit_price == Decimal(1)


def test_a_reported_cost_without_known_prices_is_amounts_with_their_tokens(ledger: Ledger) -> None:
    cost = ReportedCost(input=3_000, output=4_000, cache_read=500, total=7_600)
    add(ledger, used(**ACME, cache_read_tokens=8_000, reasoning_tokens=100, reported=cost))
    rows = exported(ledger)
    assert parts(rows) == {
        ("acme/big-1/input/standard/reported", "2000", "Tokens", "3000"),
        ("acme/big-1/output/standard/reported", "500", "Tokens", "4000"),
        ("acme/big-1/cache-read/standard/reported", "8000", "Tokens", "500"),
        ("acme/big-1/other/standard/reported", "1", "Requests", "100"),
    }
    assert {(row.list_unit_price, row.pricing_unit, row.pricing_category) for row in rows} == {
        (Decimal(1), "Units", "Other")
    }
    holds_exactly(rows)


def test_a_reported_total_without_parts_and_prices_is_one_row_with_all_tokens(ledger: Ledger) -> None:
    add(ledger, used(**ACME, cache_read_tokens=8_000, reported=ReportedCost(total=7_600)))
    (row,) = exported(ledger)
    assert (row.consumed_quantity, row.consumed_unit) == (Decimal(10_500), "Tokens")
    assert row.effective_cost * PICO == 7_600


LOOKUP: dict[str, Any] = {
    "cache_lookup_tokens": 1_000,
    "cache_used_provider": "openai",
    "cache_used_model": "text-embedding-3-small",
}


def test_the_look_up_of_a_cache_is_an_amount_beside_a_call_and_priced_where_it_answers(
    ledger: Ledger,
) -> None:
    add(ledger, used("miss", **LOOKUP))
    hit: dict[str, Any] = {
        "cache_hit": True,
        "cache_hit_type": "semantic",
        "input_tokens": 0,
        "output_tokens": 0,
    }
    add(ledger, used("hit", NOON.replace(day=10), **hit, **LOOKUP))
    costs = {(row.x_charge_day, row.sku_price_id): row.effective_cost * PICO for row in exported(ledger)}
    assert costs["2026-10-09", "anthropic/claude-sonnet-4-5/other/booked"] == 20_000_000
    assert costs["2026-10-10", "openai/text-embedding-3-small/input/standard"] == 20_000_000
    assert sum(costs.values()) == spent(ledger)


def test_a_look_up_of_a_few_millionths_of_a_millionth_is_not_lost(ledger: Ledger) -> None:
    own_price(ledger, "input", "0.000001", model="tiny-embedding")
    lookup = LOOKUP | {
        "cache_lookup_tokens": 1,
        "cache_used_provider": "acme",
        "cache_used_model": "tiny-embedding",
    }
    add(ledger, used("miss", **lookup))
    (row,) = (row for row in exported(ledger) if row.sku_price_id and row.sku_price_id.endswith("/booked"))
    assert row.effective_cost * PICO == 1
    assert effective(exported(ledger)) * PICO == spent(ledger)


def test_what_is_free_has_no_row_and_what_has_no_price_is_listed_beside(ledger: Ledger) -> None:
    add(
        ledger,
        used("failed", status="error", input_tokens=0, output_tokens=0),
        used("hit", cache_hit=True, cache_hit_type="direct"),
        used("unknown", model="no-such-model", virtual_key="vk-1", team="red"),
        used("unknown-too", model="no-such-model", virtual_key="vk-1", team="red"),
    )
    unpriced = UnpricedCalls()
    assert exported(ledger, unpriced=unpriced) == []
    assert unpriced.calls == 2
    (line,) = unpriced.lines()
    assert line[:2] + line[4:8] == ("anthropic", "no-such-model", "red", 2, 20_000, 1_000)


def test_a_price_of_nothing_is_a_row_of_no_cost(ledger: Ledger) -> None:
    own_price(ledger, "input", "0")
    add(ledger, used(**ACME, output_tokens=0))
    (row,) = exported(ledger)
    assert charged(row) == ("Input Tokens", "0.01", "1000000 Tokens", "0", "0")


@pytest.mark.parametrize("summed", ["dirty", "clean", "mixed"])
def test_rows_are_the_same_whatever_is_summed_already(ledger: Ledger, summed: str) -> None:
    events = [used(f"{hour}", NOON.replace(hour=hour), reasoning_tokens=hour) for hour in (3, 4, 20)]
    add(ledger, *events[:2])
    if summed != "dirty":
        roll(ledger)
    add(ledger, events[2])
    if summed == "clean":
        roll(ledger)
    rows = exported(ledger)
    assert [(row.sku_meter, row.consumed_quantity) for row in rows] == [
        ("Input Tokens", Decimal(30_000)),
        ("Output Tokens", Decimal(1_500)),
    ]


def test_charges_are_of_the_reporting_zone_s_days_and_a_provider_s_of_utc(tmp_path: Path) -> None:
    with a_ledger(tmp_path, "Europe/Berlin") as ledger:
        put(ledger, [call("2026-09-30T22:30:00Z", 7), call("2026-10-31T22:30:00Z", 5)])
        mine, theirs = exported(ledger), exported(ledger, "provider")
    assert [(row.x_charge_day, row.charge_period_start.isoformat()) for row in mine] == [
        ("2026-10-01", "2026-09-30T22:00:00+00:00"),
        ("2026-10-31", "2026-10-30T23:00:00+00:00"),
    ]
    assert mine[0].billing_period_start.isoformat() == "2026-09-30T22:00:00+00:00"
    assert mine[0].billing_period_end.isoformat() == "2026-10-31T23:00:00+00:00"
    assert [row.x_charge_day for row in theirs] == ["2026-10-31"]
    holds_exactly([*mine, *theirs])


def test_a_shared_key_is_split_and_nothing_is_lost(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        own_price(ledger, "input", "2.5")
        facts = {**ACME, "output_tokens": 0}
        for key in ("vk-1", "vk-2"):
            add(ledger, used(key, virtual_key=key, input_tokens=1_001, **facts))
        owns(ledger, "vk-1", ("search", 60), ("ads", 40), since="2026-10-05")
        owns(ledger, "vk-2", ("a", 1), ("b", 1), ("c", 1))
        rows = exported(ledger)
        total = spent(ledger)
    assert effective(rows) * PICO == total
    holds_exactly(rows)
    parts = {row.x_team_id: row for row in rows if row.charge_category == "Usage"}
    assert [parts[team].consumed_quantity for team in ("search", "ads")] == [
        Decimal("600.6"),
        Decimal("400.4"),
    ]
    assert parts["search"].list_cost == Decimal("0.0015015")
    assert parts["search"].x_owner_share == "3 of 5"
    assert sum(parts[team].consumed_quantity or 0 for team in "abc") == 1_001
    assert sum(parts[team].x_request_count or 0 for team in "abc") == 1
    assert {parts[team].effective_cost for team in "abc"} == {
        Decimal("0.000834166666666666666667"),
        Decimal("0.000834166666666666666666"),
    }


def test_a_day_of_utc_may_be_of_two_days_of_owners(tmp_path: Path) -> None:
    with a_ledger(tmp_path, "Europe/Berlin") as ledger:
        put(ledger, [call(f"2026-10-09T{hour}:30:00Z", 10, virtual_key="vk-1") for hour in (21, 22)])
        owns(ledger, "vk-1", ("red", 60), ("blue", 40))
        owns(ledger, "vk-1", ("red", 60), ("green", 40), since="2026-10-10", at=1)
        rows = exported(ledger, "provider")
    assert sorted(f"{row.x_team_id} {row.effective_cost * PICO:f}" for row in rows) == [
        "blue 4.000000000000",
        "green 4.000000000000",
        "red 6.000000000000",
        "red 6.000000000000",
    ]
    holds_exactly(rows)


def test_a_key_that_moves_belongs_to_its_team_of_the_day(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        put(
            ledger,
            [
                call("2026-10-09T12:00:00Z", 5, virtual_key="vk-1", team="red"),
                call("2026-10-10T12:00:00Z", 7, virtual_key="vk-1", team="red", project="atlas"),
            ],
        )
        owns(ledger, "vk-1", ("blue", 1), since="2026-10-10")
        owns(ledger, "blue", ("CC-1", 1), kind="team", target_kind="cost_center")
        rows = exported(ledger)
    assert [(row.sub_account_id, row.billing_account_id, row.tags) for row in rows] == [
        ("red", "unassigned", '{"team":"red"}'),
        ("blue", "CC-1", '{"cost_center":"CC-1","project":"atlas","team":"blue"}'),
    ]
    assert all("vk-1" not in (row.tags or "") for row in rows)


def test_a_row_keeps_its_key_when_more_calls_come(ledger: Ledger) -> None:
    add(ledger, used("a"))
    before = {row.sku_id: row.x_row_key for row in exported(ledger)}
    add(ledger, used("b"))
    assert {row.sku_id: row.x_row_key for row in exported(ledger)} == before


MODELS = (
    {"provider": "anthropic", "model": "claude-sonnet-4-5"},
    {"provider": "openai", "model": "gpt-5.4"},
    {"provider": "openai", "model": "gpt-4o-audio-preview"},
    {"provider": "acme", "model": "big-1"},
    {"provider": "acme", "model": "no-such-model"},
)


@st.composite
def events(draw: st.DrawFn) -> UsageEvent:
    tokens, out = draw(st.integers(0, 400_000)), draw(st.integers(0, 20_000))
    reads = draw(st.integers(0, tokens))
    writes = draw(st.integers(0, tokens - reads))
    few = st.sampled_from([0, 0, 1, 7, 5_000])
    reported = draw(
        st.none() | st.builds(ReportedCost, input=st.integers(0, 99), output=few, total=st.integers(1, 10**9))
    )
    return used(
        str(draw(st.uuids())),
        NOON.replace(day=draw(st.sampled_from([9, 10, 31])), hour=draw(st.integers(0, 23))),
        **draw(st.sampled_from(MODELS)),
        input_tokens=tokens,
        output_tokens=out,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=draw(st.sampled_from([0, writes])),
        input_audio_tokens=min(draw(few), tokens),
        reasoning_tokens=min(draw(few), out),
        output_audio_tokens=min(draw(few), out),
        search_queries=draw(st.sampled_from([None, 0, 2])),
        tool_calls=draw(st.sampled_from([None, 3])),
        audio_ms=draw(st.sampled_from([None, None, 1_234])),
        service_tier=draw(st.sampled_from([None, "batch"])),
        region=draw(st.sampled_from([None, "us"])),
        virtual_key=draw(st.sampled_from(["vk-1", "vk-2", "vk-3", None])),
        team=draw(st.sampled_from(["red", None])),
        project=draw(st.sampled_from(["atlas", None])),
        reported=reported,
    )


@examples(6)
@given(some=st.lists(events(), max_size=20), rolled=st.integers(0, 12))
def test_products_hold_and_rows_add_up_to_what_was_spent_of_any_calls(
    fresh_ledger: Callable[[], Ledger], some: list[UsageEvent], rolled: int
) -> None:
    with fresh_ledger() as ledger:
        own_price(ledger, "input", "0.123456789012345")
        own_price(ledger, "output", "10", above=0)
        own_price(ledger, "output", "17.7", above=5_000, marginal=True)
        own_price(ledger, "audio_ms", "0.111", per=3_600_000, least=10_000)
        own_price(ledger, "search", "7", per=1_000)
        own_price(ledger, "tool_call", "0.03", 1, provider="openai", model="gpt-5.4")
        term(ledger, "0.8765")
        term(ledger, "1.03", "markup")
        book = read_book(ledger)
        put_events(ledger, book, *some[:rolled], at=micros(NOW))
        roll(ledger)
        put_events(ledger, book, *some[rolled:], at=micros(NOW))
        owns(ledger, "vk-1", ("blue", 60), ("green", 40), since="2026-10-10")
        owns(ledger, "vk-2", ("blue", 1), ("green", 1), ("grey", 1))
        rows, provider_rows = exported(ledger), exported(ledger, "provider")
        holds_exactly(rows)
        holds_exactly(provider_rows)
        calls = [row for row in rows if row.x_cost_source is not None]
        assert effective(calls) * PICO == effective(rows) * PICO == spent(ledger)
        assert by_team(rows) == owed(ledger)
        assert rows == exported(ledger)


@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**9), max_value=10**9),
    parts=st.lists(st.integers(1, 50), min_size=1, max_size=7),
)
def test_parts_of_a_number_add_up_to_it(number: Decimal, parts: list[int]) -> None:
    shares = [Fraction(part, sum(parts)) for part in parts]
    split_parts = split(number, MONEY_SCALE, shares)
    total = Decimal(0)
    for part in split_parts:
        total = EXACT.add(total, part)
    assert total == number
    smallest = Fraction(1, 10**MONEY_SCALE)
    assert all(
        abs(Fraction(part) - Fraction(number) * share) < smallest
        for part, share in zip(split_parts, shares, strict=True)
    )


def table(ledger: Ledger, version: Any = "1.4") -> list[dict[str, str]]:
    text = "".join(csv_text.csv_chunks(exported(ledger), version))
    return list(csv.DictReader(io.StringIO(text)))


def test_numbers_of_the_csv_are_plain_and_text_is_no_formula(embedded: Ledger) -> None:
    add(embedded, used(input_tokens=3, output_tokens=0, virtual_key="vk-1", virtual_key_name="=1+1"))
    (line,) = table(embedded)
    assert (line["ListCost"], line["PricingQuantity"], line["ConsumedQuantity"]) == (
        "0.000009",
        "0.000003",
        "3",
    )
    assert line["x_VirtualKeyName"] == "'=1+1"
    assert line["ChargePeriodStart"] == "2026-10-09T00:00:00Z"
    (older,) = table(embedded, "1.2")
    assert (older["ConsumedQuantity"], older["ProviderName"], older["PublisherName"]) == (
        "3.0",
        "Tallybook",
        "Anthropic",
    )
    assert "HostProviderName" not in older


@pytest.mark.parametrize("version", ["1.5", "1.4", "1.2"])
def test_columns_of_focus_stand_first_by_name_and_ours_behind(version: Any) -> None:
    names = [column.name for column in columns(version)]
    own = [name for name in names if name.startswith("x_")]
    assert names == [*sorted(set(names) - set(own)), *sorted(own)]


def test_the_draft_of_1_5_names_model_token_and_cache_without_our_prefix(embedded: Ledger) -> None:
    add(embedded, used(output_tokens=0, virtual_key="vk-1"))
    (line,) = table(embedded, "1.5")
    assert json.loads(line["SkuPriceDetails"]) == {
        "ModelId": "claude-sonnet-4-5",
        "TokenDirection": "Input",
        "TokenCacheAction": "Uncached",
        "x_TokenKind": "input",
        "x_ServiceTier": "standard",
    }
    assert line["CredentialId"] == line["x_VirtualKeyId"] != ""
    assert line["HostProviderName"] == "Anthropic"
    about = export_metadata(embedded, scope(embedded), "1.5")
    assert (about["Schema"]["FocusVersion"], about["x_Draft"]) == ("1.5", True)
    assert not export_metadata(embedded, scope(embedded), "1.4")["x_Draft"]


def test_every_column_of_our_own_is_in_the_guide() -> None:
    guide = (DOCS / "focus.md").read_text()
    for column in columns("1.4"):
        assert not column.meaning or f"| `{column.name}` | {column.meaning} |" in guide


def test_parquet_says_the_same_as_csv_to_the_last_digit(embedded: Ledger, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    add(embedded, used(cache_read_tokens=8_001, virtual_key="vk-1", team="red", input_tokens=50_000_000))
    path = tmp_path / "focus.parquet"
    path.write_bytes(b"".join(parquet_file.parquet_chunks(exported(embedded), "1.4")))
    parquet_table = parquet.read_table(path)
    assert parquet_table.schema.field("ListCost").type == pa.decimal128(38, 24)
    assert not parquet_table.schema.field("ListCost").nullable
    lines = table(embedded)
    assert parquet_table.column_names == list(lines[0])
    for row, line in zip(parquet_table.to_pylist(), lines, strict=True):
        for name, text in line.items():
            value = row[name]
            if isinstance(value, Decimal):
                assert value == Decimal(text)
            elif isinstance(value, datetime):
                assert value.strftime("%Y-%m-%dT%H:%M:%SZ") == text
            else:
                assert (value or "") == text


@pytest.fixture
def mixed(embedded: Ledger) -> Ledger:
    """A ledger with a bit of everything."""
    own_price(embedded, "output", "10")
    own_price(embedded, "output", "17.7", above=100, marginal=True)
    own_price(embedded, "audio_ms", "0.111", per=3_600_000, least=10_000)
    own_price(embedded, "character", "15")
    own_price(embedded, "page", "1", per=1_000)
    own_price(embedded, "image", "0.04", per=1)
    facts = {**ACME, "input_tokens": 0}
    add(
        embedded,
        used("a", cache_read_tokens=8_000, search_queries=3, virtual_key="vk-1", team="red"),
        used("b", reported=ReportedCost(input=3, output=4, total=6)),
        used("c", audio_ms=5, images=2, pages=3, characters=4, **facts),
        used("d", model="no-such-model"),
    )
    owns(embedded, "vk-1", ("blue", 60), ("green", 40))
    return embedded


def test_metadata_says_which_days_are_complete(embedded: Ledger) -> None:
    add(embedded, used("a"))
    about = export_metadata(embedded, scope(embedded), "1.4")
    sectors = about["Recency"]["TimeSectors"]
    incomplete = [sector["TimeSectorStart"] for sector in sectors if not sector["TimeSectorComplete"]]
    assert incomplete == ["2026-10-09T00:00:00Z"]
    roll(embedded)
    assert export_metadata(embedded, scope(embedded), "1.4")["Recency"]["DatasetInstanceComplete"]
    with embedded.writing() as connection:
        imports.start(connection, "import", "calls.jsonl", "abc", 1)
    assert not export_metadata(embedded, scope(embedded), "1.4")["Recency"]["DatasetInstanceComplete"]
    with embedded.writing() as connection:
        imports.mark_interrupted(connection, "import", "abc", 2)
    assert not export_metadata(embedded, scope(embedded), "1.4")["Recency"]["DatasetInstanceComplete"]
    with embedded.writing() as connection:
        imports.finish(
            connection, imports.start(connection, "import", "calls.jsonl", "abc", 3), "finished", 4
        )
    assert export_metadata(embedded, scope(embedded), "1.4")["Recency"]["DatasetInstanceComplete"]


def test_a_day_that_is_not_over_is_not_complete(embedded: Ledger) -> None:
    about = export_metadata(embedded, scope(embedded, period="2099-01"), "1.4")
    assert not any(sector["TimeSectorComplete"] for sector in about["Recency"]["TimeSectors"])


def test_metadata_defines_every_column(embedded: Ledger) -> None:
    definitions = export_metadata(embedded, scope(embedded), "1.4")["Schema"]["ColumnDefinition"]
    assert [column_definition["ColumnName"] for column_definition in definitions] == [
        column.name for column in columns("1.4")
    ]
    (cost,) = (
        column_definition
        for column_definition in definitions
        if column_definition["ColumnName"] == "ListCost"
    )
    assert cost == {
        "ColumnName": "ListCost",
        "DataType": "Decimal",
        "NumericPrecision": 38,
        "NumberScale": 24,
    }


def test_files_stand_beside_each_other(mixed: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "focus.csv"
    done = export_to_files(mixed, scope(mixed), "1.4", "csv", path)
    assert (done.rows, done.unpriced) == (len(exported(mixed)), 1)
    assert sorted(file.name for file in tmp_path.iterdir() if "focus" in file.name) == [
        "focus.csv",
        "focus.csv.metadata.json",
        "focus.csv.unpriced.csv",
    ]
    about = json.loads((tmp_path / "focus.csv.metadata.json").read_text())
    assert about["x_UnpricedRequests"] == 1
    assert "no-such-model" in (tmp_path / "focus.csv.unpriced.csv").read_text()


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


@pytest.fixture
def october(tmp_path: Path) -> Iterator[Ledger]:
    """Berlin's October: three teams, calls of nobody, a fee of one team, one that is shared, and euros."""
    folder = tmp_path / "october"
    folder.mkdir()
    with a_ledger(folder, "Europe/Berlin") as ledger:
        calls = [
            call(
                "2026-10-02T12:00:00Z", 1_000_001, virtual_key="vk-1", team="red", model="a", total_tokens=10
            ),
            call(
                "2026-10-03T12:00:00Z", 2_000_003, virtual_key="vk-2", team="blue", model="b", total_tokens=20
            ),
            call(
                "2026-10-03T12:00:00Z", 3 * PICO, virtual_key="vk-2", team="blue", model="b", currency="EUR"
            ),
            call("2026-10-04T12:00:00Z", 700_001, virtual_key="vk-3", model="c"),
        ]
        put(ledger, calls)
        owns(ledger, "vk-1", ("red", 1), ("green", 2), since="2026-10-02")
        quoted = Quote(base="EUR", quote="USD", day=day_number(date(2026, 10, 2)), rate=Decimal("1.17"))
        start = at("2026-09-30T22:00:00Z")
        with ledger.writing() as connection:
            add_quotes(connection, [quoted])
            team = connection.execute(
                sa.select(directory.c.entry_id).where(directory.c.ident == "red")
            ).scalar()
            platform = Fee(
                name="Gateway", kind="platform", amount=100 * PICO, currency="USD", start=start, every="month"
            )
            add_fees(connection, [platform, replace(platform, name="Support", team_id=team, amount=7 * PICO)])
            add_rules(connection, [Rule(pool=pool, method="even") for pool in ("fees", "unassigned")])
        yield ledger


def test_rows_of_a_month_add_up_to_what_each_team_owes(october: Ledger) -> None:
    rows = exported(october)
    holds_exactly(rows)
    assert by_team(rows) == owed(october)
    shared = [row for row in rows if row.charge_description == "Gateway: the same for each team"]
    assert len(shared) == 3
    assert {row.charge_category for row in shared} == {"Usage"}
    assert sum(row.effective_cost for row in shared) == 100
    assert {row.allocated_method_id for row in shared} == {"even:fee:Gateway:rule-1"}
    moved = [row for row in rows if (row.charge_description or "").startswith("Calls that belong to no team")]
    assert {row.charge_category for row in moved} == {"Adjustment"}
    assert sum(row.effective_cost for row in moved) == 0


def test_what_is_given_on_says_how_and_what_it_is_taken_from_does_not(october: Ledger) -> None:
    moved = [
        row for row in exported(october) if (row.charge_description or "").startswith("Calls that belong")
    ]
    assert {(row.effective_cost > 0, row.allocated_method_id) for row in moved} == {
        (True, "even:unassigned:rule-2"),
        (False, None),
    }


def test_the_platform_bills_in_the_reporting_currency_and_says_what_was_priced(october: Ledger) -> None:
    rows = exported(october)
    assert {row.billing_currency for row in rows} == {"USD"}
    (row,) = (row for row in rows if row.pricing_currency == "EUR")
    assert (row.pricing_currency_effective_cost, row.effective_cost) == (Decimal(3), Decimal("3.51"))
    assert row.billed_cost == row.x_reporting_cost == row.list_cost == Decimal("3.51")
    assert (row.x_fx_rate, row.x_fx_rate_date) == (Decimal("1.17"), "2026-10-02")


def test_a_provider_bills_in_the_currency_of_its_prices(october: Ledger) -> None:
    (row,) = (row for row in exported(october, "provider") if row.billing_currency == "EUR")
    assert (row.billed_cost, row.pricing_currency) == (Decimal(3), "EUR")
    assert row.x_reporting_cost == Decimal("3.51")


def test_a_price_in_another_currency_is_converted_and_products_hold(embedded: Ledger) -> None:
    own_price(embedded, "input", "2.5", currency="EUR")
    add(embedded, used(**ACME, input_tokens=1_000, output_tokens=0))
    day = day_number(NOON.date())
    with embedded.writing() as connection:
        add_quotes(connection, [Quote(base="USD", quote="EUR", day=day, rate=Decimal("0.9"))])
    row, rounding = exported(embedded)
    assert rounding.charge_description == "Rounding of shared or converted calls"
    assert row.list_unit_price == Decimal("2.777777777777778")
    assert row.pricing_currency_list_unit_price == Decimal("2.5")
    assert row.effective_cost == Decimal("0.002777777777777777777778")
    assert row.pricing_currency_effective_cost == Decimal("0.0025")
    holds_exactly([row])


def test_a_call_in_a_currency_without_a_rate_is_in_no_row_and_listed_with_the_reason(
    embedded: Ledger,
) -> None:
    put(embedded, [call("2026-10-09T12:00:00Z", 5, currency="EUR")])
    unpriced = UnpricedCalls()
    assert exported(embedded, unpriced=unpriced) == []
    assert (unpriced.calls, unpriced.unconverted) == (0, 1)
    (line,) = unpriced.lines()
    assert line[-1] == "no exchange rate from EUR to USD"
    assert export_metadata(embedded, scope(embedded), "1.4")["x_UnconvertedRequests"] == 1


@pytest.fixture
def closed(october: Ledger) -> Ledger:
    """October, closed."""
    done = close(october, read_month("2026-10"), accept=None, by="ada", now=at("2026-11-02T00:00:00Z"))
    assert done.hash
    return october


def test_what_comes_after_closing_is_a_correction_in_the_next_month_and_nowhere_else(closed: Ledger) -> None:
    before = exported(closed)
    assert {row.invoice_id for row in before} == {"2026-10/1"}
    some = [
        call(f"2026-10-30T{hour}:00:00Z", 5_000, virtual_key="vk-2", team="blue", model="b")
        for hour in (10, 11)
    ]
    put(closed, some[:1], first=9)
    roll(closed)
    put(closed, [*some[1:], call("2026-10-30T12:00:00Z", None, virtual_key="vk-2")], first=10)
    unpriced = UnpricedCalls()
    assert exported(closed, unpriced=unpriced) == before
    assert unpriced.calls == 0
    assert by_team(before) == owed(closed)
    later = exported(closed, period="2026-11")
    assert by_team(later) == owed(closed, "2026-11")
    (late,) = (row for row in later if row.charge_class == "Correction")
    assert late.effective_cost * PICO == 10_000
    assert late.x_charge_day == "2026-10-30"
    assert (late.charge_period_start.month, late.billing_period_start.month) == (10, 10)  # in UTC


def test_a_closed_month_owes_what_its_statement_says_whoever_owns_its_calls_now(closed: Ledger) -> None:
    before = by_team(exported(closed))
    owns(closed, "vk-2", ("red", 1), at=2)
    rows = exported(closed)
    assert by_team(rows) == owed(closed) == before
    changed = [row for row in rows if (row.charge_description or "").startswith("Changes since")]
    assert {row.x_team_id for row in changed} == {"red", "blue"}
    assert {row.charge_category for row in changed} == {"Adjustment"}
    assert by_team(exported(closed, period="2026-11")) == owed(closed, "2026-11")


def test_parts_of_a_month_cost_what_the_month_does(october: Ledger) -> None:
    def days(first: str, end: str) -> Decimal:
        with october.reading() as connection:
            export_scope = ExportScope(read_span(None, first, end, october.zone))
            rows = list(Dataset(connection, october, export_scope, micros(NOW)).rows(UnpricedCalls()))
        holds_exactly(rows)
        return sum((row.x_reporting_cost or ZERO for row in rows), ZERO)

    whole = days("2026-10-01", "2026-11-01")
    assert days("2026-10-01", "2026-10-17") + days("2026-10-17", "2026-11-01") == whole
    assert days("2026-09-20", "2026-11-10") - whole == days("2026-11-01", "2026-11-10")


def test_a_provider_s_fee_is_a_purchase_that_is_used_up_month_by_month(october: Ledger) -> None:
    start = at("2026-09-30T22:00:00Z")
    fee = Fee(
        name="Provisioned Throughput",
        kind="provisioned",
        amount=365 * PICO,
        list_amount=400 * PICO,
        currency="USD",
        start=start,
        end=at("2027-09-30T22:00:00Z"),
        provider="openai",
    )
    with october.writing() as connection:
        monthly = replace(fee, name="Seats", amount=31 * PICO, end=None, every="month", list_amount=None)
        credit = replace(fee, name="Welcome", kind="credit", amount=-5 * PICO, end=None, list_amount=None)
        tax = replace(monthly, name="VAT", kind="tax", amount=19 * PICO)
        add_fees(connection, [fee, monthly, credit, tax])
    by_charge = {
        (row.charge_description, row.charge_category): row
        for row in exported(october, "provider")
        if row.x_provider == "openai"
    }
    holds_exactly(list(by_charge.values()))
    costs = {
        key: [f"{cost.normalize():f}" for cost in (row.billed_cost, row.effective_cost, row.list_cost)]
        for key, row in by_charge.items()
    }
    # Berlin's October has 745 hours of the year's 8,760.
    assert costs == {
        ("Provisioned Throughput", "Purchase"): ["365", "0", "400"],
        ("Provisioned Throughput", "Usage"): ["0", "31.041666666667", "34.018264840183"],
        ("Seats", "Purchase"): ["31", "0", "31"],
        ("Seats", "Usage"): ["0", "31", "31"],
        ("Welcome", "Credit"): ["-5", "-5", "-5"],
        ("VAT", "Tax"): ["19", "19", "19"],
    }
    starts = {row.charge_period_start.isoformat() for row in by_charge.values()}
    assert starts == {"2026-10-01T00:00:00+00:00"}


def test_a_tax_and_a_credit_of_a_statement_are_charges_of_their_category(october: Ledger) -> None:
    start = at("2026-09-30T22:00:00Z")
    tax = Fee(name="VAT", kind="tax", amount=19 * PICO, currency="USD", start=start, every="month")
    with october.writing() as connection:
        add_fees(connection, [tax, replace(tax, name="Grant", kind="credit", amount=-6 * PICO)])
    rows = exported(october)
    holds_exactly(rows)
    for category, amount in (("Tax", 19), ("Credit", -6)):
        chosen = [row for row in rows if row.charge_category == category]
        assert sum(row.billed_cost for row in chosen) == amount
        assert len(chosen) > 1  # a row for each team that shares it
        assert {row.sku_id for row in chosen} == {None}


DOLLARS = ReportingCurrency("USD", Rates([]))
BESIDE = (
    OtherCharge(
        key="fee:1",
        category="Purchase",
        description="Provisioned throughput, October",
        first_day=20_727,
        end_day=20_758,
        amount=Decimal(0),
        billed=Decimal(500),
        listed=Decimal(500),
        contracted=Decimal(500),
        currency="USD",
        frequency="Recurring",
        provider="openai",
        sku="provisioned-throughput",
    ),
    OtherCharge(
        key="fee:1:search",
        category="Usage",
        description="Provisioned throughput, share of search",
        first_day=20_727,
        end_day=20_728,
        amount=Decimal("9.67741935483871"),
        billed=Decimal(0),
        currency="USD",
        provider="openai",
        sku="provisioned-throughput",
        team=DirectoryEntry("search", "Search"),
        cost_center=DirectoryEntry("CC-1", "Research", "6400"),
        allocation=Allocation(
            method="proportional:tokens:v3",
            ratio=Fraction(3, 5),
            resource_id="team:search",
            resource_name="Search",
            unit="Tokens",
            quantity=Decimal(720_000),
        ),
    ),
    OtherCharge(
        key="credit:1",
        category="Credit",
        description="Goodwill",
        first_day=20_727,
        end_day=20_728,
        amount=Decimal("-12.5"),
        currency="USD",
        provider="anthropic",
    ),
    OtherCharge(
        key="correction:2026-09:red",
        category="Usage",
        description="Late calls of September",
        first_day=20_697,
        end_day=20_727,
        amount=Decimal("0.000000000001"),
        currency="USD",
        provider="anthropic",
        invoiced_on=20_727,
        is_correction=True,
    ),
    OtherCharge(
        key="tax:1",
        category="Tax",
        description="VAT",
        first_day=20_727,
        end_day=20_758,
        amount=Decimal(95),
        currency="USD",
        provider="openai",
    ),
)


def everything(mixed: Ledger, october: Ledger, profile: Profile) -> list[FocusRow]:
    """Rows of every sort there is."""
    return [
        *exported(mixed, profile),
        *exported(october, profile),
        *other_charge_rows(BESIDE, scope(mixed, profile), DOLLARS),
    ]


@pytest.mark.parametrize("profile", ["chargeback", "provider"])
def test_the_export_is_clean_by_the_linter_of_1_4(
    mixed: Ledger, october: Ledger, tmp_path: Path, profile: Profile
) -> None:
    path = tmp_path / "focus.csv"
    path.write_text("".join(csv_text.csv_chunks(everything(mixed, october, profile), "1.4")), newline="")
    program = [sys.executable, "-m", "focus_data_toolkit", "validate", "--dataset", "cost-and-usage"]
    program += ["--supports", "SupportsUnitPricing", str(path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


VALIDATOR = os.environ.get("TALLYBOOK_TEST_FOCUS_VALIDATOR")


@pytest.mark.skipif(
    VALIDATOR is None,
    reason="focus-validator wants Python 3.12: TALLYBOOK_TEST_FOCUS_VALIDATOR names a Python that has it",
)
@pytest.mark.parametrize("profile", ["chargeback", "provider"])
def test_the_validator_of_1_2_finds_nothing_but_missing_invoices(
    mixed: Ledger, october: Ledger, tmp_path: Path, profile: Profile
) -> None:
    assert VALIDATOR is not None
    path = tmp_path / "focus.csv"
    path.write_text("".join(csv_text.csv_chunks(everything(mixed, october, profile), "1.2")), newline="")
    where = subprocess.run(
        [VALIDATOR, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    program = [VALIDATOR, "-m", "focus_validator.main", "--data-file", str(path), "--validate-version", "1.2"]
    # It reads its own rules by a path from where it is installed.
    done = subprocess.run(
        [*program, "--block-download"], capture_output=True, text=True, check=True, cwd=where
    )
    failed = {line.split()[1].rstrip(":") for line in done.stdout.splitlines() if ": FAIL" in line}
    assert failed == {"InvoiceId-C-005-C"}, done.stdout


@pytest.fixture
def beside(embedded: Ledger) -> dict[str | None, FocusRow]:
    return {row.charge_description: row for row in other_charge_rows(BESIDE, scope(embedded), DOLLARS)}


def test_a_prepayment_is_billed_when_it_is_paid_and_costs_when_it_is_used(
    beside: dict[str | None, FocusRow],
) -> None:
    paid, used_of_it = (beside[f"Provisioned throughput, {what}"] for what in ("October", "share of search"))
    assert (paid.charge_category, paid.billed_cost, paid.effective_cost) == ("Purchase", Decimal(500), ZERO)
    assert (paid.list_cost, paid.pricing_quantity, paid.list_unit_price) == (Decimal(500), ONE, Decimal(500))
    assert (used_of_it.billed_cost, used_of_it.effective_cost) == (ZERO, Decimal("9.67741935483871"))
    holds_exactly([paid, used_of_it])


def test_what_is_allocated_says_how(beside: dict[str | None, FocusRow]) -> None:
    row = beside["Provisioned throughput, share of search"]
    assert (row.allocated_method_id, row.allocated_resource_id) == ("proportional:tokens:v3", "team:search")
    assert row.allocated_method_details == (
        '{"Elements":[{"AllocatedRatio":0.6,"UsageQuantity":720000,"UsageUnit":"Tokens"}]}'
    )
    assert (row.billing_account_id, row.x_gl_code, row.sub_account_id) == ("CC-1", "6400", "search")


def test_a_credit_has_four_equal_costs_and_no_sku(beside: dict[str | None, FocusRow]) -> None:
    row = beside["Goodwill"]
    assert {row.billed_cost, row.effective_cost, row.list_cost, row.contracted_cost} == {Decimal("-12.5")}
    assert (row.sku_id, row.pricing_quantity, row.pricing_category) == (None, None, None)


def test_a_correction_is_invoiced_later_and_says_the_days_it_is_about(
    beside: dict[str | None, FocusRow],
) -> None:
    row = beside["Late calls of September"]
    assert row.charge_class == "Correction"
    assert (row.charge_period_start.month, row.billing_period_start.month) == (9, 10)


@pytest.fixture
def client(mixed: Ledger) -> Iterator[TestClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(focus_api.make_router(mixed))
    with TestClient(app) as client:
        yield client


def test_http_gives_what_the_command_writes(client: TestClient, mixed: Ledger) -> None:
    answer = client.get("/v1/exports/focus", params={"period": "2026-10"})
    assert answer.status_code == 200
    assert answer.text == "".join(csv_text.csv_chunks(exported(mixed), "1.4"))
    packed = client.get("/v1/exports/focus", params={"period": "2026-10", "format": "parquet"})
    assert packed.content[:4] == b"PAR1"
    about = client.get("/v1/exports/focus/metadata", params={"period": "2026-10"}).json()
    assert about["x_UnpricedRequests"] == 1
    assert "no-such-model" in client.get("/v1/exports/focus/unpriced", params={"period": "2026-10"}).text


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "no_period"),
        ({"period": "2026-13"}, "invalid_period"),
        ({"period": "2026-10", "from": "2026-10-01"}, "two_periods"),
        ({"from": "2026-10-01T12:00:00Z", "to": "2026-10-03"}, "invalid_time"),
        ({"from": "2026-10-03", "to": "2026-10-03"}, "empty_period"),
        ({"period": "2026-10", "version": "1.3"}, "unknown_version"),
        ({"period": "2026-10", "profile": "both"}, "unknown_profile"),
        ({"period": "2026-10", "format": "xlsx"}, "unknown_format"),
        ({"period": "2026-10", "profile": "provider", "issuer": "us"}, "not_of_profile"),
        ({"period": "2026-10", "billed_cost": "zero"}, "not_of_profile"),
        ({"period": "2026-10", "profile": "provider", "account": "openai"}, "invalid_account"),
        ({"period": "2026-10", "peroid": "2026-10"}, "unknown_parameter"),
        ({"period": "2026-10", "dataset": "contracts"}, "unknown_dataset"),
        ({"period": "2026-10", "dataset": "invoice_detail", "profile": "provider"}, "not_of_profile"),
        ({"period": "2026-10", "dataset": "billing_period", "version": "1.2"}, "not_of_version"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    client: TestClient, parameters: dict[str, str], code: str
) -> None:
    answer = client.get("/v1/exports/focus", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_provider_s_export_names_accounts_and_may_leave_the_billing_to_them() -> None:
    options = ExportOptions(
        period="2026-10", profile="provider", accounts=["openai=org-1"], billed_cost="zero", version="1.2"
    )
    request = read_request(options, Zone("Europe/Berlin"))
    assert request.scope.accounts == {"openai": "org-1"}
    assert not request.scope.is_billed
    assert request.scope.span.zone == Zone("UTC")
    with pytest.raises(QuestionError):
        read_request(ExportOptions(period="2026-10", issuer=" "), Zone("UTC"))


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="wants pyarrow")
def test_the_command_writes_files_and_says_what_is_in_none(tmp_path: Path) -> None:
    database = {"TALLYBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/ledger.db", "PATH": os.environ["PATH"]}
    with a_ledger(tmp_path) as ledger:
        put(ledger, [call("2026-10-09T12:00:00Z", 5), call("2026-10-09T12:00:00Z", None)])
    database["TALLYBOOK_SECRET_KEY"] = "of the tests"
    program = [sys.executable, "-m", "dashboard", "export", "focus", "--period", "2026-10", "--out"]
    out = str(tmp_path / "out.csv")
    done = subprocess.run(
        [*program, out], capture_output=True, text=True, check=False, env=os.environ | database
    )
    assert done.returncode == 0, done.stderr
    assert "1 call has no known price and is in no row" in done.stderr
    shown = subprocess.run(
        [*program, "-"], capture_output=True, text=True, check=True, env=os.environ | database
    )
    assert shown.stdout.splitlines() == Path(out).read_text().splitlines()
    wrong = [*program, out, "--focus-version", "2"]
    refused = subprocess.run(wrong, capture_output=True, text=True, check=False, env=os.environ | database)
    assert refused.returncode == 2
    assert "use 1.5 or 1.4 or 1.2" in refused.stderr


def test_no_file_is_left_half_written(
    embedded: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(embedded, used("a"))
    path = tmp_path / "focus.csv"
    path.write_text("the old one")

    def breaks(*_: Any) -> Iterator[str]:
        yield "half"
        raise OSError("the disk is full")

    monkeypatch.setattr(csv_text, "csv_chunks", breaks)
    with pytest.raises(OSError, match="full"):
        export_to_files(embedded, scope(embedded), "1.4", "csv", path)
    assert path.read_text() == "the old one"
    assert not list(tmp_path.glob(".*part"))
