"""What providers are paid whether or not anybody calls, as charges beside usage: for the profile `provider`.

What is paid for more than its month is a purchase without a cost of its own, and costs each day its part. A fee's days are
those of the reporting zone, and are written as the same days in UTC.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from dashboard.chargeback.calendar import month_of, of_month
from dashboard.focus.charges import Charge
from dashboard.focus.exact import ZERO, of_pico
from dashboard.focus.span import Span
from ingest.fees import Charge as FeeCharge
from ingest.fees import Fee, charges_of
from ingest.ledger.slots import Zone, date_of


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
    month_end = of_month(month_of(date_of(first))).days[1]
    part = charge.during(local.start, local.end)
    about = _about(charge.fee, max(first, local.first_day), min(end, local.end_day))
    if charge.amount < 0:
        if starts:
            yield Charge(category="Credit", amount=of_pico(charge.amount), **about)
    elif end <= month_end:
        yield _bought(charge, about, part)
    else:
        if starts:
            yield _bought(charge, about, 0)
        if part:
            listed = of_pico(charge.listed_during(local.start, local.end))
            amount = of_pico(part)
            about["key"] += ":used"
            yield Charge(
                category="Usage", amount=amount, contracted=amount, listed=listed, billed=ZERO, **about
            )


def _bought(charge: FeeCharge, about: dict[str, Any], part: int) -> Charge:
    """The purchase: all of the charge is billed, and a part of it is what the days cost."""
    amount = of_pico(charge.amount)
    return Charge(
        category="Purchase",
        amount=of_pico(part),
        billed=amount,
        contracted=amount,
        listed=of_pico(charge.list_amount),
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
