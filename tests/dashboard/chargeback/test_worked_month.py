"""The month of docs/chargeback.md: its commands run as they stand there, and give its tables."""

import os
import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboard.chargeback.outputs import report_of
from dashboard.chargeback.report import Report
from dashboard.cli import make_cli
from dashboard.query.calendar import Month, read_calendar
from dashboard.reconciliation.compare import reconcile
from ingest.ledger.engine import open_ledger
from ingest.model.money import plain
from ingest.settings import Settings
from tests.support.ledgers import SECRET
from tests.support.paths import DOCS

GUIDE = (DOCS / "chargeback.md").read_text()
MONTH = GUIDE[GUIDE.index("## A month by hand") :]
NOW = 1_799_000_000_000_000  # 2027-01-03


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", MONTH, re.MULTILINE | re.DOTALL)


def table(title: str) -> list[list[str]]:
    """The rows of a table of the guide, without its heading."""
    lines = MONTH[MONTH.index(f"| {title} |") :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def shown(report: Report) -> list[list[str]]:
    whole = [("all", report.shown), *((report.name(one.ident) or "", one.shown) for one in report.entries)]
    rows = [
        [
            name,
            *(report.amount(part) for part in (one.direct_cost, one.shared_cost, one.adjustments, one.total)),
        ]
        for name, one in whole
    ]
    return [*rows[1:], rows[0]]


def test_the_month_of_the_guide_comes_out_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALLYBOOK_DATABASE_URL", f"sqlite:///{tmp_path}/month.db")
    monkeypatch.setenv("TALLYBOOK_SECRET_KEY", SECRET.get_secret_value())
    monkeypatch.setenv("TALLYBOOK_TIMEZONE", "Europe/Berlin")
    calls, late, invoice = blocks("csv")
    Path("calls.csv").write_text(calls)
    Path("late.csv").write_text(late)
    Path("invoice.csv").write_text(invoice)
    (mapping,) = blocks("toml")
    Path("calls.toml").write_text(mapping)
    first, then, reconciled = blocks("sh")
    run(first)
    with open_ledger(Settings()) as ledger:
        assert shown(report_of(ledger, read_calendar("2026-10"), "team", NOW)) == table("October")
    run(then)
    with open_ledger(Settings()) as ledger:
        october = report_of(ledger, read_calendar("2026-10"), "team", NOW)
        november = report_of(ledger, read_calendar("2026-11"), "team", NOW)
    assert (october.statement.status, shown(october)) == ("closed", table("October"))
    assert shown(november) == table("November")
    assert plain(october.whole.total + november.whole.total) == "299.8"
    with open_ledger(Settings()) as ledger:
        run(reconciled.splitlines()[0])
        (acme,) = reconcile(ledger, Month(2026, 10)).rows
        assert (plain(acme.ledger), plain(acme.variance or 0)) == ("199.8", "3.4")
        assert f"{float(acme.share or 0) * 100:.1f}%" == "1.7%"
        run("\n".join(reconciled.splitlines()[1:]))
        november = report_of(ledger, read_calendar("2026-11"), "team", NOW)
    assert shown(november) == table("November with the invoice")


def run(commands: str) -> None:
    for line in commands.splitlines():
        done = CliRunner().invoke(make_cli(), shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}\n{os.listdir()}"  # noqa: PTH208


def test_the_arithmetic_of_the_guide_is_right() -> None:
    for team, sum_, direct in table("team"):
        numbers = re.findall(r"(?<![\w%])\d+(?:\.\d+)?(?!%)", re.sub(r"\([^)]*\)", "", sum_))
        assert sum(map(Decimal, numbers)) == Decimal(direct), team
