"""Prices of one's own: rows of a table as price points.

A row prices one meter (`meter`, `price`, and `per` so many of it), or several in columns of their names. Prices are
written as people know them (`ingest.pricing.units`). Columns beside these are the fields of a price point.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.price_lists.number import plain, price
from ingest.price_lists.price_list import Fault, NotAPriceList, PriceList, is_name, is_source
from ingest.price_lists.tables import Row, Table
from ingest.pricing import hours
from ingest.pricing.computed import MARGINAL, METERS_WITH_MINIMUM
from ingest.pricing.matching import provider_of, tier_of
from ingest.pricing.point import OWN, SNAPSHOT, PricePoint
from ingest.pricing.rates import METERS
from ingest.pricing.units import meter_of, per_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST: Final = 10**15
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_YES: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_ABOUT: Final = (
    *("provider", "model", "meter", "price", "per", "least", "currency", "service_tier", "above", "marginal"),
    *("hours", "valid_from", "valid_to", "source"),
)


class _Wrong(Exception):
    """A cell does not hold what its column is for."""

    def __init__(self, field: str, advice: str) -> None:
        super().__init__(advice)
        self.field = field
        self.advice = advice


def read(table: Table, origin: str, source: str | None = None) -> PriceList:
    """The prices of a table; rows with a fault are told and give none.

    Raises:
        NotAPriceList: it has no row, or no column that it needs.
    """
    if not table.rows and not table.faults:
        raise NotAPriceList(
            "it has no prices: write a line of names (provider,model,input,output) and rows below it"
        )
    if table.rows and not any("model" in row.cells for row in table.rows):
        raise NotAPriceList(
            "it has no column model; the columns are provider, model, then meters (input, output, ...) or meter and price"
        )
    faults = list(table.faults)
    points: dict[PricePoint, PricePoint] = {}
    for row in table.rows:
        try:
            points |= _new(points, row, _points(row, origin, source))
        except _Wrong as wrong:
            held = row.cells.get(wrong.field, "")
            faults.append(Fault(row.where, wrong.field, held, wrong.advice))
    held_points = tuple(points.values())
    return PriceList(
        kind="own",
        source=source or OWN,
        origin=origin,
        models=len({(one.provider, one.model) for one in held_points}),
        points=held_points,
        faults=tuple(faults),
    )


def _new(
    known: Mapping[PricePoint, PricePoint], row: Row, found: Iterable[PricePoint]
) -> dict[PricePoint, PricePoint]:
    """What a row adds to the rows before it."""
    new = {_about(point): point for point in found}
    for about, point in new.items():
        if known.get(about, point) != point:
            field = "price" if "price" in row.cells else point.meter
            raise _Wrong(field, f"another row says {known[about].price:f} of the same; keep one of them")
    return new


def _about(point: PricePoint) -> PricePoint:
    """What a point is the price of, from when."""
    return msgspec.structs.replace(point, price=None, per=1, least=0, currency="", valid_to=None)


def _points(row: Row, origin: str, source: str | None) -> list[PricePoint]:
    cells = row.cells
    if stranger := next((one for one in cells if one not in _ABOUT and meter_of(one) is None), None):
        raise _Wrong(
            stranger, f"no such column; there are {', '.join(_ABOUT)}, and meters: {', '.join(METERS)}"
        )
    shared: dict[str, Any] = {
        "source": source or _source(cells.get("source", OWN).lower()),
        "provider": provider_of(_needed(cells.get("provider"), "provider", "azure")),
        "model": _needed(cells.get("model"), "model", "gpt-5.4").lower(),
        "currency": _currency(cells.get("currency", "USD")),
        "service_tier": tier_of(cells.get("service_tier")),
        "above": _whole(row, "above", 0),
        "least": _whole(row, "least", 0),
        "marginal": _is_marginal(cells.get("marginal", "no")),
        "hours": _hours(cells.get("hours", "")),
        "valid_from": _moment(row, "valid_from"),
        "valid_to": _moment(row, "valid_to"),
        "origin": origin,
    }
    if None not in (shared["valid_from"], shared["valid_to"]) and shared["valid_from"] >= shared["valid_to"]:
        raise _Wrong(
            "valid_to", "it must be later than valid_from; the first instant after the price, in UTC"
        )
    if shared["marginal"] and not shared["above"]:
        raise _Wrong("marginal", "a marginal price needs above: the units from which on it holds")
    found = [PricePoint(meter=meter, price=amount, per=per, **shared) for meter, amount, per in _prices(row)]
    if shared["marginal"] and (
        other := next((one.meter for one in found if one.meter not in MARGINAL), None)
    ):
        raise _Wrong(other, f"only these can have marginal prices: {', '.join(sorted(MARGINAL))}")
    if shared["least"] and any(one.meter not in METERS_WITH_MINIMUM for one in found):
        raise _Wrong(
            "least", f"only these are billed a least quantity: {', '.join(sorted(METERS_WITH_MINIMUM))}"
        )
    if not found:
        raise _Wrong(
            "price", f"the row has no price; give meter and price, or a column {', '.join(METERS[:4])} ..."
        )
    return found


def _prices(row: Row) -> Iterator[tuple[str, Decimal, int]]:
    cells = row.cells
    if "meter" in cells or "price" in cells:
        meter = meter_of(_needed(cells.get("meter"), "meter", "input"))
        if meter is None:
            raise _Wrong("meter", f"the meters are {', '.join(METERS)}")
        yield (
            meter,
            _amount(_needed(cells.get("price"), "price", "2.50"), "price"),
            _whole(row, "per", per_of(meter), 1),
        )
    elif "per" in cells:
        raise _Wrong(
            "per", "only a row with meter and price says per how many; columns of meters have their own"
        )
    for name, held in cells.items():
        if (meter := meter_of(name)) is not None:
            yield meter, _amount(held, name), per_of(meter)


def _source(held: str) -> str:
    if not is_source(held):
        raise _Wrong("source", f"give letters, digits, dots and dashes, and not {SNAPSHOT}, which ships")
    return held


def _needed(held: str | None, field: str, example: str) -> str:
    if not held:
        raise _Wrong(field, f"it is missing; write for instance {example}")
    if not is_name(held):
        raise _Wrong(field, "write a name of at most 255 letters that can be printed")
    return held


def _amount(held: str, field: str) -> Decimal:
    amount = price(held)
    if amount is None:
        raise _Wrong(field, "write a number from 0 to 1,000,000 with a point and no other sign, such as 2.50")
    return plain(amount)


def _whole(row: Row, field: str, usual: int, least: int = 0) -> int:
    held = row.cells.get(field)
    if held is None:
        return usual
    digits = held.replace("_", "")
    if not (digits.isascii() and digits.isdigit()) or not least <= int(digits[:20]) <= _LARGEST:
        raise _Wrong(field, f"write a whole number from {least} on, such as {usual or 200000}")
    return int(digits)


def _currency(held: str) -> str:
    if not _CURRENCY.fullmatch(held):
        raise _Wrong("currency", "write the three letters of a currency, such as USD or EUR")
    return held.upper()


def _is_marginal(held: str) -> bool:
    chosen = _YES.get(held.lower())
    if chosen is None:
        raise _Wrong("marginal", "write yes where only units above the band have this price, else no")
    return chosen


def _hours(held: str) -> str:
    try:
        hours.spans(held)
    except hours.HoursRefused as error:
        raise _Wrong("hours", str(error)) from None
    return held


def _moment(row: Row, field: str) -> int | None:
    """Microseconds of a date (its midnight in UTC) or of a time with its zone."""
    held = row.cells.get(field)
    if held is None:
        return None
    try:
        when = datetime.fromisoformat(held)
        if when.tzinfo is None and not _DATE.fullmatch(held):
            raise ValueError(held)  # noqa: TRY301 - said once, below
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return (aware - _EPOCH) // datetime.resolution
    except (ValueError, OverflowError):
        raise _Wrong(
            field,
            "write a date, 2026-07-01, which is UTC, or a time with its zone, 2026-07-01T09:00:00+02:00",
        ) from None
