"""Amounts in one currency: each call by the rate of its day, rounded once; the amount paid stays visible."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes
from dashboard.query.question import QuestionError, QuestionText, parse
from dashboard.query.run import Result, run
from dashboard.query.serialize import as_json
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.zone import day_number
from tests.support.calls import a_ledger, call, put

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
UNIT = 10**12
CALLS = (
    call("2026-10-09T21:59:00Z", 10 * UNIT, currency="EUR", model="a"),
    call("2026-10-09T22:01:00Z", 10 * UNIT, currency="EUR", model="a"),  # the 10th in Berlin
    call("2026-10-12T10:00:00Z", 7 * UNIT, currency="USD", model="a", input_tokens=100),
    call("2026-10-12T10:30:00Z", 1, currency="GBP", model="b"),
    call("2026-10-12T11:00:00Z", 2, currency="GBP", model="c"),
    call("2026-10-20T11:00:00Z", None, currency="CHF", model="b"),
)


def quote(base: str, other: str, rate: str, on: str) -> Quote:
    return Quote(base=base, quote=other, day=day_number(date.fromisoformat(on)), rate=Decimal(rate))


RATES = (
    quote("EUR", "USD", "1.1", "2026-10-09"),
    quote("EUR", "USD", "1.2", "2026-10-10"),
    quote("GBP", "USD", "1.5", "2026-10-11"),
)


@pytest.fixture(params=["dirty", "clean", "mixed"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    clean = {"dirty": 0, "clean": len(CALLS), "mixed": 3}[request.param]
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        put(opened, CALLS[:clean])
        roll(opened)
        put(opened, CALLS[clean:], first=clean)
        yield opened


@pytest.fixture
def rated(ledger: Ledger) -> Ledger:
    with ledger.writing() as connection:
        add_quotes(connection, RATES)
    return ledger


def asked(ledger: Ledger, currency: str | None, **words: str) -> Result:
    said = QuestionText(
        by=[words.get("by", "")],
        metric=["total_cost,requests,total_tokens"],
        where=[words["where"]] if "where" in words else [],
        start="2026-10-01",
        end="2026-11-01",
        currency=currency,
    )
    return run(ledger, parse(said, ledger.zone, NOW))


def test_each_call_is_worth_what_its_day_says(rated: Ledger) -> None:
    result = asked(rated, "USD")
    assert result.totals.values == (
        Decimal("30.000000000004"),
        6,
        100,
    )  # 11 + 12 + 7, and 4.5 of the smallest units
    assert (result.totals.currency, result.unpriced_requests) == ("USD", 1)


def test_rows_add_up_to_their_total_to_the_last_unit(rated: Ledger) -> None:
    result = asked(rated, "USD", by="model")
    amounts = {row.key[0]: row.values[0] for row in result.rows}
    assert amounts == {"a": Decimal(30), "b": Decimal("0.000000000001"), "c": Decimal("0.000000000003")}
    assert {row.currency for row in result.rows} == {"USD"}


def test_what_was_paid_is_told_beside_what_it_is_worth(rated: Ledger) -> None:
    answer = as_json(asked(rated, "USD"))
    assert answer["currency"] == "USD"
    paid = {one["currency"]: one["totals"]["total_cost"] for one in answer["converted_from"]}
    assert paid == {"EUR": "20", "GBP": "0.000000000003", "CHF": "0"}
    assert "other_currencies" not in answer


def test_a_rate_that_is_missing_is_an_error_with_a_name(rated: Ledger) -> None:
    with pytest.raises(QuestionError, match="no rate from USD to CHF on 2026-10-12") as refused:
        asked(rated, "CHF", where="currency=USD")
    assert refused.value.code == "no_rate"


def test_the_reporting_currency_leaves_amounts_as_paid_where_a_rate_is_missing(ledger: Ledger) -> None:
    without = asked(ledger, "reporting")
    assert without.totals == asked(ledger, None).totals
    with ledger.writing() as connection:
        add_quotes(connection, RATES[:2])
    partly = asked(ledger, "reporting")
    assert partly.totals == without.totals
    assert "no rate from GBP to USD" in (partly.no_rate or "")


def test_a_currency_that_nobody_asks_for_changes_nothing(rated: Ledger) -> None:
    result = asked(rated, None)
    assert result.totals.values[0] == Decimal(7)
    assert [one.currency for one in result.other_currencies] == ["CHF", "EUR", "GBP"]


def test_a_word_that_is_no_currency_is_refused(ledger: Ledger) -> None:
    with pytest.raises(QuestionError, match="'dollars' is no currency"):
        asked(ledger, "dollars")
