"""How a call's cost was worked out: each quantity times its price, what they add up to, and where each price is from."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboard import wording
from dashboard.explained import meter_text, price_from, price_text
from dashboard.explanation import Calculation, Explanation, exact_text
from ingest.money import plain
from ingest.pricing.workings import ComponentSum, CostLine


def explained(found: Explanation) -> Any:
    """Why the call costs what it costs, with the whole calculation where there is one."""
    parts: list[Any] = [html.P(found.why, className="note")]
    if found.calculation is not None:
        parts += [_calculation(found.calculation), _check(found)]
    if found.lookup_cost is not None:
        looked_up = f"The semantic cache's look-up cost {plain(found.lookup_cost)} {found.event.currency}; it stands in other."
        parts.append(html.P(looked_up, className="note"))
    for difference in () if found.calculation else found.differences:
        parts.append(dmc.Alert(difference, color="red", variant="light", p="xs"))
    if found.today is not None:
        parts.append(
            html.Details(
                [html.Summary("At the prices that the book has for it today"), _calculation(found.today)],
                className="definitions",
            )
        )
    elif found.today_missing and found.cost_source == "reported":
        parts.append(html.P(f"No cost can be computed beside it: {found.today_missing}.", className="note"))
    if found.advice:
        parts.append(html.P(found.advice.replace("`", ""), className="note", id="advice"))
    return html.Div(parts, id="calculation")


def _check(found: Explanation) -> Any:
    if found.is_proved:
        return html.P("The lines add up to what the ledger holds, to the last digit.", className="note")
    return dmc.Alert("; ".join(found.differences), color="red", variant="light", p="xs")


def _calculation(one: Calculation) -> Any:
    return html.Div([_lines(one), html.P(_found(one), className="note"), *_terms(one)])


def _lines(one: Calculation) -> Any:
    """The lines of each component, above its sum where that says more than the line; then the totals."""
    rows: list[Any] = []
    for part in one.workings.sums:
        lines = [line for line in one.workings.lines if line.component == part.component]
        rows += [_line(one, line) for line in lines]
        is_plain = exact_text(part.exact) == plain(part.charged_pico)
        if len(lines) > 1 or not is_plain:
            rows.append(_sum(part, is_plain=is_plain))
    rows.append(_total(f"Total ({one.prices.currency})", one.workings.total))
    if one.prices.terms:
        rows.append(_total("At list prices", one.workings.list_total))
        rows.append(_total("At contract prices", one.workings.contracted_total))
    head = html.Tr(
        [
            html.Th("Meter", scope="col"),
            html.Th("Quantity \N{MULTIPLICATION SIGN} price", scope="col"),
            html.Th("Product", scope="col"),
        ]
    )
    return html.Table([html.Thead(head), html.Tbody(rows)], className="workings")


def _line(one: Calculation, line: CostLine) -> Any:
    where = price_from(one, line)
    named: list[Any] = [meter_text(line), *([html.Small(where)] if where else [])]
    arithmetic = f"{wording.number(line.quantity)} \N{MULTIPLICATION SIGN} {price_text(line)}"
    cells = [html.Td(arithmetic), html.Td(exact_text(line.product), className="number")]
    return html.Tr([html.Th(named, scope="row"), *cells])


def _sum(part: ComponentSum, *, is_plain: bool) -> Any:
    name = part.component.removesuffix("_cost").replace("_", " ").capitalize()
    told = "" if is_plain else f"{exact_text(part.exact)}, rounded"
    if part.charged != part.exact:
        told = f"{exact_text(part.exact)}, with terms {exact_text(part.charged)}, rounded"
    cells = [html.Td(told), html.Td(plain(part.charged_pico), className="number")]
    return html.Tr([html.Th(f"{name} cost", scope="row"), *cells], className="sum")


def _total(label: str, pico: int) -> Any:
    cells = [html.Td(""), html.Td(plain(pico), className="number")]
    return html.Tr([html.Th(label, scope="row"), *cells], className="sum")


def _found(one: Calculation) -> str:
    prices = one.prices
    band = (
        f", above {wording.number(prices.above_input_tokens)} input tokens"
        if prices.above_input_tokens
        else ""
    )
    return (
        f"Prices of {prices.provider} {prices.model}, tier {prices.service_tier}{band}. "
        f"Found by: {one.rule}. From {prices.origin}."
    )


def _terms(one: Calculation) -> list[Any]:
    told = []
    for term in one.prices.terms:
        whose = f", added by {term.added_by}" if term.added_by else ""
        told.append(html.P(f"{term.kind.capitalize()}: factor {term.factor:f}{whose}.", className="note"))
    return told
