"""FOCUS: lines of the platform's invoices add up to statements, and billing periods say what is closed."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboard.chargeback.closing import close, reopen
from dashboard.chargeback.statements import statement
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.focus import csv_text
from dashboard.focus.dataset import Dataset
from dashboard.focus.export import export_metadata, export_to_files
from dashboard.focus.export_period import read_span
from dashboard.focus.parse_request import DatasetName, ExportScope
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.query.calendar import of_month, read_month
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros
from tests.support.calls import a_ledger, call, put
from tests.support.focus_rows import EXACT, PICO, exported
from tests.support.owners import owns

NOW = micros(datetime(2026, 12, 20, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """October with three teams, calls of nobody, a fee and a credit; November with a late call."""
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        put(
            opened,
            [
                call("2026-10-02T12:00:00Z", 1_000_001, virtual_key="vk-1", team="red", model="a"),
                call("2026-10-03T12:00:00Z", 2_000_003, virtual_key="vk-2", team="blue", model="b"),
                call("2026-10-04T12:00:00Z", 700_001, virtual_key="vk-3", model="c"),
            ],
        )
        owns(opened, "vk-1", ("red", 1), ("green", 2), since="2026-10-02")
        owns(opened, "blue", ("CC-1", 1), kind="team", target_kind="cost_center")
        start = opened.zone.midnight(of_month(read_month("2026-10")).days[0])
        fee: dict[str, Any] = {"currency": "USD", "start": start, "every": "month"}
        with opened.writing() as connection:
            add_fees(connection, [Fee(name="Gateway", kind="platform", amount=7 * PICO, **fee)])
            add_fees(connection, [Fee(name="Welcome", kind="credit", amount=-PICO, **fee)])
        closed(opened, "2026-10")
        put(
            opened, [call("2026-10-30T12:00:00Z", 5_000, virtual_key="vk-2", team="blue", model="b")], first=9
        )
        closed(opened, "2026-11")
        yield opened


def closed(ledger: Ledger, month: str) -> None:
    assert close(ledger, read_month(month), accept="fine", by="ada", now=NOW).hash


def records(ledger: Ledger, dataset: DatasetName, period: str = "2026-10") -> list[Any]:
    export_scope = ExportScope(read_span(period, None, None, ledger.zone), dataset=dataset)
    with ledger.reading() as connection:
        return list(Dataset(connection, ledger, export_scope, NOW).records(UnpricedCalls()))


def total(rows: list[Any]) -> Decimal:
    billed = Decimal(0)
    for row in rows:
        billed = EXACT.add(billed, row.billed_cost)
    return billed * PICO


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_the_lines_of_an_invoice_add_up_to_its_statement(ledger: Ledger, month: str) -> None:
    lines = records(ledger, "invoice_detail", month)
    issued = statement(ledger, of_month(read_month(month)), NOW)
    assert total(lines) == issued.total
    assert {line.invoice_id for line in lines} == {f"{month}/1"}
    assert {line.billing_currency for line in lines} == {"USD"}


def test_each_row_of_an_invoice_is_part_of_a_line(ledger: Ledger) -> None:
    lines = {line.invoice_detail_id: line for line in records(ledger, "invoice_detail")}
    rows = exported(ledger)
    assert {row.invoice_detail_id for row in rows} == set(lines)
    for name, line in lines.items():
        assert total([line]) == total([row for row in rows if row.invoice_detail_id == name])
    (blue,) = (line for line in lines.values() if line.description == "Usage of blue")
    assert (blue.billing_account_id, blue.status) == ("CC-1", "Issued")
    assert json.loads(blue.grain) == {"SubAccountId": "blue"}


def test_a_month_that_is_open_has_no_invoice(ledger: Ledger) -> None:
    assert records(ledger, "invoice_detail", "2026-12") == []


def test_an_invoice_that_replaces_another_refers_to_it(ledger: Ledger) -> None:
    assert {line.reference_invoice_id for line in records(ledger, "invoice_detail")} == {"2026-10/1"}
    reopen(ledger, read_month("2026-10"), reason="again", by="ada", now=NOW)
    closed(ledger, "2026-10")
    lines = records(ledger, "invoice_detail")
    assert {(line.invoice_id, line.reference_invoice_id) for line in lines} == {("2026-10/2", "2026-10/1")}


def test_billing_periods_say_which_months_are_closed(ledger: Ledger) -> None:
    periods = records(ledger, "billing_period", "2026-Q4")
    assert [(period.start.isoformat(), period.status) for period in periods] == [
        ("2026-09-30T22:00:00+00:00", "Closed"),
        ("2026-10-31T23:00:00+00:00", "Closed"),
        ("2026-11-30T23:00:00+00:00", "Open"),
    ]
    assert {period.issuer for period in periods} == {"Tallybook"}
    reopen(ledger, read_month("2026-10"), reason="again", by="ada", now=NOW)
    assert [period.status for period in records(ledger, "billing_period")] == ["Open"]
    assert records(ledger, "billing_period", "2027-01") == []


LINTED: tuple[tuple[DatasetName, str], ...] = (
    ("cost_and_usage", "cost-and-usage"),
    ("invoice_detail", "invoice-detail"),
    ("billing_period", "billing-period"),
)


@pytest.mark.parametrize(("dataset", "name"), LINTED)
def test_each_dataset_is_clean_by_the_linter_of_1_4(
    ledger: Ledger, tmp_path: Path, dataset: DatasetName, name: str
) -> None:
    path = tmp_path / "focus.csv"
    rows = records(ledger, dataset, "2026-Q4")
    path.write_text("".join(csv_text.csv_chunks(rows, "1.4", dataset)), newline="")
    program = [sys.executable, "-m", "focus_data_toolkit", "validate", "--dataset", name]
    program += ["--supports", "SupportsUnitPricing", str(path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_of_invoices_have_metadata_and_no_list_of_calls(ledger: Ledger, tmp_path: Path) -> None:
    export_scope = ExportScope(read_span("2026-10", None, None, ledger.zone), dataset="invoice_detail")
    done = export_to_files(ledger, export_scope, "1.4", "parquet", tmp_path / "lines.parquet")
    assert [path.name for path in done.files] == ["lines.parquet", "lines.parquet.metadata.json"]
    about = export_metadata(ledger, export_scope, "1.4")
    assert about["DatasetInstance"]["FocusDatasetId"] == "InvoiceDetail"
    text = "".join(csv_text.csv_chunks(records(ledger, "invoice_detail"), "1.4", "invoice_detail"))
    (header, *_) = csv.reader(io.StringIO(text))
    assert header == [column["ColumnName"] for column in about["Schema"]["ColumnDefinition"]]
