"""Setting and removing budgets. Each change is checked, recorded and audited in one transaction."""

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from dashboard.budgets.model import COUNTS, DEFAULT_THRESHOLDS, OWNING, PERS, SCOPES, Budget, Counts
from dashboard.budgets.store import add_budgets, read_budgets
from dashboard.directory.subjects import entry_of
from ingest.ledger import audit
from ingest.ledger.engine import Connection, Ledger
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.model.zone import day_number
from ingest.parse import numbers
from ingest.parse.numbers import NotANumber

_LONGEST_NAME: Final = 120
_PERCENT: Final = re.compile("[0-9]{1,4}")
_MOST_PERCENT: Final = 1000


class BudgetRefused(Invalid):
    """A budget that cannot be set or removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBudgetOptions:
    """The options of a budget as the user enters them: numbers, percentages and days are text."""

    name: str
    amount: str | None = None
    tokens: str | None = None
    scope: str = "all"
    subject: str | None = None
    per: str = "month"
    thresholds: str | None = None
    start: str | None = None
    end: str | None = None
    reason: str = ""
    counts: str = "calls"
    """`calls`, `fees` or `shared`."""


def set_budget(ledger: Ledger, options: SetBudgetOptions, *, by: str, at: int) -> Budget:
    """Set a budget, or change the budget that already has the name.

    Raises:
        BudgetRefused: an option is invalid.
        NoSubject: the text cannot be the name of a project or a model.
        NotKnown: the directory has no entry of this name, or several.
    """
    budget = _read(options, ledger.currency, by, at)
    with ledger.writing() as connection:
        subject = entry_of(connection, ledger.keyring, options.scope, options.subject)
        budget = replace(budget, subject=subject)
        _record(connection, budget, "budget set")
    return budget


def remove_budget(ledger: Ledger, name: str, *, by: str, at: int) -> Budget:
    """Remove a budget; its history stays.

    Raises:
        BudgetRefused: there is no budget of that name.
    """
    with ledger.writing() as connection:
        budgets = {budget.name: budget for budget in read_budgets(connection)}
        if name not in budgets:
            known = ", ".join(budgets) or "none yet"
            raise BudgetRefused("unknown_budget", f"there is no budget {name!r}; there are {known}")
        removed = replace(budgets[name], amount=None, tokens=None, recorded_at=at, recorded_by=by, number=0)
        _record(connection, removed, "budget remove")
    return removed


def _record(connection: Connection, budget: Budget, action: str) -> None:
    add_budgets(connection, [budget])
    detail = {
        "scope": budget.scope,
        "per": budget.per,
        "amount": None if budget.amount is None else money.plain(budget.amount),
        "tokens": budget.tokens,
        "counts": budget.counts,
    }
    entry = audit.Entry(
        at=budget.recorded_at, by=budget.recorded_by, action=action, subject=budget.name, detail=detail
    )
    audit.note(connection, entry)


def _read(options: SetBudgetOptions, currency: str, by: str, at: int) -> Budget:
    """The budget of the options, still without its subject."""
    name = _name(options.name)
    if (options.amount is None) == (options.tokens is None):
        raise BudgetRefused("amount_or_tokens", "name an amount of money, or --tokens", "amount")
    first_day, end_day = _days(options.start, options.end)
    if options.per not in PERS:
        raise BudgetRefused("unknown_per", f"there is no {options.per!r}; there are {', '.join(PERS)}", "per")
    if options.scope not in SCOPES:
        message = f"there is no {options.scope!r}; there are {', '.join(SCOPES)}"
        raise BudgetRefused("unknown_scope", message, "scope")
    return Budget(
        name=name,
        scope=options.scope,
        subject=None,
        per=options.per,
        amount=None if options.amount is None else _amount(options.amount),
        tokens=None if options.tokens is None else _tokens(options.tokens),
        currency=currency,
        thresholds=DEFAULT_THRESHOLDS if options.thresholds is None else _thresholds(options.thresholds),
        first_day=first_day,
        end_day=end_day,
        reason=options.reason,
        recorded_at=at,
        recorded_by=by,
        counts=_counts(options),
    )


def _counts(options: SetBudgetOptions) -> Counts:
    for counts in COUNTS:
        if counts == options.counts:
            if counts != "calls" and (options.tokens is not None or options.scope not in OWNING):
                message = (
                    f"{counts} count in budgets of money for a team, a customer, a cost centre or everything: "
                    "a key, project or model has no fees"
                )
                raise BudgetRefused("no_fees", message, "counts")
            return counts
    message = f"there is no {options.counts!r}; there are {', '.join(COUNTS)}"
    raise BudgetRefused("unknown_counts", message, "counts")


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"a budget has a name of 1 to {_LONGEST_NAME} characters that can be seen"
        raise BudgetRefused("invalid_name", message, "name")
    return name


def _amount(text: str) -> int:
    try:
        amount = numbers.amount(text)
    except NotANumber as error:
        message = f"{text!r} is no amount of money; write one such as 500 or 1,200.50"
        raise BudgetRefused("invalid_amount", message, "amount") from error
    if amount < 0:
        message = f"{text!r} is no amount of money that may be spent"
        raise BudgetRefused("invalid_amount", message, "amount")
    return amount


def _tokens(text: str) -> int:
    message = f"{text!r} is no number of tokens; write a whole number, such as 5000000"
    refused = BudgetRefused("invalid_tokens", message, "tokens")
    try:
        tokens = numbers.whole(text)
    except NotANumber as error:
        raise refused from error
    if tokens < 0:
        raise refused
    return tokens


def _thresholds(text: str) -> tuple[int, ...]:
    parts = [part.strip().removesuffix("%") for part in text.split(",")]
    if not all(_PERCENT.fullmatch(part) and 0 < int(part) <= _MOST_PERCENT for part in parts):
        message = f"{text!r} are no percents; write them as 50,80,100"
        raise BudgetRefused("invalid_threshold", message, "threshold")
    return tuple(sorted({int(part) for part in parts}))


def _days(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    """The half-open range of days in which a budget is valid; None for an open end."""
    first_day, end_day = _day("from", start), _day("to", end)
    if first_day is not None and end_day is not None and first_day >= end_day:
        message = f"{end} does not come after {start}, so that it never counts"
        raise BudgetRefused("empty_range", message, "to")
    return first_day, end_day


def _day(field: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        message = f"{text!r} is no day; write one as 2026-11-01"
        raise BudgetRefused("invalid_day", message, field) from error
