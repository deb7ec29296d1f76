"""What if: the calls of the view priced as another model, provider or tier, or with another share of cached input."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard import filter_bar, wording
from dashboard.filters import DIMENSIONS, WHAT_IF_OPTIONS, View, question
from dashboard.links import whatif_csv
from dashboard.pages import tables
from dashboard.pages.parts import card, cards, empty, failed, known_as, later, notes, page, panel
from dashboard.question import QuestionError, SpendQuery
from dashboard.runner import run
from dashboard.whatif import TOKENIZERS, Answer, Compared, WhatIf, Words, answer, parse
from ingest.ledger.engine import Ledger
from ingest.ledger.prices import read_book
from ingest.model.zone import Zone
from ingest.money import from_pico

CONTROL: Final = "whatif"
"""The `type` of a control's id; its `name` is one of `WHAT_IF_OPTIONS`."""
_METRICS: Final = ("total_cost", "requests", "input_tokens", "output_tokens", "unpriced_requests")
_TIERS: Final = ("standard", "batch", "flex", "priority")
_SHOWN_REASONS: Final = 6
_OFFERED: Final = 200


@known_as("whatif:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: what is different there, and what it would have cost."""
    result = run(ledger, question(view, ledger.zone, _METRICS, ("provider", "model")))
    if not result.requests:
        return empty(ledger, view)
    shown = later(compared, view) if _is_changed(view) else _now(result)
    return page("What if", result.query, [*notes(result), _controls(ledger, view), shown], _METRICS)


@known_as("whatif:compared")
def compared(ledger: Ledger, view: View) -> Any:
    """The calls here and there: cards, what could not be priced, and a row for each model or day."""
    asked = question(view, ledger.zone, ("requests",))
    try:
        query = _what_if(asked, view)
    except QuestionError as error:
        return failed(str(error))
    found = answer(ledger, query, read_book(ledger))
    totals = found.totals
    currency = ledger.currency if ledger.currency in totals else next(iter(totals), ledger.currency)
    return dmc.Stack(
        [
            _cards(totals.get(currency, Compared()), currency),
            *_left_out(found),
            _table(found, asked, view),
            html.P(TOKENIZERS, className="note", id="tokenizers"),
        ],
        gap="md",
        id="compared",
    )


def changed(view: View, chosen: Mapping[str, Any]) -> View:
    """The view with what the controls say; what is empty is as it was."""
    pairs = tuple((name, text) for name in WHAT_IF_OPTIONS if (text := str(chosen.get(name) or "").strip()))
    return replace(view.page, what_if=pairs)


def _is_changed(view: View) -> bool:
    return any(name not in ("by", "prices_at") for name, _ in view.what_if)


def _what_if(asked: SpendQuery, view: View) -> WhatIf:
    told = parse(Words(**dict(view.what_if)), Zone(asked.zone), datetime.now(UTC))
    return replace(told, period=asked.period, zone=asked.zone, filters=asked.filters)


def _controls(ledger: Ledger, view: View) -> Any:
    """What is different there. The URL has it once the button is pressed."""
    now = dict(view.what_if)
    held = dict(zip(DIMENSIONS, filter_bar.options(ledger, view), strict=True))

    def known(dimension: str) -> list[str]:
        return [one["value"] for one in held[dimension]][:_OFFERED]

    def control(name: str) -> dict[str, Any]:
        return {"id": {"type": CONTROL, "name": name}, "value": now.get(name, ""), "size": "sm"}

    inputs = [
        dmc.Autocomplete(
            label="As model", placeholder="As it was", data=known("model"), **control("to_model")
        ),
        dmc.Autocomplete(
            label="Of provider", placeholder="As it was", data=known("provider"), **control("to_provider")
        ),
        dmc.Select(
            label="In service tier",
            data=[{"value": "", "label": "As it was"}, *({"value": one, "label": one} for one in _TIERS)],
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
            **(control("by") | {"value": now.get("by", "model")}),
        ),
    ]
    return panel(
        "Price the calls of this view",
        [
            dmc.SimpleGrid(inputs, cols={"base": 2, "sm": 3, "lg": 6}, spacing="sm"),
            dmc.Group([dmc.Button("Compare", id="whatif-compare")], mt="sm"),
        ],
    )


def _now(result: Any) -> Any:
    """What the calls cost as they were, to choose from."""
    return tables.of_metrics(
        "models", "What they cost", result, ("total_cost", "requests", "input_tokens", "output_tokens")
    )


def _cards(one: Compared, currency: str) -> Any:
    cost, there = from_pico(one.cost), from_pico(one.there)
    compared_calls = f"{wording.compact(one.compared)} calls that have a price on both sides"
    ratio = wording.relative_change(there, cost)
    return cards(
        [
            card("They cost", wording.amount(cost, currency), compared_calls),
            card("They would have cost", wording.amount(there, currency), "the same calls there"),
            card(
                "Difference",
                _difference(there - cost, currency),
                f"{ratio} of what they cost" if ratio else "-",
            ),
            card(
                "Unpriced today",
                wording.compact(one.unpriced_here),
                f"{wording.compact(one.found_there)} of them have a price there: "
                f"{wording.amount(from_pico(one.found_cost), currency)}, in no sum"
                if one.found_there
                else "left out of the difference",
            ),
            card("No price there", wording.compact(one.unpriced_there), "left out of the difference"),
        ]
    )


def _difference(amount: Decimal, currency: str) -> str:
    text = wording.amount(amount, currency)
    return f"+{text}" if amount > 0 else text


def _left_out(found: Answer) -> list[Any]:
    """Which calls could not be priced there, and why."""
    if not found.reasons:
        return []
    listed = list(found.reasons.items())
    lines = [
        html.Li(f"{wording.number(calls)} {'call' if calls == 1 else 'calls'}: {reason}")
        for reason, calls in listed[:_SHOWN_REASONS]
    ]
    if (more := len(listed) - _SHOWN_REASONS) > 0:
        lines.append(html.Li(f"and {more} more reasons"))
    words = dmc.Alert(
        [html.Strong("Some calls could not be priced there"), html.Ul(lines, className="reasons")],
        color="yellow",
        variant="light",
        id="not-priced-there",
    )
    return [words]


def _table(found: Answer, asked: SpendQuery, view: View) -> Any:
    by_model = found.query.by == "model"
    header = [
        *(("Model", "Provider") if by_model else ("Day",)),
        *("Calls", "Compared", "Cost", "There", "Difference", "Change", "Unpriced", "None there"),
    ]
    rows = []
    for (key, currency), one in list(found.rows.items())[: tables.SHOWN_ROWS]:
        cost, there = from_pico(one.cost), from_pico(one.there)
        named = (key[1], key[0]) if by_model else key
        rows.append(
            [
                *(tables.Text(text) for text in named),
                wording.compact(one.calls),
                wording.compact(one.compared),
                wording.amount(cost, currency),
                wording.amount(there, currency),
                _difference(there - cost, currency),
                wording.relative_change(there, cost) or wording.NOTHING,
                wording.compact(one.unpriced_here),
                wording.compact(one.unpriced_there),
            ]
        )
    more = len(found.rows) - len(rows)
    remarks = [f"{wording.number(more)} more are not shown here; the CSV has them all"] if more > 0 else []
    return tables.table(
        "whatif",
        "Here and there",
        header,
        rows,
        texts=2 if by_model else 1,
        csv=whatif_csv(asked, view.what_if),
        remarks=remarks,
    )


PARTS: Final = (compared,)
