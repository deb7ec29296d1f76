"""The dataset: the rows of calls of each month, and behind them what is charged beside calls."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import sqlalchemy as sa

from dashboard.chargeback.sealed import SealedStatements
from dashboard.chargeback.statements import statement
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Fee
from dashboard.fees.store import read_fees
from dashboard.focus.charge_groups import Reading
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import Charge, extra_rows
from dashboard.focus.parse_request import Order
from dashboard.focus.provider_charges import of_fees
from dashboard.focus.row import Reporting, Row
from dashboard.focus.statement_charges import Owed
from dashboard.focus.unpriced import Unpriced
from dashboard.focus.usage_rows import Usage
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.ledger.periods import Event


@dataclass(frozen=True)
class Dataset:
    """What an order asks for, read in one snapshot of the ledger as it is at the instant `now`."""

    connection: sa.Connection
    ledger: Ledger
    order: Order
    now: int

    @cached_property
    def reading(self) -> Reading:
        """The ledger's sums, day by day."""
        return Reading(self.connection, self.ledger.zone, self.order.span.zone)

    @cached_property
    def reporting(self) -> Reporting:
        """The reporting currency."""
        return Reporting(self.ledger.currency, read_rates(self.connection))

    @cached_property
    def fees(self) -> list[Fee]:
        """The fees that stand."""
        return read_fees(self.connection)

    @cached_property
    def closed(self) -> Mapping[str, Event]:
        """The months that are closed; providers' invoices know nothing of that."""
        return periods.closed(self.connection) if self.order.profile == "chargeback" else {}

    def rows(self, unpriced: Unpriced) -> Iterator[Row]:
        """All rows, a day in memory at a time. Calls without a price are counted in `unpriced`."""
        for month in self.order.span.months:
            usage = self._usage(month, unpriced)
            for day in month:
                yield from usage.rows(day)
            yield from extra_rows(self._beside(month, usage), self.order, self.reporting)

    def unpriced(self) -> Unpriced:
        """The calls that have no price."""
        found = Unpriced()
        for month in self.order.span.months:
            until = self._usage(month, found).until
            for day in month:
                for group in self.reading.groups(day, until):
                    if group.identity.cost_source == "unpriced":
                        found.add(group, self.reading.holders)
        return found

    def _usage(self, month: Span, unpriced: Unpriced) -> Usage:
        """What makes the rows of a month's calls; of a closed one, those that its statement knows, under its number."""
        made = Usage(self.order, self.reading, self.reporting, unpriced)
        name = month.calendar.name
        if name not in self.closed:
            return made
        issued = SealedStatements(self.ledger, self.closed).statement(name)
        return replace(made, invoice_id=f"{name}/{issued.revision}", until=issued.last_call)

    def _beside(self, month: Span, usage: Usage) -> Iterator[Charge]:
        if self.order.profile == "provider":
            return of_fees(self.fees, month, self.ledger.zone)
        found = statement(self.ledger, month.calendar, self.now)
        self.reading.holders.learn_people(one for line in found.lines for one in line.owner)
        self.reading.holders.learn_people(one for owner in usage.used for one in owner)
        monthly = {fee.name for fee in self.fees if fee.every == "month"}
        owed = Owed(found, month, self.reading.holders.person, monthly, usage.invoice_id)
        return owed.charges(usage.used)
