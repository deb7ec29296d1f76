"""`tallybook budget`: what somebody may spend, and how far it is used."""

import json
import re
import sys
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, cast

from rich.console import Console
from rich.table import Table

from dashboard.budgets import burns
from dashboard.subjects import NoSubject, entry_of
from ingest import money, numerals
from ingest.budgets import DEFAULT_THRESHOLDS, PERS, Budget, Scope
from ingest.clock import now
from ingest.ledger import audit
from ingest.ledger.budgets import add_budgets, read_budgets
from ingest.ledger.directory import NotKnown
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.zone import day_number
from ingest.numerals import NotANumber
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
USAGE: Final = 2
_LONGEST: Final = 120
_PERCENT: Final = re.compile("[0-9]{1,4}")


class BudgetRefused(ValueError):
    """What was asked for is no budget; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `budget set` was asked for."""

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


def record(asked: Asked) -> int:
    """Record a budget; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            one = read(ledger, asked)
            _keep(ledger, one, "budget set")
    except (BudgetRefused, NoSubject, NotKnown) as error:
        return _refuse(error)
    limit = (
        f"{one.tokens:,} tokens"
        if one.tokens is not None
        else f"{money.plain(one.amount or 0)} {one.currency}"
    )
    about = "" if asked.subject is None else f" for {asked.scope.replace('_', ' ')} {asked.subject}"
    Console().print(f"{one.name}: {limit} a {one.per}{about}", highlight=False, markup=False)
    return WELL


def remove(name: str) -> int:
    """Take a budget back; the exit code."""
    try:
        with open_ledger(Settings()) as ledger:
            with ledger.reading() as connection:
                found = {one.name: one for one in read_budgets(connection)}
            if name not in found:
                known = ", ".join(found) or "none yet"
                raise BudgetRefused(f"there is no budget {name!r}; there are {known}")  # noqa: TRY301 - said below
            gone = replace(
                found[name], amount=None, tokens=None, recorded_at=now(), recorded_by=current_user(), number=0
            )
            _keep(ledger, gone, "budget remove")
    except BudgetRefused as error:
        return _refuse(error)
    Console().print(f"{name} is taken back", highlight=False, markup=False)
    return WELL


def _keep(ledger: Ledger, one: Budget, action: str) -> None:
    with ledger.writing() as connection:
        add_budgets(connection, [one])
        detail = {
            "scope": one.scope,
            "per": one.per,
            "amount": None if one.amount is None else money.plain(one.amount),
            "tokens": one.tokens,
        }
        entry = audit.Entry(
            at=one.recorded_at, by=one.recorded_by, action=action, subject=one.name, detail=detail
        )
        audit.note(connection, entry)


def read(ledger: Ledger, asked: Asked) -> Budget:
    """The budget that was asked for.

    Raises:
        BudgetRefused: it is none.
        NotKnown: the directory knows nobody, or several, of that name.
    """
    name = asked.name.strip()
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise BudgetRefused(f"NAME: a budget has a name of 1 to {_LONGEST} characters that can be seen")
    if (asked.amount is None) == (asked.tokens is None):
        raise BudgetRefused("AMOUNT: name an amount of money, or --tokens")
    first_day, end_day = _day("--from", asked.start), _day("--to", asked.end)
    if first_day is not None and end_day is not None and first_day >= end_day:
        raise BudgetRefused(f"--to: {asked.end} does not come after {asked.start}, so that it never counts")
    if asked.per not in PERS:
        raise BudgetRefused(f"--per: there is no {asked.per!r}; there are {', '.join(PERS)}")
    return Budget(
        name=name,
        scope=cast("Scope", asked.scope),
        subject=entry_of(ledger, asked.scope, asked.subject),
        per=asked.per,
        amount=None if asked.amount is None else _amount(asked.amount),
        tokens=None if asked.tokens is None else _tokens(asked.tokens),
        currency=ledger.currency,
        thresholds=DEFAULT_THRESHOLDS if asked.thresholds is None else _thresholds(asked.thresholds),
        first_day=first_day,
        end_day=end_day,
        reason=asked.reason,
        recorded_at=now(),
        recorded_by=current_user(),
    )


def _amount(text: str) -> int:
    try:
        amount = numerals.amount(text)
    except NotANumber as error:
        raise BudgetRefused(
            f"AMOUNT: {text!r} is no amount of money; write one such as 500 or 1,200.50"
        ) from error
    if amount < 0:
        raise BudgetRefused(f"AMOUNT: {text!r} is no amount of money that may be spent")
    return amount


def _tokens(text: str) -> int:
    refused = BudgetRefused(
        f"--tokens: {text!r} is no number of tokens; write a whole number, such as 5000000"
    )
    try:
        tokens = numerals.whole(text)
    except NotANumber as error:
        raise refused from error
    if tokens < 0:
        raise refused
    return tokens


def _thresholds(text: str) -> tuple[int, ...]:
    parts = [part.strip().removesuffix("%") for part in text.split(",")]
    if not all(_PERCENT.fullmatch(part) and 0 < int(part) <= 1000 for part in parts):  # noqa: PLR2004
        raise BudgetRefused(f"--threshold: {text!r} are no percents; write them as 50,80,100")
    return tuple(sorted({int(part) for part in parts}))


def _day(parameter: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return day_number(date.fromisoformat(text))
    except ValueError as error:
        raise BudgetRefused(f"{parameter}: {text!r} is no day; write one as 2026-11-01") from error


def listed(*, as_json: bool) -> int:
    """Print budgets and how far they are used; the exit code."""
    with open_ledger(Settings()) as ledger:
        rows = [one.as_json() for one in burns(ledger, now())]
    if as_json:
        sys.stdout.write(json.dumps({"budgets": rows}, ensure_ascii=False, indent=2) + "\n")
        return WELL
    if not rows:
        Console().print(
            "no budgets; `tallybook budget set NAME AMOUNT --team TEAM` sets one", highlight=False
        )
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("Budget", "Of", "Per", "Used", "Limit", "Unit", "Share"):
        table.add_column(heading, justify="right" if heading in ("Used", "Limit", "Share") else "left")
    for row in rows:
        of = "everything" if row["subject"] is None else f"{row['scope'].replace('_', ' ')} {row['subject']}"
        share = "" if row["share"] is None else f"{Decimal(row['share']):.0%}"
        table.add_row(row["name"], of, row["per"], str(row["used"]), str(row["limit"]), row["unit"], share)
    Console().print(table)
    return WELL


def _refuse(error: Exception) -> int:
    Console(stderr=True).print(f"tallybook budget: {error}", highlight=False, markup=False, soft_wrap=True)
    return USAGE
