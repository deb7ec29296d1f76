"""Mark-ups that calls were charged without: said with their amount in every output of the report."""

import io
from pathlib import Path

import pypdfium2
import pytest
from openpyxl import load_workbook

from tests.support.acme import acme_call, acme_month
from tests.support.cli import Command, object_of

WHY_REPORTED = "The mark-up of 10% on all is not in 7.00 USD of 1 call: a source reported it"


def without_effect(tallybook: Command) -> list[tuple[str, str, str, str]]:
    report = object_of(tallybook("report", "chargeback", "--period", "2026-10"))
    names = ("calls", "percent", "why", "cost")
    return [tuple(row[name] for name in names) for row in report["markups_without_effect"]]


def test_a_mark_up_on_reported_costs_is_said_to_have_no_effect(tallybook: Command, tmp_path: Path) -> None:
    tallybook("prices", "markup", "all", "10%")
    acme_month(tallybook, tmp_path, acme_call("a"), acme_call("b", cost=7))
    report = object_of(tallybook("report", "chargeback", "--period", "2026-10"))
    assert report["total"] == "18"  # 10 marked up to 11, and the reported 7
    assert report["lines"][0]["markups"] == "1"
    assert without_effect(tallybook) == [("all", "10%", "reported", "7")]


def test_the_pdf_and_the_workbook_say_it_too(tallybook: Command, tmp_path: Path) -> None:
    tallybook("prices", "markup", "all", "10%")
    acme_month(tallybook, tmp_path, acme_call("b", cost=7))
    for form in ("pdf", "xlsx"):
        file = tmp_path / f"october.{form}"
        assert tallybook("report", "chargeback", "--period", "2026-10", "--out", str(file)).exit_code == 0
    pages = pypdfium2.PdfDocument(tmp_path / "october.pdf")
    text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
    assert WHY_REPORTED in " ".join(text.split())
    workbook = load_workbook(io.BytesIO((tmp_path / "october.xlsx").read_bytes()))
    cells = {str(cell.value) for sheet in workbook for row in sheet.iter_rows() for cell in row}
    assert WHY_REPORTED in cells


@pytest.mark.parametrize(
    ("named", "expected"), [("red", []), (None, [("all of team red", "5%", "computed", "10")])]
)
def test_a_team_s_mark_up_needs_the_gateway_to_name_the_team(
    tallybook: Command, tmp_path: Path, named: str | None, expected: list[tuple[str, str, str, str]]
) -> None:
    tallybook("team", "add", "red")
    tallybook("prices", "markup", "all", "5%", "--team", "red")
    acme_month(tallybook, tmp_path, acme_call("a", virtual_key="k", team=named))
    tallybook("owner", "set", "k", "--team", "red", "--from", "always")
    assert without_effect(tallybook) == expected


def test_the_mark_up_of_the_team_that_the_gateway_names_stands_instead(
    tallybook: Command, tmp_path: Path
) -> None:
    tallybook("team", "add", "search")
    tallybook("prices", "markup", "all", "4%")
    tallybook("prices", "markup", "all", "6%", "--team", "ads")
    calls = (acme_call("a", virtual_key="k", team="ads"), acme_call("b", virtual_key="k"))
    acme_month(tallybook, tmp_path, *calls)
    tallybook("owner", "set", "k", "--team", "search", "--from", "always")
    report = object_of(tallybook("report", "chargeback", "--period", "2026-10"))
    assert [(line["team"], line["markups"]) for line in report["lines"]] == [("search", "1")]
    assert without_effect(tallybook) == []


def test_a_closed_statement_keeps_what_it_said(tallybook: Command, tmp_path: Path) -> None:
    tallybook("prices", "markup", "all", "10%")
    acme_month(tallybook, tmp_path, acme_call("b", cost=7))
    assert tallybook("period", "close", "2026-10", "--accept", "a trial").exit_code == 0
    tallybook("prices", "markup", "all", "0%")
    assert without_effect(tallybook) == [("all", "10%", "reported", "7")]


def test_list_cost_is_the_same_in_reports_and_in_spend(tallybook: Command, tmp_path: Path) -> None:
    tallybook("prices", "discount", "acme", "10%")
    acme_month(
        tallybook, tmp_path, acme_call("a"), acme_call("b", cost=7), acme_call("c", model="none", cost=3)
    )
    (line,) = object_of(tallybook("report", "chargeback", "--period", "2026-10"))["lines"]
    spend = (
        "spend",
        "--from",
        "2026-10-01",
        "--to",
        "2026-11-01",
        "--metric",
        "list_cost,contracted_cost",
        "--json",
    )
    totals = object_of(tallybook(*spend))["totals"]
    assert totals["list_cost"] == line["list_cost"] == "20"
    assert totals["contracted_cost"] == "19"
    assert (line["discounts"], line["total"]) == ("-1", "19")
