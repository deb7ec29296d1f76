"""The charges of a chargeback statement other than calls, for the profile `chargeback`.

With these charges, the rows of each owner add up to the owner's total on the statement, to the last
pico-unit.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from dashboard.chargeback.allocation import METHODS, UNASSIGNED
from dashboard.chargeback.statement import CAUSES, Correction, Fee, Statement, by_id
from dashboard.chargeback.statement import Allocation as Part
from dashboard.focus.attribution import DirectoryEntry
from dashboard.focus.decimals import ZERO, of_pico, plus
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import Allocation, OtherCharge
from dashboard.focus.provider_charges import category_of, sku_of
from dashboard.focus.row import Category
from dashboard.query.calendar import of_month, read_month
from ingest.model.ownership import Owner

_CHANGES: Final = ("late", "ownership", "price")
"""Causes of corrections for which the ledger of a closed month has changed."""
_CATEGORIES: Final[Mapping[str, Category]] = {"credit": "Credit", "tax": "Tax"}

UsageCosts = Mapping[Owner, Decimal]
"""The total of the usage rows by owner, in the reporting currency."""


@dataclass(frozen=True)
class StatementCharges:
    """The charges of a statement other than calls, for the statement's days."""

    statement: Statement
    span: Span
    entry: Callable[[int | None], DirectoryEntry | None]
    monthly: Collection[str] = ()
    """The names of fees that recur every month."""
    invoice_id: str | None = None

    def charges(self, costs: UsageCosts, late: Mapping[str, UsageCosts]) -> Iterator[OtherCharge]:
        """All charges. Charges with the same key are numbered in their order.

        `late` are the totals of the rows of late calls, by the month that they correct.
        """
        occurrences: Counter[str] = Counter()
        for charge in self._charges(costs, late):
            occurrences[charge.key] += 1
            yield replace(charge, key=f"{charge.key}:{occurrences[charge.key]}")

    def _charges(self, costs: UsageCosts, late: Mapping[str, UsageCosts]) -> Iterator[OtherCharge]:
        for fee in self.statement.fees:
            if fee.owner is not None:
                yield self._fee(fee, fee.owner)
        fees = {f"fee:{fee.name}": fee for fee in self.statement.fees}
        for part in self.statement.allocations:
            yield self._allocation_charge(part, fees.get(part.pool))
        for correction in self.statement.corrections:
            in_rows = correction.cause == "late" and correction.about in late
            if not in_rows and correction.cause != "booked":
                yield self._correction(correction, of_pico(correction.amount))
        for about, late_costs in late.items():
            yield from self._late_differences(about, late_costs)
        yield from self._differences(costs)

    def _charge_fields(self, kind: str, description: str, owner: Owner, amount: int) -> dict[str, Any]:
        idents = (entry.ident if (entry := self.entry(entry_id)) else "" for entry_id in owner)
        return {
            "key": ":".join((self.statement.period, kind, description, *idents)),
            "description": description,
            "first_day": self.span.first_day,
            "end_day": self.span.end_day,
            "amount": of_pico(amount),
            "currency": self.statement.currency,
            "team": self.entry(owner.team_id),
            "customer": self.entry(owner.customer_id),
            "cost_center": self.entry(owner.cost_center_id),
            "invoice_id": self.invoice_id,
        }

    def _fee(self, fee: Fee, owner: Owner) -> OtherCharge:
        fields = self._charge_fields("fee", fee.name, owner, fee.amount)
        return OtherCharge(**fields, **self._purchase_columns(fee, fee.amount))

    def _allocation_charge(self, part: Part, fee: Fee | None) -> OtherCharge:
        """The charge of an allocated part of a pool.

        Calls without an owner already have usage rows, so that their parts only move cost between owners:
        these are adjustments.
        """
        name = part.pool.removeprefix("fee:")
        # A negative part takes the allocated cost from its former owner: it has no allocation of its own.
        is_allocated = part.method != "keep" and Fraction(part.share) >= 0
        allocation = self._allocation(part) if is_allocated else None
        description = f"{name}: {METHODS[part.method]}"
        if part.pool == UNASSIGNED:
            description = f"Calls that belong to no team: {METHODS[part.method]}"
            fields = self._charge_fields("allocation", description, part.owner, part.amount)
            return OtherCharge(**fields, category="Adjustment", allocation=allocation)
        fields = self._charge_fields("allocation", description, part.owner, part.amount)
        return OtherCharge(
            **fields,
            **self._purchase_columns(fee or Fee(name, part.amount), part.amount),
            allocation=allocation,
        )

    def _purchase_columns(self, fee: Fee, amount: int) -> dict[str, Any]:
        if (category := category_of(fee.kind, amount)) is not None:
            return {"category": category, "provider": fee.provider}
        frequency = "Recurring" if fee.name in self.monthly else "One-Time"
        return {
            "category": "Usage",
            "sku": sku_of(fee.name),
            "provider": fee.provider,
            "frequency": frequency,
        }

    def _allocation(self, part: Part) -> Allocation:
        team = self.entry(part.owner.team_id)
        return Allocation(
            method=f"{part.method}:{part.pool}:rule-{part.rule}",
            ratio=Fraction(part.share),
            resource_id=f"team:{team.ident}" if team else "unassigned",
            resource_name=team.name if team else None,
        )

    def _late_differences(self, about: str, costs: UsageCosts) -> Iterator[OtherCharge]:
        """What the corrections for late calls of a month are more than the rows of these calls."""
        corrections = [
            one for one in self.statement.corrections if one.cause == "late" and one.about == about
        ]
        booked = {correction.owner: of_pico(correction.amount) for correction in corrections}
        for owner in sorted({*booked, *costs}, key=by_id):
            difference = plus(booked.get(owner, ZERO), -costs.get(owner, ZERO))
            if difference:
                yield self._correction(Correction("late", owner, 0, about, "not in their rows"), difference)

    def _correction(self, correction: Correction, amount: Decimal) -> OtherCharge:
        reason = f": {correction.reason}" if correction.reason else ""
        months = f" of {correction.about}" if correction.about else ""
        description = f"{CAUSES[correction.cause]}{months}{reason}"
        fields = self._charge_fields(
            "correction", description[0].upper() + description[1:], correction.owner, 0
        ) | {"amount": amount}
        if correction.cause in _CHANGES and correction.about is not None:
            first, end = of_month(read_month(correction.about)).days
            fields |= {"first_day": first, "end_day": end, "invoiced_on": self.span.first_day}
            return OtherCharge(**fields, category="Usage", is_correction=True, frequency="Usage-Based")
        return OtherCharge(**fields, category=_CATEGORIES.get(correction.cause, "Adjustment"))

    def _differences(self, costs: UsageCosts) -> Iterator[OtherCharge]:
        """The differences of the statement and the usage rows: rounding, or changes since the closing.

        In a month that was opened again, late calls that a later statement has booked are in no usage row:
        what the statement takes off for them is less by their cost.
        """
        stated: dict[Owner, int] = {}
        largest_rounding = of_pico(len(self.statement.details))
        for detail in self.statement.details:
            stated[detail.owner] = stated.get(detail.owner, 0) + detail.used.cost
        booked = [one for one in self.statement.corrections if one.cause == "booked"]
        for correction in booked:
            stated[correction.owner] = stated.get(correction.owner, 0) + correction.amount
        for owner in sorted({*stated, *costs}, key=by_id):
            difference = plus(of_pico(stated.get(owner, 0)), -costs.get(owner, ZERO))
            is_rounding = abs(difference) <= largest_rounding
            if not difference or not (is_rounding or booked or self.statement.status == "closed"):
                continue
            description = "Rounding of shared or converted calls"
            if not is_rounding and booked:
                description = "What later statements have booked beside late calls, and changes since"
            elif not is_rounding:
                description = "Changes since the month was closed, which are charged in a later one"
            fields = self._charge_fields("difference", description, owner, 0) | {"amount": difference}
            yield OtherCharge(**fields, category="Adjustment")
