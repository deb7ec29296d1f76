"""Rounding of shown amounts: exact amounts as whole smallest units that add up downwards and across.

Every amount is rounded once. A sum is rounded half to even, and its parts by largest remainder.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from dashboard.query.apportion import apportioned
from ingest.model.money import PICO_PER_UNIT, divide_half_even


@dataclass(frozen=True, slots=True)
class Cell:
    """An amount that stands in a row (an owner) and in a column (such as a pool) of a table."""

    row: Hashable
    column: tuple[object, ...]
    amount: Fraction
    """The exact amount in smallest units."""


def in_units(pico: int, digits: int) -> Fraction:
    """An amount in smallest units of a currency with `digits` digits after the point."""
    return Fraction(pico, PICO_PER_UNIT // 10**digits)


def rounded(amount: Fraction) -> int:
    """The nearest whole unit, half to even."""
    return divide_half_even(amount.numerator, amount.denominator)


def rounded_parts(parts: Sequence[Fraction], whole: int | None = None) -> list[int]:
    """Whole units in place of parts, which add up to `whole`, by default to the rounded sum of the parts.

    A whole that is further from the sum than rounding explains is spread evenly over the parts.
    """
    if not parts:
        return []
    target = rounded(sum(parts, Fraction(0))) if whole is None else whole
    least = sum(map(floor, parts))
    each, rest = divmod(target - least, len(parts))
    return [part + each for part in apportioned(parts, least + rest)]


def rounded_cells(cells: Sequence[Cell], whole: int) -> list[int]:
    """Whole units in place of the cells of a table that add up to `whole`, its rounded sum.

    Each column adds up to its sum, rounded by largest remainder among the columns. Within a column the cells
    are rounded up first whose rows have lost most by rounding, so that rows stay close to their exact sums.
    """
    columns: dict[Hashable, list[int]] = {}
    for at, cell in enumerate(cells):
        columns.setdefault(cell.column, []).append(at)
    sums = [sum((cells[at].amount for at in places), Fraction(0)) for places in columns.values()]
    units = [floor(cell.amount) for cell in cells]
    lost: dict[Hashable, Fraction] = {}
    for places, column_sum in zip(columns.values(), rounded_parts(sums, whole), strict=True):
        missing = column_sum - sum(units[at] for at in places)
        for at in _most_lost(cells, places, lost)[:missing]:
            units[at] += 1
        for at in places:
            cell = cells[at]
            lost[cell.row] = lost.get(cell.row, Fraction(0)) + cell.amount - units[at]
    return units


def _most_lost(cells: Sequence[Cell], places: Iterable[int], lost: Mapping[Hashable, Fraction]) -> list[int]:
    """The places of cells with a remainder, those first whose row has lost most by rounding down."""

    def gain(at: int) -> Fraction:
        cell = cells[at]
        return cell.amount - floor(cell.amount) + lost.get(cell.row, Fraction(0))

    return sorted((at for at in places if cells[at].amount.denominator > 1), key=lambda at: (-gain(at), at))
