"""Values: a cell converted for its target, or refused with its column and the expected value."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, get_args

from ingest.formats.json import decode_errors
from ingest.mapping import numbers
from ingest.mapping.cell import Cell, text
from ingest.mapping.numbers import WIDE_CONTEXT, Notation
from ingest.mapping.timestamps import NotATimestamp, TimestampNotation
from ingest.model.event import MAX_COUNT, Status
from ingest.model.money import MoneyError, to_pico
from ingest.model.rejection import Refused

ReadCell = Callable[[Cell], Any]
"""Converts a cell that is not None."""

COUNTS: Final = {"one": Decimal(1), "thousand": Decimal(1_000), "million": Decimal(1_000_000)}
MICROSECONDS: Final = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "ms": Decimal(1_000),
    "s": Decimal(1_000_000),
    "min": Decimal(60_000_000),
}
MONEY: Final = {"one": 0, "cent": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12}
"""The exponent of ten of each unit."""

SIGNS: Final = {
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"},
    "€": {"EUR"},
    "£": {"GBP"},
    "¥": {"JPY", "CNY"},
    "₹": {"INR"},
}
"""The currencies of each sign."""

_LONGEST_DURATION: Final = 10**15
"""Microseconds: some thirty years, more than any call takes."""
_FIGURES: Final = re.compile(
    r"[-+\d.,:/ '\N{RIGHT SINGLE QUOTATION MARK}%TZeE()\N{NO-BREAK SPACE}€$£¥₹]{1,40}"
)
_MONEY_MARK: Final = re.compile(r"^([$€£¥₹]|[A-Z]{3}\b)\s*|\s*([$€£¥₹]|\b[A-Z]{3})$")
_TRUE: Final = frozenset({"true", "yes", "y", "t", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "f", "0"})
_STATUSES: Final = get_args(Status)


class InvalidCell(ValueError):
    """A cell with an invalid value; the message describes the expected value."""


def name(cell: Cell) -> str:
    """A name or an id."""
    return numbers.without_apostrophe(text(cell))


def flag(cell: Cell) -> bool:
    """True or false."""
    cell_text = text(cell).lower()
    if cell_text not in _TRUE and cell_text not in _FALSE:
        raise InvalidCell("true or false, yes or no, 1 or 0 is expected")
    return cell_text in _TRUE


def status(cell: Cell) -> str:
    """The status of a call."""
    cell_text = text(cell)
    if cell_text not in _STATUSES:
        statuses = ", ".join(_STATUSES)
        raise InvalidCell(f"one of {statuses} is expected: state in values what it means")
    return cell_text


def timestamp(notation: TimestampNotation) -> ReadCell:
    """A time, in microseconds since 1970 UTC."""

    def read(cell: Cell) -> int:
        try:
            return notation.microseconds(cell)
        except NotATimestamp as error:
            raise InvalidCell(str(error)) from None

    return read


def count(notation: Notation, unit: str) -> ReadCell:
    """A whole number."""
    factor = COUNTS[unit]

    def read(cell: Cell) -> int:
        number = WIDE_CONTEXT.multiply(_number(cell, notation), factor)
        whole = int(number)
        if whole != number or not 0 <= whole <= MAX_COUNT:
            raise InvalidCell(f"a whole number from 0 to {MAX_COUNT:,} is expected")
        return whole

    return read


def duration(notation: Notation, unit: str, microseconds: int) -> ReadCell:
    """A duration in units of `microseconds`, rounded to the nearest unit."""
    factor = MICROSECONDS[unit]

    def read(cell: Cell) -> int:
        number = WIDE_CONTEXT.multiply(_number(cell, notation), factor)
        if not 0 <= number <= _LONGEST_DURATION:
            raise InvalidCell("a length of time that a call can take is expected")
        return int((number / microseconds).to_integral_value(ROUND_HALF_EVEN))

    return read


def amount(notation: Notation, unit: str, cell: Cell, currency: str) -> int:
    """An amount of money in pico-units. A sign or code beside the number must fit the currency."""
    if isinstance(cell, str):
        cell = _without_currency(numbers.without_escape(cell.strip()), currency)
    try:
        return to_pico(WIDE_CONTEXT.scaleb(_number(cell, notation), MONEY[unit]))
    except MoneyError as error:
        raise InvalidCell(str(error)) from None


def refusal(error: InvalidCell, cell: Cell, key: str, names: tuple[str, ...]) -> Refused:
    """The refusal of a cell, with its mapping key, its column, its value and the expected value."""
    where = f"column {' + '.join(map(repr, names))}" if names else "the constant"
    return Refused("wrong_value", f"{key}: {where} is {safe_repr(cell)}: {error}", names[0] if names else key)


def safe_repr(cell: Cell) -> str:
    """A cell as text for refusals: only numbers and identifiers, as other texts may be content."""
    if isinstance(cell, str) and _FIGURES.fullmatch(cell):
        return f'"{cell}"'
    return decode_errors.safe_repr(cell)


def _without_currency(amount_text: str, currency: str) -> str:
    match = _MONEY_MARK.search(amount_text)
    if match is None:
        return amount_text
    mark = match[1] or match[2]
    if currency not in SIGNS.get(mark, {mark}):
        raise InvalidCell(f"an amount in {currency} is expected")
    return amount_text[: match.start()] + amount_text[match.end() :]


def _number(cell: Cell, notation: Notation) -> Decimal:
    number = notation.number(cell)
    if number is None:
        thousands = f", thousands {notation.thousands!r}" if notation.thousands else ""
        raise InvalidCell(
            f"a number is expected, with decimals after {notation.decimal!r}{thousands}: see [numbers]"
        )
    return number
