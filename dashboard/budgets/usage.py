"""Budgets and how far they are used: what was spent in the period that is running, and what that is of the limit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from dashboard.budgets.model import Budget, Per
from dashboard.budgets.store import read_budgets
from dashboard.directory.holdings import owners_on_day
from dashboard.directory.subjects import PEOPLE, About, Subject, subjects
from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import run
from ingest.ledger.directory import entries as directory_entries
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.principal import HERE, acting_as, current_principal
from ingest.model.zone import date_of, day_number, instant


@dataclass(frozen=True, slots=True)
class Burn:
    """A budget in the period that is running."""

    budget: Budget
    about: Subject
    first: date
    end: date
    used: int
    """Pico-units, or tokens."""
    unpriced_requests: int

    @property
    def limit(self) -> int:
        """What may be used."""
        one = self.budget
        return one.tokens if one.tokens is not None else one.amount or 0

    @property
    def remaining(self) -> int:
        """What may still be used; below zero where the limit is passed."""
        return self.limit - self.used

    @property
    def is_allowed(self) -> bool:
        """Whether more may be used: the limit is not reached yet."""
        return self.used < self.limit

    @property
    def reached(self) -> int | None:
        """The highest threshold, in percent, that is reached; None for none, as while nothing is used."""
        if not self.used:
            return None
        passed = [one for one in self.budget.thresholds if self.used * 100 >= self.limit * one]
        return max(passed, default=None)

    @property
    def share(self) -> Fraction | None:
        """The part of the limit that is used; None for a limit of nothing."""
        return Fraction(self.used, self.limit) if self.limit else None

    def as_json(self) -> dict[str, Any]:
        """The budget as outputs give it."""
        one = self.budget
        in_tokens = one.tokens is not None
        share = None if self.share is None else f"{float(self.share):.4f}"
        return {
            "name": one.name,
            "scope": one.scope,
            "subject": self.about.shown,
            "per": one.per,
            "limit": one.tokens if in_tokens else money.plain(self.limit),
            "unit": "tokens" if in_tokens else one.currency,
            "used": self.used if in_tokens else money.plain(self.used),
            "remaining": self.remaining if in_tokens else money.plain(self.remaining),
            "share": share,
            "reached": self.reached,
            "allowed": self.is_allowed,
            "unpriced_requests": self.unpriced_requests,
            "period": {"from": self.first.isoformat(), "to": self.end.isoformat()},
            "thresholds": list(one.thresholds),
        }


def burns(ledger: Ledger, now: int, name: str | None = None) -> list[Burn]:
    """Every budget that counts and that whoever asks may see, or the one of a name, in the period that runs at an instant.

    What is used of a budget is what everybody has used of it: who sees a budget sees that.
    """
    today = date_of(ledger.zone.day(now))
    with ledger.reading() as connection:
        found = [
            one
            for one in _seen(connection, read_budgets(connection))
            if _counts(one, day_number(today)) and name in (None, one.name)
        ]
        people = subjects(connection, ((one.scope, one.subject) for one in found))
    with acting_as(HERE):
        return [_burn(ledger, one, people, today) for one in found]


def binding(ledger: Ledger, key: int | None, found: Sequence[Burn], now: int) -> list[Burn]:
    """Those of some budgets that bind a key: its own, those of its teams and of whose these are, and those of everything.

    Of a key that the directory does not know (None) these are those of everything.
    """
    bound: set[str] = set()
    if key is not None:
        held = owners_on_day(ledger, ledger.zone.day(now))
        teams = {one.entry_id for one in held.owners.get(key, ())}
        homes = {entry for team in teams for entry in held.entries.get(team, ()) if entry is not None}
        bound = {str(one) for one in ({key} | teams | homes)}
    return [
        one
        for one in found
        if one.budget.scope == "all" or (one.budget.scope in PEOPLE and one.budget.subject in bound)
    ]


def _seen(connection: sa.Connection, found: Iterable[Budget]) -> list[Budget]:
    """The budgets that whoever asks may see: of their teams, or of their key."""
    principal = current_principal()
    if principal.sees_all:
        return list(found)
    if principal.virtual_key is not None:
        kind, idents = "virtual_key", [principal.virtual_key]
    else:
        kind, idents = "team", list(principal.teams or ())
    entries = {str(one) for one in directory_entries(connection, kind, idents)}
    return [one for one in found if one.scope == kind and one.subject in entries]


def _counts(one: Budget, day: int) -> bool:
    return (one.first_day is None or one.first_day <= day) and (one.end_day is None or day < one.end_day)


def _burn(ledger: Ledger, one: Budget, people: Mapping[About, Subject], today: date) -> Burn:
    first, end = around(one.per, today)
    about = people[one.scope, one.subject]
    zone = ledger.zone
    query = SpendQuery(
        period=Period(*(instant(zone.midnight(day_number(day))) for day in (first, end))),
        zone=zone.name,
        metrics=(metric_of(one), "unpriced_requests"),
        filters=about.filters,
        currency=REPORTING,
    )
    result = run(ledger, query)
    used, unpriced = result.totals.values
    amount = money.pico_of(used) if isinstance(used, Decimal) else int(used or 0)
    return Burn(one, about, first, end, amount, int(unpriced or 0))


def metric_of(one: Budget) -> str:
    """The metric that a budget limits."""
    return "total_tokens" if one.tokens is not None else "total_cost"


def around(per: Per, day: date) -> tuple[date, date]:
    """The period of a budget that a day is in: its first day, and the first one after it."""
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
