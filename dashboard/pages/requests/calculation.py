"""The calculation of a call's cost: each quantity times its price, the sums, and the origin of each price."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard.formatting import format as wording
from dashboard.prices.explanation import Calculation, Explanation, exact_text
from dashboard.prices.explanation_text import meter_text, price_from, price_text
from ingest.model.money import plain
from ingest.pricing.breakdown import ComponentSum, CostLine


def cost_calculation(explanation: Explanation) -> Any:
    """The explanation of a call's cost, with the whole calculation if there is one."""
    parts: list[Any] = [html.P(explanation.why, className="note")]
    if explanation.calculation is not None:
        parts += [_calculation(explanation.calculation), _check(explanation)]
    if explanation.lookup_cost is not None:
        lookup = f"{plain(explanation.lookup_cost)} {explanation.event.currency}"
        text = f"The semantic cache's look-up cost {lookup}; it is part of the component Other."
        parts.append(html.P(text, className="note"))
    for difference in () if explanation.calculation else explanation.differences:
        parts.append(dmc.Alert(difference, color="red", variant="light", p="xs"))
    if explanation.today is not None:
        parts.append(
            html.Details(
                [
                    html.Summary("At the prices that the book has for it today"),
                    _calculation(explanation.today),
                ],
                className="definitions",
            )
        )
    elif explanation.today_missing and explanation.cost_source == "reported":
        parts.append(
            html.P(f"No cost can be computed beside it: {explanation.today_missing}.", className="note")
        )
    if explanation.advice:
        parts.append(html.P(explanation.advice.replace("`", ""), className="note", id="advice"))
    return html.Div(parts, id="calculation")


def _check(explanation: Explanation) -> Any:
    if explanation.is_proved:
        return html.P("The lines add up to what the ledger holds, to the last digit.", className="note")
    return dmc.Alert("; ".join(explanation.differences), color="red", variant="light", p="xs")


def _calculation(calculation: Calculation) -> Any:
    return html.Div(
        [_lines(calculation), html.P(_origin(calculation), className="note"), *_terms(calculation)]
    )


def _lines(calculation: Calculation) -> Any:
    """The lines and the sum of each component, then the totals; a single exact line has no sum."""
    rows: list[Any] = []
    for part in calculation.breakdown.sums:
        lines = [line for line in calculation.breakdown.lines if line.component == part.component]
        rows += [_line(calculation, line) for line in lines]
        is_exact = exact_text(part.exact) == plain(part.charged_pico)
        if len(lines) > 1 or not is_exact:
            rows.append(_sum(part, is_exact=is_exact))
    rows.append(_total(f"Total ({calculation.prices.currency})", calculation.breakdown.total))
    if calculation.prices.terms:
        rows.append(_total("At list prices", calculation.breakdown.list_total))
        rows.append(_total("At contract prices", calculation.breakdown.contracted_total))
    head = html.Tr(
        [
            html.Th("Meter", scope="col"),
            html.Th("Quantity \N{MULTIPLICATION SIGN} price", scope="col"),
            html.Th("Product", scope="col"),
        ]
    )
    return html.Table([html.Thead(head), html.Tbody(rows)], className="workings")


def _line(calculation: Calculation, line: CostLine) -> Any:
    origin = price_from(calculation, line)
    meter: list[Any] = [meter_text(line), *([html.Small(origin)] if origin else [])]
    arithmetic = f"{wording.number(line.quantity)} \N{MULTIPLICATION SIGN} {price_text(line)}"
    cells = [html.Td(arithmetic), html.Td(exact_text(line.product), className="number")]
    return html.Tr([html.Th(meter, scope="row"), *cells])


def _sum(part: ComponentSum, *, is_exact: bool) -> Any:
    name = part.component.removesuffix("_cost").replace("_", " ").capitalize()
    rounding = "" if is_exact else f"{exact_text(part.exact)}, rounded"
    if part.charged != part.exact:
        rounding = f"{exact_text(part.exact)}, with terms {exact_text(part.charged)}, rounded"
    cells = [html.Td(rounding), html.Td(plain(part.charged_pico), className="number")]
    return html.Tr([html.Th(f"{name} cost", scope="row"), *cells], className="sum")


def _total(label: str, pico: int) -> Any:
    cells = [html.Td(""), html.Td(plain(pico), className="number")]
    return html.Tr([html.Th(label, scope="row"), *cells], className="sum")


def _origin(calculation: Calculation) -> str:
    prices = calculation.prices
    band = (
        f", above {wording.number(prices.above_input_tokens)} input tokens"
        if prices.above_input_tokens
        else ""
    )
    return (
        f"Prices of {prices.provider} {prices.model}, tier {prices.service_tier}{band}. "
        f"Found by: {calculation.rule}. From {prices.origin}."
    )


def _terms(calculation: Calculation) -> list[Any]:
    lines = []
    for term in calculation.prices.terms:
        author = f", added by {term.added_by}" if term.added_by else ""
        lines.append(html.P(f"{term.kind.capitalize()}: factor {term.factor:f}{author}.", className="note"))
    return lines
