"""What if: the calls of the view priced as another model, provider or tier, or with more cached input."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.formatting import format as wording
from dashboard.query.question import QuestionError, SpendQuery
from dashboard.query.run import run
from dashboard.ui import filter_bar, tables
from dashboard.ui.components import (
    card,
    cards,
    error_alert,
    lazy_part,
    no_calls,
    notes,
    page,
    panel,
    registered_as,
)
from dashboard.ui.links import whatif_csv
from dashboard.ui.view import DIMENSIONS, WHAT_IF_OPTIONS, View, question
from dashboard.whatif.whatif import (
    TOKENIZERS,
    CostComparison,
    WhatIfParameters,
    WhatIfQuery,
    WhatIfResult,
    compare_costs,
    parse,
)
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.money import from_pico
from ingest.model.zone import Zone

CONTROL: Final = "whatif"
"""The `type` of a control's id; the `name` is one of `WHAT_IF_OPTIONS`."""
_METRICS: Final = ("total_cost", "requests", "input_tokens", "output_tokens", "unpriced_requests")
_TIERS: Final = ("standard", "batch", "flex", "priority")
_SHOWN_REASONS: Final = 6
_SUGGESTIONS: Final = 200


@registered_as("whatif:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: the options, and the comparison once an option is set."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("provider", "model")))
    if not result.requests:
        return no_calls(ledger, view)
    shown = lazy_part(comparison, view) if _is_changed(view) else _current_costs(result)
    return page("What if", result.query, [*notes(result), _controls(ledger, view), shown], _METRICS)


@registered_as("whatif:compared")
def comparison(ledger: Ledger, view: View) -> Any:
    """Actual and what-if costs: cards, calls that could not be priced, and a row for each model or day."""
    query = question(view, ledger.zone, ("requests",))
    try:
        what_if = _what_if(query, view)
    except QuestionError as error:
        return error_alert(str(error))
    result = compare_costs(ledger, what_if, read_book(ledger))
    totals = result.totals
    currency = ledger.currency if ledger.currency in totals else next(iter(totals), ledger.currency)
    return dmc.Stack(
        [
            _cards(totals.get(currency, CostComparison()), currency),
            *_unpriced_reasons(result),
            _table(result, query, view),
            html.P(TOKENIZERS, className="note", id="tokenizers"),
        ],
        gap="md",
        id="compared",
    )


def changed(view: View, values: Mapping[str, Any]) -> View:
    """The view with the values of the controls as its options; an empty control sets no option."""
    pairs = tuple((name, text) for name in WHAT_IF_OPTIONS if (text := str(values.get(name) or "").strip()))
    return replace(view.page, what_if=pairs)


def _is_changed(view: View) -> bool:
    return any(name not in ("by", "prices_at") for name, _ in view.what_if)


def _what_if(query: SpendQuery, view: View) -> WhatIfQuery:
    """The what-if query with the options of the view, over the calls of a query."""
    what_if = parse(WhatIfParameters(**dict(view.what_if)), Zone(query.zone), datetime.now(UTC))
    return replace(what_if, period=query.period, zone=query.zone, filters=query.filters)


def _controls(ledger: Ledger, view: View) -> Any:
    """A control for each option; a button writes their values to the URL."""
    values = dict(view.what_if)
    options = dict(zip(DIMENSIONS, filter_bar.options(ledger, view), strict=True))

    def suggestions(dimension: str) -> list[str]:
        return [option["value"] for option in options[dimension]][:_SUGGESTIONS]

    def control(name: str) -> dict[str, Any]:
        return {"id": {"type": CONTROL, "name": name}, "value": values.get(name, ""), "size": "sm"}

    inputs = [
        dmc.Autocomplete(
            label="As model", placeholder="As it was", data=suggestions("model"), **control("to_model")
        ),
        dmc.Autocomplete(
            label="Of provider",
            placeholder="As it was",
            data=suggestions("provider"),
            **control("to_provider"),
        ),
        dmc.Select(
            label="In service tier",
            data=[{"value": "", "label": "As it was"}, *({"value": tier, "label": tier} for tier in _TIERS)],
            allowDeselect=False,
            **control("tier"),
        ),
        dmc.TextInput(
            label="Input from the cache", placeholder="As it was, or 60%", **control("cache_hit_rate")
        ),
        dmc.TextInput(label="Prices of", placeholder="each call's time, or a date", **control("prices_at")),
        dmc.Select(
            label="A row for each",
            data=[{"value": "model", "label": "model"}, {"value": "day", "label": "day"}],
            allowDeselect=False,
            **(control("by") | {"value": values.get("by", "model")}),
        ),
    ]
    return panel(
        "Price the calls of this view",
        [
            dmc.SimpleGrid(inputs, cols={"base": 2, "sm": 3, "lg": 6}, spacing="sm"),
            dmc.Group([dmc.Button("Compare", id="whatif-compare")], mt="sm"),
        ],
    )


def _current_costs(result: Any) -> Any:
    """The cost of the calls by model, before any option is set."""
    return tables.metric_table(
        "models", "What they cost", result, ("total_cost", "requests", "input_tokens", "output_tokens")
    )


def _cards(total: CostComparison, currency: str) -> Any:
    cost, what_if_cost = from_pico(total.cost), from_pico(total.there)
    compared_calls = f"{wording.compact(total.compared)} calls that have a price on both sides"
    ratio = wording.relative_change(what_if_cost, cost)
    return cards(
        [
            card("They cost", wording.amount(cost, currency), compared_calls),
            card("They would have cost", wording.amount(what_if_cost, currency), "the same calls there"),
            card(
                "Difference",
                _difference(what_if_cost - cost, currency),
                f"{ratio} of what they cost" if ratio else "-",
            ),
            card(
                "Unpriced today",
                wording.compact(total.unpriced_here),
                f"{wording.compact(total.priced_there)} of them have a price there: "
                f"{wording.amount(from_pico(total.priced_there_cost), currency)}, in no sum"
                if total.priced_there
                else "left out of the difference",
            ),
            card("No price there", wording.compact(total.unpriced_there), "left out of the difference"),
        ]
    )


def _difference(amount: Decimal, currency: str) -> str:
    text = wording.amount(amount, currency)
    return f"+{text}" if amount > 0 else text


def _unpriced_reasons(result: WhatIfResult) -> list[Any]:
    """A list of the reasons why calls have no what-if price, with the count of calls, if there are any."""
    if not result.reasons:
        return []
    reasons = list(result.reasons.items())
    lines = [
        html.Li(f"{wording.number(calls)} {'call' if calls == 1 else 'calls'}: {reason}")
        for reason, calls in reasons[:_SHOWN_REASONS]
    ]
    if (hidden := len(reasons) - _SHOWN_REASONS) > 0:
        lines.append(html.Li(f"and {hidden} more reasons"))
    alert = dmc.Alert(
        [html.Strong("Some calls could not be priced there"), html.Ul(lines, className="reasons")],
        color="yellow",
        variant="light",
        id="not-priced-there",
    )
    return [alert]


def _table(result: WhatIfResult, query: SpendQuery, view: View) -> Any:
    by_model = result.query.by == "model"
    header = [
        *(("Model", "Provider") if by_model else ("Day",)),
        *("Calls", "Compared", "Cost", "There", "Difference", "Change", "Unpriced", "None there"),
    ]
    rows = []
    for (key, currency), row in list(result.rows.items())[: tables.SHOWN_ROWS]:
        cost, what_if_cost = from_pico(row.cost), from_pico(row.there)
        names = (key[1], key[0]) if by_model else key
        rows.append(
            [
                *(tables.Text(text) for text in names),
                wording.compact(row.calls),
                wording.compact(row.compared),
                wording.amount(cost, currency),
                wording.amount(what_if_cost, currency),
                _difference(what_if_cost - cost, currency),
                wording.relative_change(what_if_cost, cost) or wording.NOTHING,
                wording.compact(row.unpriced_here),
                wording.compact(row.unpriced_there),
            ]
        )
    hidden = len(result.rows) - len(rows)
    remarks = (
        [f"{wording.number(hidden)} more are not shown here; the CSV has them all"] if hidden > 0 else []
    )
    return tables.table(
        "whatif",
        "Here and there",
        header,
        rows,
        texts=2 if by_model else 1,
        csv=whatif_csv(query, view.what_if),
        remarks=remarks,
    )


PARTS: Final = (comparison,)
