"""Output formats of the report, all made from the same value."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from dashboard.chargeback.comparison import compared
from dashboard.chargeback.pdf import document
from dashboard.chargeback.report import GROUP_LABELS, GroupBy, Report, report
from dashboard.chargeback.serialize import as_csv, as_json
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import statement
from dashboard.chargeback.store import gl_codes
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
    return report_of_statement(ledger, calendar, statement(ledger, calendar, now), by, now)


def report_of_statement(
    ledger: Ledger, calendar: Calendar, current: Statement, by: GroupBy, now: int
) -> Report:
    """The report of a statement, compared with the period before.

    A closed statement shows what it holds; a code of a cost centre that it lacks is today's.
    """
    return report(with_codes(ledger, compared(ledger, calendar, current, now)), by)


def with_codes(ledger: Ledger, current: Statement) -> Statement:
    """The statement with today's general-ledger accounts where it holds none of a cost centre."""
    with ledger.reading() as connection:
        codes = gl_codes(connection)
    names = {
        entry: replace(name, gl_code=name.gl_code or codes.get(entry))
        for entry, name in current.names.items()
    }
    return replace(current, names=names)


def file_stem(current: Statement) -> str:
    """The start of a file's name, with the number of an issued statement: none is written over another."""
    issued = f"-statement-{current.revision}" if current.number else ""
    return f"chargeback-{current.period.replace('/', '-to-')}{issued}"


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
