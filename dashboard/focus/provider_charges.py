"""What providers are paid whether or not anybody calls, as charges beside usage: for the profile `provider`.

What is paid is a purchase without a cost of its own, billed where it starts; using it up costs each month its part. A fee's
days are those of the reporting zone, and are written as the same days in UTC.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.fees.model import Charge as FeeCharge
from dashboard.fees.model import Fee, charges_of
from dashboard.focus.decimals import ZERO, of_pico
from dashboard.focus.export_period import Span
from dashboard.focus.other_charges import Charge
from ingest.model.zone import Zone


def of_fees(fees: Iterable[Fee], span: Span, zone: Zone) -> Iterator[Charge]:
    """The charges of some days. `zone` is the reporting zone; a fee that names no provider is nobody's invoice."""
    local = Span(span.first_day, span.end_day, zone)
    for fee in fees:
        if fee.provider is not None:
            for charge in charges_of(fee, zone, local.start, local.end):
                yield from _of_charge(charge, local)


def sku_of(name: str) -> str:
    """A fee's name as a part of a SKU's id."""
    return "-".join(name.lower().split())


def _of_charge(charge: FeeCharge, local: Span) -> Iterator[Charge]:
    first, end = local.zone.day(charge.start), local.zone.day(charge.end - 1) + 1
    starts = local.first_day <= first < local.end_day
    part = charge.during(local.start, local.end)
    about = _about(charge.fee, max(first, local.first_day), min(end, local.end_day))
    if charge.amount < 0:
        if starts:
            yield Charge(category="Credit", amount=of_pico(charge.amount), **about)
        return
    if starts:
        amount = of_pico(charge.amount)
        listed = of_pico(charge.list_amount)
        yield Charge(
            category="Purchase", amount=ZERO, billed=amount, contracted=amount, listed=listed, **about
        )
    if part:
        amount = of_pico(part)
        listed = of_pico(charge.listed_during(local.start, local.end))
        about["key"] += ":used"
        yield Charge(
            category="Usage",
            amount=amount,
            billed=ZERO,
            contracted=amount,
            listed=listed,
            is_committed=True,
            **about,
        )


def _about(fee: Fee, first_day: int, end_day: int) -> dict[str, Any]:
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
