"""The dataset: the usage rows of each month, of late calls of closed months, and other charges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statement import Statement
from dashboard.chargeback.statements import require_one_currency, statement
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Fee
from dashboard.fees.store import read_fees
from dashboard.focus.arrivals import Closing, late_calls, own_calls
from dashboard.focus.charge_groups import ChargeGroups
from dashboard.focus.columns import Record
from dashboard.focus.export_period import Span
from dashboard.focus.invoices import billing_periods, invoice_details
from dashboard.focus.other_charges import OtherCharge, other_charge_rows
from dashboard.focus.parse_request import ExportScope
from dashboard.focus.provider_charges import fee_charges
from dashboard.focus.row import FocusRow, ReportingCurrency
from dashboard.focus.statement_charges import StatementCharges
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.focus.usage_rows import UsageRows
from dashboard.query.calendar import of_month, read_month
from ingest.ledger import periods
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.periods import Event


def require_reporting_currency(ledger: Ledger, scope: ExportScope) -> None:
    """Refuse rows of statements while months are closed in another currency than the ledger reports in.

    Raises:
        OtherCurrency: a month is closed in another currency.
    """
    if scope.profile == "chargeback":
        require_one_currency(sealed_statements(ledger))


@dataclass(frozen=True)
class Dataset:
    """The rows of an export, read in one snapshot of the ledger at the instant `now`."""

    connection: Connection
    ledger: Ledger
    scope: ExportScope
    now: int
    _statements: dict[Span, Statement] = field(default_factory=dict)

    @cached_property
    def charge_groups(self) -> ChargeGroups:
        """The ledger's charge groups, day by day."""
        return ChargeGroups(self.connection, self.ledger.zone, self.scope.span.zone)

    @cached_property
    def reporting(self) -> ReportingCurrency:
        """The reporting currency with its exchange rates."""
        return ReportingCurrency(self.ledger.currency, read_rates(self.connection))

    @cached_property
    def fees(self) -> list[Fee]:
        """The current fees."""
        return read_fees(self.connection)

    @cached_property
    def closed(self) -> Mapping[str, Event]:
        """The closed months; empty for the profile `provider`, whose invoices do not close with them."""
        return periods.closed(self.connection) if self.scope.profile == "chargeback" else {}

    def records(self, unpriced: UnpricedCalls) -> Iterator[Record]:
        """The rows of the dataset that the scope names."""
        if self.scope.dataset == "billing_period":
            latest = periods.latest_events(self.connection)
            yield from billing_periods(self.scope.span, latest, self.scope.issuer, self.now)
        elif self.scope.dataset == "invoice_detail":
            yield from invoice_details(self.rows(unpriced), self.closed)
        else:
            yield from self.rows(unpriced)

    def rows(self, unpriced: UnpricedCalls) -> Iterator[FocusRow]:
        """All rows of cost and usage, with one day in memory at a time.

        Calls that are in no row are counted in `unpriced`.
        """
        for month in self.scope.span.months:
            usage = self._usage(month, unpriced)
            for day in month:
                yield from usage.rows(day)
            if self.scope.profile == "provider":
                charges = fee_charges(self.fees, month, self.ledger.zone)
            else:
                late = self._late_usage(month, usage)
                for about, rows in late.items():
                    for day in self._span_of(about):
                        yield from rows.rows(day)
                charges = self._statement_charges(month, usage, late)
            yield from other_charge_rows(charges, self.scope, self.reporting)

    def unpriced(self) -> UnpricedCalls:
        """The calls that have no price."""
        calls = UnpricedCalls()
        for month in self.scope.span.months:
            usage = self._usage(month, calls)
            late = self._late_usage(month, usage) if self.scope.profile == "chargeback" else {}
            of_days = [(usage, month), *((rows, self._span_of(about)) for about, rows in late.items())]
            for rows, days in of_days:
                for day in days:
                    for _ in rows.billable_groups(day):
                        pass
        return calls

    def _usage(self, month: Span, unpriced: UnpricedCalls) -> UsageRows:
        """The maker of a month's usage rows.

        The rows of a closed month have its statement's number and leave out calls after its last call. Calls
        that the statement of a later month has booked are left out, too.
        """
        usage = UsageRows(self.scope, self.charge_groups, self.reporting, unpriced)
        if self.scope.profile == "provider":
            return usage
        name = month.calendar.name
        number = (
            SealedStatements(self.ledger, self.closed).statement(name).number if name in self.closed else None
        )
        return replace(usage, invoice_id=number, arrivals=own_calls(self.history, name))

    def _late_usage(self, month: Span, usage: UsageRows) -> dict[str, UsageRows]:
        """The makers of rows of late calls that are booked in this month, by their own, closed month."""
        late: dict[str, UsageRows] = {}
        if not self.closed:
            return late
        name = month.calendar.name
        corrections = self._statement(month).corrections
        for about in sorted({one.about for one in corrections if one.cause == "late" and one.about}):
            if arrivals := late_calls(self.history, about, name):
                first = self.scope.span.day(month.first_day)
                late[about] = replace(usage, cost_by_owner={}, arrivals=arrivals, booked_in=first)
        return late

    def _span_of(self, month: str) -> Span:
        return Span(*of_month(read_month(month)).days, self.scope.span.zone)

    @cached_property
    def history(self) -> list[Closing]:
        """The closings and reopenings of all months, in order."""
        events = [event for event in periods.events(self.connection) if event.status != "closing"]
        return [Closing(event.period, self._last_call(event)) for event in events]

    def _last_call(self, event: Event) -> int | None:
        if event.status != "closed":
            return None
        return int(periods.statement_of(self.connection, event)["last_call"])

    def _statement(self, month: Span) -> Statement:
        """The month's statement, sealed or as it is now."""
        if month not in self._statements:
            self._statements[month] = statement(self.ledger, month.calendar, self.now)
        return self._statements[month]

    def _statement_charges(
        self, month: Span, usage: UsageRows, late: Mapping[str, UsageRows]
    ) -> Iterator[OtherCharge]:
        issued = self._statement(month)
        attributions = self.charge_groups.attributions
        attributions.load_entries(entry_id for line in issued.lines for entry_id in line.owner)
        for rows in (usage, *late.values()):
            attributions.load_entries(entry_id for owner in rows.cost_by_owner for entry_id in owner)
        monthly = {fee.name for fee in self.fees if fee.every == "month"}
        charges = StatementCharges(issued, month, attributions.entry, monthly, usage.invoice_id)
        return charges.charges(
            usage.cost_by_owner, {about: rows.cost_by_owner for about, rows in late.items()}
        )
