"""A hard quarter, worked out in fractions beside the product: every output says the same.

Three currencies, a zone whose clocks change, keys that move and are shared, rules and fees that change,
mark-ups, calls that come late, revisions, prices that come later, months that are opened again, invoices with
a credit note. `tests.support.hard_quarter` has the facts, `tests.support.quarter_oracle` the arithmetic.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import takewhile
from typing import Any, Final

import pypdfium2
import pytest
from openpyxl import load_workbook

from ingest.ledger.engine import open_ledger
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.support.hard_quarter import MODELS, MONTHS, PICO, steps
from tests.support.quarter_oracle import Amounts, Books, added, first_day, month_of, next_month, used
from tests.support.quarter_play import Play

CLOSED: Final = MONTHS[:3]
ROUNDED: Final = 30
"""Pico-units by which an amount may differ from its fraction: some dozens of parts of it are rounded once."""
PARTS: Final = ("direct_cost", "shared_cost", "adjustments", "total")
SEEDS: Final = (2025, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4)))


@dataclass(frozen=True, eq=False)
class Quarter:
    """The quarter as the product has it, and as the fractions have it."""

    play: Play
    books: Books
    issued: dict[str, tuple[str, str]]

    @cache  # noqa: B019
    def report(self, month: str, form: str) -> bytes:
        name = f"{month}.{form}"
        return self.play.written(name, "report", "chargeback", "--period", month, "--format", form)

    def answer(self, month: str) -> Any:
        return json.loads(self.report(month, "json"))

    @cache  # noqa: B019
    def focus(self, month: str, *words: str) -> list[dict[str, str]]:
        text = self.play.said("export", "focus", "--period", month, *words, "--out", "-")
        return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module", params=SEEDS)
def quarter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    play, books = Play(tmp_path_factory.mktemp("quarter")), Books()
    play.settle()
    for step in steps(request.param):
        play.take(step)
        books.take(step)
    return Quarter(play, books, dict(play.issued))


def is_near(said: str | Fraction, exact: Fraction, rounded: int = ROUNDED) -> bool:
    return abs(Fraction(said) * PICO - exact) < rounded


def sum_of(numbers: Iterable[str | Decimal]) -> Decimal:
    return sum(map(Decimal, numbers), Decimal(0))


def by_name(rows: Iterable[Any], name: str, amount: str) -> dict[str | None, Decimal]:
    """The sum of an amount for each value of a column; empty text is none."""
    sums: dict[str | None, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row[name] or None] += Decimal(row[amount])
    return {key: amount for key, amount in sums.items() if amount}


def totals(answer: Any) -> dict[str | None, Decimal]:
    return by_name(answer["lines"], "team", "total")


def owed(quarter: Quarter, month: str) -> Amounts:
    return added(*quarter.books.statement(month).values())


@pytest.mark.parametrize("month", MONTHS)
def test_every_team_owes_what_the_fractions_say(quarter: Quarter, month: str) -> None:
    answer = quarter.answer(month)
    exact = owed(quarter, month)
    assert {line["team"] for line in answer["lines"]} >= {team for team, amount in exact.items() if amount}
    for line in answer["lines"]:
        assert is_near(line["total"], exact.get(line["team"], Fraction(0))), line["team"]
        assert Decimal(line["total"]) == sum_of(line[part] for part in PARTS[:3])
    assert Decimal(answer["total"]) == sum_of(line["total"] for line in answer["lines"])


def test_all_statements_together_are_what_the_ledger_says_now(quarter: Quarter) -> None:
    now = added(
        *(month_of(quarter.books.facts, month).owed for month in MONTHS), *quarter.books.booked.values()
    )
    said = sum_of(quarter.answer(month)["total"] for month in MONTHS)
    assert is_near(Fraction(said), sum(now.values(), Fraction(0)), len(MONTHS) * ROUNDED)


def test_direct_and_shared_cost_of_the_open_month_are_those_of_the_fractions(quarter: Quarter) -> None:
    exact = month_of(quarter.books.facts, MONTHS[-1])
    for line in quarter.answer(MONTHS[-1])["lines"]:
        assert is_near(line["direct_cost"], exact.direct.get(line["team"], Fraction(0)))
        assert is_near(line["shared_cost"], exact.shared.get(line["team"], Fraction(0)))


@pytest.mark.parametrize("month", MONTHS)
def test_lines_of_a_team_add_up_exactly_and_as_shown(quarter: Quarter, month: str) -> None:
    for line in quarter.answer(month)["lines"]:
        for name, parts in (("shared_cost", "shared"), ("adjustments", "corrections"), ("fees", "own_fees")):
            assert sum_of(part["amount"] for part in line[parts]) == Decimal(line[name]), (name, line["team"])
            if name in line["shown"]:
                assert sum_of(part["shown"] for part in line[parts]) == Decimal(line["shown"][name])
        assert sum_of(line["shown"][part] for part in PARTS[:3]) == Decimal(line["shown"]["total"])
        calls = sum_of((line["list_cost"], line["discounts"], line["markups"]))
        assert calls + Decimal(line["fees"]) == Decimal(line["direct_cost"])


@pytest.mark.parametrize("month", MONTHS)
def test_what_is_shown_adds_up_to_the_rounded_total(quarter: Quarter, month: str) -> None:
    answer = quarter.answer(month)
    assert sum_of(line["shown"]["total"] for line in answer["lines"]) == Decimal(answer["shown_total"])
    assert Decimal(answer["shown_total"]) == round(Decimal(answer["total"]), 2)


@pytest.mark.parametrize("month", MONTHS)
def test_the_csv_says_what_the_json_says(quarter: Quarter, month: str) -> None:
    rows = list(csv.DictReader(io.StringIO(quarter.report(month, "csv").decode())))
    lines = quarter.answer(month)["lines"]
    assert [row["team"] or None for row in rows] == [line["team"] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert [row[part] for part in (*PARTS, "list_cost", "markups", "gl_code")] == [
            line[part] or "" for part in (*PARTS, "list_cost", "markups", "gl_code")
        ]


@pytest.mark.parametrize("month", MONTHS)
def test_every_sheet_of_the_workbook_adds_up_to_the_last_cent(quarter: Quarter, month: str) -> None:
    answer = quarter.answer(month)
    book = load_workbook(io.BytesIO(quarter.report(month, "xlsx")), data_only=True)
    rows = list(book["Summary"].iter_rows(min_row=7, values_only=True))
    lines = {line["team"] or "(unassigned)": line for line in answer["lines"]}
    shown: dict[str, list[Decimal]] = {
        str(row[0]): [cents(cell) for cell in row[3:9]] for row in takewhile(lambda row: row[0], rows)
    }
    whole = shown.pop("Total")
    assert [sum(column, Decimal(0)) for column in zip(*shown.values(), strict=True)] == whole
    for name, line in lines.items():
        assert shown[name][:4] == [Decimal(line["shown"][part]) for part in PARTS]
        sheet = book[line["team"] or "Unassigned"]
        assert [cents(sheet.cell(at, 2).value) for at in range(2, 6)] == shown[name][:4]
        details = list(sheet.iter_rows(min_row=9, values_only=True))
        assert sum((cents(row[10]) for row in details), Decimal(0)) == Decimal(line["shown"]["direct_cost"])
        assert sum_of(str(row[11]) for row in details) == Decimal(line["direct_cost"])
    for title, amount, column in (("Shared cost", "shared_cost", 5), ("Adjustments", "adjustments", 4)):
        cells = list(book[title].iter_rows(min_row=3, values_only=True))
        for name, line in lines.items():
            mine = [row for row in cells if row[0] == name]
            assert sum((cents(row[column]) for row in mine), Decimal(0)) == Decimal(line["shown"][amount])
            exact = 6 if title == "Shared cost" else 5
            assert sum_of(str(row[exact]) for row in mine) == Decimal(line[amount])


def cents(cell: Any) -> Decimal:
    return Decimal(0) if cell is None else round(Decimal(str(cell)), 2)


HEADINGS: Final = ("Direct cost by key and model", "Fees in direct cost", "Shared cost", "Adjustments")


@pytest.mark.parametrize("month", MONTHS)
def test_every_page_of_the_document_adds_up_to_the_last_cent(quarter: Quarter, month: str) -> None:
    answer = quarter.answer(month)
    pages = pages_of(quarter.report(month, "pdf"))
    assert len(pages) == len(answer["lines"]) + 1
    assert f"Total {sums_shown(answer)}" in "\n".join(pages[0])
    for page, line in zip(pages[1:], answer["lines"], strict=True):
        at = page.index("What is owed")
        parts = [last_amount(text) for text in page[at + 2 : at + 6]]
        assert parts == [Decimal(line["shown"][part]) for part in PARTS]
        tables = tables_of(page[at + 6 :])
        assert tables["Direct cost by key and model"] + tables["Fees in direct cost"] == parts[0]
        assert tables["Shared cost"] == parts[1]
        assert tables["Adjustments"] == parts[2]


def pages_of(pdf: bytes) -> list[list[str]]:
    """The lines of each page; a team that needs several pages has them as one."""
    pages: list[list[str]] = []
    for page in pypdfium2.PdfDocument(pdf):
        lines = page.get_textpage().get_text_range().splitlines()
        if pages and len(pages) > 1 and "What is owed" not in lines:
            pages[-1] += lines
        else:
            pages.append(lines)
    return pages


def sums_shown(answer: Any) -> str:
    return " ".join(f"{sum_of(line['shown'][part] for line in answer['lines']):,.2f}" for part in PARTS)


def last_amount(text: str) -> Decimal:
    amount = text.rsplit(" ", 1)[-1].replace(",", "")
    return Decimal(0 if amount == "unpriced" else amount)


def tables_of(lines: Iterable[str]) -> dict[str, Decimal]:
    """The sum of the last column of each table of a page; its heading is the first line."""
    sums = dict.fromkeys(HEADINGS, Decimal(0))
    heading, is_head = "", False
    for line in lines:
        if line in HEADINGS:
            heading, is_head = line, True
        elif line.startswith(("Statement ", "Preliminary", "PRELIMINARY", "Chargeback ")):
            continue
        elif heading and not is_head:
            sums[heading] += last_amount(line)
        else:
            is_head = False
    return sums


@pytest.mark.parametrize("month", MONTHS)
def test_spend_by_team_is_the_cost_of_its_calls(quarter: Quarter, month: str) -> None:
    first = first_day(month)
    end = next_month(first)
    words = ("--by", "team", "--currency", "EUR", "--from", str(first), "--to", str(end), "--json")
    answer = quarter.play.object("spend", *words)
    exact = used(quarter.books.facts, first, end)
    said = {row["team"]: Decimal(row["total_cost"]) for row in answer["rows"]}
    assert set(said) == set(exact)
    assert all(is_near(Fraction(amount), exact[team], 1) for team, amount in said.items())
    assert sum_of(said.values()) == Decimal(answer["totals"]["total_cost"])
    assert Fraction(answer["totals"]["total_cost"]) * PICO == round(sum(exact.values(), Fraction(0)))


@pytest.mark.parametrize("version", ["1.2", "1.4"])
@pytest.mark.parametrize("month", MONTHS)
def test_focus_bills_each_team_what_its_statement_says(quarter: Quarter, month: str, version: str) -> None:
    rows = quarter.focus(month, "--focus-version", version)
    answer = quarter.answer(month)
    assert by_name(rows, "x_TeamName", "BilledCost") == {
        team: amount for team, amount in totals(answer).items() if amount
    }
    assert {row["BillingCurrency"] for row in rows} <= {"EUR"}
    assert {row["InvoiceId"] for row in rows} <= {answer["number"] or ""}
    for row in rows:
        assert row["BilledCost"] == row["EffectiveCost"]
        if row["PricingQuantity"]:
            assert Fraction(row["ListUnitPrice"]) * Fraction(row["PricingQuantity"]) == Fraction(
                row["ListCost"]
            )


@pytest.mark.parametrize("version", ["1.2", "1.4"])
def test_focus_of_all_months_has_every_token_once(quarter: Quarter, version: str) -> None:
    rows = [row for month in MONTHS for row in quarter.focus(month, "--focus-version", version)]
    tokens = sum_of(row["ConsumedQuantity"] for row in rows if row["ConsumedUnit"] == "Tokens")
    assert tokens == sum(call.input + call.output for call in quarter.books.facts.calls.values())


@pytest.mark.parametrize(("month", "version"), [*((month, "1.4") for month in CLOSED), (CLOSED[0], "1.2")])
def test_focus_of_providers_is_what_they_ask(quarter: Quarter, month: str, version: str) -> None:
    rows = quarter.focus(month, "--profile", "provider", "--focus-version", version)
    issuers = dict(MODELS.values())
    calls = [row for row in rows if row["SkuId"] and row["PricingCategory"] != "Committed"]
    calls = [row for row in calls if row["ChargeCategory"] == "Usage"]
    for provider, currency in issuers.items():
        mine = [row for row in calls if row["InvoiceIssuerName"] == provider]
        asked = quarter.books.asked_in(provider, month)
        assert is_near(Fraction(sum_of(row["EffectiveCost"] for row in mine)), asked, 1), provider
        assert {row["BillingCurrency"] for row in mine} == {currency}


@pytest.mark.parametrize("month", CLOSED)
def test_the_lines_of_an_invoice_add_up_to_its_statement(quarter: Quarter, month: str) -> None:
    answer = quarter.answer(month)
    lines = quarter.focus(month, "--dataset", "invoice_detail")
    assert sum_of(line["BilledCost"] for line in lines) == Decimal(answer["total"])
    assert {line["InvoiceId"] for line in lines} == {answer["number"]}
    assert {line["BillingCurrency"] for line in lines} == {"EUR"}
    rows = quarter.focus(month, "--focus-version", "1.4")
    assert by_name(lines, "InvoiceDetailId", "BilledCost") == by_name(rows, "InvoiceDetailId", "BilledCost")


@pytest.mark.parametrize("month", MONTHS)
def test_the_journal_debits_each_team_what_is_shown_and_adds_up_to_nothing(
    quarter: Quarter, month: str
) -> None:
    words = ("report", "journal", "--period", month, "--credit-gl", "4900")
    rows = list(csv.DictReader(io.StringIO(quarter.play.said(*words))))
    assert sum_of(row["amount"] for row in rows) == sum_of(row["amount_exact"] for row in rows) == 0
    answer = quarter.answer(month)
    debits = [row for row in rows if row["gl_code"] != "4900"]
    shown = {line["team"]: Decimal(line["shown"]["total"]) for line in answer["lines"]}
    assert by_name(debits, "team", "amount") == {team: amount for team, amount in shown.items() if amount}
    assert by_name(debits, "team", "amount_exact") == totals(answer)


@pytest.mark.parametrize("month", CLOSED)
def test_reconciliation_compares_what_providers_ask_with_their_documents(
    quarter: Quarter, month: str
) -> None:
    books = quarter.books
    answer = quarter.play.object("reconcile", "--period", month, "--json")
    for row in answer["rows"]:
        provider = row["provider"]
        documents, fees = books.documents(provider, month), books.billed_fees(provider, month)
        booked = books.accepted(provider, month)
        assert is_near(row["ledger"], books.asked(provider, month))
        assert is_near(
            row["markups"], books.asked(provider, month, markups=True) - books.asked(provider, month)
        )
        assert is_near(row["fees"], fees)
        assert is_near(row["booked"], booked)
        if documents:
            assert is_near(row["invoiced"], documents)
            assert is_near(row["variance"], documents - books.asked(provider, month) - fees - booked, 99)
        else:
            assert row["invoiced"] is None


@pytest.mark.parametrize("month", MONTHS[1:])
def test_every_adjustment_opens_to_parts_that_add_up_to_it(quarter: Quarter, month: str) -> None:
    corrections = [item for line in quarter.answer(month)["lines"] for item in line["corrections"]]
    assert corrections
    if month not in CLOSED:  # each is worked out anew from the whole ledger
        corrections = list({(item["about"], item["cause"]): item for item in corrections}.values())
    for item in corrections:
        opened = quarter.play.object("report", "adjustment", item["number"], "--json")
        assert opened["amount"] == item["amount"]
        assert terms_of(opened) <= {
            "discount 7% on acme",
            "markup 4% on all",
            "markup 6.5% on all of team ads",
        }
        assert sum_of(part["amount"] for part in opened["lines"]) == Decimal(item["amount"]), item


def terms_of(opened: Any) -> set[str]:
    prices = [one for part in opened["lines"] for one in part.get("prices_after", ())]
    return {term for one in prices for term in one["terms"]}


@pytest.mark.parametrize("month", CLOSED)
def test_a_closed_statement_is_byte_for_byte_what_was_issued(quarter: Quarter, month: str) -> None:
    assert (quarter.report(month, "json").decode(), quarter.report(month, "csv").decode()) == quarter.issued[
        month
    ]


def test_all_invariants_hold_at_the_end(quarter: Quarter) -> None:
    with open_ledger(Settings(**quarter.play.settings)) as ledger:
        found = [one for one in verify(ledger) if one.invariant != "certain wholes"]
    assert found == []
