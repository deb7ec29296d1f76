"""What a statement is compared with: the totals of the period before, and budgets. Closing seals both."""

from dataclasses import replace

from dashboard.budgets.model import counts_for_months, limits_for_months
from dashboard.budgets.store import read_budgets
from dashboard.chargeback.report import GROUP_LABELS, report
from dashboard.chargeback.statement import BudgetLimit, PreviousTotal, Statement
from dashboard.chargeback.statements import OtherCurrency, statement
from dashboard.query.calendar import Calendar
from ingest.ledger.engine import Ledger


def compared(ledger: Ledger, calendar: Calendar, current: Statement, now: int) -> Statement:
    """The statement with the totals of the period before and with budgets, unless it holds them already."""
    if current.previous is None:
        current = replace(current, previous=_previous(ledger, calendar.before(), now))
    if current.budgets is None:
        current = replace(current, budgets=_budgets(ledger, calendar))
    return current


def _previous(ledger: Ledger, calendar: Calendar, now: int) -> tuple[PreviousTotal, ...]:
    """The totals of a period by team, customer and cost centre; none if its statement cannot be made."""
    try:
        before = statement(ledger, calendar, now)
    except OtherCurrency:
        return ()
    return tuple(
        PreviousTotal(by, entry.ident, entry.line.total, entry.shown.total)
        for by in GROUP_LABELS
        for entry in report(before, by).entries
    )


def _budgets(ledger: Ledger, calendar: Calendar) -> tuple[BudgetLimit, ...]:
    with ledger.reading() as connection:
        budgets = read_budgets(connection)
    limits: list[BudgetLimit] = []
    for by in GROUP_LABELS:
        months = (len(calendar.months), *calendar.days)
        counts = counts_for_months(budgets, by, *months)
        amounts = limits_for_months(budgets, by, *months)
        limits += (BudgetLimit(by, entry, amounts[entry], counts[entry]) for entry in sorted(amounts))
    return tuple(limits)
