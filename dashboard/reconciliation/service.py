"""Recording invoices and accepting variances: each written and audited in one transaction."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath

from dashboard.query.calendar import Month, of_month
from dashboard.reconciliation.compare import Reconciliation, reconcile
from dashboard.reconciliation.invoices.line import Document, InvoiceLine
from dashboard.reconciliation.invoices.parser import ParsedInvoice
from dashboard.reconciliation.invoices.store import insert_lines, lines_to_add, lock, newest_number
from ingest.ledger import audit, directory, ownership, periods
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.periods import Adjustment
from ingest.ledger.prepared import prepared_write
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.model.ownership import NOBODY, Owner, Owners


class AcceptRefused(Invalid):
    """The variance cannot be accepted; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordedInvoice:
    """The number of recorded lines, and the documents that no longer count because of them."""

    new: int
    replaced: tuple[Document, ...]


def record_invoice(ledger: Ledger, invoice: ParsedInvoice, path: str, *, by: str, at: int) -> RecordedInvoice:
    """Record the new lines of an invoice.

    A file with rejected lines may be incomplete, so it does not replace recorded lines.
    """
    lines = [replace(line, recorded_at=at, recorded_by=by) for line in invoice.lines]

    def prepare(connection: Connection) -> tuple[list[InvoiceLine], list[Document]]:
        return lines_to_add(connection, lines, may_replace=not invoice.problems)

    with prepared_write(ledger, prepare, newest_number, lock) as (connection, prepared):
        new, replaced = insert_lines(connection, *prepared)
        if new:
            detail: dict[str, object] = {"lines": new, "amounts": _amounts(lines)}
            if replaced:
                detail["replaced"] = [
                    f"{document.invoice_id or document.provider}: "
                    f"{money.plain(document.amount)} {document.currency}"
                    for document in replaced
                ]
            name = PurePath(path).name
            entry = audit.Entry(at=at, by=by, action="invoice import", subject=name, detail=detail)
            audit.note(connection, entry)
    return RecordedInvoice(new, tuple(replaced))


def _amounts(lines: Iterable[InvoiceLine]) -> dict[str, str]:
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, 0) + line.amount
    return {currency: money.plain(amount) for currency, amount in totals.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptVarianceOptions:
    """Which variances of a month are accepted, why, and the team that bears them."""

    month: Month
    reason: str
    provider: str | None = None
    """Only this provider; None for all."""
    team: str | None = None


def accept_variances(ledger: Ledger, options: AcceptVarianceOptions, *, by: str, at: int) -> list[Adjustment]:
    """Book every variance as an adjustment in the earliest open month from the compared month on.

    Raises:
        AcceptRefused: there is no reason or nothing to accept, or the team is not known.
    """
    reason = " ".join(options.reason.split())
    if not reason:
        raise AcceptRefused("missing_reason", "say why the variance is accepted", field="accept")

    def compare(_connection: Connection) -> Reconciliation:
        return reconcile(ledger, options.month, provider=options.provider)

    # What is booked and invoiced is the same as when it was compared: a variance that is accepted twice at
    # once is booked once.
    with prepared_write(ledger, compare, _version, lock) as (connection, reconciliation):
        variances = {row.provider: row.variance for row in reconciliation.rows if row.variance}
        if not variances:
            raise AcceptRefused("nothing_to_accept", f"nothing of {options.month} differs from an invoice")
        month = _open_month(options.month, periods.closed(connection))
        owner = NOBODY if options.team is None else _owner(connection, ledger, options.team, month)
        adjustments = [
            Adjustment(
                period=str(month),
                about=str(options.month),
                cause="reconciliation",
                owner=owner,
                provider=provider,
                currency=reconciliation.currency,
                amount=variance,
                reason=reason,
                recorded_at=at,
                recorded_by=by,
            )
            for provider, variance in variances.items()
        ]
        for adjustment in adjustments:
            _book(connection, adjustment)
    return adjustments


def _version(connection: Connection) -> tuple[int | None, periods.Books]:
    """What a comparison with invoices depends on, but for calls and fees."""
    return newest_number(connection), periods.books(connection)


def _open_month(month: Month, closed: Collection[str]) -> Month:
    while str(month) in closed:
        month = month.plus(1)
    return month


def _owner(connection: Connection, ledger: Ledger, team: str, month: Month) -> Owner:
    entry_id = directory.find_team(connection, team, ledger.keyring, AcceptRefused)
    homes = Owners(ownership.assignments(connection))
    return Owner(entry_id, *homes.home(entry_id, of_month(month).days[0]))


def _book(connection: Connection, adjustment: Adjustment) -> None:
    periods.book(connection, adjustment)
    detail = {
        "amount": f"{money.plain(adjustment.amount)} {adjustment.currency}",
        "about": adjustment.about,
        "period": adjustment.period,
        "reason": adjustment.reason,
    }
    entry = audit.Entry(
        at=adjustment.recorded_at,
        by=adjustment.recorded_by,
        action="reconcile accept",
        subject=adjustment.provider or "",
        detail=detail,
    )
    audit.note(connection, entry)
