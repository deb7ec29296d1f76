"""`tallybook prices explain`: the calculation of one call's cost, on a terminal or as JSON."""

import json
import sys
from uuid import UUID

from dashboard.formatting import format as wording
from dashboard.prices.explanation import (
    MAX_MATCHES,
    Calculation,
    CallMatch,
    Explanation,
    exact_text,
    explain,
    matching_calls,
)
from dashboard.prices.explanation_text import as_json, meter_text, price_from, price_text
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger, open_to_read
from ingest.ledger.price_book import read_book
from ingest.model.money import plain
from ingest.pricing.charge import COMPONENTS
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, refuse, say, table


def run(text: str, *, as_json_object: bool) -> int:
    """Explain the call that `text` identifies, from the ledger of the settings; the exit code."""
    with open_to_read(Settings()) as ledger:
        return explain_in(ledger, text, as_json_object=as_json_object)


def explain_in(ledger: Ledger, text: str, *, as_json_object: bool = False) -> int:
    """Explain the call that `text` identifies; exit code 1 if it matches no call or several."""
    calls = matching_calls(ledger, text)
    explanation = explain(ledger, UUID(calls[0].event_id), read_book(ledger)) if len(calls) == 1 else None
    if explanation is None:
        return refuse("prices explain", _ambiguity_message(text, calls), ExitCode.FAILURE)
    if as_json_object:
        sys.stdout.write(json.dumps(as_json(explanation), ensure_ascii=False) + "\n")
    else:
        _print(explanation)
    return ExitCode.OK


def _ambiguity_message(text: str, calls: list[CallMatch]) -> str:
    if not calls:
        return (
            f"the ledger holds no call {text!r}: give an event id, the id that its source gave, or SOURCE:ID"
        )
    many = "at least " if len(calls) == MAX_MATCHES else ""
    listed = "\n".join(f"  {call.event_id}  {call.source}:{call.source_event_id}" for call in calls)
    return f"{text!r} means {many}{len(calls)} calls; give the event id of one of them\n{listed}"


def _print(explanation: Explanation) -> None:
    _print_call(explanation)
    currency = explanation.event.currency
    if explanation.calculation is not None:
        _print_calculation(explanation.calculation)
    if explanation.lookup_cost is not None:
        amount = f"{plain(explanation.lookup_cost)} {currency}"
        say(f"look-up    {amount} in other: what the semantic cache's look-up cost")
    if explanation.saved:
        say(f"saved      {plain(explanation.saved)} {currency} by caching")
    _print_today(explanation)
    if explanation.advice:
        say(f"so         {explanation.advice}")
    if explanation.cost_source == "computed":
        _print_check(explanation)


def _print_call(explanation: Explanation) -> None:
    event, total = explanation.event, explanation.stored["total_cost"]
    at = rfc3339(event.occurred_at) if event.occurred_at is not None else ""
    tier = f", tier {event.service_tier}" if event.service_tier else ""
    cost = "unpriced" if total is None else f"{plain(total)} {event.currency} ({explanation.cost_source})"
    say(f"call       {explanation.event_id}  ({event.source}:{explanation.source_event_id})")
    say(f"           {event.provider}/{event.model}{tier}, {event.status}, {at}")
    say(f"cost       {cost}")
    say(f"           {explanation.why}")
    if explanation.cost_source == "reported":
        for name in COMPONENTS:
            if (amount := explanation.stored[name]) is not None:
                say(f"           {_component_name(name)} {plain(amount)} {event.currency}")


def _print_today(explanation: Explanation) -> None:
    """Print what today's price book asks for a call whose stored cost was not computed from prices."""
    if explanation.today is not None:
        say("today      what today's price book asks for it, which is not what is booked:")
        _print_calculation(explanation.today)
    elif explanation.today_missing:
        say(f"today      today's price book cannot price it: {explanation.today_missing}")


def _print_check(explanation: Explanation) -> None:
    if explanation.is_proved:
        say("check      the lines add up to what the ledger holds, to the last digit")
    for difference in explanation.differences:
        say(f"check      {difference}", style="red")


def _print_calculation(calculation: Calculation) -> None:
    prices, breakdown = calculation.prices, calculation.breakdown
    band = (
        f", above {wording.number(prices.above_input_tokens)} input tokens"
        if prices.above_input_tokens
        else ""
    )
    say(f"prices     {prices.provider}/{prices.model}, tier {prices.service_tier}{band}")
    say(f"           found by: {calculation.rule}; from {prices.origin}")
    for term in prices.terms:
        added = f", added by {term.added_by} on {rfc3339(term.added_at)}" if term.number else ""
        say(f"{term.kind:<10} factor {term.factor:f}{added}")
    has_price_rows = any(price_from(calculation, line) for line in breakdown.lines)
    headings = ("part", "meter", "quantity", "price", "product", *(["price from"] if has_price_rows else []))
    rows = table(*headings, numbers=("quantity", "product"))
    rows.padding = (0, 2, 0, 0)
    for line in breakdown.lines:
        rows.add_row(
            _component_name(line.component),
            meter_text(line),
            wording.number(line.quantity),
            price_text(line),
            exact_text(line.product),
            *([price_from(calculation, line)] if has_price_rows else []),
        )
    console().print(rows)
    for part in breakdown.sums:
        after = f" x terms = {exact_text(part.charged)}" if part.charged != part.exact else ""
        rounded = f"rounded {plain(part.charged_pico)} {prices.currency}"
        say(f"{_component_name(part.component):<12} {exact_text(part.exact)}{after}, {rounded}")
    if prices.terms:
        say(f"list         {plain(breakdown.list_total)} {prices.currency}")
        say(f"contracted   {plain(breakdown.contracted_total)} {prices.currency}")
    say(f"total        {plain(breakdown.total)} {prices.currency}")


def _component_name(component: str) -> str:
    return component.removesuffix("_cost").replace("_", " ")
