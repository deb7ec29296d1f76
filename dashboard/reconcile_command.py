"""`tallybook invoice` and `tallybook reconcile`: what providers charge, against the ledger."""

import json
import sys
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from babel.numbers import get_currency_precision
from rich.console import Console
from rich.table import Table

from dashboard.answer import write_csv
from dashboard.chargeback.calendar import Month, of_month, read_calendar, read_month
from dashboard.question import QuestionError
from dashboard.reconciliation import (
    CSV_COLUMNS,
    DEFAULT_THRESHOLD,
    Reconciliation,
    Threshold,
    as_json,
    csv_rows,
    read_by,
    reconcile,
)
from ingest import money
from ingest.clock import now
from ingest.invoices import reading
from ingest.ledger import audit, directory, ownership, periods
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.invoices import add_lines, read_lines
from ingest.model.zone import date_of
from ingest.ownership import NOBODY, Owner, Owners
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2
REJECTED: Final = 3
_SHOWN: Final = 20


def import_invoice(path: str, provider: str | None, account: str, *, as_json: bool) -> int:
    """Import a provider's costs; the exit code, 3 where some lines could not be taken."""
    at, by = now(), current_user()
    try:
        found = reading.read(Path(path), provider, account)
    except reading.NotAnInvoice as error:
        return _complain("invoice", str(error), FAILURE)
    except OSError as error:
        return _complain("invoice", f"cannot read {path}: {error.strerror}", FAILURE)
    lines = [replace(one, recorded_at=at, recorded_by=by) for one in found.lines]
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        # What has faults may be part of what it should say, and does not take the place of what is known.
        new = add_lines(connection, lines, may_replace=not found.problems)
        if new:
            total: dict[str, int] = {}
            for one in lines:
                total[one.currency] = total.get(one.currency, 0) + one.amount
            detail = {"lines": new, "amounts": {code: money.plain(amount) for code, amount in total.items()}}
            name = Path(path).name
            audit.note(
                connection, audit.Entry(at=at, by=by, action="invoice import", subject=name, detail=detail)
            )
    if as_json:
        answer = {
            "path": path,
            "format": found.source,
            "lines": len(lines),
            "new": new,
            "known": len(lines) - new,
            "rejected": len(found.problems),
            "rejections": [
                {"line": bad.line, "field": bad.field, "value": bad.value, "reason": bad.reason}
                for bad in found.problems[:100]
            ],
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return REJECTED if found.problems else WELL
    days = sorted({one.first_day for one in lines})
    span = f" from {date_of(days[0])} to {date_of(days[-1])}" if days else ""
    Console().print(f"{path} ({found.source}): {len(lines):,} lines{span}, {new:,} are new", highlight=False)
    if found.problems and new < len(lines):
        _complain(
            "invoice",
            "lines about days that are known already were left out: mend the faults first",
            REJECTED,
        )
    for problem in found.problems[:_SHOWN]:
        _complain("invoice", f"{path}: {problem}", REJECTED)
    return REJECTED if found.problems else WELL


def list_invoices(period: str | None, *, as_json: bool) -> int:
    """Print invoice lines by provider and account; the exit code."""
    try:
        first, end = read_calendar(period).days if period else (0, 2**31 - 1)
    except QuestionError as error:
        return _complain("invoice", str(error), USAGE)
    with open_ledger(Settings()) as ledger, ledger.reading() as connection:
        lines = read_lines(connection, first, end)
    sums: dict[tuple[str, str, str, str, str], tuple[int, int]] = {}
    for one in lines:
        month = str(date_of(one.first_day))[:7]
        key = (month, one.provider, one.account, one.source, one.currency)
        amount, count = sums.get(key, (0, 0))
        sums[key] = (amount + one.amount, count + 1)
    names = ("period", "provider", "account", "source", "currency")
    rows: list[dict[str, Any]] = [
        {**dict(zip(names, key, strict=True)), "amount": money.plain(amount), "lines": count}
        for key, (amount, count) in sorted(sums.items())
    ]
    if as_json:
        sys.stdout.write(json.dumps({"invoices": rows}, ensure_ascii=False, indent=2) + "\n")
        return WELL
    if not rows:
        Console().print(
            "no invoices; `tallybook invoice import FILE` reads a provider's costs", highlight=False
        )
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("Month", "Provider", "Account", "From", "Currency", "Amount", "Lines"):
        table.add_column(heading, justify="right" if heading in ("Amount", "Lines") else "left")
    for row in rows:
        table.add_row(*(str(row[name]) for name in names), row["amount"], str(row["lines"]))
    Console().print(table)
    return WELL


@dataclass(frozen=True, slots=True)
class Asked:
    """What `reconcile` was asked for."""

    period: str
    by: str = "provider"
    provider: str | None = None
    threshold: str | None = None
    accept: str | None = None
    team: str | None = None
    form: str = "table"


def run(asked: Asked) -> int:
    """Print the comparison, and book what is accepted; the exit code."""
    try:
        month, by, threshold = read_month(asked.period), read_by(asked.by), _threshold(asked.threshold)
        with open_ledger(Settings()) as ledger:
            if asked.accept is not None:
                found = reconcile(ledger, month, provider=asked.provider, threshold=threshold)
                for line in accept(ledger, found, asked.accept, asked.team, by=current_user(), at=now()):
                    Console(stderr=True).print(line, highlight=False, markup=False, soft_wrap=True)
            found = reconcile(ledger, month, by, provider=asked.provider, threshold=threshold)
    except (QuestionError, NotKnown, AcceptRefused) as error:
        return _complain("reconcile", str(error), USAGE)
    if asked.form == "json":
        sys.stdout.write(json.dumps(as_json(found), ensure_ascii=False, indent=2) + "\n")
    elif asked.form == "csv":
        sys.stdout.write(write_csv(CSV_COLUMNS, csv_rows(found)))
    else:
        _print(found)
    return WELL


class AcceptRefused(ValueError):
    """A variance that cannot be accepted as asked; the message says why."""


def accept(
    ledger: Ledger, found: Reconciliation, reason: str, team: str | None, *, by: str, at: int
) -> list[str]:
    """Book every variance as an adjustment in the earliest open month from the compared one on; what was booked.

    Raises:
        AcceptRefused: there is no reason, or nothing to accept.
        NotKnown: the directory knows no such team, or several.
    """
    why = " ".join(reason.split())
    if not why:
        raise AcceptRefused("--accept: say why the variance is accepted")
    rows = [row for row in found.rows if row.variance]
    if not rows:
        raise AcceptRefused(f"nothing of {found.month} differs from an invoice")
    said = []
    with ledger.writing() as connection:
        month = _open_month(found.month, set(periods.closed(connection)))
        owner = NOBODY
        if team is not None:
            entry_id = directory.find(connection, "team", team, ledger.keyring)
            homes = Owners(ownership.assignments(connection))
            owner = Owner(entry_id, *homes.home(entry_id, of_month(month).days[0]))
        for row in rows:
            one = periods.Adjustment(
                period=str(month),
                about=str(found.month),
                cause="reconciliation",
                owner=owner,
                provider=row.provider,
                currency=found.currency,
                amount=row.variance or 0,
                reason=why,
                recorded_at=at,
                recorded_by=by,
            )
            periods.book(connection, one)
            amount = f"{money.plain(one.amount)} {one.currency}"
            detail = {"amount": amount, "about": one.about, "period": one.period, "reason": why}
            audit.note(
                connection,
                audit.Entry(at=at, by=by, action="reconcile accept", subject=row.provider, detail=detail),
            )
            said.append(f"{row.provider}: {amount} is booked in {month}")
    return said


def _open_month(month: Month, closed: set[str]) -> Month:
    while str(month) in closed:
        month = month.plus(1)
    return month


def _threshold(text: str | None) -> Threshold:
    """What may differ: a percent of the invoice, or an amount."""
    if text is None:
        return DEFAULT_THRESHOLD
    is_percent = text.strip().endswith("%")
    try:
        number = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation as error:
        message = f"threshold: {text!r} is neither a percent such as 1% nor an amount such as 5"
        raise QuestionError("invalid_threshold", "threshold", message) from error
    if not number.is_finite() or number < 0 or number.adjusted() > 15:  # noqa: PLR2004
        raise QuestionError("invalid_threshold", "threshold", f"threshold: {text!r} is not above 0")
    return Threshold(share=Fraction(number) / 100) if is_percent else Threshold(amount=money.pico_of(number))


def _print(found: Reconciliation) -> None:
    out = Console()
    if not found.rows:
        out.print(f"no calls, fees or invoices in {found.month}", highlight=False)
        return
    digits = get_currency_precision(found.currency)
    names = [
        "invoiced",
        "ledger",
        *(name for name in ("fees", "booked") if any(getattr(r, name) for r in found.rows)),
    ]
    table = Table(box=None, pad_edge=False)
    for heading in ("Provider", *([found.by.title()] if found.by != "provider" else [])):
        table.add_column(heading)
    for heading in (*(name.title() for name in names), "Variance", "Share", "Explained"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in found.rows:
        key = [row.key or ""] if found.by != "provider" else []
        share = "" if row.share is None else f"{float(row.share):+.2%}"
        amounts = [getattr(row, name) for name in (*names, "variance")]
        explained = row.explained if row.invoiced is not None else None
        mark = "no invoice" if row.invoiced is None else "" if row.agrees(found.threshold) else "differs"
        cells = [_short(amount, digits) for amount in amounts]
        table.add_row(row.provider, *key, *cells, share, _short(explained, digits), mark)
    out.print(table)
    out.print(
        f"amounts in {found.currency}, days of UTC; --json has all digits", style="dim", highlight=False
    )
    for why in found.unconverted:
        out.print(f"left out: {why}", style="yellow", highlight=False, markup=False)
    if unpriced := sum(row.unpriced_requests for row in found.rows):
        out.print(
            f"{unpriced:,} calls have no price; what they may have cost is an estimate", highlight=False
        )


def _short(pico: int | None, digits: int) -> str:
    """An amount as a table shows it, rounded by itself."""
    return "" if pico is None else f"{money.from_pico(pico):,.{digits}f}"


def _complain(command: str, text: str, code: int) -> int:
    Console(stderr=True).print(f"tallybook {command}: {text}", highlight=False, markup=False, soft_wrap=True)
    return code
