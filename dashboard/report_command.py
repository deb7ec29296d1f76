"""`tallybook report chargeback`: the statement of a period as JSON, CSV, a workbook or a PDF."""

import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from dashboard.chargeback.calendar import read_calendar
from dashboard.chargeback.document import NoTypesetter
from dashboard.chargeback.outputs import FORMS, read_by, read_form, report_of
from dashboard.question import QuestionError
from ingest.clock import now
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2


def run(period: str, by: str, form: str | None, out: str | None) -> int:
    """Write the report; the exit code. Without a form, the file's name says it; without either, it is JSON."""
    err = Console(stderr=True)
    try:
        calendar, lines = read_calendar(period), read_by(by)
        wanted = read_form(form or _suffix(out) or "json")
        with open_ledger(Settings()) as ledger:
            made = FORMS[wanted].make(report_of(ledger, calendar, lines, now()))
    except QuestionError as error:
        err.print(f"tallybook report: {error}", highlight=False, markup=False, soft_wrap=True)
        return USAGE
    except NoTypesetter as error:
        err.print(f"tallybook report: {error}", highlight=False, markup=False, soft_wrap=True)
        return FAILURE
    return _write(made, out, is_text=wanted in ("json", "csv"), err=err)


def _suffix(out: str | None) -> str | None:
    suffix = Path(out).suffix.removeprefix(".").lower() if out and out != "-" else ""
    return suffix if suffix in FORMS else None


def _write(made: bytes, out: str | None, *, is_text: bool, err: Console) -> int:
    if out is None or out == "-":
        if not is_text and sys.stdout.isatty():
            err.print(
                "tallybook report: name a file with --out: a terminal shows no workbook and no PDF",
                highlight=False,
            )
            return USAGE
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
        return WELL
    try:
        Path(out).write_bytes(made)
    except OSError as error:
        err.print(f"tallybook report: cannot write {out}: {error.strerror}", highlight=False, markup=False)
        return FAILURE
    err.print(f"{out}: {len(made):,} bytes", highlight=False, markup=False)
    return WELL
