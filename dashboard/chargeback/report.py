"""The report: a statement for people, with a line for each team, customer or cost centre.

All outputs are made from this value, so they agree. Its amounts are exact. Shown amounts are rounded once to
the smallest unit of the currency, half to even: the total first, then direct, shared and adjusted cost as a
whole, then the lines of each by largest remainder. So shown amounts add up downwards and across.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal

from babel.numbers import get_currency_precision

from dashboard.chargeback.statement import (
    Allocation,
    Correction,
    DirectoryName,
    Fee,
    Statement,
    StatementLine,
)
from dashboard.chargeback.usage import Detail, UsageSums, total
from dashboard.query.apportion import apportioned
from ingest.model.money import PICO_PER_UNIT, divide_half_even, from_pico
from ingest.model.ownership import Owner

GroupBy = Literal["team", "customer", "cost_center"]
GROUP_LABELS: Final[Mapping[GroupBy, str]] = {
    "team": "Team",
    "customer": "Customer",
    "cost_center": "Cost centre",
}
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


@dataclass(frozen=True, kw_only=True)
class ReportEntry:
    """A line of the report: the owner, the amounts owed in pico-units, and their details."""

    ident: int | None
    """The id of the owner in the directory; None for cost without an owner."""
    team: str | None
    customer: str | None
    cost_center: str | None
    line: StatementLine
    before: int | None
    """The total in the period before; None if the owner had no line in it."""
    budget: int | None = None
    shown: RoundedAmounts
    details: tuple[Detail, ...] = ()
    fees: tuple[Fee, ...] = ()
    """The fees that the owner bears alone; they are part of its direct cost."""
    allocations: tuple[Allocation, ...] = ()
    corrections: tuple[Correction, ...] = ()
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

    def name(self, entry_id: int | None) -> str | None:
        """The name of a directory entry when the statement was made."""
        return _name(self.statement.names, entry_id)

    def amount(self, shown: int) -> str:
        """A shown amount as plain text, such as `12.30`."""
        return f"{Decimal(shown).scaleb(-self.digits):.{self.digits}f}"

    def grouped(self, shown: int) -> str:
        """A shown amount with thousands separators, such as `1,234.50`."""
        return f"{Decimal(shown).scaleb(-self.digits):,.{self.digits}f}"


def report(
    statement: Statement, by: GroupBy, before: Statement | None, budgets: Mapping[int, int] | None = None
) -> Report:
    """The report of a statement, compared with the statement of the period before."""
    groups = _by_owner(statement.lines, by)
    before_totals = (
        {ident: sum(line.total for line in group) for ident, group in _by_owner(before.lines, by).items()}
        if before
        else {}
    )
    idents = sorted(groups, key=lambda ident: _order(statement.names, ident))
    lines = [_sum(groups[ident]) for ident in idents]
    digits = get_currency_precision(statement.currency)
    shown = _shown(lines, digits)
    entries = tuple(
        _entry(statement, by, ident, line, amounts, before_totals.get(ident), (budgets or {}).get(ident or 0))
        for ident, line, amounts in zip(idents, lines, shown, strict=True)
    )
    return Report(statement, by, entries, sum(before_totals.values()), budgets or {})


def _by_owner(lines: Iterable[StatementLine], by: GroupBy) -> dict[int | None, list[StatementLine]]:
    groups: dict[int | None, list[StatementLine]] = {}
    for line in lines:
        groups.setdefault(_key(line.owner, by), []).append(line)
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


def _shown(lines: Sequence[StatementLine], digits: int) -> list[RoundedAmounts]:
    unit = PICO_PER_UNIT // 10**digits
    columns = [
        [Fraction(getattr(line, name), unit) for line in lines]
        for name in ("direct", "shared", "adjustments")
    ]
    exact = [sum(column, Fraction(0)) for column in columns]
    whole = sum(exact, Fraction(0))
    totals = apportioned(exact, divide_half_even(whole.numerator, whole.denominator))
    shown = [apportioned(column, total_) for column, total_ in zip(columns, totals, strict=True)]
    return [
        RoundedAmounts(direct, shared, adjusted, direct + shared + adjusted)
        for direct, shared, adjusted in zip(*shown, strict=True)
    ]


def _entry(
    statement: Statement,
    by: GroupBy,
    ident: int | None,
    line: StatementLine,
    shown: RoundedAmounts,
    before: int | None,
    budget: int | None,
) -> ReportEntry:
    details = tuple(detail for detail in statement.details if _key(detail.owner, by) == ident)
    fees = tuple(fee for fee in statement.fees if fee.owner is not None and _key(fee.owner, by) == ident)
    corrections = tuple(row for row in statement.corrections if _key(row.owner, by) == ident)
    allocations = tuple(row for row in statement.allocations if _key(row.owner, by) == ident)
    owners = list(_owners(details, corrections, allocations)) or [line.owner]
    return ReportEntry(
        ident=ident,
        team=_joined_names(statement.names, (owner.team_id for owner in owners)),
        customer=_joined_names(statement.names, (owner.customer_id for owner in owners)),
        cost_center=_joined_names(statement.names, (owner.cost_center_id for owner in owners)),
        line=line,
        before=before,
        budget=budget,
        shown=shown,
        details=details,
        fees=fees,
        allocations=allocations,
        corrections=corrections,
        top_models=_top((f"{detail.provider}/{detail.model}", detail.used) for detail in details),
        top_keys=_top(
            (_name(statement.names, detail.virtual_key_id) or "(no key)", detail.used) for detail in details
        ),
    )


def _owners(
    details: Iterable[Detail], corrections: Iterable[Correction], allocations: Iterable[Allocation]
) -> Iterator[Owner]:
    yield from (detail.owner for detail in details)
    yield from (correction.owner for correction in corrections)
    yield from (allocation.owner for allocation in allocations)


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
