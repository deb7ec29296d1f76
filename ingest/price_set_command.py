"""`tallybook prices set`: a price by hand, from a day on."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from ingest.clock import now
from ingest.dates import NotATime, read_edges, written
from ingest.ledger import prices
from ingest.ledger.engine import Ledger, open_ledger
from ingest.price_descriptions import scope_of_point, unit_text, validity_text
from ingest.price_setting import PriceRefused, points_of
from ingest.pricing.book import Book
from ingest.pricing.hours import next_within
from ingest.pricing.matching import tier_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import current_user, explained

WELL: Final = 0
USAGE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for."""

    provider: str
    model: str
    assignments: Sequence[str]
    start: str | None = None
    end: str | None = None
    above: int = 0
    marginal: bool = False
    tier: str | None = None
    hours: str = ""
    currency: str = "USD"
    per: int | None = None
    least: int = 0
    note: str = ""
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """A point as it was added, and the price that stood in its place."""

    point: PricePoint
    before: Rate | None
    before_from: str
    """The row of the earlier price (`own#3`), or the edition of its source; empty where there is none."""


def run(asked: Asked) -> int:
    """Add the prices and say what they replace; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            added = add(ledger, asked, now(), current_user())
        except (PriceRefused, NotATime) as error:
            Console(stderr=True).print(
                f"tallybook: {explained(error)}", highlight=False, markup=False, soft_wrap=True
            )
            return USAGE
        if asked.as_json:
            sys.stdout.write(json.dumps({"added": [_object(one) for one in added]}, indent=2) + "\n")
        else:
            _print(Console(), ledger, added)
    return WELL


def add(ledger: Ledger, asked: Asked, at: int, who: str) -> list[Added]:
    """Add the prices at the instant `at`; what was added, as rows of the ledger.

    Raises:
        PriceRefused: they are no prices.
        NotATime: a date is none.
    """
    points = _points(asked, ledger, at, who)
    before = prices.read_book(ledger)
    with ledger.writing() as connection:
        last = prices.generation(connection)[0]
        prices.add_points(connection, points)
        kept = prices.points(connection, prices.newer_than(last))
    return [Added(one, *_standing(before, one, at)) for one in kept]


def _points(asked: Asked, ledger: Ledger, at: int, who: str) -> list[PricePoint]:
    start, end = read_edges(asked.start, asked.end, ledger.zone)
    return points_of(
        asked.provider,
        asked.model,
        asked.assignments,
        valid_from=start,
        valid_to=end,
        currency=asked.currency.upper(),
        service_tier=tier_of(asked.tier),
        above=asked.above,
        marginal=asked.marginal,
        hours=asked.hours,
        per=asked.per,
        least=asked.least,
        origin=asked.note,
        added_at=at,
        added_by=who,
    )


def _standing(book: Book, point: PricePoint, now: int) -> tuple[Rate | None, str]:
    """The price that stood before where the new one starts (now, where it has always held), and where it is from."""
    if ANY in point.provider + point.model:
        return None, ""
    at = next_within(point.hours, now if point.valid_from is None else point.valid_from)
    found = book.find(point.provider, point.model, point.service_tier, at, point.above and point.above + 1)
    if not isinstance(found, PriceSet):
        return None, ""
    steps = {(step.meter, step.above): step.rate for step in found.steps}
    rate = steps.get((point.meter, point.above)) if point.marginal else found.by_meter.get(point.meter)
    return (None, "") if rate is None else (rate, rate.row or found.origin)


def _print(out: Console, ledger: Ledger, added: Sequence[Added]) -> None:
    first = added[0].point
    table = Table(box=None, pad_edge=False)
    for name in ("row", "meter", "price", "unit", "replaces"):
        table.add_column(name, justify="right" if name == "price" else "left", overflow="fold")
    for one in added:
        point = one.point
        price = "none" if point.price is None else f"{point.price:f} {point.currency}"
        row = f"{point.source}#{point.number}"
        table.add_row(row, point.meter, price, unit_text(point), _replaced(one))
    whose = f"{first.provider}/{first.model}{scope_of_point(first)}, {validity_text(ledger, first)}, by {first.added_by}"
    is_pattern = ANY in first.model
    pattern = " (a pattern: every model whose name is like that and has no price of its own)"
    out.print(whose + pattern * is_pattern, highlight=False, markup=False, soft_wrap=True)
    out.print(table)
    said = "Calls that come from now on are priced by it; `tallybook reprice` for those that are there."
    out.print(said, highlight=False, markup=False, soft_wrap=True)


def _replaced(one: Added) -> str:
    if one.before is None:
        return "a price of other models" if ANY in one.point.provider + one.point.model else "no price"
    unit = unit_of(one.point.meter, one.before.per)
    same = "" if one.before.per == one.point.per else f" per {unit}"
    return f"{one.before.price:f}{same} ({one.before_from})"


def _object(one: Added) -> dict[str, Any]:
    point = one.point
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
        "replaces": None if one.before is None else {"rate": str(one.before), "from": one.before_from},
    }
