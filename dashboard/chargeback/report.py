"""The report: a statement for people, with a line for each team, customer or cost centre.

All outputs are made from this value, so they agree. Its amounts are exact. Shown amounts are rounded once to
the smallest unit of the currency, half to even: the total first, then direct, shared and adjusted cost as a
whole, then the lines of each by largest remainder. Shared cost is rounded by pool and adjustments by month
and cause, so that the parts of each add up to it; what an owner bears is the sum of its parts. The keys,
models and fees of an owner add up to its direct cost. So every table adds up downwards and across.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, Literal

from babel.numbers import get_currency_precision

from dashboard.chargeback.rounding import Cell, in_units, rounded, rounded_cells, rounded_parts
from dashboard.chargeback.statement import (
    Allocation,
    BudgetLimit,
    Correction,
    DirectoryName,
    Fee,
    PreviousTotal,
    Statement,
    StatementLine,
)
from dashboard.chargeback.usage import Detail, UsageSums, total
from ingest.model.money import divide_half_even, from_pico
from ingest.model.ownership import Owner

GroupBy = Literal["team", "customer", "cost_center"]
GROUP_LABELS: Final[Mapping[GroupBy, str]] = {
    "team": "Team",
    "customer": "Customer",
    "cost_center": "Cost centre",
}
UNNAMED: Final[Mapping[GroupBy, str]] = {
    "team": "(unassigned)",
    "customer": "(no customer)",
    "cost_center": "(no cost centre)",
}
"""The names of the entry of cost without a team, customer or cost centre."""
PARTS: Final = ("direct_cost", "shared_cost", "adjustments")
"""The amounts that make up a total."""
_MOST_TOP_ITEMS: Final = 5
"""The highest number of models and of keys that an entry names."""


@dataclass(frozen=True, slots=True)
class TopItem:
    """A model or key, with its cost."""

    name: str
    cost: int
    requests: int


@dataclass(frozen=True, slots=True)
class RoundedAmounts:
    """The amounts of an entry as outputs show them, in smallest units of the currency."""

    direct_cost: int
    shared_cost: int
    adjustments: int
    total: int


@dataclass(frozen=True, slots=True)
class ShownDetail:
    """The amounts of a key and model as outputs show them, in smallest units; they add up to the cost."""

    list_cost: int
    discounts: int
    markups: int
    cost: int


@dataclass(frozen=True, kw_only=True)
class ReportEntry:
    """A line of the report: the owner, the amounts owed in pico-units, and their details."""

    ident: int | None
    """The id of the owner in the directory; None for cost without an owner."""
    team: str | None
    customer: str | None
    cost_center: str | None
    cost_center_code: str | None
    gl_code: str | None
    """The general-ledger account of the cost centre."""
    line: StatementLine
    before: int | None
    """The total in the period before; None if the owner had no line in it."""
    shown_before: int | None
    """The total in the period before, as its statement showed it."""
    budget: int | None = None
    budget_counts: str | None = None
    """What the budget counts: calls, fees or shared; None without a budget."""
    shown: RoundedAmounts
    details: tuple[Detail, ...] = ()
    shown_details: tuple[ShownDetail, ...] = ()
    """The shown amounts of `details`, which together with `shown_fees` add up to the shown direct cost."""
    fees: tuple[Fee, ...] = ()
    """The fees that the owner bears alone; they are part of its direct cost."""
    shown_fees: tuple[int, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    shown_allocations: tuple[int, ...] = ()
    corrections: tuple[Correction, ...] = ()
    shown_corrections: tuple[int, ...] = ()
    top_models: tuple[TopItem, ...] = ()
    top_keys: tuple[TopItem, ...] = ()

    @property
    def used(self) -> UsageSums:
        """The usage of the owner's calls."""
        return self.line.used

    @property
    def change(self) -> int | None:
        """The total less the total of the period before."""
        return None if self.before is None else self.line.total - self.before

    @property
    def shown_change(self) -> int | None:
        """The shown total less the shown total of the period before."""
        return None if self.shown_before is None else self.shown.total - self.shown_before

    @property
    def cost_per_request(self) -> Decimal | None:
        """Cost of calls divided by priced requests; None without priced requests."""
        return _per(self.used.cost, self.used.requests - self.used.unpriced_requests)

    @property
    def cost_per_million_tokens(self) -> Decimal | None:
        """Cost of calls divided by millions of tokens of priced calls; None without such tokens."""
        return _per(self.used.cost * 1_000_000, self.used.priced_tokens)


@dataclass(frozen=True)
class Report:
    """A statement by team, customer or cost centre."""

    statement: Statement
    by: GroupBy
    entries: tuple[ReportEntry, ...]
    before: int
    """The total of the period before."""
    shown_before: int
    """The shown total of the period before, which may have owners that have no entry now."""
    budgets: Mapping[int, int]

    @cached_property
    def digits(self) -> int:
        """The digits after the decimal point of shown amounts."""
        return get_currency_precision(self.statement.currency)

    @cached_property
    def shown(self) -> RoundedAmounts:
        """The sums of the shown amounts of all entries."""
        return RoundedAmounts(
            *(sum(getattr(entry.shown, name) for entry in self.entries) for name in (*PARTS, "total"))
        )

    @cached_property
    def whole(self) -> StatementLine:
        """The sum of all entries."""
        lines = [entry.line for entry in self.entries]
        return StatementLine(
            Owner(),
            self.statement.used,
            *(sum(getattr(line, name) for line in lines) for name in ("fees", "shared", "adjustments")),
        )

    @property
    def unassigned(self) -> ReportEntry | None:
        """The entry of cost without an owner, or None."""
        return next((entry for entry in self.entries if entry.ident is None), None)

    @cached_property
    def _pools(self) -> Mapping[tuple[object, ...], tuple[int, int]]:
        """The exact and the shown sum of the parts of each pool."""
        sums: dict[tuple[object, ...], tuple[int, int]] = {}
        for entry in self.entries:
            for part, shown in zip(entry.allocations, entry.shown_allocations, strict=True):
                exact_sum, shown_sum = sums.get(_pool(part), (0, 0))
                sums[_pool(part)] = exact_sum + part.amount, shown_sum + shown
        return sums

    def shown_whole(self, allocation: Allocation) -> int:
        """The shown amount of the pool that an allocation is a part of."""
        exact_sum, shown_sum = self._pools[_pool(allocation)]
        sign = 1 if allocation.amount * allocation.whole >= 0 else -1
        if exact_sum * sign == allocation.whole:
            return shown_sum * sign
        return rounded(in_units(allocation.whole, self.digits))

    def entry_name(self, entry: ReportEntry) -> str:
        """The name of an entry, or the words for cost without a team, customer or cost centre."""
        return self.name(entry.ident) or UNNAMED[self.by]

    @property
    def shown_before_elsewhere(self) -> int:
        """The shown total of the period before of owners that have no entry now."""
        return self.shown_before - sum(entry.shown_before or 0 for entry in self.entries)

    def name(self, entry_id: int | None) -> str | None:
        """The name of a directory entry when the statement was made."""
        return _name(self.statement.names, entry_id)

    def amount(self, shown: int) -> str:
        """A shown amount as plain text, such as `12.30`."""
        return f"{Decimal(shown).scaleb(-self.digits):.{self.digits}f}"

    def grouped(self, shown: int) -> str:
        """A shown amount with thousands separators, such as `1,234.50`."""
        return f"{Decimal(shown).scaleb(-self.digits):,.{self.digits}f}"


def report(statement: Statement, by: GroupBy) -> Report:
    """The report of a statement."""
    groups = _grouped(statement.lines, by)
    before = {total.entry: total for total in statement.previous or () if total.by == by}
    limits = {limit.entry: limit for limit in statement.budgets or () if limit.by == by}
    idents = sorted(groups, key=lambda ident: _order(statement.names, ident))
    details, allocations, corrections = (
        _grouped(rows, by) for rows in (statement.details, statement.allocations, statement.corrections)
    )
    fees = _grouped((fee for fee in statement.fees if fee.owner is not None), by)
    parts = [
        _Parts(
            _sum(groups[ident]),
            *(tuple(rows.get(ident, ())) for rows in (details, fees, allocations, corrections)),
        )
        for ident in idents
    ]
    shown = _shown(parts, get_currency_precision(statement.currency))
    entries = tuple(
        _entry(statement.names, ident, part, amounts, before.get(ident), limits.get(ident or 0))
        for ident, part, amounts in zip(idents, parts, shown, strict=True)
    )
    return Report(
        statement,
        by,
        entries,
        sum(total.total for total in before.values()),
        sum(total.shown for total in before.values()),
        {entry: limit.amount for entry, limit in limits.items()},
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an entry of a report is made of."""

    line: StatementLine
    details: tuple[Detail, ...]
    fees: tuple[Fee, ...]
    allocations: tuple[Allocation, ...]
    corrections: tuple[Correction, ...]

    @property
    def owners(self) -> list[Owner]:
        """The owners of the parts, in the order of the parts."""
        owners = [
            *(detail.owner for detail in self.details),
            *(correction.owner for correction in self.corrections),
            *(allocation.owner for allocation in self.allocations),
            *(fee.owner for fee in self.fees if fee.owner is not None),
        ]
        return owners or [self.line.owner]


@dataclass(frozen=True, slots=True)
class _ShownParts:
    """The shown amounts of an entry and of its parts, in the order of `_Parts`."""

    amounts: RoundedAmounts
    details: tuple[ShownDetail, ...]
    fees: tuple[int, ...]
    allocations: tuple[int, ...]
    corrections: tuple[int, ...]


def _grouped(rows: Iterable[Any], by: GroupBy) -> dict[int | None, list[Any]]:
    """Rows with an owner by its team, customer or cost centre."""
    groups: dict[int | None, list[Any]] = {}
    for row in rows:
        groups.setdefault(_key(row.owner, by), []).append(row)
    return groups


def _key(owner: Owner, by: GroupBy) -> int | None:
    ident: int | None = getattr(owner, f"{by}_id")
    return ident


def _sum(lines: Sequence[StatementLine]) -> StatementLine:
    return StatementLine(
        lines[0].owner,
        total(line.used for line in lines),
        *(sum(getattr(line, name) for line in lines) for name in ("fees", "shared", "adjustments")),
    )


def _shown(parts: Sequence[_Parts], digits: int) -> list[_ShownParts]:
    """The shown amounts of all entries."""

    def units(pico: int) -> Fraction:
        return in_units(pico, digits)

    direct = [units(part.line.direct) for part in parts]
    shared = [
        Cell(at, _pool(row), units(row.amount)) for at, part in enumerate(parts) for row in part.allocations
    ]
    adjusted = [
        Cell(at, (row.about, row.cause), units(row.amount))
        for at, part in enumerate(parts)
        for row in part.corrections
    ]
    sums = [
        sum(direct, Fraction(0)),
        *(sum((c.amount for c in cells), Fraction(0)) for cells in (shared, adjusted)),
    ]
    wholes = rounded_parts(sums)
    shown_direct = rounded_parts(direct, wholes[0])
    shown_adjusted = _by_row(adjusted, rounded_cells(adjusted, wholes[2]))
    settled: dict[Hashable, int] = {
        at: -shown_direct[at] - sum(shown_adjusted.get(at, ()))
        for at, part in enumerate(parts)
        if not part.line.total
    }
    shown_shared = _by_row(shared, _settle(shared, rounded_cells(shared, wholes[1]), settled))
    return [
        _shown_parts(part, units, shown_direct[at], shown_shared.get(at, ()), shown_adjusted.get(at, ()))
        for at, part in enumerate(parts)
    ]


def _settle(cells: Sequence[Cell], units: list[int], settled: Mapping[Hashable, int]) -> list[int]:
    """Units by which rows that owe nothing are shown to owe nothing: their cells add up to `settled`.

    What the calls of such a row are shown to cost is taken from it, and given to the owners that share them.
    """
    for row, amount in settled.items():
        taken = [at for at, cell in enumerate(cells) if cell.row == row and not cell.column[-1]]
        rest = amount - sum(units[at] for at, cell in enumerate(cells) if cell.row == row)
        if not taken or not rest:
            continue
        place = taken[-1]
        pool = (*cells[place].column[:-1], True)
        given = [at for at, cell in enumerate(cells) if cell.column == pool and cell.row != row]
        if given:
            units[place] += rest
            units[min(given, key=lambda at: ((units[at] - cells[at].amount) * -rest, at))] -= rest
    return units


def _pool(allocation: Allocation) -> tuple[object, ...]:
    """What tells pools apart: shared calls are added to some owners and taken from others."""
    return allocation.pool, allocation.rule, allocation.whole, allocation.amount * allocation.whole >= 0


def _by_row(cells: Sequence[Cell], amounts: Sequence[int]) -> dict[Hashable, tuple[int, ...]]:
    rows: dict[Hashable, list[int]] = {}
    for cell, amount in zip(cells, amounts, strict=True):
        rows.setdefault(cell.row, []).append(amount)
    return {row: tuple(row_amounts) for row, row_amounts in rows.items()}


def _shown_parts(
    part: _Parts,
    units: Callable[[int], Fraction],
    direct: int,
    shared: tuple[int, ...],
    adjusted: tuple[int, ...],
) -> _ShownParts:
    """The shown amounts of an entry; its keys, models and fees add up to its direct cost."""
    used = [detail.used for detail in part.details]
    costs = [units(usage.cost) for usage in used]
    amounts = rounded_parts([*costs, *(units(fee.amount) for fee in part.fees)], direct)
    discounts = rounded_parts([units(usage.contracted_cost - usage.list_cost) for usage in used])
    markups = rounded_parts([units(usage.cost - usage.contracted_cost) for usage in used])
    details = tuple(
        ShownDetail(cost - discount - markup, discount, markup, cost)
        for cost, discount, markup in zip(amounts, discounts, markups, strict=False)
    )
    shown = RoundedAmounts(direct, sum(shared), sum(adjusted), direct + sum(shared) + sum(adjusted))
    return _ShownParts(shown, details, tuple(amounts[len(used) :]), shared, adjusted)


def _entry(
    names: Mapping[int, DirectoryName],
    ident: int | None,
    part: _Parts,
    shown: _ShownParts,
    before: PreviousTotal | None,
    limit: BudgetLimit | None,
) -> ReportEntry:
    centers = dict.fromkeys(owner.cost_center_id for owner in part.owners if owner.cost_center_id is not None)
    codes = [names[center] for center in centers if center in names]
    return ReportEntry(
        ident=ident,
        team=_joined_names(names, (owner.team_id for owner in part.owners)),
        customer=_joined_names(names, (owner.customer_id for owner in part.owners)),
        cost_center=_joined_names(names, centers),
        cost_center_code=", ".join(center.ident for center in codes) or None,
        gl_code=", ".join(dict.fromkeys(center.gl_code for center in codes if center.gl_code)) or None,
        line=part.line,
        before=None if before is None else before.total,
        shown_before=None if before is None else before.shown,
        budget=None if limit is None else limit.amount,
        budget_counts=None if limit is None else limit.counts,
        shown=shown.amounts,
        details=part.details,
        shown_details=shown.details,
        fees=part.fees,
        shown_fees=shown.fees,
        allocations=part.allocations,
        shown_allocations=shown.allocations,
        corrections=part.corrections,
        shown_corrections=shown.corrections,
        top_models=_top((f"{detail.provider}/{detail.model}", detail.used) for detail in part.details),
        top_keys=_top(
            (_name(names, detail.virtual_key_id) or "(no key)", detail.used) for detail in part.details
        ),
    )


def _top(parts: Iterable[tuple[str, UsageSums]]) -> tuple[TopItem, ...]:
    groups: dict[str, list[UsageSums]] = {}
    for name, used in parts:
        groups.setdefault(name, []).append(used)
    sums = {name: total(group) for name, group in groups.items()}
    items = [TopItem(name, used.cost, used.requests) for name, used in sums.items()]
    return tuple(sorted(items, key=lambda item: (-item.cost, item.name))[:_MOST_TOP_ITEMS])


def _joined_names(names: Mapping[int, DirectoryName], idents: Iterable[int | None]) -> str | None:
    """The names of several directory entries, joined; None if there is none."""
    distinct = dict.fromkeys(name for ident in idents if (name := _name(names, ident)))
    return ", ".join(distinct) or None


def _name(names: Mapping[int, DirectoryName], ident: int | None) -> str | None:
    if ident is None:
        return None
    named = names.get(ident)
    return named.name if named else f"#{ident}"


def _order(names: Mapping[int, DirectoryName], ident: int | None) -> tuple[bool, str, int]:
    return ident is None, (_name(names, ident) or "").casefold(), ident or 0


def _per(pico: int, count: int) -> Decimal | None:
    return from_pico(divide_half_even(pico, count)) if count > 0 else None
