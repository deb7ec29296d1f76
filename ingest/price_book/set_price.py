"""Parsing of prices set by hand: assignments such as `input=2.50` become price points of the source `own`.

Amounts are per million tokens or characters, per second of durations, per piece of anything else
(`ingest.pricing.units`), or per the number of tokens, seconds or pieces in the option `per`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from ingest.model.invalid import Invalid
from ingest.parse.currency import is_currency
from ingest.pricing.compute import METERS_WITH_MINIMUM, STEPPED
from ingest.pricing.hours import HoursRefused, spans
from ingest.pricing.matching import provider_of, tier_of
from ingest.pricing.point import OWN, PricePoint
from ingest.pricing.rates import METERS
from ingest.pricing.units import meter_of, per_of, units_of, written_as

_AMOUNT: Final = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.IGNORECASE | re.ASCII)
_MAX_PRICE: Final = Decimal(1_000_000)
_MAX_DECIMALS: Final = 40
"""A price with more decimals than this is a mistake."""


NO_PRICE: Final = "none"
"""The amount of an assignment that withdraws an earlier price."""


class PriceRefused(Invalid):
    """A price or an option of it is invalid; `field` is the option or the meter."""


def points_of(
    provider: str,
    model: str,
    assignments: Iterable[str],
    *,
    valid_from: int | None,
    valid_to: int | None = None,
    currency: str = "USD",
    service_tier: str | None = None,
    above: int = 0,
    marginal: bool = False,
    hours: str = "",
    per: int | None = None,
    least: int = 0,
    origin: str = "",
    added_at: int,
    added_by: str,
) -> list[PricePoint]:
    """The price points of assignments such as `output=10`; `output=none` withdraws a price.

    Instants are microseconds UTC. Prices are for `per` tokens, seconds or pieces; a call is billed for at
    least `least` of them.

    Raises:
        PriceRefused: an assignment or an option is invalid, or there are no assignments.
    """
    if not provider.strip() or not model.strip():
        raise PriceRefused("no_model", "a price is of a provider's model; name both", "model")
    if not is_currency(currency):
        raise PriceRefused(
            "unknown_currency",
            f"a currency is three capital letters such as USD, not {currency!r}",
            "currency",
        )
    if per is not None and per < 1:
        raise PriceRefused("not_a_number", "a price is for one unit or more", "per")
    if marginal and not above:
        raise PriceRefused("no_step", "a marginal price starts above so many units; say how many", "above")
    try:
        spans(hours)
    except HoursRefused as error:
        raise PriceRefused("not_hours", str(error), "hours") from error
    if valid_from is not None and valid_to is not None and valid_from >= valid_to:
        raise PriceRefused("empty_period", "a price must end after it starts", "to")
    amounts = dict(_amounts(assignments))
    if not amounts:
        raise PriceRefused("no_price", "there is no price; write one such as input=2.50", "input")
    if unstepped := next((meter for meter in amounts if marginal and meter not in STEPPED), None):
        raise PriceRefused(
            "no_steps", f"{unstepped} has no marginal prices; {', '.join(STEPPED)} have", "marginal"
        )
    if unmeasured := next((meter for meter in amounts if least and meter not in METERS_WITH_MINIMUM), None):
        supported = ", ".join(sorted(map(written_as, METERS_WITH_MINIMUM)))
        raise PriceRefused("no_least", f"{unmeasured} has no least quantity; {supported} have", "least")
    return [
        PricePoint(
            source=OWN,
            provider=provider_of(provider),
            model=model.strip().lower(),
            meter=meter,
            price=amount,
            per=per_of(meter) if per is None else per * units_of(meter),
            least=least * units_of(meter),
            currency=currency,
            service_tier=tier_of(service_tier),
            above=above,
            marginal=marginal,
            hours=hours.strip().lower(),
            valid_from=valid_from,
            valid_to=valid_to,
            origin=origin,
            added_at=added_at,
            added_by=added_by,
        )
        for meter, amount in amounts.items()
    ]


def _amounts(assignments: Iterable[str]) -> Iterator[tuple[str, Decimal | None]]:
    meters = set()
    for text in assignments:
        name, equals, amount = text.partition("=")
        meter = meter_of(name)
        if not equals or meter is None:
            raise PriceRefused("unknown_meter", _unknown_meter_message(text, name), name)
        if meter in meters:
            raise PriceRefused("given_twice", f"{meter} has two prices; give it one", meter)
        meters.add(meter)
        if amount.strip().lower() == NO_PRICE:
            yield meter, None
            continue
        yield meter, _amount(meter, amount.strip())


def _amount(meter: str, written: str) -> Decimal:
    if written.startswith("-"):
        raise PriceRefused("not_a_price", f"{meter}: a price is not negative, as {written!r} is", meter)
    if _AMOUNT.fullmatch(written):
        amount = Decimal(written)
        if amount < _MAX_PRICE and int(amount.as_tuple().exponent) >= -_MAX_DECIMALS:
            return amount
    raise PriceRefused(
        "not_a_price", f"{meter}: {written!r} is no price; write one such as 2.50, below 1,000,000", meter
    )


def _unknown_meter_message(text: str, name: str) -> str:
    close_meters = difflib.get_close_matches(name.strip().lower(), METERS, 1)
    suggestion = f", did you mean {close_meters[0]}?" if close_meters else "."
    meters = ", ".join(map(written_as, METERS))
    return f"{text!r} names no meter{suggestion} Write METER=PRICE with one of {meters}"
