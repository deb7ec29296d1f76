"""Charges beside usage: fees, shared cost that is allocated, credits, adjustments, taxes, corrections of closed periods.

FOCUS wants of each category something else. A purchase has a SKU and a unit price, and what is allocated of one is so many units of the currency.
A credit, an adjustment and a tax have neither, and their costs are one and the same. What corrects a period that was invoiced stands in a
later one, with the days that it is about and the class `Correction`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

import msgspec

from dashboard.focus.attribution import Person
from dashboard.focus.decimals import ONE, QUANTITY_SCALE, ZERO, decimal_of, product
from dashboard.focus.invoice_parties import parties
from dashboard.focus.meters import UNITS
from dashboard.focus.parse_request import Order
from dashboard.focus.row import Category, Reporting, Row, compact, row_key
from ingest.model.zone import instant

_SOLD: Final = ("Usage", "Purchase")
_to_json: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """By which rule a shared cost was given to a team, and how much of it."""

    method: str
    """The rule and its version, such as `proportional:tokens:v3`."""
    ratio: Fraction
    resource_id: str
    """What it was given to, such as `team:search`."""
    resource_name: str | None = None
    unit: str | None = None
    """What the ratio was measured in, such as `Tokens`."""
    quantity: Decimal | None = None

    @property
    def details(self) -> str:
        """The rule's measurements as FOCUS has them."""
        element: dict[str, Any] = {"AllocatedRatio": decimal_of(self.ratio, QUANTITY_SCALE)}
        if self.unit is not None and self.quantity is not None:
            element |= {"UsageUnit": self.unit, "UsageQuantity": self.quantity}
        return _to_json({"Elements": [element]}).decode()


@dataclass(frozen=True, kw_only=True)
class Charge:
    """An amount that somebody is charged, or is given, for some days of the zone of the export."""

    key: str
    """What it is known by among all charges beside usage."""
    category: Category
    description: str
    first_day: int
    end_day: int
    amount: Decimal
    """The cost of these days; negative for what is given."""
    currency: str
    billed: Decimal | None = None
    """What is invoiced, where that is not the cost of the days: all of a prepayment, or nothing of what one covers."""
    listed: Decimal | None = None
    """What it costs without a discount, where there is one."""
    contracted: Decimal | None = None
    """What it costs by contract, where a mark-up is charged or a prepayment covers it."""
    invoiced_on: int | None = None
    """A day of the month whose invoice it is on, where that is not the month of its first day."""
    is_correction: bool = False
    """Whether it corrects a month that was closed."""
    is_committed: bool = False
    """Whether it is the use of what was paid before."""
    frequency: Literal["One-Time", "Recurring", "Usage-Based"] = "One-Time"
    provider: str | None = None
    """Whose invoice it is on or whose model it is for; None where it is the platform's own."""
    sku: str = "fee"
    """What is bought, for a purchase: a part of the SKU's id."""
    team: Person | None = None
    customer: Person | None = None
    cost_center: Person | None = None
    allocation: Allocation | None = None
    invoice_id: str | None = None


def extra_rows(charges: Iterable[Charge], order: Order, reporting: Reporting) -> Iterator[Row]:
    """The charges as rows, in their order."""
    for charge in charges:
        yield _row(charge, order, reporting)


def _row(charge: Charge, order: Order, reporting: Reporting) -> Row:
    first = order.span.day(charge.first_day)
    period = first if charge.invoiced_on is None else order.span.day(charge.invoiced_on)
    billed = charge.amount if charge.billed is None else charge.billed
    effective = billed if charge.category in ("Tax", "Credit") else charge.amount
    return Row(
        **parties(order, charge.provider, charge.team, charge.cost_center),
        **_prices(charge, billed, order),
        **_allocated(charge.allocation),
        **reporting.columns(effective, charge.currency, charge.first_day),
        billing_period_start=period.period_start,
        billing_period_end=period.period_end,
        charge_period_start=instant(first.start),
        charge_period_end=instant(order.span.day(charge.end_day).start),
        charge_category=charge.category,
        charge_class="Correction" if charge.is_correction else None,
        charge_frequency=charge.frequency,
        charge_description=charge.description,
        invoice_id=charge.invoice_id,
        billing_currency=charge.currency,
        billed_cost=billed if order.is_billed else ZERO,
        effective_cost=effective,
        tags=_tags(charge),
        x_charge_day=first.date.isoformat(),
        x_provider=charge.provider,
        x_row_key=row_key("charge", order.profile, order.issuer, charge.key),
        x_request_count=ZERO,
        x_team_id=charge.team.ident if charge.team else None,
        x_team_name=charge.team.name if charge.team else None,
        x_customer_id=charge.customer.ident if charge.customer else None,
        x_customer_name=charge.customer.name if charge.customer else None,
        x_cost_center_id=charge.cost_center.ident if charge.cost_center else None,
        x_cost_center_name=charge.cost_center.name if charge.cost_center else None,
        x_gl_code=charge.cost_center.gl_code if charge.cost_center else None,
    )


def _prices(charge: Charge, billed: Decimal, order: Order) -> dict[str, Any]:
    """Unit prices and quantities of what is sold; what is not sold costs what is billed for it."""
    if charge.category not in _SOLD or charge.is_correction:
        return {"list_cost": billed, "contracted_cost": billed}
    listed = charge.amount if charge.listed is None else charge.listed
    contracted = listed if charge.contracted is None else charge.contracted
    quantity = ONE if contracted >= 0 else -ONE
    prices = (abs(listed), abs(contracted))
    if charge.allocation is not None:
        quantity, listed, prices = contracted, contracted, (ONE, ONE)
    sku = f"{charge.provider or order.issuer}/{charge.sku}"
    found = {
        "sku_id": sku,
        "sku_meter": charge.sku,
        "sku_price_id": f"{sku}/{charge.frequency.lower()}",
        "pricing_category": "Committed" if charge.is_committed else "Standard",
        "pricing_quantity": quantity,
        "pricing_unit": UNITS,
        "list_unit_price": prices[0],
        "contracted_unit_price": prices[1],
        "list_cost": product(prices[0], quantity),
        "contracted_cost": product(prices[1], quantity),
    }
    if charge.category == "Usage":
        found |= {"consumed_quantity": quantity, "consumed_unit": UNITS}
    return found


def _allocated(allocation: Allocation | None) -> dict[str, Any]:
    if allocation is None:
        return {}
    return {
        "allocated_method_id": allocation.method,
        "allocated_method_details": allocation.details,
        "allocated_resource_id": allocation.resource_id,
        "allocated_resource_name": allocation.resource_name,
    }


def _tags(charge: Charge) -> str | None:
    people = {"team": charge.team, "customer": charge.customer}
    found = {name: one.name for name, one in people.items() if one}
    if charge.cost_center:
        found["cost_center"] = charge.cost_center.ident
    return compact(found) if found else None
