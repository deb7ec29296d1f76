"""The chargeback report in every form: the same numbers, which add up, and what keeps a month open."""

import csv
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from dashboard.chargeback import api as chargeback_api
from dashboard.chargeback import report as reports
from dashboard.chargeback.allocation import Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.chargeback.rounding import Cell, rounded_cells
from dashboard.chargeback.statement import Allocation, Correction, Statement
from dashboard.chargeback.statement import Fee as ChargedFee
from dashboard.chargeback.usage import Detail, UsageSums
from dashboard.fees import api as fees_api
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.pages.chargeback.callbacks import close_month, reopen_month, set_allocation_rule
from dashboard.query.apportion import apportioned
from dashboard.query.calendar import read_calendar
from ingest.http import problems
from ingest.ledger.engine import Ledger
from ingest.model.ownership import Owner
from tests.support.calls import a_ledger, call, put
from tests.support.cli import Command, object_of
from tests.support.owners import entry, owns

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05


@pytest.fixture
def busy(embedded: Ledger) -> Ledger:
    """October's calls of three teams, one of them shared, with a fee to share and a call without a price."""
    put(
        embedded,
        [
            call("2026-09-05T10:00:00Z", 3 * UNIT, team="search", model="gpt-5"),
            call(
                "2026-10-05T10:00:00Z",
                12_345_678_901_234,
                team="search",
                model="gpt-5",
                input_tokens=1_000_000,
            ),
            call(
                "2026-10-06T10:00:00Z",
                1_111_111_111_111,
                virtual_key="vk-1",
                model="=cmd()",
                output_tokens=77,
            ),
            call("2026-10-07T10:00:00Z", None, team="ads", model="new"),
            call("2026-10-08T10:00:00Z", 5_005_000_000_000, virtual_key="vk-stray", model="gpt-5"),
        ],
    )
    owns(embedded, "vk-1", ("ads", 2), ("lab [a/b]", 1))
    with embedded.writing() as connection:
        start = embedded.zone.midnight(read_calendar("2026-10").days[0])
        known: dict[str, Any] = {"kind": "platform", "currency": "USD", "start": start, "every": "month"}
        add_fees(connection, [Fee(name="seats", amount=100 * UNIT, **known)])
        add_rules(connection, [Rule(pool="fees", method="even")])
    return embedded


def answers(ledger: Ledger, by: Any = "team", period: str = "2026-10") -> dict[str, bytes]:
    made = report_of(ledger, read_calendar(period), by, NOW)
    return {form: output.make(made) for form, output in FORMS.items()}


@pytest.mark.usefixtures("busy")
def test_the_report_says_what_it_promises(tallybook: Command) -> None:
    answer = object_of(tallybook("report", "chargeback", "--period", "2026-10", "--format", "json"))
    assert (answer["period"], answer["currency"], answer["status"]) == ("2026-10", "USD", "open")
    lines = {line["team"]: line for line in answer["lines"]}
    assert list(lines) == ["ads", "lab [a/b]", "search", None]
    search = lines["search"]
    assert search["direct_cost"] == "12.345678901234"
    assert search["previous_total"] == "3"
    assert (lines["ads"]["requests"], lines["ads"]["unpriced_requests"]) == (2, 1)
    assert lines[None]["shared_cost"] == "0"
    assert answer["total"] == "118.461790012345"
    assert sum(Decimal(line["total"]) for line in answer["lines"]) == Decimal(answer["total"])
    assert answer["unassigned_cost"] == "5.005"
    assert [one["model"] for one in answer["unpriced"]] == ["new"]


def test_what_is_shown_adds_up_downwards_and_across(busy: Ledger) -> None:
    answer = json.loads(answers(busy)["json"])
    shown = [line["shown"] for line in answer["lines"]]
    parts = ("direct_cost", "shared_cost", "adjustments")
    assert all(sum(Decimal(one[part]) for part in parts) == Decimal(one["total"]) for one in shown)
    assert sum(Decimal(one["total"]) for one in shown) == Decimal(answer["shown_total"]) == Decimal("118.46")
    assert sum(Decimal(one["shared_cost"]) for one in shown) == 100


PICO = st.integers(-(10**14), 10**16) | st.integers(-(10**13), 10**13)
OWNERS = st.builds(Owner, st.integers(1, 5) | st.none(), st.integers(10, 12) | st.none(), st.integers(20, 22))
DETAILS = st.builds(
    lambda owner, model, cost, discount, markup: Detail(
        owner, 30, "acme", f"m{model}", UsageSums(cost, cost - discount - markup, cost - markup, requests=1)
    ),
    OWNERS,
    st.integers(0, 9),
    PICO,
    PICO,
    PICO,
)
FEES = st.builds(
    lambda name, amount, owner: ChargedFee(name, amount, None, owner), st.just("own"), PICO, OWNERS
)
CORRECTIONS = st.builds(
    lambda cause, owner, amount, month: Correction(cause, owner, amount, f"2026-0{month}"),
    st.sampled_from(("late", "ownership", "price")),
    OWNERS,
    PICO,
    st.integers(1, 3),
)
POOLS = st.builds(
    lambda name, whole, owners: [
        Allocation(f"fee:{name}", "even", 1, owner, part, "1/2", whole)
        for owner, part in zip(
            owners, apportioned([Fraction(whole, len(owners))] * len(owners), whole), strict=True
        )
    ],
    st.sampled_from("abc"),
    PICO,
    st.lists(OWNERS, min_size=1, max_size=6, unique=True),
)
STATEMENTS = st.builds(
    lambda currency, details, fees, pools, corrections: Statement(
        period="2026-10",
        first=date(2026, 10, 1),
        end=date(2026, 11, 1),
        zone="UTC",
        currency=currency,
        details=tuple(details),
        fees=tuple(fees),
        allocations=tuple(part for pool in pools for part in pool),
        corrections=tuple(corrections),
        names={},
        made_at=0,
    ),
    st.sampled_from(("USD", "JPY", "KWD")),
    st.lists(DETAILS, max_size=12),
    st.lists(FEES, max_size=3),
    st.lists(POOLS, max_size=4),
    st.lists(CORRECTIONS, max_size=8),
)


@given(STATEMENTS, st.sampled_from(("team", "customer", "cost_center")))
@settings(max_examples=60)
def test_every_shown_line_adds_up_downwards_and_across(statement: Statement, by: Any) -> None:
    made = reports.report(statement, by)
    unit = UNIT // 10**made.digits
    whole = made.shown
    assert whole.direct_cost + whole.shared_cost + whole.adjustments == whole.total
    assert abs(whole.total * unit - statement.total) * 2 <= unit
    for line in made.entries:
        shown = line.shown
        assert shown.direct_cost + shown.shared_cost + shown.adjustments == shown.total
        assert sum(row.cost for row in line.shown_details) + sum(line.shown_fees) == shown.direct_cost
        assert all(row.list_cost + row.discounts + row.markups == row.cost for row in line.shown_details)
        assert sum(line.shown_allocations) == shown.shared_cost
        assert sum(line.shown_corrections) == shown.adjustments
        assert abs(shown.direct_cost * unit - line.line.direct) < unit
        for part, amount in zip(line.allocations, line.shown_allocations, strict=True):
            assert abs(amount * unit - part.amount) < unit
        for row, amount in zip(line.corrections, line.shown_corrections, strict=True):
            assert abs(amount * unit - row.amount) < unit


@given(STATEMENTS)
@settings(max_examples=30)
def test_what_only_changes_hands_is_shown_as_nothing_in_all(statement: Statement) -> None:
    moved = [row for row in statement.corrections if row.about == "2026-01" and row.cause == "ownership"]
    back = [replace(row, owner=Owner(9), amount=-row.amount) for row in moved]
    made = reports.report(replace(statement, corrections=(*statement.corrections, *back)), "team")
    shown = [
        amount
        for line in made.entries
        for row, amount in zip(line.corrections, line.shown_corrections, strict=True)
        if (row.about, row.cause) == ("2026-01", "ownership")
    ]
    assert sum(shown) == 0


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=5), st.integers(1, 10**13))
@example([8_000_000_000, 7_000_000_000, 8_000_000_000], 6_000_000_000)
@settings(max_examples=60)
def test_calls_of_nobody_that_are_all_shared_are_shown_to_be(costs: list[int], stray: int) -> None:
    whole = sum(costs)
    details = [Detail(Owner(at), 30, "acme", "m", UsageSums(cost)) for at, cost in enumerate(costs, start=1)]
    amounts = apportioned([Fraction(stray * cost, whole) for cost in costs], stray)
    parts = [
        Allocation("unassigned", "cost", 1, Owner(at), amount, str(Fraction(cost, whole)), stray)
        for at, (cost, amount) in enumerate(zip(costs, amounts, strict=True), start=1)
    ]
    taken = Allocation("unassigned", "cost", 1, Owner(), -stray, "-1", stray)
    statement = Statement(
        period="2026-10",
        first=date(2026, 10, 1),
        end=date(2026, 11, 1),
        zone="UTC",
        currency="USD",
        details=(*details, Detail(Owner(), 30, "acme", "m", UsageSums(stray))),
        allocations=(*parts, taken),
        names={},
        made_at=0,
    )
    made = reports.report(statement, "team")
    assert made.unassigned is not None
    assert made.unassigned.shown.total == 0
    assert made.shown.shared_cost == sum(line.shown.shared_cost for line in made.entries) == 0
    assert abs(made.shown.total * 10**10 - statement.total) * 2 <= 10**10
    for line in made.entries:
        assert abs(line.shown.total * 10**10 - line.line.total) <= 2 * 10**10


def test_parts_of_several_pools_stay_close_to_what_each_team_bears() -> None:
    cells = [Cell(row, (pool,), Fraction(10_000, 3)) for pool in range(6) for row in range(3)]
    units = rounded_cells(cells, 60_000)
    assert [sum(units[row::3]) for row in range(3)] == [20_000] * 3
    assert [sum(units[at : at + 3]) for at in range(0, 18, 3)] == [10_000] * 6


@pytest.mark.parametrize("by", ["team", "customer", "cost_center"])
def test_csv_workbook_and_document_say_what_json_says(busy: Ledger, by: Any) -> None:
    made = answers(busy, by)
    answer = json.loads(made["json"])
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert [row["total"] for row in rows] == [line["total"] for line in answer["lines"]]
    sheet = load_workbook(io.BytesIO(made["xlsx"]), data_only=True)["Summary"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=7)][: len(rows) + 1]
    for line, row in zip(answer["lines"], cells, strict=False):
        assert row[0] == (line[by] or reports.UNNAMED[by])
        names = ("direct_cost", "shared_cost", "adjustments", "total")
        assert [Decimal(str(value)) for value in row[3:7]] == [Decimal(line["shown"][name]) for name in names]
        assert (row[10], row[15]) == (line["requests"], line["total"])
    assert cells[-1][0] == "Total"
    assert Decimal(str(cells[-1][6])) == Decimal(answer["shown_total"])
    text = text_of(made["pdf"])
    assert all(f"{Decimal(line['shown']['total']):,.2f}" in text for line in answer["lines"])
    assert f"{Decimal(answer['shown_total']):,.2f}" in text
    assert "PRELIMINARY" in text


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_every_sheet_of_the_workbook_adds_up(tallybook: Command, busy: Ledger) -> None:
    odd = [
        call("2026-10-09T10:00:00Z", 1_004_900_000_000 + at, team="ads", model=f"m{at}") for at in range(7)
    ]
    put(busy, [*odd, call("2026-09-09T10:00:00Z", 2 * UNIT, team="gone")], first=50)
    for name in ("Reserved", "Support"):
        fee = ("fees", "add", name, "3.333333", "--team", "ads", "--from", "2026-10-01")
        assert tallybook(*fee).exit_code == 0
    tallybook("allocate", "set", "unassigned", "--by", "cost")
    book = load_workbook(io.BytesIO(answers(busy)["xlsx"]), data_only=True)

    def cents(value: Any) -> int:
        return int(Decimal(str(value or 0)) * 100)

    rows = [[cell.value for cell in row] for row in book["Summary"].iter_rows(min_row=7)]
    end = next(at for at, row in enumerate(rows) if row[0] == "Total")
    for column in range(3, 9):
        assert sum(cents(row[column]) for row in rows[:end]) == cents(rows[end][column]), column
    assert all(sum(map(cents, row[3:6])) == cents(row[6]) for row in rows[: end + 1])
    assert all(cents(row[6]) - cents(row[7]) == cents(row[8]) for row in rows[: end + 1])
    shared = [[cell.value for cell in row] for row in book["Shared cost"].iter_rows(min_row=3)]
    for row in rows[:end]:
        name = "Unassigned" if row[0] == "(unassigned)" else row[0]
        assert sum(cents(part[5]) for part in shared if part[0] == row[0]) == cents(row[4])
        if name in book.sheetnames:
            lines = [[cell.value for cell in line] for line in book[name].iter_rows(min_row=9)]
            assert sum(cents(line[10]) for line in lines) == cents(row[3]) == cents(book[name]["B2"].value)
    assert {part[2] for part in shared if part[1] == "fee:seats"} == {100}
    assert sum(cents(part[5]) for part in shared if part[1] == "fee:seats") == 100_00


def test_a_workbook_has_a_sheet_for_each_team_and_no_formula_of_others(busy: Ledger) -> None:
    made = answers(busy)
    book = load_workbook(io.BytesIO(made["xlsx"]))
    assert book.sheetnames == [
        "Summary",
        "ads",
        "lab  a b",
        "search",
        "Unassigned",
        "Shared cost",
        "Adjustments",
        "Unpriced",
        "About",
    ]
    assert book["Summary"].freeze_panes == "B7"
    assert book["Summary"]["G11"].value == "=SUM(G7:G10)"
    models = [row[2].value for row in book["ads"].iter_rows(min_row=9)]
    assert sorted(models) == ["=cmd()", "new"]
    assert all(cell.data_type != "f" for row in book["ads"].iter_rows() for cell in row)
    assert load_workbook(io.BytesIO(made["xlsx"]))["Summary"]._charts


def test_cost_of_a_team_without_a_cost_centre_is_said_to_have_none(tallybook: Command, busy: Ledger) -> None:
    made = answers(busy, "cost_center")
    text = text_of(made["pdf"])
    assert "118.46 USD has no cost centre" in text
    assert "belongs to nobody" not in text
    assert "No cost centre" in load_workbook(io.BytesIO(made["xlsx"])).sheetnames
    tallybook("team", "add", "search", "--cost-center", "CC-1")
    lines = {
        line["cost_center_code"]: line for line in json.loads(answers(busy, "cost_center")["json"])["lines"]
    }
    assert lines["CC-1"]["team"] == "search"


def test_every_output_names_cost_centre_and_account(tallybook: Command, busy: Ledger) -> None:
    tallybook("cost-center", "add", "CC-1", "--name", "Research", "--gl", "6400")
    tallybook("team", "add", "search", "--cost-center", "CC-1")
    made = answers(busy)
    (search,) = [line for line in json.loads(made["json"])["lines"] if line["team"] == "search"]
    assert (search["cost_center"], search["cost_center_code"], search["gl_code"]) == (
        "Research",
        "CC-1",
        "6400",
    )
    (row,) = [row for row in csv.DictReader(io.StringIO(made["csv"].decode())) if row["team"] == "search"]
    assert (row["cost_center_code"], row["gl_code"], row["statement_number"]) == ("CC-1", "6400", "")
    sheet = load_workbook(io.BytesIO(made["xlsx"]))["Summary"]
    (cells,) = [
        [cell.value for cell in row] for row in sheet.iter_rows(min_row=7) if row[0].value == "search"
    ]
    assert cells[16:18] == ["CC-1", "6400"]
    assert "Research (CC-1)" in text_of(made["pdf"])
    assert "6400" in text_of(made["pdf"])


def test_a_closed_statement_keeps_its_codes_and_takes_a_code_that_it_lacks(
    tallybook: Command, busy: Ledger
) -> None:
    tallybook("team", "add", "search", "--cost-center", "CC-1")
    assert close_month(busy, "2026-10", "trial") is None
    for code in ("6400", "6500"):
        tallybook("cost-center", "add", "CC-1", "--gl", code)
        lines = {line["team"]: line["gl_code"] for line in json.loads(answers(busy)["json"])["lines"]}
        assert lines["search"] == code
    assert reopen_month(busy, "2026-10", "again") is None
    assert close_month(busy, "2026-10", "trial") is None
    tallybook("cost-center", "add", "CC-1", "--gl", "6600")
    lines = {line["team"]: line["gl_code"] for line in json.loads(answers(busy)["json"])["lines"]}
    assert lines["search"] == "6500"


def test_a_statement_says_everywhere_which_number_it_has_and_which_it_replaces(busy: Ledger) -> None:
    assert close_month(busy, "2026-10", "trial") is None
    assert reopen_month(busy, "2026-10", "again") is None
    assert close_month(busy, "2026-10", "trial") is None
    made = answers(busy)
    answer = json.loads(made["json"])
    assert (answer["number"], answer["statement_number"], answer["replaces"]) == (
        "2026-10/2",
        "2026-10/2",
        "2026-10/1",
    )
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    assert {row["statement_number"] for row in rows} == {"2026-10/2"}
    assert "2026-10/2, replaces 2026-10/1" in text_of(made["pdf"])
    status = str(load_workbook(io.BytesIO(made["xlsx"]))["Summary"]["A2"].value)
    assert "statement 2026-10/2, which replaces 2026-10/1" in status


def test_a_spreadsheet_takes_no_text_for_a_formula(busy: Ledger) -> None:
    entry(busy, "team", "=1+1")
    put(busy, [call("2026-10-09T10:00:00Z", 1, team="=1+1")], first=20)
    rows = list(csv.DictReader(io.StringIO(answers(busy)["csv"].decode())))
    assert "'=1+1" in [row["team"] for row in rows]


def test_an_amount_below_nothing_is_a_number_in_csv(tallybook: Command, busy: Ledger) -> None:
    credit = ("fees", "add", "Grant", "-99.5", "--team", "ads", "--from", "2026-10-01", "--every", "once")
    assert tallybook(*credit, "--kind", "credit").exit_code == 0
    rows = {row["team"]: row for row in csv.DictReader(io.StringIO(answers(busy)["csv"].decode()))}
    assert rows["ads"]["fees"] == "-99.5"
    assert Decimal(rows["ads"]["total"]) < 0


def test_a_fee_that_a_team_bears_stands_on_its_statement(tallybook: Command, busy: Ledger) -> None:
    fee = ("fees", "add", "Reserved", "744", "--team", "ads", "--from", "2026-10-01", "--provider", "azure")
    assert tallybook(*fee).exit_code == 0
    made = answers(busy)
    (ads,) = [line for line in json.loads(made["json"])["lines"] if line["team"] == "ads"]
    amount = {"amount": "744", "shown": "744.00"}
    assert {"name": "Reserved", "kind": "platform", "provider": "azure", **amount} in ads["own_fees"]
    assert sum(Decimal(one["amount"]) for one in ads["own_fees"]) == Decimal(ads["fees"])
    rows = [
        [cell.value for cell in row] for row in load_workbook(io.BytesIO(made["xlsx"]))["ads"].iter_rows(9)
    ]
    assert sum(Decimal(row[11]) for row in rows) == Decimal(ads["direct_cost"])
    page = text_of(made["pdf"]).split("Fees in direct cost")[1]
    assert all(text in page.splitlines()[2] for text in ("Reserved", "azure", "744.00"))


def test_a_closed_statement_names_itself_in_every_form(tallybook: Command, busy: Ledger) -> None:
    assert tallybook("period", "close", "2026-10").exit_code == 1
    done = object_of(tallybook("period", "close", "2026-10", "--accept", "trial model", "--json"))
    made = answers(busy)
    assert json.loads(made["json"])["hash"] == done["hash"]
    text = text_of(made["pdf"]).replace("\r\n", "")
    assert done["hash"] in text
    assert "Sealed rows before this closing, with the SHA-256 of the last: adjustment: 0 rows, 0000" in text
    assert "PRELIMINARY" not in text_of(made["pdf"])
    assert done["hash"] in str(load_workbook(io.BytesIO(made["xlsx"]))["Summary"]["A2"].value)
    shown = object_of(tallybook("period", "show", "2026-10", "--json"))
    assert [one["status"] for one in shown["history"]] == ["closing", "closed"]
    listed = object_of(tallybook("period", "list", "--json"))["periods"]
    assert {one["period"]: one["status"] for one in listed}["2026-10"] == "closed"
    assert tallybook("period", "reopen", "2026-10").exit_code == 1
    assert tallybook("period", "reopen", "2026-10", "--reason", "mistake").exit_code == 0
    assert "period reopen" in tallybook("audit", "--action", "period").stdout


@pytest.mark.usefixtures("busy")
def test_a_file_is_written_in_the_form_that_its_name_says(tallybook: Command, tmp_path: Path) -> None:
    for form, start in (("xlsx", b"PK"), ("pdf", b"%PDF"), ("csv", b"period,"), ("json", b"{")):
        out = tmp_path / f"report.{form}"
        assert tallybook("report", "chargeback", "--period", "2026-10", "--out", str(out)).exit_code == 0
        assert out.read_bytes().startswith(start)
    refused = tallybook(
        "report", "chargeback", "--period", "2026-10", "--out", str(tmp_path / "none" / "x.csv")
    )
    assert (refused.exit_code, "cannot write" in refused.output) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--period", "october"),
        ("--period", "2026-10", "--by", "model"),
        ("--period", "2026-10", "--format", "doc"),
    ],
)
def test_what_cannot_be_reported_is_refused(tallybook: Command, words: tuple[str, ...]) -> None:
    assert tallybook("report", "chargeback", *words).exit_code == 2


def test_a_month_without_a_call_is_a_report_of_nothing(embedded: Ledger) -> None:
    made = answers(embedded)
    assert (json.loads(made["json"])["lines"], json.loads(made["json"])["total"]) == ([], "0")
    assert made["pdf"].startswith(b"%PDF")
    assert load_workbook(io.BytesIO(made["xlsx"]))["Summary"]["A7"].value == "Total"


def test_the_report_and_the_fees_are_had_over_http(busy: Ledger) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(chargeback_api.make_router(busy))
    app.include_router(fees_api.make_router(busy))
    client = TestClient(app)
    found = client.get("/v1/reports/chargeback", params={"period": "2026-10"})
    assert found.json()["total"] == "118.461790012345"
    pdf = client.get("/v1/reports/chargeback", params={"period": "2026-10", "format": "pdf"})
    assert (pdf.headers["content-type"], pdf.content[:4]) == ("application/pdf", b"%PDF")
    assert 'filename="chargeback-2026-10.pdf"' in pdf.headers["content-disposition"]
    assert client.get("/v1/reports/chargeback", params={"period": "x"}).status_code == 422
    assert (
        client.get("/v1/reports/chargeback", params={"period": "2026-10", "bye": "team"}).status_code == 422
    )
    fees = client.get("/v1/fees", params={"from": "2026-10-01", "to": "2026-10-02"}).json()
    assert fees["totals"] == [{"currency": "USD", "effective": "3.225806451613", "billed": "100"}]


def test_a_month_is_closed_and_a_rule_set_on_the_page(busy: Ledger) -> None:
    assert "say why" in (close_month(busy, "2026-10", "") or "")
    assert close_month(busy, "2026-10", "trial") is None
    assert "closed already" in (close_month(busy, "2026-10", "x") or "")
    assert "say why" in (reopen_month(busy, "2026-10", "") or "")
    assert reopen_month(busy, "2026-10", "mistake") is None
    assert set_allocation_rule(busy, "unassigned", "cost", "2026-10-01") is None
    assert "no date" in (set_allocation_rule(busy, "fees", "even", "soon") or "")
    total = json.loads(answers(busy)["json"])["lines"][-1]
    assert (total["team"], total["total"]) == (None, "0")


def test_fees_are_added_ended_and_listed(tallybook: Command) -> None:
    tallybook("team", "add", "search")
    words = ("fees", "add", "GPU", "744", "--from", "2026-10-01", "--team", "search", "--kind", "provisioned")
    assert "GPU added: 744 USD a month from 2026-10-01, borne by its team" in tallybook(*words).stdout
    assert tallybook("fees", "end", "GPU", "--at", "2026-10-16").exit_code == 0
    assert (
        tallybook(
            "fees", "add", "grant", "-50", "--from", "2026-10-01", "--every", "once", "--kind", "credit"
        ).exit_code
        == 0
    )
    listed = object_of(tallybook("fees", "list", "--from", "2026-10-01", "--to", "2026-11-01", "--json"))
    assert {one["name"]: (one["effective"], one["billed"]) for one in listed["fees"]} == {
        "GPU": ("360", "360"),
        "grant": ("-50", "-50"),
    }
    assert "GPU" in tallybook("fees", "list", "--from", "2026-10-01", "--to", "2026-11-01").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("GPU", "x", "--from", "2026-10-01"), "'x' is no amount of money"),
        (("GPU", "1e13", "--from", "2026-10-01"), "'1e13' is no amount of money"),
        (("GPU", "-5", "--from", "2026-10-01"), "only a credit is below zero"),
        (("GPU", "5"), "say from when it is charged"),
        (("GPU", "5", "--from", "2026-10-01", "--to", "2026-10-01"), "is not after"),
        (("GPU", "5", "--from", "2026-10-01", "--team", "none"), "knows no team 'none'"),
        (("GPU", "5", "--from", "2026-10-01", "--kind", "gift"), "there is no 'gift'"),
        (("GPU", "5", "--from", "2026-10-01", "--every", "week"), "neither once nor month"),
        (("GPU", "5", "--from", "2026-10-01", "--currency", "dollars"), "no currency"),
    ],
)
def test_what_is_no_fee_is_refused(tallybook: Command, words: tuple[str, ...], said: str) -> None:
    refused = tallybook("fees", "add", *words)
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output


def test_rules_of_allocation_are_set_and_listed(tallybook: Command) -> None:
    for team in ("search", "ads"):
        tallybook("team", "add", team)
    words = (
        "allocate",
        "set",
        "fees",
        "--by",
        "fixed",
        "--team",
        "search=60",
        "--team",
        "ads=40",
        "--from",
        "2026-10-01",
    )
    assert tallybook(*words).stdout == "fees is allocated in fixed parts from 2026-10-01\n"
    (rule,) = object_of(tallybook("allocate", "list", "--json"))["rules"]
    assert rule["teams"] == [{"team": "search", "parts": 60}, {"team": "ads", "parts": 40}]
    assert "search 60, ads 40" in tallybook("allocate", "list").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rent", "--by", "even"), "there is no 'rent'"),
        (("fees", "--by", "luck"), "there is no 'luck'"),
        (("fees", "--by", "fixed"), "fixed parts need teams"),
        (("fees", "--by", "fixed", "--team", "search"), "names no parts"),
        (("fees", "--by", "even", "--team", "nobody"), "knows no team"),
        (("fees", "--by", "even", "--from", "2026-10-05", "--to", "2026-10-05"), "must end after it starts"),
        (("fees", "--by", "even", "--fallback", "luck"), "neither even nor keep"),
    ],
)
def test_what_is_no_rule_is_refused(tallybook: Command, words: tuple[str, ...], said: str) -> None:
    tallybook("team", "add", "search")
    refused = tallybook("allocate", "set", *words)
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output


def test_calls_in_a_currency_without_a_rate_are_told_and_stop_closing(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        put(ledger, [call("2026-10-05T10:00:00Z", 5 * UNIT, team="search", currency="EUR")])
        answer = json.loads(answers(ledger)["json"])
        assert answer["unconverted"] == [{"currency": "EUR", "amount": "5", "requests": 1}]
        assert answer["total"] == "0"
        assert "something stops it" in (close_month(ledger, "2026-10", "") or "")


def test_prices_that_are_set_are_told_in_the_audit_log(tallybook: Command) -> None:
    tallybook("prices", "set", "acme", "atlas", "input=2", "--from", "2026-10-01")
    tallybook("prices", "discount", "acme", "10%", "--from", "2026-10-16")
    tallybook("prices", "alias", "azure/mine", "acme/atlas")
    told = object_of(tallybook("audit", "--action", "prices", "--json"))["entries"]
    assert [(one["action"], one["subject"]) for one in told] == [
        ("prices alias", "azure/mine"),
        ("prices discount", "acme/*"),
        ("prices set", "acme/atlas"),
    ]
    assert told[2]["detail"]["meters"] == {"input": "2 per 1000000"}


def test_pricing_again_says_which_closed_month_it_reaches(tallybook: Command, busy: Ledger) -> None:
    assert close_month(busy, "2026-10", "trial") is None
    tallybook("prices", "set", "unknown", "new", "input=2", "--from", "2026-01-01")
    done = tallybook("reprice", "--only-unpriced")
    assert "closed already: 2026-10; what changes there is booked in the next open month" in done.stdout or (
        "0 changed" in done.stdout
    )
    assert object_of(tallybook("reprice", "--dry-run", "--json"))["closed_periods"] == ["2026-10"]
    assert (
        object_of(tallybook("reprice", "--dry-run", "--json", "--from", "2026-11-01"))["closed_periods"] == []
    )


def test_a_fee_of_a_team_is_one_line_though_a_rule_starts_within_the_month(
    busy: Ledger, tallybook: Command
) -> None:
    assert tallybook("fees", "add", "Reserved", "744", "--from", "2026-10-01", "--team", "ads").exit_code == 0
    assert tallybook("allocate", "set", "fees", "--by", "even", "--from", "2026-10-16").exit_code == 0
    (ads,) = [line for line in json.loads(answers(busy)["json"])["lines"] if line["team"] == "ads"]
    assert [(fee["name"], fee["amount"]) for fee in ads["own_fees"]] == [("Reserved", "744")]
