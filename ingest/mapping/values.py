"""Values: a cell read as what its target takes, or refused with its column and what was expected."""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, get_args

from ingest.event import MAX_COUNT, Status
from ingest.formats import fault
from ingest.mapping import figures
from ingest.mapping.cell import Cell, text
from ingest.mapping.figures import WIDE, Notation
from ingest.mapping.moments import Clock, NoMoment
from ingest.money import MoneyError, to_pico
from ingest.refusal import Refused

Read = Callable[[Cell], Any]
"""Reads a cell that is not None."""

COUNTS: Final = {"one": Decimal(1), "thousand": Decimal(1_000), "million": Decimal(1_000_000)}
MICROSECONDS: Final = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "ms": Decimal(1_000),
    "s": Decimal(1_000_000),
    "min": Decimal(60_000_000),
}
MONEY: Final = {"one": 0, "cent": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12}
"""How many places the point moves."""

SIGNS: Final = {
    "$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"},
    "€": {"EUR"},
    "£": {"GBP"},
    "¥": {"JPY", "CNY"},
    "₹": {"INR"},
}
"""Currencies that write a sign beside an amount."""

_LONGEST_DURATION: Final = 10**15
"""Microseconds; a call does not take thirty years."""
_FIGURES: Final = re.compile(
    r"[-+\d.,:/ '\N{RIGHT SINGLE QUOTATION MARK}%TZeE()\N{NO-BREAK SPACE}€$£¥₹]{1,40}"
)
_MONEY_MARK: Final = re.compile(r"^([$€£¥₹]|[A-Z]{3}\b)\s*|\s*([$€£¥₹]|\b[A-Z]{3})$")
_TRUE: Final = frozenset({"true", "yes", "y", "t", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "f", "0"})
_STATUSES: Final = get_args(Status)


class Wrong(ValueError):
    """A cell that is not what is expected; the message says what is."""


def name(cell: Cell) -> str:
    """A name or an id."""
    return figures.unescaped(text(cell))


def flag(cell: Cell) -> bool:
    """True or false."""
    said = text(cell).lower()
    if said not in _TRUE and said not in _FALSE:
        raise Wrong("true or false, yes or no, 1 or 0 is expected")
    return said in _TRUE


def status(cell: Cell) -> str:
    """How a call ended."""
    said = text(cell)
    if said not in _STATUSES:
        known = ", ".join(_STATUSES)
        raise Wrong(f"one of {known} is expected: state in values what it means")
    return said


def instant(clock: Clock) -> Read:
    """A time, in microseconds since 1970 UTC."""

    def read(cell: Cell) -> int:
        try:
            return clock.instant(cell)
        except NoMoment as error:
            raise Wrong(str(error)) from None

    return read


def count(notation: Notation, unit: str) -> Read:
    """A whole number."""
    times = COUNTS[unit]

    def read(cell: Cell) -> int:
        found = WIDE.multiply(_number(cell, notation), times)
        whole = int(found)
        if whole != found or not 0 <= whole <= MAX_COUNT:
            raise Wrong(f"a whole number from 0 to {MAX_COUNT:,} is expected")
        return whole

    return read


def duration(notation: Notation, unit: str, microseconds: int) -> Read:
    """A length of time, in units of so many microseconds, to the nearest one."""
    times = MICROSECONDS[unit]

    def read(cell: Cell) -> int:
        found = WIDE.multiply(_number(cell, notation), times)
        if not 0 <= found <= _LONGEST_DURATION:
            raise Wrong("a length of time that a call can take is expected")
        return int((found / microseconds).to_integral_value(ROUND_HALF_EVEN))

    return read


def amount(notation: Notation, unit: str, cell: Cell, currency: str) -> int:
    """An amount of money in pico-units. A sign or code beside it must be the currency's."""
    if isinstance(cell, str):
        cell = _bare(figures.unescaped_number(cell.strip()), currency)
    try:
        return to_pico(WIDE.scaleb(_number(cell, notation), MONEY[unit]))
    except MoneyError as error:
        raise Wrong(str(error)) from None


def refusal(error: Wrong, cell: Cell, key: str, names: tuple[str, ...]) -> Refused:
    """The refusal of a cell: its key in the mapping, its column, what was found and what is expected."""
    where = f"column {' + '.join(map(repr, names))}" if names else "the constant"
    return Refused("wrong_value", f"{key}: {where} is {shown(cell)}: {error}", names[0] if names else key)


def shown(cell: Cell) -> str:
    """A cell as a refusal may show it: figures and identifiers; anything else may be content."""
    if isinstance(cell, str) and _FIGURES.fullmatch(cell):
        return f'"{cell}"'
    return fault.safe_repr(cell)


def _bare(said: str, currency: str) -> str:
    found = _MONEY_MARK.search(said)
    if found is None:
        return said
    mark = found[1] or found[2]
    if currency not in SIGNS.get(mark, {mark}):
        raise Wrong(f"an amount in {currency} is expected")
    return said[: found.start()] + said[found.end() :]


def _number(cell: Cell, notation: Notation) -> Decimal:
    found = notation.number(cell)
    if found is None:
        thousands = f", thousands {notation.thousands!r}" if notation.thousands else ""
        raise Wrong(
            f"a number is expected, with decimals after {notation.decimal!r}{thousands}: see [numbers]"
        )
    return found
