"""Apportioning: splitting the sums of calls among several owners, and converting them to another currency.

Shares and exchange rates stay fractions until everything is added up. The results are integers: calls, tokens
and pico-units of money. The total is rounded once, half to even, and split among its rows by the largest
remainder, so that rows always add up to their total. Only unpriced calls are rounded up in each row: every
team that shares such a call is to see it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Final

from dashboard.query.sums import MONEY_MEASURES, Sums, total
from ingest.ledger.histogram import Histogram
from ingest.model.money import divide_half_even

Key = tuple[str | bool | None, ...]
Number = int | Fraction
"""An exact number: an integer where nothing is shared or converted."""
RowId = tuple[Key, str]
"""What identifies a row: the values of its dimensions, and its currency."""

WHOLE: Final = Fraction(1)
_ROUNDED_UP: Final = "unpriced_requests"


@dataclass(frozen=True, slots=True)
class Portion:
    """The sums of a group of calls as the database returns them, and the part of them that counts."""

    key: Key
    currency: str
    sums: Sums
    share: Fraction = WHOLE
    """The part of the calls that belongs to this key."""
    rate: Fraction = WHOLE
    """Units of `currency` for one unit of the currency in which the calls were paid."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row of an answer before its metrics are computed."""

    key: Key
    currency: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class GroupsAndTotals:
    """All groups, and their totals in each currency."""

    groups: tuple[Group, ...]
    totals: Mapping[str, Sums]
    is_apportioned: bool = False
    """Whether numbers are rounded parts, which add up at this grain and may differ by a unit at another."""
    scale: int = 1
    """The factor by which histograms count each latency, so that shares of the counts are integers."""


@dataclass(frozen=True, slots=True)
class ExactRow:
    """A row of an answer whose numbers are not rounded."""

    key: Key
    currency: str
    numbers: Mapping[str, Number]


def exact_rows(portions: Iterable[Portion]) -> tuple[ExactRow, ...]:
    """The exact sums of portions by row, in the order of the rows."""
    by_row = _by_row(portions)
    return tuple(ExactRow(*row, _numbers(by_row[row])) for row in sorted(by_row, key=_sort_key))


def groups_and_totals(portions: Sequence[Portion]) -> GroupsAndTotals:
    """The rows and totals of portions."""
    if all(portion.share == portion.rate == WHOLE for portion in portions):
        return _unweighted(portions)
    scale = lcm(*(portion.share.denominator for portion in portions))
    by_row = _by_row(portions)
    exact = {row: _exact(row_portions) for row, row_portions in by_row.items()}
    histograms = {row: _histograms(row_portions, scale) for row, row_portions in by_row.items()}
    numbers: dict[RowId, dict[str, int]] = {row: {} for row in by_row}
    totals: dict[str, Sums] = {}
    for currency in dict.fromkeys(portion.currency for portion in portions):
        rows = sorted((row for row in by_row if row[1] == currency), key=_sort_key)
        total_numbers: dict[str, int] = {}
        for measure in {name: None for row in rows for name in exact[row]}:
            parts = [exact[row].get(measure, Fraction(0)) for row in rows]
            total_numbers[measure] = _rounded(measure, sum(parts, Fraction(0)))
            rounded_parts = _rounded_parts(measure, parts, total_numbers[measure])
            for row, number in zip(rows, rounded_parts, strict=True):
                numbers[row][measure] = number
        merged = total([Sums({}, histograms[row]) for row in rows])
        totals[currency] = Sums(total_numbers, merged.histograms)
    groups = (Group(*row, Sums(numbers[row], histograms[row])) for row in by_row)
    return GroupsAndTotals(tuple(groups), totals, is_apportioned=True, scale=scale)


def apportioned(parts: Sequence[Number], whole: int) -> list[int]:
    """Integers in place of `parts` that add up to `whole`, their rounded sum, by the largest remainder.

    Of equal remainders the first part is rounded up first.
    """
    integers = [floor(part) for part in parts]
    missing = whole - sum(integers)
    if not missing:
        return integers
    by_remainder = sorted(range(len(parts)), key=lambda index: (integers[index] - parts[index], index))
    for index in by_remainder[:missing]:
        integers[index] += 1
    return integers


def _unweighted(portions: Sequence[Portion]) -> GroupsAndTotals:
    by_currency: dict[str, list[Sums]] = {}
    for portion in portions:
        by_currency.setdefault(portion.currency, []).append(portion.sums)
    groups = tuple(Group(portion.key, portion.currency, portion.sums) for portion in portions)
    return GroupsAndTotals(groups, {currency: total(sums) for currency, sums in by_currency.items()})


def _numbers(portions: Sequence[Portion]) -> Mapping[str, Number]:
    """The exact sums of one row's portions; integers if all of its calls count whole."""
    if all(portion.share == portion.rate == WHOLE for portion in portions):
        return total([portion.sums for portion in portions]).numbers
    return _exact(portions)


def _by_row(portions: Iterable[Portion]) -> dict[RowId, list[Portion]]:
    by_row: dict[RowId, list[Portion]] = {}
    for portion in portions:
        by_row.setdefault((portion.key, portion.currency), []).append(portion)
    return by_row


def _exact(portions: Iterable[Portion]) -> dict[str, Fraction]:
    """The sums of one row's portions, not rounded."""
    exact: dict[str, Fraction] = {}
    for portion in portions:
        for measure, number in portion.sums.numbers.items():
            weight = portion.share * portion.rate if measure in MONEY_MEASURES else portion.share
            exact[measure] = exact.get(measure, Fraction(0)) + number * weight
    return exact


def _histograms(portions: Iterable[Portion], scale: int) -> Mapping[str, Histogram]:
    """The merged histograms of one row's portions, each count multiplied by its share and by `scale`."""
    scaled = [
        Sums(
            {},
            {
                name: Histogram(histogram.buckets, histogram.counts * int(portion.share * scale))
                for name, histogram in portion.sums.histograms.items()
            },
        )
        for portion in portions
    ]
    return total(scaled).histograms


def _rounded(measure: str, exact: Fraction) -> int:
    return ceil(exact) if measure == _ROUNDED_UP else divide_half_even(exact.numerator, exact.denominator)


def _rounded_parts(measure: str, parts: Sequence[Fraction], whole: int) -> list[int]:
    return [ceil(part) for part in parts] if measure == _ROUNDED_UP else apportioned(parts, whole)


def _sort_key(row: RowId) -> tuple[str, ...]:
    return tuple("" if part is None else str(part) for part in row[0])
