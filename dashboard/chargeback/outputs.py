"""Output formats of the report, all made from the same value."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dashboard.budgets.model import of_months
from dashboard.budgets.store import read_budgets
from dashboard.chargeback.pdf import document
from dashboard.chargeback.report import GROUP_LABELS, GroupBy, Report, report
from dashboard.chargeback.serialize import as_csv, as_json
from dashboard.chargeback.statements import statement
from dashboard.chargeback.xlsx import workbook
from dashboard.query.calendar import Calendar
from dashboard.query.question import QuestionError
from ingest.ledger.engine import Ledger

Form = Literal["json", "csv", "xlsx", "pdf"]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """How a report is written in a format, and the media type of the format."""

    make: Callable[[Report], bytes]
    media_type: str


def _json(report_: Report) -> bytes:
    return (json.dumps(as_json(report_), ensure_ascii=False, indent=2) + "\n").encode()


FORMS: Final[Mapping[Form, OutputFormat]] = {
    "json": OutputFormat(_json, "application/json"),
    "csv": OutputFormat(lambda report_: as_csv(report_).encode(), "text/csv; charset=utf-8"),
    "xlsx": OutputFormat(workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": OutputFormat(document, "application/pdf"),
}


def report_of(ledger: Ledger, calendar: Calendar, by: GroupBy, now: int) -> Report:
    """The report of a period, compared with the period before."""
    current = statement(ledger, calendar, now)
    with ledger.reading() as connection:
        budgets = of_months(read_budgets(connection), by, len(calendar.months), *calendar.days)
    return report(current, by, statement(ledger, calendar.before(), now), budgets)


def read_group_by(text: str) -> GroupBy:
    """The grouping that a text names.

    Raises:
        QuestionError: there is no such grouping.
    """
    for by in GROUP_LABELS:
        if by == text:
            return by
    raise QuestionError("unknown_by", "by", f"by: there is no {text!r}; there are {', '.join(GROUP_LABELS)}")


def read_form(text: str) -> Form:
    """The format that a text names.

    Raises:
        QuestionError: there is no such format.
    """
    for form in FORMS:
        if form == text:
            return form
    raise QuestionError(
        "unknown_format", "format", f"format: there is no {text!r}; there are {', '.join(FORMS)}"
    )
