"""Fees: what is paid whether or not anybody calls, as dated charges spread over their time. Pure; `dashboard.fees.store` keeps them.

A platform's subscription, provisioned throughput, a committed spend, a credit. What is paid when (billed) and what a time
has cost (effective) are kept apart: a charge is billed as a whole at its start and is effective evenly from its start to
its end. Its part up to an instant is rounded half to even, and the part between two instants is the difference, so that
the parts of any division of its time add up to it exactly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, get_args

from ingest.model.money import divide_half_even
from ingest.model.zone import Zone, date_of, day_number

Kind = Literal["platform", "provisioned", "commitment", "subscription", "credit"]
Every = Literal["once", "month"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What is charged from an instant on: microseconds UTC, money in pico-units."""

    name: str
    kind: Kind
    amount: int
    """Of a whole month where it recurs; below zero for a credit."""
    currency: str
    start: int
    end: int | None = None
    """When it ends; one that is charged once and has no end is that of its first day."""
    every: Every = "once"
    list_amount: int | None = None
    """What it would be by published prices, where that is known."""
    provider: str | None = None
    model: str | None = None
    team_id: int | None = None
    """The team that bears it, by its entry in the directory; None for one that is shared."""
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """One amount of a fee, and the time that it is for."""

    fee: Fee
    start: int
    end: int
    amount: int
    list_amount: int

    def during(self, start: int, end: int) -> int:
        """What of it is effective between two instants."""
        return self._until(end) - self._until(start)

    def listed_during(self, start: int, end: int) -> int:
        """What of it would be by published prices."""
        return replace(self, amount=self.list_amount).during(start, end)

    def _until(self, at: int) -> int:
        elapsed = min(max(at, self.start), self.end) - self.start
        return divide_half_even(self.amount * elapsed, self.end - self.start)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a fee comes to in a time."""

    fee: Fee
    effective: int
    """What the time has cost."""
    billed: int
    """What is paid in it: charges that start in it."""
    listed: int
    """What the time would have cost by published prices."""


def standing(fees: Iterable[Fee]) -> list[Fee]:
    """Of the rows about a fee, the one recorded last, in the order of their names."""
    last = {fee.name: fee for fee in sorted(fees, key=lambda fee: (fee.recorded_at, fee.number))}
    return [last[name] for name in sorted(last)]


def amounts(fees: Iterable[Fee], zone: Zone, start: int, end: int) -> list[Amounts]:
    """What each fee comes to between two instants; those that come to nothing and bill nothing are left out."""
    found = []
    for fee in fees:
        charges = list(charges_of(fee, zone, start, end))
        one = Amounts(
            fee,
            sum(charge.during(start, end) for charge in charges),
            sum(charge.amount for charge in charges if start <= charge.start < end),
            sum(charge.listed_during(start, end) for charge in charges),
        )
        if one.effective or one.billed or one.listed:
            found.append(one)
    return found


def charges_of(fee: Fee, zone: Zone, start: int, end: int) -> Iterator[Charge]:
    """The charges of a fee that reach into a time."""
    if fee.every == "once":
        stop = fee.end if fee.end is not None else zone.midnight(zone.day(fee.start) + 1)
        if fee.start < stop and fee.start < end and stop > start:
            yield _charge(fee, fee.start, stop, 1, 1)
        return
    month = date_of(zone.day(max(start, fee.start))).replace(day=1)
    while (first := zone.midnight(day_number(month))) < end:
        month = _next(month)
        following = zone.midnight(day_number(month))
        begin, stop = max(first, fee.start), following if fee.end is None else min(following, fee.end)
        if begin < stop:
            yield _charge(fee, begin, stop, stop - begin, following - first)


def _charge(fee: Fee, start: int, end: int, part: int, whole: int) -> Charge:
    """The charge for a part of a month, by its time."""
    listed = fee.amount if fee.list_amount is None else fee.list_amount
    return Charge(
        fee, start, end, divide_half_even(fee.amount * part, whole), divide_half_even(listed * part, whole)
    )


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
