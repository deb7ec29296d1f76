"""A closed statement keeps every figure that it showed, and currencies are never mixed."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dashboard.chargeback import closing
from dashboard.chargeback.comparison import compared
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.chargeback.statements import OtherCurrency, statement
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.store import add_quotes
from dashboard.query.calendar import Month, of_month, read_calendar
from ingest.ledger import periods
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.ownership import NOBODY
from ingest.settings import Settings
from tests.support.calls import a_ledger, call, put
from tests.support.cli import Command, object_of
from tests.support.ledgers import blank

UNIT = 10**12
NOW = 1_796_200_000_000_000  # 2026-12-02
SEPTEMBER, OCTOBER, NOVEMBER = (Month(2026, number) for number in (9, 10, 11))


def close(ledger: Ledger, month: Month) -> None:
    assert closing.close(ledger, month, accept="fine", by="ann", now=NOW).hash


def as_json(ledger: Ledger, month: Month) -> Any:
    return json.loads(FORMS["json"].make(report_of(ledger, of_month(month), "team", NOW)))


def outputs(ledger: Ledger, month: Month, by: Any = "team") -> tuple[bytes, ...]:
    made = report_of(ledger, of_month(month), by, NOW)
    return FORMS["json"].make(made), FORMS["csv"].make(made)


def test_a_closed_statement_keeps_the_period_before_and_the_budget(
    tallybook: Command, embedded: Ledger
) -> None:
    calls = [
        call("2026-09-05T10:00:00Z", 7 * UNIT, team="red"),
        call("2026-10-05T10:00:00Z", 5 * UNIT, team="red"),
    ]
    put(embedded, calls)
    assert tallybook("budget", "set", "B", "40", "--team", "red", "--from", "2026-10-01").exit_code == 0
    close(embedded, OCTOBER)
    by_all = ("team", "customer", "cost_center")
    before = [outputs(embedded, OCTOBER, by) for by in by_all]
    put(embedded, [call("2026-09-06T10:00:00Z", 100 * UNIT, team="red")], first=2)
    assert tallybook("budget", "set", "B", "3", "--team", "red", "--from", "2026-10-01").exit_code == 0
    assert [outputs(embedded, OCTOBER, by) for by in by_all] == before
    (red,) = as_json(embedded, OCTOBER)["lines"]
    assert (red["previous_total"], red["change"], red["budget"]) == ("7", "-2", "40")
    assert red["shown"]["change"] == "-2.00"


def test_an_open_statement_is_compared_with_the_ledger_of_now(embedded: Ledger) -> None:
    calls = [
        call("2026-09-05T10:00:00Z", 7 * UNIT, team="red"),
        call("2026-10-05T10:00:00Z", 5 * UNIT, team="red"),
    ]
    put(embedded, calls)
    put(embedded, [call("2026-09-06T10:00:00Z", UNIT, team="red")], first=2)
    (red,) = as_json(embedded, OCTOBER)["lines"]
    assert (red["previous_total"], red["change"]) == ("8", "-3")


def test_a_team_that_has_no_cost_now_is_in_the_sum_of_the_period_before(embedded: Ledger) -> None:
    calls = [
        call("2026-09-05T10:00:00Z", 7 * UNIT, team="red"),
        call("2026-10-05T10:00:00Z", 5 * UNIT, team="blue"),
    ]
    put(embedded, calls)
    made = report_of(embedded, of_month(OCTOBER), "team", NOW)
    assert (made.shown_before, made.shown_before_elsewhere) == (700, 700)


def reporting_in(currency: str, url: str) -> Ledger:
    return open_ledger(Settings(database_url=url, currency=currency, secret_key=SecretStr("of the tests")))


def test_another_currency_is_refused_while_a_month_is_closed(tmp_path: Path) -> None:
    url = blank(tmp_path / "ledger.db")
    with a_ledger(tmp_path, url=url) as ledger:
        put(ledger, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red")])
        with ledger.writing() as connection:
            rates = [
                Quote(base="EUR", quote="USD", day=day, rate=Decimal("1.2"))
                for day in range(*of_month(OCTOBER).days)
            ]
            add_quotes(connection, rates)
        close(ledger, OCTOBER)
        issued = statement(ledger, of_month(OCTOBER), NOW)
    euro = reporting_in("EUR", url)
    with pytest.raises(
        OtherCurrency, match=r"2026-10 is closed in USD, and TALLYBOOK_CURRENCY is EUR.*reopen 2026-10"
    ):
        statement(euro, of_month(NOVEMBER), NOW)
    with pytest.raises(OtherCurrency):
        statement(euro, read_calendar("2026-Q4"), NOW)
    with pytest.raises(OtherCurrency):
        closing.close(euro, NOVEMBER, accept="fine", by="ann", now=NOW)
    assert statement(euro, of_month(OCTOBER), NOW) == issued
    closing.reopen(euro, OCTOBER, reason="another currency", by="ann", now=NOW)
    close(euro, OCTOBER)
    assert as_json(euro, OCTOBER)["lines"][0]["total"] == "10"
    assert as_json(euro, NOVEMBER)["lines"] == []
    euro.close()


def test_an_adjustment_in_another_currency_is_told_and_stops_closing(tmp_path: Path) -> None:
    url = blank(tmp_path / "ledger.db")
    with a_ledger(tmp_path, url=url) as ledger:
        put(ledger, [call("2026-10-05T10:00:00Z", UNIT, team="red", currency="EUR")])
        booked = periods.Adjustment(
            period="2026-10",
            cause="credit",
            owner=NOBODY,
            currency="USD",
            amount=-UNIT,
            reason="goodwill",
            recorded_at=NOW,
            recorded_by="ann",
        )
        with ledger.writing() as connection:
            periods.book(connection, booked)
    euro = reporting_in("EUR", url)
    assert as_json(euro, OCTOBER)["unconverted"] == [{"currency": "USD", "amount": "-1", "requests": 0}]
    stopped = closing.close(euro, OCTOBER, accept=None, by="ann", now=NOW)
    assert "unconverted" in [item.code for item in stopped.items if item.stops]
    euro.close()


def test_a_closed_statement_has_no_period_before_where_that_is_in_another_currency(tmp_path: Path) -> None:
    url = blank(tmp_path / "ledger.db")
    with a_ledger(tmp_path, url=url) as ledger:
        put(
            ledger,
            [call("2026-09-05T10:00:00Z", UNIT, team="red"), call("2026-10-05T10:00:00Z", UNIT, team="red")],
        )
        close(ledger, OCTOBER)
        issued = statement(ledger, of_month(OCTOBER), NOW)
        assert {row.total for row in issued.previous or ()} == {UNIT}
        of_an_earlier_version = replace(issued, previous=None, budgets=None)
        known = compared(ledger, of_month(OCTOBER), of_an_earlier_version, NOW)
        assert (known.previous, known.budgets) == (issued.previous, ())
    euro = reporting_in("EUR", url)
    assert compared(euro, of_month(OCTOBER), of_an_earlier_version, NOW).previous == ()
    euro.close()


def test_commands_say_what_to_do_about_another_currency(
    tallybook: Command, embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(embedded, [call("2026-10-05T10:00:00Z", 12 * UNIT, team="red")])
    close(embedded, OCTOBER)
    monkeypatch.setenv("TALLYBOOK_CURRENCY", "EUR")
    for words in (
        ("report", "chargeback", "--period", "2026-11"),
        ("report", "journal", "--period", "2026-11"),
        ("export", "focus", "--period", "2026-10", "--out", "-"),
        ("period", "show", "2026-11"),
    ):
        refused = tallybook(*words)
        assert (refused.exit_code, "set TALLYBOOK_CURRENCY=USD again" in refused.output) == (2, True), words
    months = {row["period"]: row for row in object_of(tallybook("period", "list", "--json"))["periods"]}
    assert (months["2026-10"]["total"], months["2026-10"]["currency"]) == ("12", "USD")
