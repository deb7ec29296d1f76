"""`tallybook prices explain`: the whole calculation of one call's cost, on a terminal or as JSON."""

import json
import sys
from uuid import UUID

from rich.console import Console
from rich.markup import escape

from dashboard.formatting import format as wording
from dashboard.prices.explanation import (
    MOST_MATCHES,
    Calculation,
    Explanation,
    Match,
    exact_text,
    explain,
    matches,
)
from dashboard.prices.explanation_text import as_json, meter_text, price_from, price_text
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.price_book import read_book
from ingest.model.money import plain
from ingest.pricing.charge import COMPONENTS
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, say, table


def run(text: str, *, as_json_object: bool) -> int:
    """Explain the call that `text` means in the ledger of the settings; the exit code."""
    with open_ledger(Settings()) as ledger:
        return explain_in(ledger, text, as_json_object=as_json_object)


def explain_in(ledger: Ledger, text: str, *, as_json_object: bool = False) -> int:
    """Explain the call that `text` means; 1 where it means none or several."""
    found = matches(ledger, text)
    one = explain(ledger, UUID(found[0].event_id), read_book(ledger)) if len(found) == 1 else None
    if one is None:
        return refuse("prices explain", _not_one(text, found), ExitCode.FAILURE)
    if as_json_object:
        sys.stdout.write(json.dumps(as_json(one), ensure_ascii=False) + "\n")
    else:
        _print(one)
    return ExitCode.OK


def _not_one(text: str, found: list[Match]) -> str:
    if not found:
        return (
            f"the ledger holds no call {text!r}: give an event id, the id that its source gave, or SOURCE:ID"
        )
    many = "at least " if len(found) == MOST_MATCHES else ""
    listed = "\n".join(f"  {one.event_id}  {one.source}:{one.source_event_id}" for one in found)
    return f"{text!r} means {many}{len(found)} calls; give the event id of one of them\n{listed}"


def _print(found: Explanation) -> None:
    _print_call(found)
    currency = found.event.currency
    if found.calculation is not None:
        _print_calculation(found.calculation)
    if found.lookup_cost is not None:
        amount = f"{plain(found.lookup_cost)} {currency}"
        say(f"look-up    {amount} in other: what the semantic cache's look-up cost")
    if found.saved:
        say(f"saved      {plain(found.saved)} {currency} by caching")
    _print_today(found)
    if found.advice:
        say(f"so         {found.advice}")
    if found.cost_source == "computed":
        _say_whether_it_holds(found)


def _print_call(found: Explanation) -> None:
    event, total = found.event, found.stored["total_cost"]
    at = rfc3339(event.occurred_at) if event.occurred_at is not None else ""
    tier = f", tier {event.service_tier}" if event.service_tier else ""
    cost = "unpriced" if total is None else f"{plain(total)} {event.currency} ({found.cost_source})"
    say(f"call       {found.event_id}  ({event.source}:{found.source_event_id})")
    say(f"           {event.provider}/{event.model}{tier}, {event.status}, {at}")
    say(f"cost       {cost}")
    say(f"           {found.why}")
    if found.cost_source == "reported":
        for name in COMPONENTS:
            if (amount := found.stored[name]) is not None:
                say(f"           {_named(name)} {plain(amount)} {event.currency}")


def _print_today(found: Explanation) -> None:
    """What today's book asks, where the stored cost is not a computed one."""
    if found.today is not None:
        say("today      what today's price book asks for it, which is not what is booked:")
        _print_calculation(found.today)
    elif found.today_missing:
        say(f"today      today's price book cannot price it: {found.today_missing}")


def _say_whether_it_holds(found: Explanation) -> None:
    if found.is_proved:
        say("check      the lines add up to what the ledger holds, to the last digit")
    for difference in found.differences:
        say(f"check      {difference}", style="red")


def _print_calculation(one: Calculation) -> None:
    prices, workings = one.prices, one.workings
    band = (
        f", above {wording.number(prices.above_input_tokens)} input tokens"
        if prices.above_input_tokens
        else ""
    )
    say(f"prices     {prices.provider}/{prices.model}, tier {prices.service_tier}{band}")
    say(f"           found by: {one.rule}; from {prices.origin}")
    for term in prices.terms:
        whose = f", added by {term.added_by} on {rfc3339(term.added_at)}" if term.number else ""
        say(f"{term.kind:<10} factor {term.factor:f}{whose}")
    has_rows = any(price_from(one, line) for line in workings.lines)
    headings = ("part", "meter", "quantity", "price", "product", *(["price from"] if has_rows else []))
    rows = table(*headings, numbers=("quantity", "product"))
    rows.padding = (0, 2, 0, 0)
    for line in workings.lines:
        rows.add_row(
            _named(line.component),
            meter_text(line),
            wording.number(line.quantity),
            escape(price_text(line)),
            exact_text(line.product),
            *([escape(price_from(one, line))] if has_rows else []),
        )
    Console().print(rows)
    for part in workings.sums:
        after = f" x terms = {exact_text(part.charged)}" if part.charged != part.exact else ""
        say(
            f"{_named(part.component):<12} {exact_text(part.exact)}{after}, rounded {plain(part.charged_pico)} {prices.currency}",
        )
    if prices.terms:
        say(f"list         {plain(workings.list_total)} {prices.currency}")
        say(f"contracted   {plain(workings.contracted_total)} {prices.currency}")
    say(f"total        {plain(workings.total)} {prices.currency}")


def _named(component: str) -> str:
    return component.removesuffix("_cost").replace("_", " ")
