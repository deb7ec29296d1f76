"""Budgets: limits of money or tokens per day, week, month or quarter of the reporting zone.

A budget limits a team, a customer, a cost centre, a key, a project, a model, or everything. A budget of money
counts what calls cost, and also fees and shared cost if it says so. Budgets are append-only: the last record
of a name is valid, and a record without a limit removes the budget. `dashboard.budgets.store` stores them.
Ranges of days are half-open.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Scope = Literal["all", "team", "customer", "cost_center", "virtual_key", "project", "model"]
Per = Literal["day", "week", "month", "quarter"]

Counts = Literal["calls", "fees", "shared"]

COUNTS: Final[Mapping[Counts, str]] = {
    "calls": "calls alone, without fees and shared cost",
    "fees": "calls and own fees, without shared cost",
    "shared": "calls, own fees and shared cost",
}
"""What a budget of money counts, in words. Of everything, all fees are own."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
OWNING: Final[tuple[Scope, ...]] = ("all", "team", "customer", "cost_center")
"""The scopes that bear fees and shared cost."""
PERS: Final[tuple[Per, ...]] = get_args(Per)
DEFAULT_THRESHOLDS: Final = (50, 80, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limit of each period, in money or in tokens."""

    name: str
    scope: Scope
    subject: str | None
    """A directory entry's number as text, or the name of a project or model; None for everything."""
    per: Per
    amount: int | None
    """The limit in pico-units of `currency`; None for a budget of tokens."""
    tokens: int | None
    currency: str
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS
    """The percentages of the limit at which alerts fire."""
    first_day: int | None = None
    end_day: int | None = None
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0
    counts: Counts = "calls"

    @property
    def is_active(self) -> bool:
        """Whether the budget has a limit: a record without one removes the budget."""
        return self.amount is not None or self.tokens is not None


def current_budgets(budgets: Iterable[Budget]) -> list[Budget]:
    """The budgets that have not been replaced or removed, by name."""
    in_order = sorted(budgets, key=lambda budget: (budget.number, budget.recorded_at))
    last = {budget.name: budget for budget in in_order}
    return [last[name] for name in sorted(last) if last[name].is_active]


def limits_for_months(
    budgets: Iterable[Budget], scope: Scope, months: int, first_day: int, end_day: int
) -> dict[int, int]:
    """The sum of the money budgets of each directory entry of a scope for `months` whole months, by entry.

    Budgets per day and week are left out, because a month is no whole number of weeks and months differ in
    days.
    """
    limits: dict[int, int] = {}
    for entry, amount, _ in _covering(budgets, scope, months, first_day, end_day):
        limits[entry] = limits.get(entry, 0) + amount
    return limits


def counts_for_months(
    budgets: Iterable[Budget], scope: Scope, months: int, first_day: int, end_day: int
) -> dict[int, str]:
    """What the budgets in `limits_for_months` count, by entry: one of `COUNTS`, or several with commas."""
    counts: dict[int, set[str]] = {}
    for entry, _, kind in _covering(budgets, scope, months, first_day, end_day):
        counts.setdefault(entry, set()).add(kind)
    return {entry: ", ".join(sorted(kinds)) for entry, kinds in counts.items()}


def counted_in_words(counts: str) -> str:
    """What one or several budgets count, in words."""
    kinds = [kind for kind in COUNTS if kind in counts.split(", ")]
    return "; ".join(COUNTS[kind] for kind in kinds)


def _covering(
    budgets: Iterable[Budget], scope: Scope, months: int, first_day: int, end_day: int
) -> Iterator[tuple[int, int, Counts]]:
    """Entry, amount and what it counts of each budget of whole months that covers all of the days."""
    for budget in budgets:
        is_within = (budget.first_day is None or budget.first_day <= first_day) and (
            budget.end_day is None or budget.end_day >= end_day
        )
        if budget.scope != scope or budget.subject is None or budget.amount is None or not is_within:
            continue
        times = months if budget.per == "month" else months // 3 if budget.per == "quarter" else 0
        if times:
            yield int(budget.subject), budget.amount * times, budget.counts
