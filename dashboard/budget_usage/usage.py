"""The usage of budgets: the money or tokens used in the running period, and their share of the limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from dashboard.budgets.model import Budget, Per
from dashboard.budgets.store import read_budgets
from dashboard.chargeback.compute import compute_lines
from dashboard.directory.owners_on_day import owners_on_day
from dashboard.directory.subjects import PEOPLE, About, Subject, subjects
from dashboard.query.calendar import Calendar
from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import run
from ingest.ledger.directory import entries as directory_entries
from ingest.ledger.engine import Connection, Ledger
from ingest.model import money
from ingest.model.ownership import Owner
from ingest.model.principal import HERE, acting_as, current_principal
from ingest.model.zone import date_of, day_number, instant


@dataclass(frozen=True, slots=True)
class BudgetUsage:
    """A budget and its usage in the running period."""

    budget: Budget
    about: Subject
    first: date
    end: date
    used: int
    """Pico-units of money, or tokens."""
    unpriced_requests: int
    fixed: int = 0
    """The fees and shared cost of the whole period in `used`."""

    @property
    def limit(self) -> int:
        """The limit, in the unit of `used`."""
        return self.budget.tokens if self.budget.tokens is not None else self.budget.amount or 0

    @property
    def remaining(self) -> int:
        """The unused part of the limit; negative if the limit is exceeded."""
        return self.limit - self.used

    @property
    def is_allowed(self) -> bool:
        """Whether the limit is not reached yet."""
        return self.used < self.limit

    @property
    def reached(self) -> int | None:
        """The highest threshold that is reached, in percent; None if none is reached or nothing is used."""
        if not self.used:
            return None
        thresholds = self.budget.thresholds
        return max(
            (percent for percent in thresholds if self.used * 100 >= self.limit * percent), default=None
        )

    @property
    def share(self) -> Fraction | None:
        """The used part of the limit; None for a limit of zero."""
        return Fraction(self.used, self.limit) if self.limit else None

    def as_json(self) -> dict[str, Any]:
        """The budget and its usage as JSON, for the API and the command line."""
        budget = self.budget
        in_tokens = budget.tokens is not None
        share = None if self.share is None else f"{float(self.share):.4f}"
        return {
            "name": budget.name,
            "scope": budget.scope,
            "subject": self.about.shown,
            "per": budget.per,
            "counts": budget.counts,
            "limit": budget.tokens if in_tokens else money.plain(self.limit),
            "unit": "tokens" if in_tokens else budget.currency,
            "used": self.used if in_tokens else money.plain(self.used),
            "fees_and_shared": "0" if in_tokens else money.plain(self.fixed),
            "remaining": self.remaining if in_tokens else money.plain(self.remaining),
            "share": share,
            "reached": self.reached,
            "allowed": self.is_allowed,
            "unpriced_requests": self.unpriced_requests,
            "period": {"from": self.first.isoformat(), "to": self.end.isoformat()},
            "thresholds": list(budget.thresholds),
        }


def budget_usages(ledger: Ledger, now: int, name: str | None = None) -> list[BudgetUsage]:
    """The usage at `now` of every valid budget that the current principal may see, or of the named budget.

    The usage includes the calls of all users of the budget, even calls that the principal may not see.
    """
    today = date_of(ledger.zone.day(now))
    with ledger.reading() as connection:
        budgets = [
            budget
            for budget in _visible(connection, read_budgets(connection))
            if _is_valid(budget, day_number(today)) and name in (None, budget.name)
        ]
        about = subjects(connection, ((budget.scope, budget.subject) for budget in budgets))
    with acting_as(HERE):
        return [_usage(ledger, budget, about, today) for budget in budgets]


def usages_binding_key(
    ledger: Ledger, key: int | None, usages: Sequence[BudgetUsage], now: int
) -> list[BudgetUsage]:
    """The budgets that bind a key: of the key, its teams, their customers and cost centres, and everything.

    A key that the directory does not know (None) is bound only by budgets of everything.
    """
    bound: set[str] = set()
    if key is not None:
        owners = owners_on_day(ledger, ledger.zone.day(now))
        teams = {team.entry_id for team in owners.teams.get(key, ())}
        parents = {
            entry for team in teams for entry in owners.home_entries.get(team, ()) if entry is not None
        }
        bound = {str(entry) for entry in ({key} | teams | parents)}
    return [
        usage
        for usage in usages
        if usage.budget.scope == "all" or (usage.budget.scope in PEOPLE and usage.budget.subject in bound)
    ]


def _visible(connection: Connection, budgets: Iterable[Budget]) -> list[Budget]:
    """The budgets of the caller's teams or key, which are all that the caller may see."""
    principal = current_principal()
    if principal.sees_all:
        return list(budgets)
    if principal.virtual_key is not None:
        kind, idents = "virtual_key", [principal.virtual_key]
    else:
        kind, idents = "team", list(principal.teams or ())
    entries = {str(entry) for entry in directory_entries(connection, kind, idents)}
    return [budget for budget in budgets if budget.scope == kind and budget.subject in entries]


def _is_valid(budget: Budget, day: int) -> bool:
    has_started = budget.first_day is None or budget.first_day <= day
    return has_started and (budget.end_day is None or day < budget.end_day)


def _usage(ledger: Ledger, budget: Budget, about: Mapping[About, Subject], today: date) -> BudgetUsage:
    first, end = period_around(budget.per, today)
    subject = about[budget.scope, budget.subject]
    zone = ledger.zone
    query = SpendQuery(
        period=Period(*(instant(zone.midnight(day_number(day))) for day in (first, end))),
        zone=zone.name,
        metrics=(metric_of(budget), "unpriced_requests"),
        filters=subject.filters,
        currency=REPORTING,
    )
    result = run(ledger, query)
    used, unpriced = result.totals.values
    amount = money.pico_of(used) if isinstance(used, Decimal) else int(used or 0)
    fixed = fees_and_shared(ledger, budget, first, end)
    return BudgetUsage(budget, subject, first, end, amount + fixed, int(unpriced or 0), fixed)


def fees_and_shared(ledger: Ledger, budget: Budget, first: date, end: date) -> int:
    """The fees and the shared cost of a period that a budget counts, as the statement of the period has them.

    They are of the whole period, from its first day on.
    """
    if budget.counts == "calls":
        return 0
    lines = compute_lines(ledger, Calendar(f"{first}/{end}", first, end))
    chosen = [line for line in lines if _is_of(budget, line.owner)]
    fees = sum(line.fees for line in chosen)
    # Of everything, a fee that is shared is its own, whether a rule shares it or not.
    counts_shared = budget.counts == "shared" or budget.scope == "all"
    return fees + sum(line.shared for line in chosen) if counts_shared else fees


def _is_of(budget: Budget, owner: Owner) -> bool:
    return budget.scope == "all" or str(getattr(owner, f"{budget.scope}_id")) == budget.subject


def metric_of(budget: Budget) -> str:
    """The metric that a budget limits."""
    return "total_tokens" if budget.tokens is not None else "total_cost"


def period_around(per: Per, day: date) -> tuple[date, date]:
    """The budget period that contains a day: its first day, and the first day after it."""
    match per:
        case "day":
            return day, day + timedelta(days=1)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case _:
            months = 1 if per == "month" else 3
            first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
            index = first.year * 12 + first.month - 1 + months
            return first, date(index // 12, index % 12 + 1, 1)
