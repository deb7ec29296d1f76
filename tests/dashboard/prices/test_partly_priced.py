"""A call of which a part has no price: it costs the rest, is flagged, and names the meter that lacks."""

import csv
import io
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.prices import unpriced
from dashboard.prices.api import make_router
from dashboard.prices.explanation import Explanation, explain
from dashboard.prices.missing_price import assignments, missing_meters
from dashboard.query.question import ALL_TIME, Period, SpendQuery
from dashboard.query.run import run
from dashboard.ui.links import unpriced_csv
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.model.event import UsageEvent
from ingest.model.receipt import Receipt
from ingest.model.zone import instant
from ingest.price_book.reprice_runs import Scope
from ingest.price_book.repricing import dry_run, reprice
from ingest.price_book.service import SetPriceOptions, set_price
from ingest.pricing.book import Book
from tests.support.ledgers import ARRIVAL, put_events

UNPRICED = Scope(only_unpriced=True)
TOKENS = Decimal("0.003")


@pytest.fixture
def priced(ledger: Ledger) -> Ledger:
    set_(ledger, "input=2", "output=10")
    return ledger


def set_(ledger: Ledger, *prices: str) -> None:
    options = SetPriceOptions(provider="acme", model="big-1", assignments=prices)
    set_price(ledger, options, by="ada", at=ARRIVAL)


def put(ledger: Ledger, name: str = "call-1", **facts: Any) -> Receipt:
    usage = {"input_tokens": 1_000, "output_tokens": 100, "search_queries": 1, **facts}
    event = UsageEvent(
        source="bifrost", source_event_id=name, provider="acme", model="big-1", occurred_at=ARRIVAL, **usage
    )
    return put_events(ledger, read_book(ledger), event)


def stored(ledger: Ledger) -> tuple[Decimal | None, bool, bool]:
    """Total, whether flagged, and whether there is a reason, of the only call."""
    columns = ("total_cost", "flags_id", "unpriced_reason_id")
    with ledger.reading() as connection:
        row = connection.execute(sa.select(*(usage_event.c[name] for name in columns))).one()
    return row[0], row[1] is not None, row[2] is not None


def explained(ledger: Ledger, receipt: Receipt) -> Explanation:
    found = explain(ledger, UUID(receipt.event_ids[0]), Book())
    assert found is not None
    return found


def listed(ledger: Ledger, *, partly: bool = True) -> list[unpriced.UnpricedModel]:
    return unpriced.unpriced_models(ledger, everything(ledger), partly=partly)


def everything(ledger: Ledger) -> SpendQuery:
    metrics = ("requests", "total_cost", "flagged_requests")
    return SpendQuery(period=ALL_TIME, zone=ledger.zone.name, metrics=metrics)


def test_a_call_with_a_search_that_has_no_price_costs_its_tokens_and_is_flagged(priced: Ledger) -> None:
    receipt = put(priced)
    assert (receipt.accepted, receipt.unpriced, receipt.flagged) == (1, 0, 1)
    assert stored(priced) == (TOKENS, True, True)
    assert [finding for finding in verify(priced) if finding.level == "error"] == []


def test_totals_hold_what_is_known_and_count_the_call_as_flagged(priced: Ledger) -> None:
    put(priced)
    put(priced, "call-2", search_queries=None)
    totals = run(priced, everything(priced)).totals.values
    assert totals == (2, Decimal("0.006"), 1)


def test_the_list_of_what_has_no_price_says_what_lacks_and_how_to_set_it(priced: Ledger) -> None:
    put(priced)
    (model,) = listed(priced)
    assert (model.reason, model.partly_priced) == ("no price for the meter search of acme/big-1", True)
    assert model.how_to_price == "tallybook prices set acme big-1 search=..."
    answer = unpriced.as_json([model])
    assert (answer["requests"], answer["partly_priced_requests"]) == (0, 1)
    assert json.dumps(answer)
    assert listed(priced, partly=False) == []


def test_the_explanation_shows_the_known_part_and_names_the_meter(priced: Ledger) -> None:
    found = explained(priced, put(priced))
    assert found.is_proved
    assert found.calculation is not None
    assert [line.meter for line in found.calculation.breakdown.lines] == ["input", "output"]
    assert "only a part of the cost: no price for the meter search" in found.why
    assert "`tallybook prices set acme big-1 search=PRICE --from DATE`" in (found.advice or "")
    assert "input=" not in (found.advice or "")


def test_pricing_again_completes_the_cost_and_takes_the_flag_away(priced: Ledger) -> None:
    receipt = put(priced)
    set_(priced, "search=0.01")
    assert dry_run(priced, UNPRICED).changed == 1
    assert reprice(priced, UNPRICED, by="ada").changed == 1
    assert stored(priced) == (TOKENS + Decimal("0.01"), False, False)
    assert explained(priced, receipt).is_proved
    rollups.roll(priced)
    assert run(priced, everything(priced)).totals.values == (1, Decimal("0.013"), 0)
    assert reprice(priced, UNPRICED, by="ada").examined == 0


def test_a_price_taken_back_makes_a_call_partly_priced(priced: Ledger) -> None:
    set_(priced, "search=0.01")
    put(priced)
    assert not stored(priced)[1]
    set_(priced, "search=none")
    reprice(priced, Scope(), by="ada")
    assert stored(priced) == (TOKENS, True, True)


@pytest.mark.parametrize(
    ("reason", "prices"),
    [
        ("no price for acme/big-1", "input=... output=..."),
        ("no price for the meter search of acme/big-1", "search=..."),
        ("no price for the meters input and search of acme/big-1", "input=... search=..."),
        ("no price for the meter pages of acme/big-1", "page=..."),
        ("no price for the meter audio_ms of acme/big-1", "audio_seconds=..."),
        ("cache look-up: no price for acme/embed-1", "input=... output=..."),
    ],
)
def test_a_reason_names_the_prices_to_set(reason: str, prices: str) -> None:
    assert assignments(reason) == prices
    assert missing_meters("the call names no model") == ()


def test_the_csv_of_the_page_lists_models_that_are_priced_in_part(priced: Ledger) -> None:
    put(priced)
    period = Period(instant(ARRIVAL), instant(ARRIVAL + 1_000_000))
    of_its_day = SpendQuery(period=period, zone=priced.zone.name)
    app = FastAPI()
    app.include_router(make_router(priced))
    (row,) = csv.DictReader(io.StringIO(TestClient(app).get(unpriced_csv(of_its_day)).text))
    assert (row["model"], row["requests"], row["partly_priced"]) == ("big-1", "1", "true")
