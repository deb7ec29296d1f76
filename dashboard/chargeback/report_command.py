"""`tallybook report chargeback`: the statement of a period as JSON, CSV, a workbook or a PDF."""

import sys
from pathlib import Path

from dashboard.chargeback.outputs import FORMS, read_form, read_group_by, report_of
from dashboard.chargeback.pdf import NoTypesetter
from dashboard.query.calendar import read_calendar
from dashboard.query.question import QuestionError
from ingest.clock import now
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, warn


def run(period: str, by: str, form: str | None, out: str | None) -> int:
    """Write the report; the exit code. The format defaults to the suffix of the file, else to JSON."""
    try:
        calendar, group_by = read_calendar(period), read_group_by(by)
        report_form = read_form(form or _suffix(out) or "json")
        with open_ledger(Settings()) as ledger:
            content = FORMS[report_form].make(report_of(ledger, calendar, group_by, now()))
    except QuestionError as error:
        return refuse("report", error)
    except NoTypesetter as error:
        return refuse("report", error, ExitCode.FAILURE)
    return write_out(content, out, is_text=report_form in ("json", "csv"))


def _suffix(out: str | None) -> str | None:
    suffix = Path(out).suffix.removeprefix(".").lower() if out and out != "-" else ""
    return suffix if suffix in FORMS else None


def write_out(content: bytes, out: str | None, *, is_text: bool) -> int:
    """Write a report to a file, or to the standard output; the exit code."""
    if out is None or out == "-":
        if not is_text and sys.stdout.isatty():
            return refuse("report", "name a file with --out: a terminal shows no workbook and no PDF")
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return ExitCode.OK
    try:
        Path(out).write_bytes(content)
    except OSError as error:
        return refuse("report", f"cannot write {out}: {error.strerror}", ExitCode.FAILURE)
    warn(f"{out}: {len(content):,} bytes")
    return ExitCode.OK
