"""Outputs of the report: one function for each form, all from the same value."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dashboard.budgets.model import limits_for_months
from dashboard.budgets.store import read_budgets
from dashboard.chargeback.pdf import document
from dashboard.chargeback.report import BYS, By, Report, report
from dashboard.chargeback.serialize import as_csv, as_json
from dashboard.chargeback.statements import statement
from dashboard.chargeback.xlsx import workbook
from dashboard.query.calendar import Calendar
from dashboard.query.question import QuestionError
from ingest.ledger.engine import Ledger

Form = Literal["json", "csv", "xlsx", "pdf"]


@dataclass(frozen=True, slots=True)
class Output:
    """How a form is made, and what it is called over HTTP."""

    make: Callable[[Report], bytes]
    media_type: str


def _json(made: Report) -> bytes:
    return (json.dumps(as_json(made), ensure_ascii=False, indent=2) + "\n").encode()


FORMS: Final[Mapping[Form, Output]] = {
    "json": Output(_json, "application/json"),
    "csv": Output(lambda made: as_csv(made).encode(), "text/csv; charset=utf-8"),
    "xlsx": Output(workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": Output(document, "application/pdf"),
}


def report_of(ledger: Ledger, calendar: Calendar, by: By, now: int) -> Report:
    """The report of a period beside that of the one before."""
    found = statement(ledger, calendar, now)
    with ledger.reading() as connection:
        limits = limits_for_months(read_budgets(connection), by, len(calendar.months), *calendar.days)
    return report(found, by, statement(ledger, calendar.before(), now), limits)


def read_by(text: str) -> By:
    """What lines are made of.

    Raises:
        QuestionError: it is none of them.
    """
    for by in BYS:
        if by == text:
            return by
    raise QuestionError("unknown_by", "by", f"by: there is no {text!r}; there are {', '.join(BYS)}")


def read_form(text: str) -> Form:
    """A form.

    Raises:
        QuestionError: it is none of them.
    """
    for form in FORMS:
        if form == text:
            return form
    raise QuestionError(
        "unknown_format", "format", f"format: there is no {text!r}; there are {', '.join(FORMS)}"
    )
