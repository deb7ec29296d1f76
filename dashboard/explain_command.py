"""`tallybook prices explain`: the whole calculation of one call's cost, on a terminal or as JSON."""

import json
import sys
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard import wording
from dashboard.explained import as_json, meter_text, price_from, price_text
from dashboard.explanation import MOST_MATCHES, Calculation, Explanation, Match, exact_text, explain, matches
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.prices import read_book
from ingest.money import plain
from ingest.pricing.charge import COMPONENTS
from ingest.settings import Settings

FAILED: Final = 1


def run(text: str, *, as_json_object: bool) -> int:
    """Explain the call that `text` means in the ledger of the settings; the exit code."""
    with open_ledger(Settings()) as ledger:
        return say(ledger, text, as_json_object=as_json_object)


def say(ledger: Ledger, text: str, *, as_json_object: bool = False) -> int:
    """Explain the call that `text` means; 1 where it means none or several."""
    found = matches(ledger, text)
    one = explain(ledger, UUID(found[0].event_id), read_book(ledger)) if len(found) == 1 else None
    if one is None:
        sys.stderr.write(f"tallybook prices explain: {_not_one(text, found)}\n")
        return FAILED
    if as_json_object:
        sys.stdout.write(json.dumps(as_json(one), ensure_ascii=False) + "\n")
    else:
        _print(one, Console())
    return 0


def _not_one(text: str, found: list[Match]) -> str:
    if not found:
        return (
            f"the ledger holds no call {text!r}: give an event id, the id that its source gave, or SOURCE:ID"
        )
    many = "at least " if len(found) == MOST_MATCHES else ""
    listed = "\n".join(f"  {one.event_id}  {one.source}:{one.source_event_id}" for one in found)
    return f"{text!r} means {many}{len(found)} calls; give the event id of one of them\n{listed}"


def _print(found: Explanation, console: Console) -> None:
    _print_call(found, console)
    currency = found.event.currency
    if found.calculation is not None:
        _print_calculation(found.calculation, console)
    if found.lookup_cost is not None:
        amount = f"{plain(found.lookup_cost)} {currency}"
        _say(console, f"look-up    {amount} in other: what the semantic cache's look-up cost")
    if found.saved:
        _say(console, f"saved      {plain(found.saved)} {currency} by caching")
    _print_today(found, console)
    if found.advice:
        _say(console, f"so         {found.advice}")
    if found.cost_source == "computed":
        _say_whether_it_holds(found, console)


def _print_call(found: Explanation, console: Console) -> None:
    event, total = found.event, found.stored["total_cost"]
    at = rfc3339(event.occurred_at) if event.occurred_at is not None else ""
    tier = f", tier {event.service_tier}" if event.service_tier else ""
    cost = "unpriced" if total is None else f"{plain(total)} {event.currency} ({found.cost_source})"
    _say(console, f"call       {found.event_id}  ({event.source}:{found.source_event_id})")
    _say(console, f"           {event.provider}/{event.model}{tier}, {event.status}, {at}")
    _say(console, f"cost       {cost}")
    _say(console, f"           {found.why}")
    if found.cost_source == "reported":
        for name in COMPONENTS:
            if (amount := found.stored[name]) is not None:
                _say(console, f"           {_named(name)} {plain(amount)} {event.currency}")


def _print_today(found: Explanation, console: Console) -> None:
    """What today's book asks, where the stored cost is not a computed one."""
    if found.today is not None:
        _say(console, "today      what today's price book asks for it, which is not what is booked:")
        _print_calculation(found.today, console)
    elif found.today_missing:
        _say(console, f"today      today's price book cannot price it: {found.today_missing}")


def _say_whether_it_holds(found: Explanation, console: Console) -> None:
    if found.is_proved:
        _say(console, "check      the lines add up to what the ledger holds, to the last digit")
    for difference in found.differences:
        console.print(escape(f"check      {difference}"), style="red", highlight=False, soft_wrap=True)


def _print_calculation(one: Calculation, console: Console) -> None:
    prices, workings = one.prices, one.workings
    band = (
        f", above {wording.number(prices.above_input_tokens)} input tokens"
        if prices.above_input_tokens
        else ""
    )
    _say(console, f"prices     {prices.provider}/{prices.model}, tier {prices.service_tier}{band}")
    _say(console, f"           found by: {one.rule}; from {prices.origin}")
    for term in prices.terms:
        whose = f", added by {term.added_by} on {rfc3339(term.added_at)}" if term.number else ""
        _say(console, f"{term.kind:<10} factor {term.factor:f}{whose}")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, justify in (
        ("part", "left"),
        ("meter", "left"),
        ("quantity", "right"),
        ("price", "left"),
        ("product", "right"),
    ):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    has_rows = any(price_from(one, line) for line in workings.lines)
    if has_rows:
        table.add_column("price from", overflow="fold")
    for line in workings.lines:
        table.add_row(
            _named(line.component),
            meter_text(line),
            wording.number(line.quantity),
            escape(price_text(line)),
            exact_text(line.product),
            *([escape(price_from(one, line))] if has_rows else []),
        )
    console.print(table)
    for part in workings.sums:
        after = f" x terms = {exact_text(part.charged)}" if part.charged != part.exact else ""
        _say(
            console,
            f"{_named(part.component):<12} {exact_text(part.exact)}{after}, rounded {plain(part.charged_pico)} {prices.currency}",
        )
    if prices.terms:
        _say(console, f"list         {plain(workings.list_total)} {prices.currency}")
        _say(console, f"contracted   {plain(workings.contracted_total)} {prices.currency}")
    _say(console, f"total        {plain(workings.total)} {prices.currency}")


def _named(component: str) -> str:
    return component.removesuffix("_cost").replace("_", " ")


def _say(console: Console, text: str) -> None:
    console.print(escape(text), highlight=False, soft_wrap=True)
