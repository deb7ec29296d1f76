"""What a call cost, and why: from the stored event and its price set alone, to the last digit."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.pages.requests import calculation
from dashboard.prices.api import make_costs_router
from dashboard.prices.explain_command import explain_in
from dashboard.prices.explanation import Explanation, exact_text, explain, matching_calls
from ingest.http import problems
from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.ledger.tables.calls import usage_event
from ingest.model.event import ReportedCost, UsageEvent
from ingest.pricing.book import Book
from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term
from tests.support.ledgers import ARRIVAL, put_events

AT = ARRIVAL
OWN = {"provider": "acme", "model": "big-1"}


def call(name: str = "call-1", **facts: Any) -> UsageEvent:
    return UsageEvent(
        **{
            "source": "bifrost",
            "source_event_id": name,
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "occurred_at": AT,
            "input_tokens": 10_000,
            "output_tokens": 500,
            **facts,
        }
    )


def told(ledger: Ledger, event: UsageEvent) -> Explanation:
    """Put a call into the ledger, and explain it by what is stored."""
    (ident,) = put_events(ledger, read_book(ledger), event).event_ids
    found = explain(ledger, UUID(ident), Book())
    assert found is not None
    return found


def own_prices(ledger: Ledger, **by_meter: str) -> None:
    points = [
        PricePoint(
            source="own",
            provider="acme",
            model="big-1",
            meter=meter,
            price=Decimal(price),
            per=1_000_000,
            added_at=AT,
            added_by="ada",
        )
        for meter, price in by_meter.items()
    ]
    with ledger.writing() as connection:
        price_book.add_points(connection, points)


def discount(ledger: Ledger, factor: str, kind: Any = "discount") -> None:
    with ledger.writing() as connection:
        price_book.add_terms(
            connection, [Term(kind=kind, factor=Decimal(factor), added_at=AT, added_by="ada")]
        )


def arithmetic(found: Explanation) -> list[tuple[str, int, str, str]]:
    assert found.calculation is not None
    return [
        (line.meter, line.quantity, f"{line.rate.price:f}", exact_text(line.product))
        for line in found.calculation.breakdown.lines
    ]


def test_every_quantity_has_its_price_and_the_lines_add_up_to_the_last_digit(ledger: Ledger) -> None:
    found = told(
        ledger,
        call(cache_read_tokens=8_000, cache_write_tokens=1_000, cache_write_1h_tokens=400),
    )
    assert arithmetic(found) == [
        ("input", 1_000, "3", "0.003"),
        ("output", 500, "15", "0.0075"),
        ("cache_read", 8_000, "0.3", "0.0024"),
        ("cache_write", 600, "3.75", "0.00225"),
        ("cache_write_1h", 400, "6", "0.0024"),
    ]
    assert found.is_proved
    assert found.stored["total_cost"] == 17_550_000_000


def test_a_row_of_the_book_says_who_added_it(ledger: Ledger) -> None:
    own_prices(ledger, input="2.5", output="10")
    found = told(ledger, call(**OWN))
    assert found.calculation is not None
    assert {meter: row.added_by for meter, row in found.calculation.rows.items()} == {
        "input": "ada",
        "output": "ada",
    }
    assert found.calculation.prices.rows["input"].startswith("own#")


def test_a_price_that_comes_later_does_not_change_what_was_charged(ledger: Ledger) -> None:
    own_prices(ledger, input="2.5", output="10")
    before = told(ledger, call(**OWN))
    own_prices(ledger, input="99", output="99")
    after = explain(ledger, UUID(before.event_id), read_book(ledger))
    assert after is not None
    assert arithmetic(after) == arithmetic(before)
    assert after.is_proved


def test_a_discount_and_a_mark_up_are_told_with_list_and_contracted_totals(ledger: Ledger) -> None:
    own_prices(ledger, input="2.5", output="10")
    discount(ledger, "0.88")
    discount(ledger, "1.1", "markup")
    found = told(ledger, call(**OWN))
    assert found.calculation is not None
    workings = found.calculation.breakdown
    # 10,000 x 2.5 + 500 x 10 = 30,000 per 10^6; x 0.88; x 1.1
    assert (workings.list_total, workings.contracted_total, workings.total) == (
        30_000_000_000,
        26_400_000_000,
        29_040_000_000,
    )
    assert found.is_proved


@pytest.mark.parametrize("hit", [None, False])
def test_a_look_up_that_came_before_is_told_apart_from_the_call(ledger: Ledger, hit: bool | None) -> None:
    found = told(
        ledger,
        call(
            cache_hit=hit,
            cache_lookup_tokens=1_000,
            cache_used_provider="openai",
            cache_used_model="text-embedding-3-small",
        ),
    )
    assert found.lookup_cost == 20_000_000  # 1,000 x 0.02 / 10^6
    assert found.is_proved


def test_a_semantic_hit_is_explained_by_its_look_up(ledger: Ledger) -> None:
    discount(ledger, "0.5")
    found = told(
        ledger,
        call(
            input_tokens=None,
            output_tokens=None,
            cache_hit=True,
            cache_hit_type="semantic",
            cache_lookup_tokens=1_000,
            cache_used_provider="openai",
            cache_used_model="text-embedding-3-small",
        ),
    )
    assert arithmetic(found) == [("input", 1_000, "0.02", "0.00002")]
    assert (found.stored["list_total"], found.stored["total_cost"]) == (20_000_000, 10_000_000)
    assert found.is_proved


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"cache_hit": True, "cache_hit_type": "direct"}, "a direct hit"),
        ({"status": "error"}, "failed before it used anything"),
        ({"status": "cancelled"}, "was cancelled before"),
        ({"request_type": "list_models"}, "list_models"),
    ],
)
def test_a_free_call_says_why_it_is_free(embedded: Ledger, facts: dict[str, Any], why: str) -> None:
    found = told(embedded, call(**{"input_tokens": None, "output_tokens": None, **facts}))
    assert found.cost_source == "free"
    assert why in found.why


def test_a_reported_cost_has_what_todays_book_asks_beside_it(ledger: Ledger) -> None:
    found = told(ledger, call(reported=ReportedCost(input=1_000, total=5_000)))
    assert (found.stored["input_cost"], found.stored["other_cost"]) == (1_000, 4_000)
    assert "beyond its parts stands in other" in found.why
    assert found.calculation is None
    assert found.today is not None
    assert found.today.breakdown.total == 37_500_000_000  # 10,000 x 3 + 500 x 15 per 10^6


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({"provider": "acme", "model": "nobody"}, "tallybook prices set acme nobody input=PRICE"),
        ({"input_tokens": None, "output_tokens": None, "pages": 3}, "page=PRICE"),
        (
            {"provider": "unknown", "model": "glm-4.7"},
            "`tallybook prices alias unknown/glm-4.7 PROVIDER/MODEL`",
        ),
        ({"input_tokens": None, "output_tokens": None}, "the source must say what the call used"),
    ],
)
def test_an_unpriced_call_says_what_would_price_it(
    embedded: Ledger, facts: dict[str, Any], advice: str
) -> None:
    found = told(embedded, call(**facts))
    assert found.cost_source == "unpriced"
    assert found.stored["total_cost"] is None
    assert found.advice is not None
    assert advice in found.advice


def test_an_unpriced_call_that_the_book_can_price_now_says_so(ledger: Ledger) -> None:
    before = told(ledger, call(**OWN))
    own_prices(ledger, input="2.5", output="10")
    now = explain(ledger, UUID(before.event_id), read_book(ledger))
    assert now is not None
    assert now.today is not None
    assert now.advice == "Today's price book can price it: `tallybook reprice --only-unpriced`."


def test_a_stored_cost_that_its_prices_do_not_give_is_said_to_differ(embedded: Ledger) -> None:
    before = told(embedded, call())
    with embedded.writing() as connection:
        connection.execute(usage_event.update().values(input_cost=sa.text("input_cost + 1")))
    found = explain(embedded, UUID(before.event_id), Book())
    assert found is not None
    assert not found.is_proved
    assert found.differences == ("input_cost: the ledger holds 0.030000000001, the calculation gives 0.03",)


def test_a_call_is_found_by_its_id_its_sources_id_and_its_response_id(ledger: Ledger) -> None:
    ident = told(ledger, call("openai:resp-1")).event_id
    told(ledger, call("openai:resp_1"))
    told(ledger, call("openai:resp-1", source="litellm"))
    assert [one.event_id for one in matching_calls(ledger, ident)] == [ident]
    assert [one.event_id for one in matching_calls(ledger, "bifrost:resp-1")] == [ident]
    assert [one.source for one in matching_calls(ledger, "openai:resp-1")] == ["bifrost", "litellm"]
    assert len(matching_calls(ledger, "resp_1")) == 1
    assert matching_calls(ledger, "nothing") == []


def test_the_command_prints_the_calculation_and_says_when_several_calls_match(
    embedded: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    told(embedded, call("openai:resp-1"))
    assert explain_in(embedded, "resp-1") == 0
    shown = capsys.readouterr().out
    assert "10,000" in shown
    assert "the lines add up to what the ledger holds, to the last digit" in shown
    told(embedded, call("openai:resp-1", source="litellm"))
    assert explain_in(embedded, "resp-1") == 1
    assert "means 2 calls" in capsys.readouterr().err
    assert explain_in(embedded, "bifrost:resp-1", as_json_object=True) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True


def test_the_api_gives_the_calculation(ledger: Ledger) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(make_costs_router(ledger))
    client = TestClient(app)
    ident = told(ledger, call()).event_id
    found = client.get(f"/v1/requests/{ident}/cost").json()
    assert (found["total"], found["holds"]) == ("0.0375", True)
    assert (
        found["calculation"]["lines"][0] | {"meter": "input", "quantity": 10_000, "price": "3"}
        == (found["calculation"]["lines"][0])
    )
    assert sum(Decimal(one["amount"]) for one in found["calculation"]["sums"]) == Decimal(found["total"])
    missing = client.get(f"/v1/requests/{UUID(int=0)}/cost")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_request")


def test_the_drawer_shows_the_same_lines(embedded: Ledger) -> None:
    shown = str(calculation.cost_calculation(told(embedded, call())))
    assert "10,000 \N{MULTIPLICATION SIGN} 3 per 1,000,000" in shown
    assert "to the last digit" in shown


def test_every_call_of_the_sample_is_explained(sample: Ledger) -> None:
    with sample.reading() as connection:
        wanted = sa.select(usage_event.c.event_id).order_by(usage_event.c.seq.desc()).limit(300)
        idents = connection.execute(wanted).scalars().all()
    book = read_book(sample)
    kinds = set()
    for ident in idents:
        found = explain(sample, UUID(ident), book)
        assert found is not None
        assert found.is_proved is (found.cost_source == "computed"), found
        kinds.add(found.cost_source)
    assert kinds == {"computed", "free", "reported", "unpriced"}
