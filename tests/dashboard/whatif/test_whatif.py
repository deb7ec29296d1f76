"""What the same traffic would have cost elsewhere, against its cost; unknown is never zero on either side."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboard.pages.whatif import changed
from dashboard.query.question import QuestionError
from dashboard.ui.view import from_search, to_search
from dashboard.whatif.api import make_router
from dashboard.whatif.commands import print_comparison
from dashboard.whatif.whatif import (
    CostComparison,
    WhatIfParameters,
    WhatIfResult,
    compare_costs,
    parse,
    read_rate,
)
from ingest.http import problems
from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import ReportedCost, UsageEvent
from ingest.pricing.book import Book
from ingest.pricing.point import PricePoint
from ingest.pricing.pricing import price
from tests.support.ledgers import ARRIVAL, put_events

DAY = 86_400_000_000
NOW = datetime(2026, 9, 25, tzinfo=UTC)


def call(number: int, **facts: Any) -> UsageEvent:
    return UsageEvent(
        **{
            "source": "test",
            "source_event_id": str(number),
            "occurred_at": ARRIVAL,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "input_tokens": 1_000,
            "output_tokens": 100,
            **facts,
        }
    )


def asked(ledger: Ledger, *calls: UsageEvent, **words: Any) -> WhatIfResult:
    put_events(ledger, read_book(ledger), *calls)
    return ask(ledger, **words)


def ask(ledger: Ledger, **words: Any) -> WhatIfResult:
    return compare_costs(ledger, parse(WhatIfParameters(**words), ledger.zone, NOW), read_book(ledger))


def only(found: WhatIfResult) -> CostComparison:
    (one,) = found.totals.values()
    return one


def own(ledger: Ledger, model: str, price: str, **facts: Any) -> None:
    point = PricePoint(
        source="own",
        provider="acme",
        model=model,
        meter="input",
        price=Decimal(price),
        per=1_000_000,
        **facts,
    )
    output = PricePoint(
        source="own", provider="acme", model=model, meter="output", price=Decimal(0), per=1, **facts
    )
    with ledger.writing() as connection:
        price_book.add_points(connection, [point, output])


def test_calls_of_one_model_are_priced_as_another_one_by_one(ledger: Ledger, book: Book) -> None:
    calls = [
        call(1),
        call(2, input_tokens=200_001, provider="anthropic", model="claude-opus-4-5"),
        call(3, input_tokens=210_000, cache_read_tokens=9_000),
    ]
    found = only(asked(ledger, *calls, to_provider="anthropic", to_model="claude-sonnet-4-5"))
    there = [
        price(call(0, provider="anthropic", model="claude-sonnet-4-5", **facts), book, ARRIVAL).total_cost
        for facts in (
            {},
            {"input_tokens": 200_001},  # above the context band of the model there
            {"input_tokens": 210_000, "cache_read_tokens": 9_000},
        )
    ]
    assert found.there == sum(one or 0 for one in there)
    assert found.cost == sum(price(one, book, ARRIVAL).total_cost or 0 for one in calls)
    assert (found.calls, found.compared) == (3, 3)


def test_the_same_model_costs_the_same(ledger: Ledger) -> None:
    calls = [call(at, input_tokens=at * 977, output_tokens=at) for at in range(1, 30)]
    found = only(asked(ledger, *calls, to_model="gpt-4o-mini"))
    assert found.there == found.cost


def test_a_model_of_another_provider_is_found_without_naming_the_provider(ledger: Ledger) -> None:
    found = only(asked(ledger, call(1), to_model="claude-sonnet-4-5"))
    assert found.there == 4_500_000_000  # 1,000 x 3 + 100 x 15 per 10^6


def test_another_tier(ledger: Ledger) -> None:
    calls = [call(at, provider="anthropic", model="claude-sonnet-4-5") for at in range(3)]
    found = only(asked(ledger, *calls, tier="batch"))
    assert found.cost == 2 * found.there


def test_another_share_of_cached_input(ledger: Ledger) -> None:
    found = only(
        asked(
            ledger,
            call(1, provider="anthropic", model="claude-sonnet-4-5", cache_write_tokens=800),
            cache_hit_rate="60%",
        )
    )
    # 600 x 0.30 read, the 400 left written at 3.75, 100 x 15 out
    assert found.there == 180_000_000 + 1_500_000_000 + 1_500_000_000


def test_what_has_no_price_there_is_counted_with_the_reason_and_not_compared(ledger: Ledger) -> None:
    found = asked(
        ledger,
        call(1),
        call(2, provider="anthropic", model="claude-sonnet-4-5"),
        tier="batch",
        to_provider="openai",
        to_model="nobody",
    )
    one = only(found)
    assert (one.calls, one.compared, one.unpriced_there, one.cost, one.there) == (2, 0, 2, 0, 0)
    assert found.reasons == {"no price for openai/nobody": 2}


def test_what_is_unpriced_today_is_left_out_of_the_difference_and_shown_apart(ledger: Ledger) -> None:
    found = only(asked(ledger, call(1), call(2, provider="acme", model="ours"), to_model="gpt-4o-mini"))
    same = only(ask(ledger, to_model="gpt-4o-mini", where=["model=gpt-4o-mini"]))
    assert (found.calls, found.compared, found.unpriced_here, found.priced_there) == (2, 1, 1, 1)
    assert (found.cost, found.there) == (same.cost, same.there)
    assert found.priced_there_cost == same.there  # the same tokens


def test_what_no_model_answered_costs_there_what_it_costs_here(ledger: Ledger) -> None:
    nothing: dict[str, Any] = {"input_tokens": None, "output_tokens": None}
    found = only(
        asked(
            ledger,
            call(1, cache_hit=True, cache_hit_type="direct", **nothing),
            call(2, status="error", **nothing),
            to_model="gpt-5.4",
        )
    )
    assert (found.compared, found.cost, found.there) == (2, 0, 0)


def test_a_call_in_another_currency_is_not_compared_with_prices_in_ours(ledger: Ledger) -> None:
    found = asked(ledger, call(1, currency="EUR", reported=ReportedCost(total=10**12)), to_model="gpt-5.4")
    assert found.totals["EUR"].unpriced_there == 1
    assert list(found.reasons) == ["the call is in EUR, the prices there are in USD"]


def test_prices_are_those_of_each_calls_time_or_of_a_day(ledger: Ledger) -> None:
    own(ledger, "new", "1", valid_to=ARRIVAL)
    own(ledger, "new", "2", valid_from=ARRIVAL)
    calls = [call(1, occurred_at=ARRIVAL - DAY), call(2, occurred_at=ARRIVAL)]
    to = {"to_provider": "acme", "to_model": "new"}
    assert only(asked(ledger, *calls, **to)).there == 3_000_000_000
    assert only(ask(ledger, **to, prices_at="2026-09-01")).there == 2_000_000_000
    assert only(ask(ledger, **to, prices_at="2026-09-24")).there == 4_000_000_000


def test_rows_by_model_and_by_day_hold_the_same_calls(ledger: Ledger) -> None:
    calls = [call(at, occurred_at=ARRIVAL - at * DAY, model=f"gpt-4o{'-mini' * (at % 2)}") for at in range(6)]
    by_model = asked(ledger, *calls, to_model="gpt-5.4")
    by_day = ask(ledger, to_model="gpt-5.4", by="day")
    assert [key for key, _ in by_model.rows] == [("openai", "gpt-4o"), ("openai", "gpt-4o-mini")]
    assert len(by_day.rows) == 6
    assert by_model.totals == by_day.totals


def test_more_calls_than_one_slice(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.ledger.event_reader.SLICE", 7)
    calls = [call(at, provider=f"openai-{at % 3}", model="ours", team=f"t-{at}") for at in range(20)]
    found = asked(ledger, *calls, to_provider="openai", to_model="gpt-4o-mini")
    assert sum(one.priced_there for one in found.rows.values()) == 20
    assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({}, "nothing_changed"),
        ({"from_model": "gpt-4o"}, "nothing_changed"),
        ({"cache_hit_rate": "120%"}, "invalid_rate"),
        ({"cache_hit_rate": "-1"}, "invalid_rate"),
        ({"cache_hit_rate": "many"}, "invalid_rate"),
        ({"tier": "batch", "by": "team"}, "unknown_by"),
        ({"tier": "batch", "prices_at": "soon"}, "invalid_time"),
        ({"tier": "batch", "where": ["modle=x"]}, "unknown_dimension"),
    ],
)
def test_a_question_that_cannot_be_asked_says_why(embedded: Ledger, words: dict[str, Any], code: str) -> None:
    with pytest.raises(QuestionError) as refused:
        parse(WhatIfParameters(**words), embedded.zone, NOW)
    assert refused.value.code == code


def test_shares() -> None:
    assert [read_rate(text) for text in ("60%", "0.6", "100%", "0", "12.5 %")] == [
        *(Fraction(3, 5),) * 2,
        1,
        0,
        Fraction(1, 8),
    ]


PERIOD = {"start": "2026-09-01", "end": "2026-10-01"}


def test_the_command_prints_a_table_json_and_csv(
    embedded: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    put_events(embedded, read_book(embedded), call(1), call(2, provider="acme", model="ours"))
    words = WhatIfParameters(to_model="gpt-5.4", **PERIOD)
    assert print_comparison(embedded, words) == 0
    shown = capsys.readouterr().out
    assert "openai/gpt-4o-mini" in shown
    assert "tokenizer" in shown
    assert print_comparison(embedded, words, "json") == 0
    one = json.loads(capsys.readouterr().out)
    assert one["totals"]["difference"] == str(
        Decimal(one["totals"]["cost_there"]) - Decimal(one["totals"]["cost"])
    )
    assert print_comparison(embedded, WhatIfParameters(to_model="gpt-4.1-nano", **PERIOD), "csv") == 0
    rows: Sequence[dict[str, str]] = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    (saving,) = [row["difference"] for row in rows if row["model"] == "gpt-4o-mini"]
    assert Decimal(saving) < 0
    assert print_comparison(embedded, WhatIfParameters()) == 2
    assert "to_model" in capsys.readouterr().err


def test_the_api_answers_in_json_and_csv_and_refuses_what_it_does_not_know(ledger: Ledger) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(make_router(ledger))
    client = TestClient(app)
    put_events(ledger, read_book(ledger), call(1))
    query = "/v1/whatif?to_model=gpt-5.4&from=2026-09-01&to=2026-10-01"
    found = client.get(f"{query}&model=gpt-4o-mini").json()
    assert (found["totals"]["compared_requests"], found["there"]["model"]) == (1, "gpt-5.4")
    assert client.get(f"{query}&format=csv").headers["content-type"].startswith("text/csv")
    for wrong in ("/v1/whatif", f"{query}&to_modle=x", f"{query}&cache_hit_rate=2"):
        assert client.get(wrong).status_code == 422


def test_the_change_lives_in_the_url_and_the_filters_keep_it() -> None:
    view = changed(from_search("?model=gpt-4o"), {"to_model": " gpt-5.4 ", "tier": "", "by": "day"})
    assert to_search(view) == "?model=gpt-4o&to_model=gpt-5.4&by=day"
    assert from_search(to_search(view)) == view
