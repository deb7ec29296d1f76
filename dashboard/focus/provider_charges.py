"""Providers' fees, which are paid whether or not there are calls, as charges of the profile `provider`.

A fee is a purchase with an effective cost of 0, billed on its first day; its use is a charge of each month
with the month's part of the cost. A fee's days are days of the reporting zone, and are written as the same
days in UTC.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.fees.model import Charge, Fee, charges_of
from dashboard.focus.decimals import ZERO, of_pico
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import OtherCharge
from dashboard.focus.row import Category
from ingest.model.zone import Zone


def fee_charges(fees: Iterable[Fee], span: Span, zone: Zone) -> Iterator[OtherCharge]:
    """The charges of the span's days. `zone` is the reporting zone; fees without a provider are left out."""
    local = Span(span.first_day, span.end_day, zone)
    for fee in fees:
        if fee.provider is not None:
            for charge in charges_of(fee, zone, local.start, local.end):
                yield from _of_charge(charge, local)


def sku_of(name: str) -> str:
    """A fee's name as a part of a SKU's id."""
    return "-".join(name.lower().split())


def category_of(kind: str, amount: int) -> Category | None:
    """The category of a fee that is not sold: a tax, or a credit; None for any other fee."""
    if kind == "tax":
        return "Tax"
    return "Credit" if amount < 0 else None


def _of_charge(charge: Charge, local: Span) -> Iterator[OtherCharge]:
    first, end = local.zone.day(charge.start), local.zone.day(charge.end - 1) + 1
    starts = local.first_day <= first < local.end_day
    part = charge.during(local.start, local.end)
    fields = _charge_fields(charge.fee, max(first, local.first_day), min(end, local.end_day))
    if charge.start != local.zone.midnight(first):  # another version of the fee may end on this day
        fields["key"] += f":{charge.start}"
    if (category := category_of(charge.fee.kind, charge.amount)) is not None:
        if starts:
            yield OtherCharge(category=category, amount=of_pico(charge.amount), **fields)
        return
    if starts:
        amount = of_pico(charge.amount)
        listed = of_pico(charge.list_amount)
        yield OtherCharge(
            category="Purchase", amount=ZERO, billed=amount, contracted=amount, listed=listed, **fields
        )
    if part:
        amount = of_pico(part)
        listed = of_pico(charge.listed_during(local.start, local.end))
        fields["key"] += ":used"
        yield OtherCharge(
            category="Usage",
            amount=amount,
            billed=ZERO,
            contracted=amount,
            listed=listed,
            is_committed=True,
            **fields,
        )


def _charge_fields(fee: Fee, first_day: int, end_day: int) -> dict[str, Any]:
    return {
        "key": f"fee:{fee.name}:{first_day}",
        "description": fee.name,
        "first_day": first_day,
        "end_day": end_day,
        "currency": fee.currency,
        "provider": fee.provider,
        "sku": sku_of(fee.name),
        "frequency": "Recurring" if fee.every == "month" else "One-Time",
    }
