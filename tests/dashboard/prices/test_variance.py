"""Reported against computed: which models differ, by how much to the last digit, and most likely why."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.prices.api import make_costs_router
from dashboard.prices.variance import Variance, model_variances
from dashboard.query.question import Period, SpendQuery
from ingest.ledger.engine import Ledger
from ingest.model.event import ReportedCost, UsageEvent
from ingest.model.zone import micros
from ingest.pricing.book import Book
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute
from tests.support.ledgers import put_events

AT = micros(datetime(2026, 11, 2, 12, tzinfo=UTC))
PERIOD = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC))
FACTS: dict[str, Any] = {
    "source": "test",
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "occurred_at": AT,
    "input_tokens": 10_000,
    "cache_read_tokens": 8_000,
    "output_tokens": 500,
    "reasoning_tokens": 100,
    "search_queries": 2,
}


def costs(book: Book, event: UsageEvent, tokens: int | None = None) -> int:
    held = event.input_tokens or 0 if tokens is None else tokens
    charge = compute(
        event, book.find(event.provider, event.model, event.service_tier, AT, held, event.region), None
    )
    assert isinstance(charge, Charge)
    assert charge.total_cost is not None
    return charge.total_cost


def reporting(ledger: Ledger, book: Book, how: Any, calls: int = 5, **facts: Any) -> None:
    """Calls whose source reports what `how` makes of them."""
    for number in range(calls):
        known = {**FACTS, **facts, "source_event_id": str(number), "output_tokens": 500 + number}
        reported = ReportedCost(total=how(UsageEvent(**known)))
        put_events(ledger, book, UsageEvent(**known, reported=reported))


def found(ledger: Ledger, book: Book, threshold: str = "0.01") -> list[Variance]:
    return model_variances(ledger, SpendQuery(period=PERIOD, zone="UTC"), book, Decimal(threshold))


def test_totals_and_their_difference_are_exact(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda event: costs(book, event) + 10**9 + 1, calls=3)
    [one] = found(ledger, book)
    assert (one.provider, one.model, one.currency, one.requests) == (
        "anthropic",
        "claude-sonnet-4-5",
        "USD",
        3,
    )
    assert one.difference == 3 * (10**9 + 1)
    assert one.reported - one.computed == one.difference


def test_models_below_the_threshold_are_left_out(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda event: costs(book, event) * 1_005 // 1_000)
    assert found(ledger, book) == []
    [one] = found(ledger, book, "0.001")
    assert one.share == Decimal("0.005000")


def without(**changes: Any) -> Any:
    return lambda event: UsageEvent(**{**FACTS, "output_tokens": event.output_tokens, **changes})


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        (without(cache_read_tokens=None), "cached input charged at the price of input"),
        (without(input_tokens=2_000, cache_read_tokens=None), "cache reads not charged"),
        (without(input_tokens=18_000), "cached input charged twice"),
        (without(search_queries=None), "searches not charged"),
        (without(service_tier="batch"), "the batch price in place of the standard one"),
    ],
)
def test_a_known_way_of_counting_wrong_is_named(ledger: Ledger, book: Book, changed: Any, cause: str) -> None:
    reporting(ledger, book, lambda event: costs(book, changed(event)))
    [one] = found(ledger, book)
    assert one.cause == cause


def test_reasoning_that_is_charged_beside_its_output_is_named(ledger: Ledger, book: Book) -> None:
    def twice(event: UsageEvent) -> int:
        return costs(book, UsageEvent(**{**FACTS, "output_tokens": (event.output_tokens or 0) + 100}))

    reporting(ledger, book, twice)
    [one] = found(ledger, book, "0")
    assert one.cause == "reasoning charged beside the output that holds it"


def test_a_batch_call_at_the_standard_price_is_named(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda event: costs(book, without()(event)), service_tier="batch")
    [one] = found(ledger, book)
    assert one.cause == "the standard price in place of the service tier's"


def test_long_context_at_the_price_of_short_is_named(ledger: Ledger, book: Book) -> None:
    facts = {"input_tokens": 300_000}
    reporting(ledger, book, lambda event: costs(book, without(**facts)(event), tokens=0), **facts)
    [one] = found(ledger, book)
    assert one.cause == "the price of short input in place of that of long context"


def test_a_constant_factor_is_named_with_its_size(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda event: costs(book, event) * 9 // 10)
    [one] = found(ledger, book)
    assert one.cause == "a constant factor of 0.9: a discount, a mark-up, or another price"


def test_a_difference_without_a_rule_has_no_cause(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda event: costs(book, event) * (2 + (event.output_tokens or 0) % 7))
    [one] = found(ledger, book)
    assert one.cause is None


def test_calls_of_which_one_total_is_unknown_are_not_compared(ledger: Ledger, book: Book) -> None:
    reporting(ledger, book, lambda _: 10**12, model="nobody-knows")
    assert found(ledger, book) == []


def test_it_can_be_asked_over_http(embedded: Ledger, book: Book) -> None:
    reporting(embedded, book, lambda event: costs(book, event) * 2)
    api = FastAPI()
    api.include_router(make_costs_router(embedded))
    client = TestClient(api)
    period = {"from": "2026-11-01", "to": "2026-11-05"}
    [one] = client.get("/v1/prices/variance", params=period).json()["variance"]
    assert one["share"] == "1.000000"
    assert one["likely_cause"].startswith("a constant factor of 2")
    text = client.get("/v1/prices/variance", params={**period, "format": "csv"}).text
    assert text.splitlines()[0].startswith("provider,model,currency,requests,reported_total")
    assert client.get(
        "/v1/prices/variance", params={**period, "threshold": "90%", "model": "other"}
    ).json() == {"variance": []}
