"""Budgets: how far each is used, what is left of it against the plan, what it will come to, and how earlier periods ended."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard import figures, wording
from dashboard.alerts.forecast import Forecast
from dashboard.budget_course import Course, course_of
from dashboard.budgets import Burn, burns
from dashboard.filters import View
from dashboard.pages import tables
from dashboard.pages.parts import aria, card, cards, chart, known_as, later, page_of_now, panel
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.money import from_pico

DRAWN: Final = 8
"""So many budgets are drawn, those that are used most."""
_HOW: Final = "tallybook budget set NAME AMOUNT --team TEAM"
_UNPRICED: Final = "What unpriced calls cost is unknown and in no budget of money."


@known_as("budgets:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page of the periods that are running."""
    found = ordered(burns(ledger, now()))
    if not found:
        text = html.P(["Nobody has a budget yet. ", html.Code(_HOW)], className="note", id="budgets")
        return page_of_now("Budgets", ledger.zone, [panel("No budgets", [text])])
    parts = [_cards(found), _table(found), later(courses, view)]
    return page_of_now("Budgets", ledger.zone, parts)


def ordered(found: Sequence[Burn]) -> list[Burn]:
    """Budgets, those that are used most first."""
    return sorted(found, key=lambda one: (-(one.share if one.share is not None else 2), one.budget.name))


def _cards(found: Sequence[Burn]) -> Any:
    passed = sum(not one.is_allowed for one in found)
    near = sum(one.is_allowed and one.reached is not None for one in found)
    return cards(
        [
            card("Budgets", str(len(found)), "that count today"),
            card("Used up", str(passed), "nothing is left until their period ends"),
            card("Past a threshold", str(near), "and still within the limit"),
            card("Quiet", str(len(found) - passed - near), "below every threshold"),
        ]
    )


def _table(found: Sequence[Burn]) -> Any:
    rows = [
        [
            tables.Text(one.budget.name),
            tables.Text(one.about.words),
            tables.Text(_period(one.first, one.end)),
            amount(one, one.used),
            amount(one, one.limit),
            amount(one, one.remaining),
            wording.percent_of(one.used, one.limit),
            state(one),
            wording.compact(one.unpriced_requests),
        ]
        for one in found
    ]
    remarks = [_UNPRICED] if any(one.unpriced_requests for one in found) else []
    header = ["Budget", "Of", "Period", "Used", "Limit", "Left", "Share", "State", "Unpriced"]
    return tables.table("budgets", "Budgets in the running period", header, rows, texts=3, remarks=remarks)


@known_as("budgets:courses")
def courses(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - each budget has a period of its own
    """What is left of each budget day by day, against the plan, what it will come to, and how its earlier periods ended."""
    at = now()
    found = [course_of(ledger, one, at) for one in ordered(burns(ledger, at))[:DRAWN]]
    columns = [dmc.GridCol(_course(one), span={"base": 12, "lg": 6}) for one in found]
    return dmc.Stack([dmc.Grid(columns, gutter="md", id="courses"), _history(found)], gap="md")


def _course(one: Course) -> Any:
    burn = one.burn
    name = f"budget-{burn.budget.number}"
    last = burn.end - timedelta(days=1)
    figure = figures.burn_down(
        [
            (day.day, _number(burn, burn.limit - day.value), amount(burn, burn.limit - day.value))
            for day in one.used
        ],
        (burn.first, last, _number(burn, burn.limit), amount(burn, burn.limit)),
        None if one.forecast is None else _outlook(burn, one.forecast),
    )
    drawn = chart(
        name, f"{burn.budget.name}: left of {amount(burn, burn.limit)}", figure, ["Left", "Plan", "Forecast"]
    )
    return html.Div([drawn, html.P(_said(one), className="note forecast", **aria("Forecast"))])


def _outlook(
    burn: Burn, found: Forecast
) -> tuple[tuple[Decimal, str], tuple[Decimal, str], tuple[Decimal, str]]:
    """What will be left at the end: expected, at least, at most."""
    expected, least, most = (burn.limit - used for used in (found.expected, found.high, found.low))
    return (
        (_number(burn, expected), amount(burn, expected)),
        (_number(burn, least), amount(burn, least)),
        (_number(burn, most), amount(burn, most)),
    )


def _said(one: Course) -> str:
    """The forecast in words."""
    burn, found = one.burn, one.forecast
    if found is None:
        return "There are too few days to forecast from."
    verdict = "above" if found.expected > burn.limit else "within"
    last = wording.day(burn.end - timedelta(days=1))
    return (
        f"Expected by {last}: {amount(burn, found.expected)}, {verdict} the limit; four times of five it is "
        f"{amount(burn, found.low)} to {amount(burn, found.high)}."
    )


def _history(found: Sequence[Course]) -> Any:
    """How the earlier periods ended, measured by the limit of today."""
    rows = [
        [
            tables.Text(one.burn.budget.name),
            tables.Text(_period(past.first, past.end)),
            amount(one.burn, past.used),
            amount(one.burn, one.burn.limit),
            wording.percent_of(past.used, one.burn.limit),
        ]
        for one in found
        for past in one.past
    ]
    header = ["Budget", "Period", "Used", "Limit of today", "Share"]
    remarks = [] if rows else ["Nothing was used before the running periods."]
    return tables.table(
        "budget-history", "Earlier periods", header, rows, texts=2, remarks=remarks, width=520
    )


def state(one: Burn) -> str:
    """How a budget stands, in a word or two."""
    if not one.is_allowed:
        return "used up"
    return "quiet" if one.reached is None else f"past {one.reached}%"


def amount(one: Burn, value: int) -> str:
    """An amount of a budget: money or tokens."""
    if one.budget.tokens is not None:
        return f"{wording.number(Decimal(value))} tokens"
    return wording.amount(from_pico(value), one.budget.currency)


def _number(one: Burn, value: int) -> Decimal:
    """An amount as the height of a line."""
    return Decimal(value) if one.budget.tokens is not None else from_pico(value)


def _period(first: date, end: date) -> str:
    last = end - timedelta(days=1)
    return wording.day(first) if first == last else f"{wording.day(first)} to {wording.day(last)}"


PARTS: Final = (courses,)
