"""The FOCUS datasets of the platform's own invoices: the lines of each invoice, and the billing periods.

An invoice is the statement of a closed month. Its lines are sums of the rows of cost and usage with its
number, by cost centre, team and category, so that they add up to it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from dashboard.focus.decimals import plus
from dashboard.focus.export_period import Span
from dashboard.focus.row import FocusRow, compact_json
from ingest.ledger.periods import Event
from ingest.model.zone import instant

_TERMS: Final = "Internal chargeback"


class InvoiceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an invoice."""

    invoice_detail_id: str
    invoice_id: str
    reference_invoice_id: str
    """The invoice that this one replaces, because its month was opened again; the invoice itself if none."""
    issuer: str
    status: Literal["Issued"] = "Issued"
    issued_at: datetime
    billing_account_id: str
    billing_currency: str
    billing_period_start: datetime
    billing_period_end: datetime
    charge_category: str
    billed_cost: Decimal
    description: str
    grain: str | None
    """What the line is summed by beside account and category: the team."""
    payment_terms: str = _TERMS


class BillingPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A month of the platform's invoices."""

    issuer: str
    start: datetime
    end: datetime
    created: datetime
    updated: datetime
    status: Literal["Open", "Closed"]


def invoice_details(rows: Iterable[FocusRow], issued: Mapping[str, Event]) -> Iterator[InvoiceDetail]:
    """The lines of the invoices of these rows; `issued` are the closings of months by name."""
    first: dict[str, FocusRow] = {}
    billed: dict[str, Decimal] = {}
    for row in rows:
        if (line := row.invoice_detail_id) is not None:
            first.setdefault(line, row)
            billed[line] = plus(billed[line], row.billed_cost) if line in billed else row.billed_cost
    for line, row in first.items():
        yield _detail(row, line, billed[line], issued)


def _detail(row: FocusRow, line: str, billed: Decimal, issued: Mapping[str, Event]) -> InvoiceDetail:
    assert row.invoice_id is not None, "a line of an invoice has its number"
    month, number = row.invoice_id.rsplit("/", 1)
    before = f"{month}/{int(number) - 1}" if int(number) > 1 else row.invoice_id
    who = row.sub_account_name or row.billing_account_name or row.billing_account_id
    return InvoiceDetail(
        invoice_detail_id=line,
        invoice_id=row.invoice_id,
        reference_invoice_id=before,
        issuer=row.invoice_issuer_name,
        issued_at=instant(issued[month].at),
        billing_account_id=row.billing_account_id,
        billing_currency=row.billing_currency,
        billing_period_start=row.billing_period_start,
        billing_period_end=row.billing_period_end,
        charge_category=row.charge_category,
        billed_cost=billed,
        description=f"{row.charge_category} of {who}",
        grain=compact_json({"SubAccountId": row.sub_account_id}) if row.sub_account_id else None,
    )


def billing_periods(
    span: Span, latest: Mapping[str, Event], issuer: str, now: int
) -> Iterator[BillingPeriod]:
    """The months of a span that have begun; `latest` is what happened to each month last."""
    for month in span.months:
        first = span.day(month.first_day)
        event = latest.get(str(month.calendar.first)[:7])
        if first.start <= now:
            is_closed = event is not None and event.status == "closed"
            yield BillingPeriod(
                issuer=issuer,
                start=first.period_start,
                end=first.period_end,
                created=first.period_start,
                updated=instant(event.at if event and is_closed else now),
                status="Closed" if is_closed else "Open",
            )
