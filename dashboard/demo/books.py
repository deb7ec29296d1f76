"""The sample books: fees, an allocation rule for them, budgets, alert rules and invoices of two providers.

One invoice agrees with the ledger to the cent. The other is higher by the usage of a key that does not go
through the gateway.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from dashboard.alerts import store as alerts
from dashboard.alerts.model import AlertRule
from dashboard.budgets.model import Budget
from dashboard.budgets.store import add_budgets
from dashboard.chargeback.allocation import FEES, Rule
from dashboard.chargeback.allocation_store import add_rules
from dashboard.demo.store import cost_of
from dashboard.fees.model import Fee
from dashboard.fees.store import add_fees
from dashboard.reconciliation.invoices.line import InvoiceLine
from dashboard.reconciliation.invoices.store import add_lines
from ingest.ledger import directory
from ingest.ledger.engine import Connection, Ledger
from ingest.model.money import PICO_PER_UNIT, divide_half_even
from ingest.model.zone import day_number, micros

BY: Final = "demo"
_CENT: Final = PICO_PER_UNIT // 100
_BUDGETS: Final = {"team-engineering": 60, "team-research": 20, "team-search": 8}
"""Monthly budgets in units of the currency."""
_COMPANY_BUDGET: Final = 85
_WEEKLY_TOKENS: Final = 12_000_000
_INVOICES: Final = {"anthropic": Fraction(1), "openai": Fraction(1_017, 1_000)}
"""The amounts of invoices, relative to the ledger."""


def keep_books(ledger: Ledger, first: date, end: date) -> None:
    """Add the books for the days from `first` to `end`. The same days give the same books."""
    at = micros(datetime(end.year, end.month, end.day, tzinfo=UTC))
    start = ledger.zone.midnight(day_number(first.replace(day=1)))
    with ledger.writing() as connection:
        teams = {ident: number for ident in _BUDGETS if (number := _team(connection, ledger, ident))}
        common = {"currency": ledger.currency, "start": start, "recorded_at": at, "recorded_by": BY}
        add_fees(connection, list(_fees(teams, common)))
        add_rules(connection, [Rule(pool=FEES, method="cost", recorded_at=at, recorded_by=BY)])
        add_budgets(connection, list(_budgets(ledger, teams, at)))
        for rule in _alert_rules(at):
            alerts.add_rule(connection, rule)
        add_lines(connection, _invoices(connection, ledger, first, end, at))


def _team(connection: Connection, ledger: Ledger, ident: str) -> int | None:
    try:
        return directory.find(connection, "team", ident, ledger.keyring)
    except directory.NotKnown:
        return None


def _fees(teams: dict[str, int], common: dict[str, object]) -> list[Fee]:
    licence = Fee(
        name="Gateway licence",
        kind="platform",
        amount=24 * PICO_PER_UNIT,
        every="month",
        **common,  # type: ignore[arg-type]
    )
    reserved = Fee(
        name="Search reservation",
        kind="provisioned",
        amount=15 * PICO_PER_UNIT,
        every="month",
        team_id=teams.get("team-search"),
        **common,  # type: ignore[arg-type]
    )
    return [licence, reserved]


def _budgets(ledger: Ledger, teams: dict[str, int], at: int) -> Iterator[Budget]:
    company = Budget(
        name="Everything",
        scope="all",
        subject=None,
        per="month",
        amount=_COMPANY_BUDGET * PICO_PER_UNIT,
        tokens=None,
        currency=ledger.currency,
        recorded_at=at,
        recorded_by=BY,
    )
    yield company
    yield replace(company, name="Tokens of a week", per="week", amount=None, tokens=_WEEKLY_TOKENS)
    for ident, team in teams.items():
        limit = _BUDGETS[ident] * PICO_PER_UNIT
        yield replace(company, name=ident, scope="team", subject=str(team), amount=limit)


def _alert_rules(at: int) -> Iterator[AlertRule]:
    """One alert rule of each kind. They notify nobody: findings appear on the page only."""
    budget_rule = AlertRule(name="Budgets", kind="budget", recorded_at=at, recorded_by=BY)
    yield budget_rule
    yield replace(budget_rule, name="Budgets that will not do", kind="forecast")
    yield replace(budget_rule, name="A team's day", kind="anomaly", each="team", amount=Decimal(1))
    yield replace(budget_rule, name="Calls without a price", kind="unpriced", percent=Decimal(1))
    yield replace(budget_rule, name="Spend of nobody", kind="unassigned", percent=Decimal(5))
    yield replace(budget_rule, name="Sources", kind="silent", hours=24)


def _invoices(connection: Connection, ledger: Ledger, first: date, end: date, at: int) -> list[InvoiceLine]:
    """Invoices of the months that have ended."""
    lines: list[InvoiceLine] = []
    month = first.replace(day=1)
    while (following := (month + timedelta(days=31)).replace(day=1)) <= end:
        for provider, ratio in _INVOICES.items():
            cost = cost_of(connection, provider, month, following) * ratio
            if cost:
                cents = divide_half_even(cost.numerator, cost.denominator * _CENT)
                lines.append(
                    InvoiceLine(
                        provider=provider,
                        first_day=day_number(month),
                        end_day=day_number(following),
                        amount=cents * _CENT,
                        currency=ledger.currency,
                        source="table",
                        invoice_id=f"{provider[:3].upper()}-{month:%Y%m}",
                        recorded_at=at,
                        recorded_by=BY,
                    )
                )
        month = following
    return lines
