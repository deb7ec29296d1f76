"""Budgets: use in the running period, remaining budget against the plan, forecast, and earlier periods."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.budget_usage.history import BudgetHistory, history_of
from dashboard.budget_usage.usage import BudgetUsage, budget_usages
from dashboard.budgets.model import COUNTS
from dashboard.forecasting.forecast import Forecast
from dashboard.formatting import format as wording
from dashboard.ui import charts, tables
from dashboard.ui.components import aria, card, cards, chart, current_page, lazy_part, panel, registered_as
from dashboard.ui.view import View
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.model.money import from_pico

SHOWN_CHARTS: Final = 8
"""Budgets with a chart: the most used ones."""
_EXAMPLE: Final = "tallybook budget set NAME AMOUNT --team TEAM"
_FIXED_REMARK: Final = "Fees and shared cost are those of the whole period, as its statement has them."
_UNPRICED_REMARK: Final = "What unpriced calls cost is unknown and in no budget of money."


@registered_as("budgets:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page of the running periods of all budgets."""
    usages = by_share(budget_usages(ledger, now()))
    if not usages:
        text = html.P(["Nobody has a budget yet. ", html.Code(_EXAMPLE)], className="note", id="budgets")
        return current_page("Budgets", ledger.zone, [panel("No budgets", [text])])
    parts = [_cards(usages), _table(usages), lazy_part(histories, view)]
    return current_page("Budgets", ledger.zone, parts)


def by_share(usages: Sequence[BudgetUsage]) -> list[BudgetUsage]:
    """Budgets by the used share of their limit, the largest first; a limit of zero counts as exceeded."""
    return sorted(usages, key=lambda usage: (-(2 if usage.share is None else usage.share), usage.budget.name))


def _cards(usages: Sequence[BudgetUsage]) -> Any:
    used_up = sum(not usage.is_allowed for usage in usages)
    past_threshold = sum(usage.is_allowed and usage.reached is not None for usage in usages)
    return cards(
        [
            card("Budgets", str(len(usages)), "that count today"),
            card("Used up", str(used_up), "nothing is left until their period ends"),
            card("Past a threshold", str(past_threshold), "and still within the limit"),
            card("Quiet", str(len(usages) - used_up - past_threshold), "below every threshold"),
        ]
    )


def _table(usages: Sequence[BudgetUsage]) -> Any:
    rows = [
        [
            tables.Text(usage.budget.name),
            tables.Text(usage.about.words),
            tables.Text(_period(usage.first, usage.end)),
            tables.Text("tokens" if usage.budget.tokens is not None else COUNTS[usage.budget.counts]),
            amount(usage, usage.used),
            amount(usage, usage.limit),
            amount(usage, usage.remaining),
            wording.percent_of(usage.used, usage.limit),
            state(usage),
            wording.compact(usage.unpriced_requests),
        ]
        for usage in usages
    ]
    remarks = [_UNPRICED_REMARK] if any(usage.unpriced_requests for usage in usages) else []
    if any(usage.fixed for usage in usages):
        remarks.append(_FIXED_REMARK)
    header = ["Budget", "Of", "Period", "Counts", "Used", "Limit", "Left", "Share", "State", "Unpriced"]
    return tables.table(
        "budgets", "Budgets in the running period", header, rows, texts=4, remarks=remarks, is_wrapped=True
    )


@registered_as("budgets:courses")
def histories(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - each budget has a period of its own
    """A chart of each of the most used budgets, and a table of their earlier periods."""
    at = now()
    budgets = [history_of(ledger, usage, at) for usage in by_share(budget_usages(ledger, at))[:SHOWN_CHARTS]]
    columns = [dmc.GridCol(_chart(history), span={"base": 12, "lg": 6}) for history in budgets]
    return dmc.Stack([dmc.Grid(columns, gutter="md", id="courses"), _earlier_periods(budgets)], gap="md")


def _chart(history: BudgetHistory) -> Any:
    """The remaining budget by day against the plan, with the forecast as a chart and as a sentence."""
    usage = history.usage
    limit = amount(usage, usage.limit)
    figure = charts.remaining_budget(
        [
            (day.day, _number(usage, usage.limit - day.value), amount(usage, usage.limit - day.value))
            for day in history.used
        ],
        (usage.first, usage.end - timedelta(days=1), _number(usage, usage.limit), limit),
        None if history.forecast is None else _remaining_forecast(usage, history.forecast),
    )
    title = f"{usage.budget.name}: left of {limit}"
    panel_of_chart = chart(f"budget-{usage.budget.number}", title, figure, ["Left", "Plan", "Forecast"])
    sentence = html.P(_forecast_sentence(history), className="note forecast", **aria("Forecast"))
    return html.Div([panel_of_chart, sentence])


def _remaining_forecast(
    usage: BudgetUsage, forecast: Forecast
) -> tuple[tuple[Decimal, str], tuple[Decimal, str], tuple[Decimal, str]]:
    """The remaining budget at the end of the period: expected, lowest, highest."""
    expected, lowest, highest = (
        usage.limit - used for used in (forecast.expected, forecast.high, forecast.low)
    )
    return (
        (_number(usage, expected), amount(usage, expected)),
        (_number(usage, lowest), amount(usage, lowest)),
        (_number(usage, highest), amount(usage, highest)),
    )


def _forecast_sentence(history: BudgetHistory) -> str:
    usage, forecast = history.usage, history.forecast
    if forecast is None:
        return "There are too few days to forecast from."
    verdict = "above" if forecast.expected > usage.limit else "within"
    last = wording.day(usage.end - timedelta(days=1))
    return (
        f"Expected by {last}: {amount(usage, forecast.expected)}, {verdict} the limit; "
        f"four times of five it is {amount(usage, forecast.low)} to {amount(usage, forecast.high)}."
    )


def _earlier_periods(budgets: Sequence[BudgetHistory]) -> Any:
    """The use of earlier periods as a share of the limit of today."""
    rows = [
        [
            tables.Text(budget.usage.budget.name),
            tables.Text(_period(period.first, period.end)),
            amount(budget.usage, period.used),
            amount(budget.usage, budget.usage.limit),
            wording.percent_of(period.used, budget.usage.limit),
        ]
        for budget in budgets
        for period in budget.past
    ]
    header = ["Budget", "Period", "Used", "Limit of today", "Share"]
    remarks = [] if rows else ["Nothing was used before the running periods."]
    return tables.table(
        "budget-history", "Earlier periods", header, rows, texts=2, remarks=remarks, width=520
    )


def state(usage: BudgetUsage) -> str:
    """The state of a budget in a word or two."""
    if not usage.is_allowed:
        return "used up"
    return "quiet" if usage.reached is None else f"past {usage.reached}%"


def amount(usage: BudgetUsage, value: int) -> str:
    """An amount of a budget: money or tokens."""
    if usage.budget.tokens is not None:
        return f"{wording.number(Decimal(value))} tokens"
    return wording.amount(from_pico(value), usage.budget.currency)


def _number(usage: BudgetUsage, value: int) -> Decimal:
    """An amount of a budget as the height of a line."""
    return Decimal(value) if usage.budget.tokens is not None else from_pico(value)


def _period(first: date, end: date) -> str:
    last = end - timedelta(days=1)
    return wording.day(first) if first == last else f"{wording.day(first)} to {wording.day(last)}"


PARTS: Final = (histories,)
