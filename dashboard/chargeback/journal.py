"""The journal of a statement: postings for an accounting system, which add up to zero.

A posting is a debit of a team on its cost centre and general-ledger account; cost of no team is a posting
without any. The credit of the platform's account is the sum of all. Amounts are the shown amounts of the
statement by team, split among the cost centres of a team by largest remainder, with the exact amount beside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dashboard.chargeback.report import Report
from dashboard.chargeback.rounding import in_units, rounded_parts
from dashboard.chargeback.statement import Statement
from dashboard.query.serialize import write_csv
from ingest.model import money

COLUMNS: Final = (
    "period",
    "statement_number",
    "status",
    "line",
    "cost_center_code",
    "cost_center",
    "gl_code",
    "team",
    "description",
    "currency",
    "debit",
    "credit",
    "amount",
    "amount_exact",
)
"""The columns of the CSV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The account that the platform is credited on."""

    cost_center: str = ""
    gl_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A line of the journal; a positive amount is a debit, a negative amount a credit."""

    cost_center_code: str
    cost_center: str
    gl_code: str
    team: str
    description: str
    units: int
    """The amount in smallest units of the currency."""
    exact: int
    """The amount in pico-units."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The postings of a statement; they add up to zero, rounded and exactly."""

    statement: Statement
    digits: int
    postings: tuple[Posting, ...]


def journal(report: Report, clearing: Clearing) -> Journal:
    """The journal of a report by team."""
    words = f"LLM usage {report.statement.number or report.statement.period}"
    debits = tuple(_debits(report, words))
    credit = Posting(
        cost_center_code=clearing.cost_center,
        cost_center="",
        gl_code=clearing.gl_code,
        team="",
        description=f"{words}: platform clearing",
        units=-sum(posting.units for posting in debits),
        exact=-sum(posting.exact for posting in debits),
    )
    return Journal(report.statement, report.digits, (*debits, credit) if debits else ())


def _debits(report: Report, words: str) -> Iterator[Posting]:
    names = report.statement.names
    for entry in report.entries:
        amounts: dict[int | None, int] = {}
        for line in report.statement.lines:
            if line.owner.team_id == entry.ident:
                center = line.owner.cost_center_id
                amounts[center] = amounts.get(center, 0) + line.total
        exact = list(amounts.values())
        units = rounded_parts([in_units(amount, report.digits) for amount in exact], entry.shown.total)
        for center, amount, shown in zip(amounts, exact, units, strict=True):
            if not amount and not shown:
                continue
            named = None if center is None else names.get(center)
            yield Posting(
                cost_center_code=named.ident if named else "",
                cost_center=named.name if named else "",
                gl_code=(named.gl_code or "") if named else "",
                team=report.name(entry.ident) or "",
                description=f"{words}: {report.entry_name(entry)}",
                units=shown,
                exact=amount,
            )


def as_json(made: Journal) -> dict[str, Any]:
    """The journal in the JSON of `tallybook report journal` and `GET /v1/reports/journal`."""
    statement = made.statement
    rows = list(_rows(made))
    return {
        "period": statement.period,
        "number": statement.number,
        "status": statement.status,
        "currency": statement.currency,
        "postings": rows,
        "debit": _plain(made, sum(max(posting.units, 0) for posting in made.postings)),
        "credit": _plain(made, sum(max(-posting.units, 0) for posting in made.postings)),
    }


def as_csv(made: Journal) -> str:
    """The journal as CSV."""
    return write_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in _rows(made)))


def _rows(made: Journal) -> Iterator[dict[str, Any]]:
    statement = made.statement
    for line, posting in enumerate(made.postings, start=1):
        yield {
            "period": statement.period,
            "statement_number": statement.number,
            "status": statement.status,
            "line": line,
            "cost_center_code": posting.cost_center_code,
            "cost_center": posting.cost_center,
            "gl_code": posting.gl_code,
            "team": posting.team,
            "description": posting.description,
            "currency": statement.currency,
            "debit": _plain(made, posting.units) if posting.units > 0 else "",
            "credit": _plain(made, -posting.units) if posting.units < 0 else "",
            "amount": _plain(made, posting.units),
            "amount_exact": money.plain(posting.exact),
        }


def _plain(made: Journal, units: int) -> str:
    """An amount as text with all digits of the currency, such as `12.30`."""
    return f"{Decimal(units).scaleb(-made.digits):.{made.digits}f}"
