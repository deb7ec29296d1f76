"""`tallybook report chargeback` and `report journal`: a period's statement, and its postings."""

import json
import sys
from pathlib import Path

from dashboard.chargeback.journal import Clearing, as_csv, as_json, journal
from dashboard.chargeback.outputs import FORMS, read_form, read_group_by, report_of
from dashboard.chargeback.pdf import NoTypesetter
from dashboard.query.calendar import read_calendar
from dashboard.query.question import QuestionError
from ingest.clock import now
from ingest.ledger.engine import open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, warn


def run(period: str, by: str, form: str | None, out: str | None) -> int:
    """Write the report; the exit code. The format defaults to the suffix of the file, else to JSON."""
    try:
        calendar, group_by = read_calendar(period), read_group_by(by)
        report_form = read_form(form or _suffix(out) or "json")
        with open_to_read(Settings()) as ledger:
            content = FORMS[report_form].make(report_of(ledger, calendar, group_by, now()))
    except QuestionError as error:
        return refuse("report", error)
    except NoTypesetter as error:
        return refuse("report", error, ExitCode.FAILURE)
    return _write(content, out, is_text=report_form in ("json", "csv"))


def _suffix(out: str | None) -> str | None:
    suffix = Path(out).suffix.removeprefix(".").lower() if out and out != "-" else ""
    return suffix if suffix in FORMS else None


def run_journal(period: str, form: str, clearing: Clearing, out: str | None) -> int:
    """Write the journal; the exit code."""
    if form not in ("csv", "json"):
        return refuse("report", f"--format: there is no {form!r}; there are csv, json")
    try:
        calendar = read_calendar(period)
        with open_to_read(Settings()) as ledger:
            made = journal(report_of(ledger, calendar, "team", now()), clearing)
    except QuestionError as error:
        return refuse("report", error)
    text = as_csv(made) if form == "csv" else json.dumps(as_json(made), ensure_ascii=False, indent=2) + "\n"
    return _write(text.encode(), out, is_text=True)


def _write(content: bytes, out: str | None, *, is_text: bool) -> int:
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
