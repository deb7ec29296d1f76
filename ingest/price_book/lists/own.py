"""Own prices: rows of a table as price points.

A row prices a single meter (in `meter`, `price` and `per`), or several meters in columns of their names.
Prices are per usual units (`ingest.pricing.units`). The other columns are fields of a price point.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.price_book.lists.number import plain, price
from ingest.price_book.lists.price_list import Fault, NotAPriceList, PriceList, is_name, is_source
from ingest.price_book.lists.tables import Row, Table
from ingest.pricing import hours
from ingest.pricing.compute import MARGINAL, METERS_WITH_MINIMUM
from ingest.pricing.matching import provider_of, tier_of
from ingest.pricing.point import OWN, SNAPSHOT, PricePoint
from ingest.pricing.rates import METERS
from ingest.pricing.units import meter_of, per_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST: Final = 10**15
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")
_YES: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_COLUMNS: Final = (
    *("provider", "model", "meter", "price", "per", "least", "currency", "service_tier", "above", "marginal"),
    *("hours", "valid_from", "valid_to", "source"),
)


class _CellError(Exception):
    """A cell has a value that its column does not allow."""

    def __init__(self, field: str, advice: str) -> None:
        super().__init__(advice)
        self.field = field
        self.advice = advice


def read(table: Table, origin: str, source: str | None = None) -> PriceList:
    """The prices of a table. Rows with a fault give no price and are listed.

    Raises:
        NotAPriceList: the table has no row, or lacks a required column.
    """
    if not table.rows and not table.faults:
        raise NotAPriceList(
            "it has no prices: write a line of names (provider,model,input,output) and rows below it"
        )
    if table.rows and not any("model" in row.cells for row in table.rows):
        raise NotAPriceList(
            "it has no column model; the columns are provider, model, then meters (input, output, ...) "
            "or meter and price"
        )
    faults = list(table.faults)
    points: dict[PricePoint, PricePoint] = {}
    for row in table.rows:
        try:
            points |= _new_points(points, row, _points(row, origin, source))
        except _CellError as wrong:
            value = row.cells.get(wrong.field, "")
            faults.append(Fault(row.where, wrong.field, value, wrong.advice))
    all_points = tuple(points.values())
    return PriceList(
        kind="own",
        source=source or OWN,
        origin=origin,
        models=len({(point.provider, point.model) for point in all_points}),
        points=all_points,
        faults=tuple(faults),
    )


def _new_points(
    points_before: Mapping[PricePoint, PricePoint], row: Row, row_points: Iterable[PricePoint]
) -> dict[PricePoint, PricePoint]:
    """The points of a row by unit, checked against the rows before it."""
    new = {_price_key(point): point for point in row_points}
    for key, point in new.items():
        if points_before.get(key, point) != point:
            field = "price" if "price" in row.cells else point.meter
            raise _CellError(
                field, f"another row says {points_before[key].price:f} of the same; keep one of them"
            )
    return new


def _price_key(point: PricePoint) -> PricePoint:
    """The unit that a point prices and its start, as a point without a price."""
    return msgspec.structs.replace(point, price=None, per=1, least=0, currency="", valid_to=None)


def _points(row: Row, origin: str, source: str | None) -> list[PricePoint]:
    cells = row.cells
    if unknown_column := next(
        (column for column in cells if column not in _COLUMNS and meter_of(column) is None), None
    ):
        raise _CellError(
            unknown_column,
            f"no such column; there are {', '.join(_COLUMNS)}, and meters: {', '.join(METERS)}",
        )
    shared: dict[str, Any] = {
        "source": source or _source(cells.get("source", OWN).lower()),
        "provider": provider_of(_required_name(cells.get("provider"), "provider", "azure")),
        "model": _required_name(cells.get("model"), "model", "gpt-5.4").lower(),
        "currency": _currency(cells.get("currency", "USD")),
        "service_tier": tier_of(cells.get("service_tier")),
        "above": _integer(row, "above", 0),
        "least": _integer(row, "least", 0),
        "marginal": _is_marginal(cells.get("marginal", "no")),
        "hours": _hours(cells.get("hours", "")),
        "valid_from": _moment(row, "valid_from"),
        "valid_to": _moment(row, "valid_to"),
        "origin": origin,
    }
    if None not in (shared["valid_from"], shared["valid_to"]) and shared["valid_from"] >= shared["valid_to"]:
        raise _CellError(
            "valid_to", "it must be later than valid_from; the first instant after the price, in UTC"
        )
    if shared["marginal"] and not shared["above"]:
        raise _CellError("marginal", "a marginal price needs above: the units from which on it holds")
    points = [PricePoint(meter=meter, price=amount, per=per, **shared) for meter, amount, per in _prices(row)]
    if shared["marginal"] and (
        other := next((point.meter for point in points if point.meter not in MARGINAL), None)
    ):
        raise _CellError(other, f"only these can have marginal prices: {', '.join(sorted(MARGINAL))}")
    if shared["least"] and any(point.meter not in METERS_WITH_MINIMUM for point in points):
        raise _CellError(
            "least", f"only these are billed a least quantity: {', '.join(sorted(METERS_WITH_MINIMUM))}"
        )
    if not points:
        raise _CellError(
            "price", f"the row has no price; give meter and price, or a column {', '.join(METERS[:4])} ..."
        )
    return points


def _prices(row: Row) -> Iterator[tuple[str, Decimal, int]]:
    cells = row.cells
    if "meter" in cells or "price" in cells:
        meter = meter_of(_required_name(cells.get("meter"), "meter", "input"))
        if meter is None:
            raise _CellError("meter", f"the meters are {', '.join(METERS)}")
        yield (
            meter,
            _amount(_required_name(cells.get("price"), "price", "2.50"), "price"),
            _integer(row, "per", per_of(meter), 1),
        )
    elif "per" in cells:
        raise _CellError(
            "per", "only a row with meter and price says per how many; columns of meters have their own"
        )
    for name, text in cells.items():
        if (meter := meter_of(name)) is not None:
            yield meter, _amount(text, name), per_of(meter)


def _source(text: str) -> str:
    if not is_source(text):
        raise _CellError("source", f"give letters, digits, dots and dashes, and not {SNAPSHOT}, which ships")
    return text


def _required_name(text: str | None, field: str, example: str) -> str:
    if not text:
        raise _CellError(field, f"it is missing; write for instance {example}")
    if not is_name(text):
        raise _CellError(field, "write a name of at most 255 letters that can be printed")
    return text


def _amount(text: str, field: str) -> Decimal:
    amount = price(text)
    if amount is None:
        raise _CellError(
            field, "write a number from 0 to 1,000,000 with a point and no other sign, such as 2.50"
        )
    return plain(amount)


def _integer(row: Row, field: str, default: int, least: int = 0) -> int:
    text = row.cells.get(field)
    if text is None:
        return default
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit()) or not least <= int(digits[:20]) <= _LARGEST:
        raise _CellError(field, f"write a whole number from {least} on, such as {default or 200000}")
    return int(digits)


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise _CellError("currency", "write the three letters of a currency, such as USD or EUR")
    return text.upper()


def _is_marginal(text: str) -> bool:
    value = _YES.get(text.lower())
    if value is None:
        raise _CellError("marginal", "write yes where only units above the band have this price, else no")
    return value


def _hours(text: str) -> str:
    try:
        hours.spans(text)
    except hours.HoursRefused as error:
        raise _CellError("hours", str(error)) from None
    return text


def _moment(row: Row, field: str) -> int | None:
    """Microseconds of a date (its midnight in UTC) or of a time with its zone."""
    text = row.cells.get(field)
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None and not _DATE.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - one message, below
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return (aware - _EPOCH) // datetime.resolution
    except (ValueError, OverflowError):
        raise _CellError(
            field,
            "write a date, 2026-07-01, which is UTC, or a time with its zone, 2026-07-01T09:00:00+02:00",
        ) from None
