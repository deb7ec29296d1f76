"""Fees: fixed costs that do not depend on calls, as dated charges. Pure; `dashboard.fees.store` stores them.

A fee is a platform's subscription, provisioned throughput, a committed spend, a tax or a credit. Rows are
only added: of the rows of a name and start, the row recorded last counts, and it ends an earlier monthly
row of the name at its start. Instants are
microseconds UTC, ranges are half-open, and money is in pico-units. Billed and effective cost are kept apart:
a charge is billed as a whole at its start, and is effective evenly from its start to its end. Its effective
cost up to an instant is rounded half to even, and the cost between two instants is the difference, so the
parts of any division of its range add up exactly.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, get_args

from ingest.model.money import divide_half_even
from ingest.model.zone import Zone, date_of, day_number

FeeKind = Literal["fee", "platform", "provisioned", "commitment", "subscription", "tax", "credit"]
Recurrence = Literal["once", "month"]
Replaces = Literal["start", "name"]
"""The earlier rows that a row of a fee replaces: those of the same name and start, or all of the name. Rows
recorded before fees had versions replace all."""

KINDS: Final[tuple[FeeKind, ...]] = get_args(FeeKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fixed cost from an instant on, charged once or every month."""

    name: str
    kind: FeeKind
    amount: int
    """The amount of a whole month for a monthly fee, else of the whole fee; negative for a credit."""
    currency: str
    start: int
    end: int | None = None
    """When the fee ends. Without an end, a fee that is charged once is for its first day."""
    every: Recurrence = "once"
    list_amount: int | None = None
    """The amount by published prices, if known."""
    provider: str | None = None
    model: str | None = None
    team_id: int | None = None
    """The directory entry of the team that bears the fee; None for a shared fee."""
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0
    replaces: Replaces = "start"

    @property
    def is_empty(self) -> bool:
        """Whether the fee ends at its start, so that it is never charged."""
        return self.end is not None and self.end <= self.start


@dataclass(frozen=True, slots=True)
class Charge:
    """A single amount of a fee and the range that it covers."""

    fee: Fee
    start: int
    end: int
    amount: int
    list_amount: int

    def during(self, start: int, end: int) -> int:
        """The effective cost of the charge between two instants."""
        return self._until(end) - self._until(start)

    def listed_during(self, start: int, end: int) -> int:
        """The effective cost between two instants by published prices."""
        return replace(self, amount=self.list_amount).during(start, end)

    def _until(self, at: int) -> int:
        elapsed = min(max(at, self.start), self.end) - self.start
        return divide_half_even(self.amount * elapsed, self.end - self.start)


@dataclass(frozen=True, slots=True)
class FeeAmounts:
    """The amounts of a fee in a range of time."""

    fee: Fee
    effective: int
    """The cost of the range."""
    billed: int
    """The charges that start in the range."""
    listed: int
    """The cost of the range by published prices."""


def current_fees(fees: Iterable[Fee]) -> list[Fee]:
    """The versions of each fee that count, by name and start; each ends where the next one starts.

    A fee that is charged once keeps its time, because its whole amount is due at its start.
    """
    by_name: dict[str, dict[int, Fee]] = {}
    for fee in sorted(fees, key=lambda fee: (fee.recorded_at, fee.number)):
        versions = by_name.setdefault(fee.name, {})
        if fee.replaces == "name":
            versions.clear()
        versions[fee.start] = fee
    return [fee for name in sorted(by_name) for fee in _ended_by_next(by_name[name])]


def _ended_by_next(versions: Mapping[int, Fee]) -> Iterator[Fee]:
    starts = sorted(versions)
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        fee = versions[start]
        is_cut = following is not None and (fee.end is None or fee.end > following)
        yield replace(fee, end=following) if is_cut and fee.every == "month" else fee


def fee_amounts(fees: Iterable[Fee], zone: Zone, start: int, end: int) -> list[FeeAmounts]:
    """The amounts of each fee between two instants; fees without any are left out."""
    rows = []
    for fee in fees:
        charges = list(charges_of(fee, zone, start, end))
        sums = FeeAmounts(
            fee,
            sum(charge.during(start, end) for charge in charges),
            sum(charge.amount for charge in charges if start <= charge.start < end),
            sum(charge.listed_during(start, end) for charge in charges),
        )
        if sums.effective or sums.billed or sums.listed:
            rows.append(sums)
    return rows


def charges_of(fee: Fee, zone: Zone, start: int, end: int) -> Iterator[Charge]:
    """The charges of a fee that overlap a range."""
    if fee.every == "once":
        stop = fee.end if fee.end is not None else zone.midnight(zone.day(fee.start) + 1)
        if fee.start < stop and fee.start < end and stop > start:
            yield _charge(fee, fee.start, stop, 1, 1)
        return
    month = date_of(zone.day(max(start, fee.start))).replace(day=1)
    while (first := zone.midnight(day_number(month))) < end:
        month = _next_month(month)
        following = zone.midnight(day_number(month))
        begin, stop = max(first, fee.start), following if fee.end is None else min(following, fee.end)
        if begin < stop:
            yield _charge(fee, begin, stop, stop - begin, following - first)


def _charge(fee: Fee, start: int, end: int, part: int, whole: int) -> Charge:
    """The charge for a part of a month, in proportion to its length."""
    listed = fee.amount if fee.list_amount is None else fee.list_amount
    return Charge(
        fee, start, end, divide_half_even(fee.amount * part, whole), divide_half_even(listed * part, whole)
    )


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
