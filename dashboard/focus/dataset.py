"""The dataset: the usage rows of each month, followed by the month's other charges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from dashboard.chargeback.sealed import SealedStatements, sealed_statements
from dashboard.chargeback.statements import require_one_currency, statement
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Fee
from dashboard.fees.store import read_fees
from dashboard.focus.charge_groups import ChargeGroups
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import OtherCharge, other_charge_rows
from dashboard.focus.parse_request import ExportScope
from dashboard.focus.provider_charges import fee_charges
from dashboard.focus.row import FocusRow, ReportingCurrency
from dashboard.focus.statement_charges import StatementCharges
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.focus.usage_rows import UsageRows
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

    def rows(self, unpriced: UnpricedCalls) -> Iterator[FocusRow]:
        """All rows, with one day in memory at a time. Calls without a price are counted in `unpriced`."""
        for month in self.scope.span.months:
            usage = self._usage(month, unpriced)
            for day in month:
                yield from usage.rows(day)
            yield from other_charge_rows(self._other_charges(month, usage), self.scope, self.reporting)

    def unpriced(self) -> UnpricedCalls:
        """The calls that have no price."""
        calls = UnpricedCalls()
        for month in self.scope.span.months:
            usage = self._usage(month, calls)
            for day in month:
                for _ in usage.billable_groups(day):
                    pass
        return calls

    def _usage(self, month: Span, unpriced: UnpricedCalls) -> UsageRows:
        """The maker of a month's usage rows.

        The rows of a closed month have its statement's number and leave out calls after its last call.
        """
        usage = UsageRows(self.scope, self.charge_groups, self.reporting, unpriced)
        name = month.calendar.name
        if name not in self.closed:
            return usage
        issued = SealedStatements(self.ledger, self.closed).statement(name)
        return replace(usage, invoice_id=f"{name}/{issued.revision}", until=issued.last_call)

    def _other_charges(self, month: Span, usage: UsageRows) -> Iterator[OtherCharge]:
        if self.scope.profile == "provider":
            return fee_charges(self.fees, month, self.ledger.zone)
        issued = statement(self.ledger, month.calendar, self.now)
        attributions = self.charge_groups.attributions
        attributions.load_entries(entry_id for line in issued.lines for entry_id in line.owner)
        attributions.load_entries(entry_id for owner in usage.cost_by_owner for entry_id in owner)
        monthly = {fee.name for fee in self.fees if fee.every == "month"}
        charges = StatementCharges(issued, month, attributions.entry, monthly, usage.invoice_id)
        return charges.charges(usage.cost_by_owner)
