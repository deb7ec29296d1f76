"""`tallybook invoice` and `tallybook reconcile`: what providers charge, compared with the ledger."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babel.numbers import get_currency_precision

from dashboard.query.calendar import read_calendar, read_month
from dashboard.query.question import QuestionError
from dashboard.query.serialize import write_csv
from dashboard.reconciliation.compare import (
    CSV_COLUMNS,
    Reconciliation,
    ReconciliationRow,
    as_json,
    csv_rows,
    read_group_by,
    read_threshold,
    reconcile,
)
from dashboard.reconciliation.invoices.line import Document, InvoiceLine
from dashboard.reconciliation.invoices.parser import NotAnInvoice, ParsedInvoice, parse_invoice
from dashboard.reconciliation.invoices.store import read_lines
from dashboard.reconciliation.service import (
    AcceptRefused,
    AcceptVarianceOptions,
    RecordedInvoice,
    accept_variances,
    record_invoice,
)
from ingest.clock import now
from ingest.ledger.engine import Purpose, open_ledger, open_to_read
from ingest.model import money
from ingest.model.zone import date_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, print_json, refuse, say, show, table, warn

_MOST_SHOWN: Final = 20
_MOST_LISTED: Final = 100
_INVOICE_KEY: Final = ("period", "provider", "account", "invoice_id", "source", "currency")
_HEADINGS: Final = {"markups": "Mark-ups"}


def import_invoice(path: str, provider: str | None, account: str, *, as_json: bool) -> int:
    """Import a provider's costs; the exit code, 3 if some lines were rejected."""
    at = now()
    try:
        invoice = parse_invoice(Path(path), provider, account)
    except NotAnInvoice as error:
        return refuse("invoice", error, ExitCode.FAILURE)
    except OSError as error:
        return refuse("invoice", f"cannot read {path}: {error.strerror}", ExitCode.FAILURE)
    with open_ledger(Settings()) as ledger:
        recorded = record_invoice(ledger, invoice, path, by=current_user(), at=at)
    if as_json:
        sys.stdout.write(json.dumps(_import_as_json(path, invoice, recorded), ensure_ascii=False) + "\n")
    else:
        _print_import(path, invoice, recorded)
    return ExitCode.SOME_REJECTED if invoice.problems else ExitCode.OK


def _import_as_json(path: str, invoice: ParsedInvoice, recorded: RecordedInvoice) -> dict[str, Any]:
    new = recorded.new
    return {
        "path": path,
        "format": invoice.source,
        "lines": len(invoice.lines),
        "new": new,
        "known": len(invoice.lines) - new,
        "replaced": [_document_as_json(document) for document in recorded.replaced],
        "rejected": len(invoice.problems),
        "rejections": [
            {"line": bad.line, "field": bad.field, "value": bad.value, "reason": bad.reason}
            for bad in invoice.problems[:_MOST_LISTED]
        ],
    }


def _document_as_json(document: Document) -> dict[str, Any]:
    return {
        "provider": document.provider,
        "account": document.account,
        "invoice_id": document.invoice_id,
        "from": str(date_of(document.first_day)),
        "to": str(date_of(document.end_day)),
        "lines": document.lines,
        "amount": money.plain(document.amount),
        "currency": document.currency,
    }


def _print_import(path: str, invoice: ParsedInvoice, recorded: RecordedInvoice) -> None:
    lines, new = invoice.lines, recorded.new
    days = sorted({line.first_day for line in lines})
    span = f" from {date_of(days[0])} to {date_of(days[-1])}" if days else ""
    say(f"{path} ({invoice.source}): {len(lines):,} lines{span}, {new:,} are new")
    for document in recorded.replaced:
        say(_no_longer_counts(document), style="yellow")
    if invoice.problems and new < len(lines):
        refuse("invoice", "lines about days that are known already were left out: mend the faults first")
    for problem in invoice.problems[:_MOST_SHOWN]:
        refuse("invoice", f"{path}: {problem}")


def _no_longer_counts(document: Document) -> str:
    lines = "1 line" if document.lines == 1 else f"{document.lines:,} lines"
    verb = "no longer counts" if document.lines == 1 else "no longer count"
    named = f"{document.provider} {document.invoice_id}" if document.invoice_id else document.provider
    days = f"{date_of(document.first_day)} to {date_of(document.end_day - 1)}"
    return f"{lines} of {money.plain(document.amount)} {document.currency} {verb}: {named}, {days}"


def list_invoices(period: str | None, *, as_json: bool) -> int:
    """Print invoice lines by provider and account; the exit code."""
    try:
        first, end = read_calendar(period).days if period else (0, 2**31 - 1)
    except QuestionError as error:
        return refuse("invoice", error)
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        rows = _invoice_rows(read_lines(connection, first, end))
    if as_json:
        print_json({"invoices": rows})
        return ExitCode.OK
    headings = ("Month", "Provider", "Account", "Invoice", "From", "Currency", "Amount", "Lines")
    listing = table(*headings, numbers=("Amount", "Lines"))
    for row in rows:
        listing.add_row(*(str(row[name]) for name in _INVOICE_KEY), row["amount"], str(row["lines"]))
    show(listing, "no invoices; `tallybook invoice import FILE` reads a provider's costs")
    return ExitCode.OK


def _invoice_rows(lines: Iterable[InvoiceLine]) -> list[dict[str, Any]]:
    """The sum and the number of lines by month, provider, account, invoice, source and currency."""
    sums: dict[tuple[str, ...], tuple[int, int]] = {}
    for line in lines:
        month = str(date_of(line.first_day))[:7]
        key = (month, line.provider, line.account, line.invoice_id or "", line.source, line.currency)
        amount, count = sums.get(key, (0, 0))
        sums[key] = (amount + line.amount, count + 1)
    return [
        {**dict(zip(_INVOICE_KEY, key, strict=True)), "amount": money.plain(amount), "lines": count}
        for key, (amount, count) in sorted(sums.items())
    ]


@dataclass(frozen=True, slots=True)
class ReconcileOptions:
    """The options of `reconcile`, as text."""

    period: str
    by: str = "provider"
    provider: str | None = None
    threshold: str | None = None
    accept: str | None = None
    team: str | None = None
    form: str = "table"


def run(options: ReconcileOptions) -> int:
    """Book the variances that are accepted, and print the comparison; the exit code."""
    try:
        month, by = read_month(options.period), read_group_by(options.by)
        threshold = read_threshold(options.threshold)
        purpose = Purpose.READ if options.accept is None else Purpose.CHANGE
        with open_ledger(Settings(), purpose) as ledger:
            if options.accept is not None:
                accepted = AcceptVarianceOptions(
                    month=month, reason=options.accept, provider=options.provider, team=options.team
                )
                for booked in accept_variances(ledger, accepted, by=current_user(), at=now()):
                    amount = f"{money.plain(booked.amount)} {booked.currency}"
                    warn(f"{booked.provider}: {amount} is booked in {booked.period}")
            reconciliation = reconcile(ledger, month, by, provider=options.provider, threshold=threshold)
    except (QuestionError, AcceptRefused) as error:
        return refuse("reconcile", error)
    if options.form == "json":
        print_json(as_json(reconciliation))
    elif options.form == "csv":
        sys.stdout.write(write_csv(CSV_COLUMNS, csv_rows(reconciliation)))
    else:
        _print(reconciliation)
    return ExitCode.OK


def _print(reconciliation: Reconciliation) -> None:
    if not reconciliation.rows:
        say(f"no calls, fees or invoices in {reconciliation.month}")
        return
    _print_table(reconciliation)
    say(f"amounts in {reconciliation.currency}, days of UTC; --json has all digits", style="dim")
    if any(row.markups for row in reconciliation.rows):
        say("mark-ups are charged to teams beyond what providers ask, and are not compared", style="dim")
    for why in reconciliation.unconverted:
        say(f"left out or doubtful: {why}", style="yellow")
    if unpriced := sum(row.unpriced_requests for row in reconciliation.rows):
        say(f"{unpriced:,} calls have no price; what they may have cost is an estimate")


def _print_table(reconciliation: Reconciliation) -> None:
    has_key = reconciliation.by != "provider"
    names = [
        "invoiced",
        "ledger",
        *(
            name
            for name in ("fees", "booked", "markups")
            if any(getattr(row, name) for row in reconciliation.rows)
        ),
    ]
    numbers = (*(_HEADINGS.get(name, name.title()) for name in names), "Variance", "Share", "Explained")
    listing = table(
        "Provider", *([reconciliation.by.title()] if has_key else []), *numbers, "", numbers=numbers
    )
    for row in reconciliation.rows:
        key = [row.key or ""] if has_key else []
        listing.add_row(row.provider, *key, *_cells(reconciliation, row, names))
    console().print(listing)


def _cells(reconciliation: Reconciliation, row: ReconciliationRow, names: Iterable[str]) -> list[str]:
    digits = get_currency_precision(reconciliation.currency)
    amounts = [getattr(row, name) for name in (*names, "variance")]
    share = "" if row.share is None else f"{float(row.share):+.2%}"
    explained = row.explained if row.invoiced is not None else None
    mark = "no invoice" if row.invoiced is None else "" if row.agrees(reconciliation.threshold) else "differs"
    return [*(_short(amount, digits) for amount in amounts), share, _short(explained, digits), mark]


def _short(pico: int | None, digits: int) -> str:
    """An amount as a table shows it, rounded on its own."""
    return "" if pico is None else f"{money.from_pico(pico):,.{digits}f}"
