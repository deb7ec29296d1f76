"""Every word, cell and figure of the outputs of one month, as they were reviewed.

The month has a bit of everything: a shared key, fees, a credit, budgets, a late call, an amount that was
booked by hand, calls without a price, and a team that had cost in the month before only.
`UPDATE_FROZEN=1 python -m pytest tests/dashboard/chargeback/test_outputs.py` writes the files anew.
"""

import io
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from dashboard.chargeback import closing, pdf, xlsx
from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.journal import Clearing, as_csv, as_json, journal
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.chargeback.report import GROUP_LABELS, GroupBy, Report
from dashboard.query.calendar import Month, of_month
from ingest.ledger.engine import Ledger
from tests.support.acme import acme_call, acme_month
from tests.support.calls import call, put
from tests.support.cli import Command
from tests.support.owners import owns

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05
SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
REVIEWED = Path(__file__).parent / "reviewed"


def same(name: str, text: str) -> None:
    """The text is that of the reviewed file."""
    file = REVIEWED / name
    if os.environ.get("UPDATE_FROZEN"):
        REVIEWED.mkdir(exist_ok=True)
        file.write_bytes(text.encode())
    assert text.encode() == file.read_bytes()


@pytest.fixture
def ledger(tallybook: Command, embedded: Ledger, tmp_path: Path) -> Ledger:
    """The month, with the months before it."""
    for words in (
        ("cost-center", "add", "CC-1", "--name", "Research", "--gl", "6400"),
        ("team", "add", "search", "--cost-center", "CC-1"),
        ("team", "add", "ads"),
        ("team", "add", "lab [a/b]"),
        ("customer", "add", "Acme"),
        ("fees", "add", "seats", "100", "--from", "2026-10-01", "--kind", "platform"),
        ("fees", "add", "Reserved", "744", "--team", "ads", "--from", "2026-10-01", "--provider", "azure"),
        (
            "fees",
            "add",
            "Grant",
            "-9.5",
            "--team",
            "ads",
            "--from",
            "2026-10-01",
            "--every",
            "once",
            "--kind",
            "credit",
        ),
        ("budget", "set", "Search", "10", "--team", "search", "--from", "2026-10-01"),
        ("budget", "set", "Ads", "900", "--team", "ads", "--from", "2026-10-01", "--counts", "fees"),
    ):
        done = tallybook(*words)
        assert done.exit_code == 0, (words, done.output)
    owns(embedded, "vk-1", ("ads", 2), ("lab [a/b]", 1))
    october = [
        call(
            "2026-10-05T10:00:00Z",
            12_345_678_901_234,
            team="search",
            virtual_key="web",
            model="gpt-5",
            input_tokens=1_000_000,
        ),
        call("2026-10-06T10:00:00Z", 1_111_111_111_111, virtual_key="vk-1", model="=cmd()", output_tokens=77),
        call(
            "2026-10-06T11:00:00Z",
            2 * UNIT,
            team="search",
            virtual_key="web",
            model="gpt-5-mini",
        ),
        call("2026-10-07T10:00:00Z", None, team="ads", model="new", input_tokens=5, status="error"),
        call("2026-10-07T11:00:00Z", None, team="ads", model="new", input_tokens=6),
        call(
            "2026-10-08T10:00:00Z",
            5_005_000_000_000,
            virtual_key="vk-stray",
            model="gpt-5",
            provider="openai",
        ),
    ]
    tallybook("prices", "discount", "acme", "10%")
    tallybook("prices", "markup", "all", "5%")
    acme_month(tallybook, tmp_path, acme_call("a", team="ads"), acme_call("b", team="ads", cost=7))
    september = [
        call("2026-09-05T10:00:00Z", 3 * UNIT, team="search", model="gpt-5"),
        call("2026-09-06T10:00:00Z", 7 * UNIT, team="gone", model="gpt-5"),
    ]
    put(embedded, [*september, *october])
    with embedded.writing() as connection:
        add_rules(connection, [Rule(pool="fees", method="even"), Rule(pool="unassigned", method="cost")])
    assert closing.close(embedded, SEPTEMBER, accept="fine", by="ann", now=NOW).hash
    late = call("2026-09-30T23:00:00Z", 4 * UNIT, team="search", virtual_key="web", model="gpt-5")
    put(embedded, [late], first=len(september) + len(october))
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("provider,month,amount\nopenai,2026-10,6\n")
    assert tallybook("invoice", "import", str(invoice)).exit_code == 0
    accepted = tallybook(
        "reconcile", "--period", "2026-10", "--provider", "openai", "--accept", "rounding", "--team", "search"
    )
    assert accepted.exit_code == 0, accepted.output
    return embedded


def made(ledger: Ledger, by: GroupBy = "team", month: Month = OCTOBER) -> Report:
    return report_of(ledger, of_month(month), by, NOW)


def indented(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def cells(raw: bytes) -> str:
    """A workbook as text: a line for each cell, and for what a sheet looks like."""
    lines = []
    for sheet in load_workbook(io.BytesIO(raw)):
        widths = {name: one.width for name, one in sheet.column_dimensions.items()}
        lines.append(f"== {sheet.title} frozen at {sheet.freeze_panes}, {sheet.page_setup.orientation}")
        pages = (
            sheet.sheet_properties.pageSetUpPr,
            sheet.page_setup.fitToWidth,
            sheet.page_setup.fitToHeight,
        )
        lines.append(f"fits pages {pages[0] and pages[0].fitToPage, *pages[1:]}")
        lines.append(f"widths {widths}, titles {sheet.print_title_rows}, charts {len(sheet._charts)}")
        for chart in sheet._charts:
            spots = [one.val.numRef.f for one in chart.series] + [chart.series[0].cat.strRef.f]
            lines.append(f"chart at {chart.anchor._from.row},{chart.anchor._from.col} of {spots}")
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    look = f"{cell.number_format}{' bold' if cell.font.b else ''}"
                    lines.append(f"{cell.coordinate} {cell.value!r} {look}")
    return "\n".join(lines) + "\n"


def test_every_output_of_an_open_month_is_as_reviewed(ledger: Ledger) -> None:
    reports = {by: made(ledger, by) for by in GROUP_LABELS}
    for by, report in reports.items():
        same(f"{by}.json", FORMS["json"].make(report).decode())
        same(f"{by}.csv", FORMS["csv"].make(report).decode())
        same(f"workbook_{by}.txt", cells(FORMS["xlsx"].make(report)))
        same(f"document_{by}.json", indented(pdf._data(report)))
    postings = journal(reports["team"], Clearing(cost_center="CC-9", gl_code="4900"))
    same("journal.csv", as_csv(postings))
    same("journal.json", indented(as_json(postings)))


def test_a_closed_month_says_its_number_and_seal_in_every_place(ledger: Ledger) -> None:
    result = closing.close(ledger, OCTOBER, accept="fine", by="ann", now=NOW)
    data: dict[str, Any] = pdf._data(made(ledger))
    assert data["footer"] == f"Statement 2026-10/1. SHA-256 {result.hash}"
    assert (data["preliminary"], data["status_word"]) == (False, "Closed")
    facts = dict(data["facts"])
    assert facts["Status"] == "closed"
    assert facts["Statement no."] == "2026-10/1"


def test_of_many_models_the_document_prints_the_dearest_and_sums_the_rest(
    embedded: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "_MOST_ROWS", 2)
    put(
        embedded,
        [
            call(f"2026-10-0{n + 1}T10:00:00Z", n * UNIT, team="search", model=f"m{n}", input_tokens=n)
            for n in range(5)
        ],
    )
    report = made(embedded)
    rows = pdf._details(report, report.entries[0])
    assert [row[1] for row in rows] == ["unknown/m4", "unknown/m3", "in the workbook"]
    assert rows[2] == ["(3 more)", "in the workbook", "3", "3", "3.00"]


@pytest.mark.parametrize(
    ("exact", "cell"),
    [
        ("123456789.1234567", 123456789.123457),
        ("0.30000000000000004", 0.3),
        ("1234567890123456", 1234567890123460.0),
    ],
)
def test_a_cell_keeps_fifteen_digits_as_spreadsheets_do(exact: str, cell: float) -> None:
    assert xlsx._number(Decimal(exact)) == cell
