"""Portions: how much of a group of calls counts where calls are shared by owners or paid in another currency.

Shares and exchange rates are fractions, and stay so until everything is added up. What is shown is whole again: counts
whole calls and tokens, money whole pico-units. The whole is rounded once, half to even, and its rows get what the
largest remainder gives them, so that rows always add up to their total. Only calls without a price are rounded up in
each row: a team that shares one is told of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Final

from dashboard.query.sums import Sums, total
from ingest.ledger.histogram import Histogram
from ingest.model.money import divide_half_even
from ingest.pricing.charge import MONEY

Key = tuple[str | bool | None, ...]
Place = tuple[Key, str]
"""What a row is known by: the values of its dimensions, and its currency."""

WHOLE: Final = Fraction(1)
_ROUNDED_UP: Final = "unpriced_requests"


@dataclass(frozen=True, slots=True)
class Portion:
    """What the database found about a group of calls, and how much of it counts."""

    key: Key
    currency: str
    sums: Sums
    share: Fraction = WHOLE
    """The part of the calls that belongs to this key."""
    rate: Fraction = WHOLE
    """Units of `currency` for one unit of what the calls were paid in."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row of an answer before its metrics are worked out."""

    key: Key
    currency: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Whole:
    """All groups, and what they are together in each currency."""

    groups: tuple[Group, ...]
    totals: Mapping[str, Sums]
    is_apportioned: bool = False
    """Whether numbers are rounded parts, which add up at this grain and may differ by a unit at another."""
    scale: int = 1
    """How many times its true number each latency is held in histograms, so that a share of it is whole."""


def together(portions: Sequence[Portion]) -> Whole:
    """Rows and totals of portions."""
    if all(one.share == one.rate == WHOLE for one in portions):
        return _unweighted(portions)
    scale = lcm(*(one.share.denominator for one in portions))
    held: dict[Place, list[Portion]] = {}
    for one in portions:
        held.setdefault((one.key, one.currency), []).append(one)
    exact = {place: _exact(some) for place, some in held.items()}
    histograms = {place: _histograms(some, scale) for place, some in held.items()}
    numbers: dict[Place, dict[str, int]] = {place: {} for place in held}
    totals: dict[str, Sums] = {}
    for currency in dict.fromkeys(one.currency for one in portions):
        places = sorted((place for place in held if place[1] == currency), key=_by_name)
        whole: dict[str, int] = {}
        for measure in {name: None for place in places for name in exact[place]}:
            parts = [exact[place].get(measure, Fraction(0)) for place in places]
            whole[measure] = _rounded(measure, sum(parts, Fraction(0)))
            for place, number in zip(places, _shown(measure, parts, whole[measure]), strict=True):
                numbers[place][measure] = number
        merged = total([Sums({}, histograms[place]) for place in places])
        totals[currency] = Sums(whole, merged.histograms)
    groups = (Group(*place, Sums(numbers[place], histograms[place])) for place in held)
    return Whole(tuple(groups), totals, is_apportioned=True, scale=scale)


def apportioned(parts: Sequence[Fraction], whole: int) -> list[int]:
    """Whole numbers in place of `parts` that add up to `whole`, their sum rounded: largest remainder, first come first."""
    lower = [floor(part) for part in parts]
    missing = whole - sum(lower)
    by_remainder = sorted(range(len(parts)), key=lambda at: (lower[at] - parts[at], at))
    for at in by_remainder[:missing]:
        lower[at] += 1
    return lower


def _unweighted(portions: Sequence[Portion]) -> Whole:
    by_currency: dict[str, list[Sums]] = {}
    for one in portions:
        by_currency.setdefault(one.currency, []).append(one.sums)
    groups = tuple(Group(one.key, one.currency, one.sums) for one in portions)
    return Whole(groups, {currency: total(sums) for currency, sums in by_currency.items()})


def _exact(portions: Iterable[Portion]) -> dict[str, Fraction]:
    """The sums of one row's portions, not rounded."""
    found: dict[str, Fraction] = {}
    for one in portions:
        for measure, number in one.sums.numbers.items():
            weight = one.share * one.rate if measure in MONEY else one.share
            found[measure] = found.get(measure, Fraction(0)) + number * weight
    return found


def _histograms(portions: Iterable[Portion], scale: int) -> Mapping[str, Histogram]:
    scaled = [
        Sums(
            {},
            {
                name: Histogram(held.buckets, held.counts * int(one.share * scale))
                for name, held in one.sums.histograms.items()
            },
        )
        for one in portions
    ]
    return total(scaled).histograms


def _rounded(measure: str, exact: Fraction) -> int:
    return ceil(exact) if measure == _ROUNDED_UP else divide_half_even(exact.numerator, exact.denominator)


def _shown(measure: str, parts: Sequence[Fraction], whole: int) -> list[int]:
    return [ceil(part) for part in parts] if measure == _ROUNDED_UP else apportioned(parts, whole)


def _by_name(place: Place) -> tuple[str, ...]:
    return tuple("" if part is None else str(part) for part in place[0])
