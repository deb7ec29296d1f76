"""What providers charge against the ledger: compared by day and model, and booked when accepted.

Invoices are read as their provider writes them, each once.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback import closing
from dashboard.chargeback.statements import statement
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.pages.chargeback.callbacks import accept_variance
from dashboard.query.calendar import Month, of_month
from dashboard.reconciliation.api import make_router
from dashboard.reconciliation.compare import ReconciliationRow, reconcile
from dashboard.reconciliation.invoices.line import InvoiceLine, current_lines, new_lines
from dashboard.reconciliation.invoices.parser import NotAnInvoice, parse_invoice
from dashboard.reconciliation.invoices.store import add_lines
from ingest.http import problems
from ingest.ledger.engine import Ledger
from ingest.model.zone import date_of
from tests.support.calls import a_ledger, call, put
from tests.support.cli import Command, object_of

UNIT = 10**12
OCTOBER = Month(2026, 10)
NOW = 1_793_900_000_000_000

OPENAI = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": 1_790_812_800,  # 2026-10-01
            "end_time": 1_790_899_200,
            "results": [
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 10.5, "currency": "usd"},
                    "line_item": "gpt-5-2026-08-07, input",
                    "project_id": None,
                },
                {
                    "object": "organization.costs.result",
                    "amount": {"value": 0.06, "currency": "usd"},
                    "line_item": "Image models",
                    "project_id": "proj_abc",
                },
            ],
        }
    ],
    "has_more": False,
}
ANTHROPIC = {
    "data": [
        {
            "starting_at": "2026-10-01T00:00:00Z",
            "ending_at": "2026-10-02T00:00:00Z",
            "results": [
                {
                    "currency": "USD",
                    "amount": "123.78912",
                    "workspace_id": None,
                    "description": "Claude Sonnet 4.5 Usage - Input Tokens",
                    "cost_type": "tokens",
                    "model": "claude-sonnet-4-5",
                }
            ],
        },
        {"starting_at": "2026-10-02T00:00:00Z", "ending_at": "2026-10-03T00:00:00Z", "results": []},
    ],
    "has_more": False,
    "next_page": None,
}
OPENROUTER = {
    "data": [
        {
            "date": "2026-10-01",
            "model": "openai/gpt-5",
            "model_permaslug": "openai/gpt-5-2026-08-07",
            "provider_name": "OpenAI",
            "usage": 0.015,
            "byok_usage_inference": 0.012,
            "requests": 5,
        }
    ]
}
TABLES = {
    "openai": (
        (
            "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
            '1790812800,1790899200,2026-10-01T00:00:00+00:00,2026-10-02T00:00:00+00:00,10.56,usd,"gpt-5, input",\n'
        ),
        ("openai-costs", "openai", "10.56", "gpt-5"),
    ),
    "anthropic": (
        "usage_date_utc,model,workspace,token_type,cost_usd\n2026-10-01,claude-sonnet-4-5,Default,input,1.2378912\n",
        ("anthropic-cost-report", "anthropic", "1.2378912", "claude-sonnet-4-5"),
    ),
    "openrouter": (
        "date,model,model_permaslug,provider_name,usage\n2026-10-01,openai/gpt-5,openai/gpt-5-x,OpenAI,0.015\n",
        ("openrouter-activity", "openrouter", "0.015", "openai/gpt-5"),
    ),
    "plain": (
        "Provider;Month;Amount;Currency;Invoice ID\nAcme;2026-10;1,234.50;EUR;INV-7\n",
        ("table", "acme", "1234.5", None),
    ),
}


def written(folder: Path, held: Any, name: str = "invoice") -> Path:
    path = folder / name
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def amounts(lines: Any) -> list[str]:
    return [str(Decimal(one.amount).scaleb(-12).normalize()) for one in lines]


def test_openai_charges_in_units_and_names_models_in_its_line_items(tmp_path: Path) -> None:
    found = parse_invoice(written(tmp_path, OPENAI))
    assert [(one.provider, one.model, one.account, str(date_of(one.first_day))) for one in found.lines] == [
        ("openai", "gpt-5-2026-08-07", "", "2026-10-01"),
        ("openai", None, "proj_abc", "2026-10-01"),
    ]
    assert amounts(found.lines) == ["10.5", "0.06"]


def test_anthropic_charges_in_cents(tmp_path: Path) -> None:
    found = parse_invoice(written(tmp_path, ANTHROPIC))
    assert (amounts(found.lines), found.lines[0].model) == (["1.2378912"], "claude-sonnet-4-5")


def test_openrouter_lists_days_and_models(tmp_path: Path) -> None:
    found = parse_invoice(written(tmp_path, OPENROUTER))
    assert (found.source, amounts(found.lines), found.lines[0].provider) == (
        "openrouter-activity",
        ["0.015"],
        "openrouter",
    )
    assert parse_invoice(written(tmp_path, OPENROUTER["data"])).lines == found.lines


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_known_by_their_columns(tmp_path: Path, name: str) -> None:
    text, (source, provider, amount, model) = TABLES[name]
    found = parse_invoice(written(tmp_path, text))
    (line,) = found.lines
    assert (found.source, line.provider, amounts([line]), line.model) == (source, provider, [amount], model)
    if name == "plain":
        assert (line.currency, line.invoice_id, line.end_day - line.first_day) == ("EUR", "INV-7", 31)


def test_a_line_that_is_none_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    text = "provider,month,amount\nacme,2026-10,5\nacme,october,5\nacme,2026-10,much\n,2026-10,5\nacme,2026-10,1e13\n"
    found = parse_invoice(written(tmp_path, text))
    assert len(found.lines) == 1
    assert [str(one) for one in found.problems] == [
        "line 3: month 'october': is no date; write one as 2026-10-31",
        "line 4: amount 'much': is no amount; write one such as 1234.56",
        "line 5: provider '': is not named; add a column provider, or --provider",
        "line 6: amount '1e13': is no amount that anybody is charged",
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234,56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("-7,5", "-7.5"),
        ("1234", "1234"),
    ],
)
def test_amounts_are_read_with_a_point_or_a_comma(tmp_path: Path, text: str, amount: str) -> None:
    (line,) = parse_invoice(written(tmp_path, f"provider;month;amount\nacme;2026-10;{text}\n")).lines
    assert Decimal(line.amount).scaleb(-12) == Decimal(amount)


@pytest.mark.parametrize("text", ["1,234", "1,234,567", "1,2,3", ",5"])
def test_an_amount_that_may_be_two_numbers_is_refused(tmp_path: Path, text: str) -> None:
    found = parse_invoice(written(tmp_path, f"provider;month;amount\nacme;2026-10;{text}\n"))
    assert (found.lines, [one.field for one in found.problems]) == ((), ["amount"])


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"data": [{"start_time": 1, "end_time": 2, "results": [{"amount": 1.5}]}]}, "amount"),
        ({"data": [{"start_time": 1, "end_time": 2, "results": [7]}]}, "results"),
        ({"data": [{"start_time": 1, "end_time": 2, "results": "x"}]}, "results"),
        ({"data": [{"start_time": 1, "end_time": 2, "results": []}, 7]}, "data"),
        ({"data": [{"start_time": 1, "end_time": 2, "results": []}], "has_more": True}, "has_more"),
        ("provider,month,amount\nacme,9999-12,5\n", "month"),
    ],
)
def test_what_is_missing_or_misshapen_is_named(tmp_path: Path, page: Any, field: str) -> None:
    assert [one.field for one in parse_invoice(written(tmp_path, page)).problems] == [field]


@pytest.mark.parametrize(
    "held", ["", "{}", "[]", "{", '{"data": [{"x": 1}]}', "model,tokens\na,1\n", "date,model\n1,2\n"]
)
def test_what_is_no_invoice_says_what_is_read(tmp_path: Path, held: str) -> None:
    with pytest.raises(NotAnInvoice):
        parse_invoice(written(tmp_path, held))


def line(amount: int, at: int = 0, **facts: Any) -> InvoiceLine:
    known: dict[str, Any] = {
        "provider": "acme",
        "first_day": of_month(OCTOBER).days[0],
        "end_day": of_month(OCTOBER).days[1],
        "currency": "USD",
        "source": "table",
    }
    return InvoiceLine(**{**known, "amount": amount, "recorded_at": at, **facts})


LINES = st.lists(
    st.builds(
        line,
        st.integers(0, 3),
        st.just(0),
        provider=st.sampled_from(["a", "b"]),
        account=st.sampled_from(["", "x"]),
    ),
    max_size=6,
)


@given(LINES, LINES)
def test_the_same_again_says_nothing_and_a_later_export_takes_the_place_of_its_days(
    first: list[InvoiceLine], then: list[InvoiceLine]
) -> None:
    assert new_lines(first, first) == []
    later = [line(one.amount, 1, provider=one.provider, account=one.account) for one in then]
    known = [*first, *new_lines(later, first)]
    about = {one.scope for one in later}
    kept = [one for one in current_lines(known) if one.scope in about]
    assert sorted(one.amount for one in kept) == sorted(one.amount for one in later)
    others = [one for one in current_lines(known) if one.scope not in about]
    assert sorted(map(repr, others)) == sorted(repr(one) for one in first if one.scope not in about)


CALLS = (
    call("2026-10-01T10:00:00Z", 90 * UNIT, provider="acme", model="a", total_tokens=900),
    call("2026-10-31T23:30:00Z", 8 * UNIT, provider="acme", model="a", total_tokens=80),
    call("2026-10-02T10:00:00Z", 2 * UNIT, provider="acme", model="b", total_tokens=20, status="cancelled"),
    call("2026-10-02T10:00:00Z", None, provider="acme", model="c", total_tokens=10),
    call("2026-11-01T00:30:00Z", 7 * UNIT, provider="acme", model="a", total_tokens=70),
    call("2026-10-02T10:00:00Z", 5 * UNIT, provider="other", model="z"),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        put(opened, CALLS)
        yield opened


def billed(ledger: Ledger, *lines: InvoiceLine) -> None:
    with ledger.writing() as connection:
        add_lines(connection, lines)


def by_provider(ledger: Ledger) -> dict[str, ReconciliationRow]:
    return {row.provider: row for row in reconcile(ledger, OCTOBER).rows}


def test_a_month_of_utc_is_compared_whatever_zone_is_reported_in(ledger: Ledger) -> None:
    billed(ledger, line(102 * UNIT))
    acme = by_provider(ledger)["acme"]
    assert (acme.ledger, acme.invoiced, acme.variance) == (100 * UNIT, 102 * UNIT, 2 * UNIT)
    assert acme.share == Fraction(2, 102)
    assert by_provider(ledger)["other"].variance is None


def test_unpriced_calls_explain_what_they_may_have_cost_and_rounding_half_a_cent_a_line(
    ledger: Ledger,
) -> None:
    billed(ledger, line(102 * UNIT))
    acme = by_provider(ledger)["acme"]
    assert acme.unpriced == UNIT  # 10 tokens at 100 for 1,000
    assert (acme.explained, acme.unexplained) == (UNIT + UNIT // 200, UNIT - UNIT // 200)
    assert acme.unpriced_requests == 1


def test_cancelled_calls_explain_an_invoice_that_is_lower(ledger: Ledger) -> None:
    billed(ledger, line(97 * UNIT))
    acme = by_provider(ledger)["acme"]
    assert (acme.variance, acme.explained) == (-3 * UNIT, -(2 * UNIT + UNIT // 200))


def test_an_export_in_another_form_takes_the_place_of_the_same_days(ledger: Ledger) -> None:
    billed(ledger, line(100 * UNIT, source="openai-costs"))
    billed(ledger, line(102 * UNIT, at=1))
    assert by_provider(ledger)["acme"].invoiced == 102 * UNIT


@pytest.mark.parametrize("other", [{"end_day": of_month(OCTOBER).days[0] + 1}, {"account": "proj_abc"}])
def test_days_that_are_told_twice_are_said(ledger: Ledger, other: dict[str, Any]) -> None:
    billed(ledger, line(100 * UNIT))
    assert reconcile(ledger, OCTOBER).unconverted == ()
    billed(ledger, line(100 * UNIT, at=1, **other))
    assert "tell of some days twice" in reconcile(ledger, OCTOBER).unconverted[0]


def test_a_month_of_the_reporting_zone_holds_the_fees_that_start_at_its_midnights(ledger: Ledger) -> None:
    start = ledger.zone.midnight(of_month(OCTOBER).days[0])
    known: dict[str, Any] = {"kind": "platform", "provider": "acme", "start": start, "every": "month"}
    with ledger.writing() as connection:
        add_fees(connection, [Fee(name="seats", amount=31 * UNIT, currency="USD", **known)])
        add_fees(connection, [Fee(name="abroad", amount=3 * UNIT, currency="EUR", **known)])
    assert by_provider(ledger)["acme"].fees == 31 * UNIT
    assert {row.fees for row in reconcile(ledger, OCTOBER.plus(-1)).rows} <= {0}
    assert "the fee abroad: no rate from EUR to USD" in reconcile(ledger, OCTOBER).unconverted[0]


def test_calls_in_another_currency_are_told_where_they_are_left_out(ledger: Ledger) -> None:
    put(ledger, [call("2026-10-05T10:00:00Z", 4 * UNIT, provider="acme", currency="EUR")], first=20)
    assert "calls of 4 EUR" in reconcile(ledger, OCTOBER).unconverted[0]


def test_fees_that_are_billed_belong_to_the_ledgers_side(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        start = ledger.zone.midnight(of_month(OCTOBER).days[0] + 3)
        fee = Fee(
            name="plan", kind="subscription", amount=3 * UNIT, currency="USD", start=start, provider="Acme"
        )
        add_fees(connection, [fee])
    billed(ledger, line(103 * UNIT))
    assert by_provider(ledger)["acme"].variance == 0


def test_days_and_models_are_compared_one_by_one(ledger: Ledger) -> None:
    first = of_month(OCTOBER).days[0]
    billed(
        ledger,
        line(90 * UNIT, first_day=first, end_day=first + 1, model="a"),
        line(3 * UNIT, first_day=first + 1, end_day=first + 2, model="b"),
    )
    days = {row.key: row.variance for row in reconcile(ledger, OCTOBER, "day", provider="ACME").rows}
    assert days == {"2026-10-01": 0, "2026-10-02": UNIT, "2026-10-31": None}
    models = {row.key: row.variance for row in reconcile(ledger, OCTOBER, "model", provider="acme").rows}
    assert models == {"a": -8 * UNIT, "b": UNIT, "c": None}


def test_an_invoice_in_a_currency_without_a_rate_is_told(ledger: Ledger) -> None:
    billed(ledger, line(100 * UNIT, currency="EUR"))
    found = reconcile(ledger, OCTOBER)
    assert "no rate from EUR to USD" in found.unconverted[0]
    assert {row.provider: row.invoiced for row in found.rows} == {"acme": None, "other": None}


def test_what_is_accepted_is_booked_in_the_earliest_open_month_and_compared_no_more(ledger: Ledger) -> None:
    billed(ledger, line(102 * UNIT))
    closing.close(ledger, OCTOBER, accept="a trial", by="ann", now=NOW * 2)
    assert accept_variance(ledger, "2026-10", "acme", "") == "Not booked: say why the variance is accepted."
    assert accept_variance(ledger, "2026-10", "acme", "keys of the lab") is None
    assert by_provider(ledger)["acme"].variance == 0
    november = statement(ledger, of_month(OCTOBER.plus(1)), NOW)
    assert [(one.cause, one.about, one.amount) for one in november.corrections] == [
        ("reconciliation", "2026-10", 2 * UNIT)
    ]
    assert "nothing of 2026-10 differs" in (accept_variance(ledger, "2026-10", "acme", "again") or "")


def test_the_check_list_names_providers_that_do_not_agree(ledger: Ledger) -> None:
    billed(ledger, line(102 * UNIT))
    found = statement(ledger, of_month(OCTOBER), NOW)
    told = {
        item.facts["provider"]: item.facts["variance"]
        for item in closing.checklist(ledger, found)
        if item.code == "unreconciled"
    }
    assert told == {"acme": "2", "other": None}
    billed(ledger, line(100_900_000_000_000, at=1))
    told = {
        item.facts["provider"]: 0 for item in closing.checklist(ledger, found) if item.code == "unreconciled"
    }
    assert list(told) == ["other"]


def test_invoices_are_imported_compared_and_accepted_by_command(
    tallybook: Command, embedded: Ledger, tmp_path: Path
) -> None:
    put(embedded, CALLS)
    path = str(written(tmp_path, "provider,month,amount\nacme,2026-10,102\nacme,x,1\n"))
    done = tallybook("invoice", "import", path, "--json")
    assert (done.exit_code, json.loads(done.stdout)["new"]) == (3, 1)
    assert json.loads(tallybook("invoice", "import", path, "--json").stdout)["new"] == 0
    (row,) = object_of(tallybook("invoice", "list", "--period", "2026-10", "--json"))["invoices"]
    assert (row["provider"], row["amount"]) == ("acme", "102")
    rows = object_of(tallybook("reconcile", "--period", "2026-10", "--json"))["rows"]
    assert [(one["provider"], one["variance"], one["agrees"]) for one in rows] == [
        ("acme", "2", False),
        ("other", None, False),
    ]
    assert object_of(tallybook("reconcile", "--period", "2026-10", "--threshold", "2%", "--json"))["rows"][0][
        "agrees"
    ]
    lenient = object_of(tallybook("reconcile", "--period", "2026-10", "--threshold", "2.5", "--json"))
    assert lenient["rows"][0]["agrees"]
    assert "differs" in tallybook("reconcile", "--period", "2026-10").stdout
    faulty = str(written(tmp_path, "provider,month,amount\nacme,2026-10,60\nacme,2026-10,x\n", "faulty"))
    assert tallybook("invoice", "import", faulty).exit_code == 3
    assert object_of(tallybook("invoice", "list", "--json"))["invoices"][0]["amount"] == "102"
    assert tallybook("reconcile", "--period", "2026-10", "--csv").stdout.count("\n") == 3
    tallybook("team", "add", "lab")
    booked = tallybook("reconcile", "--period", "2026-10", "--accept", "the lab's keys", "--team", "lab")
    assert "acme: 2 USD is booked in 2026-10" in booked.output
    report = object_of(tallybook("report", "chargeback", "--period", "2026-10"))
    assert {one["team"]: one["adjustments"] for one in report["lines"]}["lab"] == "2"


@pytest.mark.parametrize(
    "words",
    [
        ("--period", "soon"),
        ("--period", "2026-10", "--by", "luck"),
        ("--period", "2026-10", "--threshold", "x"),
    ],
)
def test_what_cannot_be_compared_is_refused(tallybook: Command, words: tuple[str, ...]) -> None:
    assert tallybook("reconcile", *words).exit_code == 2


def test_the_comparison_is_had_over_http(ledger: Ledger) -> None:
    billed(ledger, line(102 * UNIT))
    app = FastAPI()
    problems.install(app)
    app.include_router(make_router(ledger))
    client = TestClient(app)
    found = client.get("/v1/reconciliation", params={"period": "2026-10"}).json()
    assert found["totals"]["variance"] == "2"
    text = client.get("/v1/reconciliation", params={"period": "2026-10", "by": "model", "format": "csv"}).text
    assert text.startswith("period,provider,key,currency,invoiced")
    assert client.get("/v1/reconciliation", params={"period": "2026-10", "by": "x"}).status_code == 422
