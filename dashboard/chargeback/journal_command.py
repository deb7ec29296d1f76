"""`tallybook report journal`: postings of a period for an accounting system."""

import json

from dashboard.chargeback.journal import Clearing, as_csv, as_json, journal
from dashboard.chargeback.outputs import report_of
from dashboard.chargeback.report_command import write_out
from dashboard.query.calendar import read_calendar
from dashboard.query.question import QuestionError
from ingest.clock import now
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings
from ingest.terminal import refuse


def run(period: str, form: str, clearing: Clearing, out: str | None) -> int:
    """Write the journal; the exit code."""
    if form not in ("csv", "json"):
        return refuse("report", f"--format: there is no {form!r}; there are csv, json")
    try:
        calendar = read_calendar(period)
        with open_ledger(Settings()) as ledger:
            made = journal(report_of(ledger, calendar, "team", now()), clearing)
    except QuestionError as error:
        return refuse("report", error)
    text = as_csv(made) if form == "csv" else json.dumps(as_json(made), ensure_ascii=False, indent=2) + "\n"
    return write_out(text.encode(), out, is_text=True)
