"""`tallybook prices set`: set prices of a model by hand, from a day on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ingest.clock import now
from ingest.ledger.engine import Ledger, open_ledger
from ingest.parse.dates import NotATime, read_edges, written
from ingest.price_book.descriptions import scope_of_point, unit_text, validity_text
from ingest.price_book.service import PriceChange, SetPriceOptions, set_price
from ingest.price_book.set_price import PriceRefused
from ingest.pricing.point import ANY
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, explained, print_json, say, table, warn


def run(options: SetPriceOptions, start: str | None, end: str | None, *, as_json: bool) -> int:
    """Add the prices and print what they replace; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            valid_from, valid_to = read_edges(start, end, ledger.zone)
            dated = replace(options, valid_from=valid_from, valid_to=valid_to)
            changes = set_price(ledger, dated, by=current_user(), at=now())
        except NotATime as error:
            warn(f"tallybook: {explained(error)}")
            return ExitCode.USAGE
        except PriceRefused as error:
            warn(f"tallybook: {error}")
            return ExitCode.USAGE
        if as_json:
            print_json({"added": [_object(change) for change in changes]})
        else:
            _print(ledger, changes)
    return ExitCode.OK


def _print(ledger: Ledger, changes: Sequence[PriceChange]) -> None:
    first = changes[0].point
    rows = table("row", "meter", "price", "unit", "replaces", numbers=("price",))
    for change in changes:
        point = change.point
        price = "none" if point.price is None else f"{point.price:f} {point.currency}"
        row = f"{point.source}#{point.number}"
        rows.add_row(row, point.meter, price, unit_text(point), _replaced(change))
    heading = f"{first.provider}/{first.model}{scope_of_point(first)}"
    heading += f", {validity_text(ledger, first)}, by {first.added_by}"
    is_pattern = ANY in first.model
    pattern = " (a pattern: every model whose name is like that and has no price of its own)"
    say(heading + pattern * is_pattern)
    console().print(rows)
    say("Calls that come from now on are priced by it; `tallybook reprice` for those that are there.")


def _replaced(change: PriceChange) -> str:
    point, before = change.point, change.before
    if before is None:
        return "a price of other models" if ANY in point.provider + point.model else "no price"
    same = "" if before.per == point.per else f" per {unit_of(point.meter, before.per)}"
    return f"{before.price:f}{same} ({change.before_from})"


def _object(change: PriceChange) -> dict[str, Any]:
    point, before = change.point, change.before
    return {
        "row": f"{point.source}#{point.number}",
        "provider": point.provider,
        "model": point.model,
        "service_tier": point.service_tier,
        "above_input_tokens": point.above,
        "marginal": point.marginal,
        "hours": point.hours,
        "meter": point.meter,
        "price": None if point.price is None else f"{point.price:f}",
        "per": point.per,
        "at_least": point.least,
        "unit": unit_of(point.meter, point.per),
        "currency": point.currency,
        "valid_from": None if point.valid_from is None else written(point.valid_from),
        "valid_to": None if point.valid_to is None else written(point.valid_to),
        "note": point.origin,
        "added_by": point.added_by,
        "replaces": None if before is None else {"rate": str(before), "from": change.before_from},
    }
