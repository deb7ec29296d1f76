"""Charges other than calls: fees, allocated costs, credits, adjustments, taxes, corrections of closed months.

FOCUS has other rules for each category. A purchase has a SKU and a unit price; the quantity of an allocated
part is its amount in the billing currency. A credit, an adjustment and a tax have no SKU, and their four
costs are equal. The correction of an invoiced month is on a later month's invoice, with the corrected days as
its charge period and the charge class `Correction`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

import msgspec

from dashboard.focus.attribution import DirectoryEntry
from dashboard.focus.decimals import ONE, QUANTITY_SCALE, ZERO, decimal_of, product
from dashboard.focus.invoice_parties import parties
from dashboard.focus.meters import UNITS
from dashboard.focus.parse_request import ExportScope
from dashboard.focus.row import (
    Category,
    FocusRow,
    ReportingCurrency,
    compact_json,
    invoice_detail_id,
    row_key,
)
from ingest.model.zone import instant

_SOLD: Final = ("Usage", "Purchase")
_to_json: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """The rule by which a shared cost was allocated to a team, and the team's part."""

    method: str
    """The rule and its version, such as `proportional:tokens:v3`."""
    ratio: Fraction
    resource_id: str
    """The team that the cost was allocated to, such as `team:search`."""
    resource_name: str | None = None
    unit: str | None = None
    """The unit of `quantity`, from which the ratio was computed, such as `Tokens`."""
    quantity: Decimal | None = None

    @property
    def details(self) -> str:
        """The ratio and its measurement, as FOCUS' AllocatedMethodDetails."""
        element: dict[str, Any] = {"AllocatedRatio": decimal_of(self.ratio, QUANTITY_SCALE)}
        if self.unit is not None and self.quantity is not None:
            element |= {"UsageUnit": self.unit, "UsageQuantity": self.quantity}
        return _to_json({"Elements": [element]}).decode()


@dataclass(frozen=True, kw_only=True)
class OtherCharge:
    """An amount charged or credited for some days of the export's zone."""

    key: str
    """Unique among all other charges."""
    category: Category
    description: str
    first_day: int
    end_day: int
    amount: Decimal
    """The cost of these days; negative for a credit."""
    currency: str
    billed: Decimal | None = None
    """The amount invoiced, if it is not the cost: all of a prepayment, or 0 for the prepaid use."""
    listed: Decimal | None = None
    """The cost without a discount, if there is a discount."""
    contracted: Decimal | None = None
    """The cost by contract, if a mark-up is charged or a prepayment covers the charge."""
    invoiced_on: int | None = None
    """A day of the month whose invoice the charge is on, if it is not the month of the first day."""
    is_correction: bool = False
    """Whether the charge corrects a closed month."""
    is_committed: bool = False
    """Whether the charge is the use of a prepayment."""
    frequency: Literal["One-Time", "Recurring", "Usage-Based"] = "One-Time"
    provider: str | None = None
    """The provider that invoices the charge or whose model it is for; None for the platform's own charges."""
    sku: str = "fee"
    """For a purchase or its use: the part of the SKU's id after the provider."""
    team: DirectoryEntry | None = None
    customer: DirectoryEntry | None = None
    cost_center: DirectoryEntry | None = None
    allocation: Allocation | None = None
    invoice_id: str | None = None


def other_charge_rows(
    charges: Iterable[OtherCharge], scope: ExportScope, reporting: ReportingCurrency
) -> Iterator[FocusRow]:
    """The charges as rows, in their scope."""
    for charge in charges:
        yield _row(charge, scope, reporting)


def _row(charge: OtherCharge, scope: ExportScope, reporting: ReportingCurrency) -> FocusRow:
    first = scope.span.day(charge.first_day)
    period = first if charge.invoiced_on is None else scope.span.day(charge.invoiced_on)
    billed = charge.amount if charge.billed is None else charge.billed
    effective = billed if charge.category in ("Tax", "Credit") else charge.amount
    who = parties(scope, charge.provider, charge.team, charge.cost_center)
    line = (who["billing_account_id"], who.get("sub_account_id"), charge.category)
    return FocusRow(
        **who,
        **_price_columns(charge, billed, scope),
        **_allocation_columns(charge.allocation),
        **reporting.columns(effective, charge.currency, charge.first_day),
        billing_period_start=period.period_start,
        billing_period_end=period.period_end,
        charge_period_start=instant(first.start),
        charge_period_end=instant(scope.span.day(charge.end_day).start),
        charge_category=charge.category,
        charge_class="Correction" if charge.is_correction else None,
        charge_frequency=charge.frequency,
        charge_description=charge.description,
        invoice_id=charge.invoice_id,
        invoice_detail_id=invoice_detail_id(charge.invoice_id, *line),
        billing_currency=charge.currency,
        billed_cost=billed if scope.is_billed else ZERO,
        effective_cost=effective,
        pricing_currency=charge.currency,
        pricing_currency_effective_cost=effective,
        tags=_tags(charge),
        x_charge_day=first.date.isoformat(),
        x_provider=charge.provider,
        x_row_key=row_key("charge", scope.profile, scope.issuer, charge.key),
        x_request_count=ZERO,
        x_team_id=charge.team.ident if charge.team else None,
        x_team_name=charge.team.name if charge.team else None,
        x_customer_id=charge.customer.ident if charge.customer else None,
        x_customer_name=charge.customer.name if charge.customer else None,
        x_cost_center_id=charge.cost_center.ident if charge.cost_center else None,
        x_cost_center_name=charge.cost_center.name if charge.cost_center else None,
        x_gl_code=charge.cost_center.gl_code if charge.cost_center else None,
    )


def _price_columns(charge: OtherCharge, billed: Decimal, scope: ExportScope) -> dict[str, Any]:
    """The price columns of usage and purchases; other categories only cost the billed amount."""
    if charge.category not in _SOLD or charge.is_correction:
        return {"list_cost": billed, "contracted_cost": billed}
    listed = charge.amount if charge.listed is None else charge.listed
    contracted = listed if charge.contracted is None else charge.contracted
    quantity = ONE if contracted >= 0 else -ONE
    prices = (abs(listed), abs(contracted))
    if charge.allocation is not None:
        quantity, listed, prices = contracted, contracted, (ONE, ONE)
    sku = f"{charge.provider or scope.issuer}/{charge.sku}"
    columns = {
        "sku_id": sku,
        "sku_meter": charge.sku,
        "sku_price_id": f"{sku}/{charge.frequency.lower()}",
        "pricing_category": "Committed" if charge.is_committed else "Standard",
        "pricing_quantity": quantity,
        "pricing_unit": UNITS,
        "list_unit_price": prices[0],
        "contracted_unit_price": prices[1],
        "pricing_currency_list_unit_price": prices[0],
        "pricing_currency_contracted_unit_price": prices[1],
        "list_cost": product(prices[0], quantity),
        "contracted_cost": product(prices[1], quantity),
    }
    if charge.category == "Usage":
        columns |= {"consumed_quantity": quantity, "consumed_unit": UNITS}
    return columns


def _allocation_columns(allocation: Allocation | None) -> dict[str, Any]:
    if allocation is None:
        return {}
    return {
        "allocated_method_id": allocation.method,
        "allocated_method_details": allocation.details,
        "allocated_resource_id": allocation.resource_id,
        "allocated_resource_name": allocation.resource_name,
    }


def _tags(charge: OtherCharge) -> str | None:
    owners = {"team": charge.team, "customer": charge.customer}
    tags = {name: entry.name for name, entry in owners.items() if entry}
    if charge.cost_center:
        tags["cost_center"] = charge.cost_center.ident
    return compact_json(tags) if tags else None
