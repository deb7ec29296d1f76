"""Budgets: what somebody may spend in a time. Pure; `dashboard.budgets.store` keeps them.

A budget is about a team, a customer, a cost centre, a key, a project, a model or everything, for each day, week, month or quarter of the
reporting zone, in money or in tokens. Budgets are only added: of those of one name the one recorded last counts, and one
without a limit takes it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Scope = Literal["all", "team", "customer", "cost_center", "virtual_key", "project", "model"]
Per = Literal["day", "week", "month", "quarter"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
PERS: Final[tuple[Per, ...]] = get_args(Per)
DEFAULT_THRESHOLDS: Final = (50, 80, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent in each period."""

    name: str
    scope: Scope
    subject: str | None
    """The entry of a person of the directory as text, or the text that calls name; None for everything."""
    per: Per
    amount: int | None
    """Pico-units of `currency`; None where it is of tokens."""
    tokens: int | None
    currency: str
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS
    """Percent at which somebody is told."""
    first_day: int | None = None
    end_day: int | None = None
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0

    @property
    def stands(self) -> bool:
        """Whether it has a limit, and is not taken back."""
        return self.amount is not None or self.tokens is not None


def current_budgets(budgets: Iterable[Budget]) -> list[Budget]:
    """The budgets that count, by name."""
    last = {one.name: one for one in sorted(budgets, key=lambda one: (one.number, one.recorded_at))}
    return [last[name] for name in sorted(last) if last[name].stands]


def limits_for_months(
    budgets: Iterable[Budget], scope: Scope, months: int, first_day: int, end_day: int
) -> dict[int, int]:
    """What people of one kind may spend in so many whole months, by their entry: the sums of budgets in money.

    Budgets by month and quarter count; those by day and week have no exact part of a month.
    """
    found: dict[int, int] = {}
    for one in budgets:
        within = (one.first_day is None or one.first_day <= first_day) and (
            one.end_day is None or one.end_day >= end_day
        )
        if one.scope != scope or one.subject is None or one.amount is None or not within:
            continue
        times = months if one.per == "month" else months // 3 if one.per == "quarter" else 0
        if times:
            entry = int(one.subject)
            found[entry] = found.get(entry, 0) + one.amount * times
    return found
