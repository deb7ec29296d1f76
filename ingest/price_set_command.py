"""`tallybook prices set`: a price by hand, from a day on."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.accept import now
from ingest.alias_command import person
from ingest.dates import NotATime, read_moment
from ingest.ledger import prices
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.types import instant, micros
from ingest.price_setting import PriceRefused, points_of
from ingest.pricing.book import Book
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate
from ingest.settings import Settings

WELL: Final = 0
USAGE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command was asked for."""

    provider: str
    model: str
    assignments: Sequence[str]
    start: str | None
    end: str | None
    above: int
    marginal: bool
    tier: str | None
    hours: str
    currency: str
    note: str
    as_json: bool


def run(asked: Asked) -> int:
    """Add the prices and say what they replace; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            points = _points(asked, ledger)
        except (PriceRefused, NotATime) as error:
            Console(stderr=True).print(f"tallybook: {error}", highlight=False, markup=False, soft_wrap=True)
            return USAGE
        before = prices.read_book(ledger)
        with ledger.writing() as connection:
            prices.add_points(connection, points)
        replaced = [_standing(before, one) for one in points]
        if asked.as_json:
            shown = [_object(point, old) for point, old in zip(points, replaced, strict=True)]
            sys.stdout.write(json.dumps({"added": shown}, indent=2) + "\n")
        else:
            _print(Console(), ledger, points, replaced)
    return WELL


def _points(asked: Asked, ledger: Ledger) -> list[PricePoint]:
    start, end = (
        None if text is None else micros(read_moment(name, text, ledger.zone))
        for name, text in (("--from", asked.start), ("--to", asked.end))
    )
    return points_of(
        asked.provider,
        asked.model,
        asked.assignments,
        valid_from=start,
        valid_to=end,
        currency=asked.currency,
        service_tier=asked.tier,
        above=asked.above,
        marginal=asked.marginal,
        hours=asked.hours,
        origin=asked.note,
        added_at=now(),
        added_by=person(),
    )


def _standing(book: Book, point: PricePoint) -> Rate | None:
    """The price that stood before at the instant from which the new one holds, now where it has always held."""
    if ANY in point.provider + point.model:
        return None
    at = now() if point.valid_from is None else point.valid_from
    found = book.find(point.provider, point.model, point.service_tier, at, point.above + bool(point.above))
    return found.by_meter.get(point.meter) if isinstance(found, PriceSet) else None


def _print(
    out: Console, ledger: Ledger, points: Sequence[PricePoint], replaced: Sequence[Rate | None]
) -> None:
    first = points[0]
    table = Table(box=None, pad_edge=False)
    for name in ("meter", "price", "before"):
        table.add_column(name, justify="left" if name == "meter" else "right")
    for point, old in zip(points, replaced, strict=True):
        table.add_row(point.meter, _price(point), "" if old is None else str(old))
    whose = f"{first.provider}/{first.model}"
    pattern = " (a pattern: every model whose name is like that)" if ANY in first.model else ""
    out.print(f"{escape(whose)}{pattern}, {_when(first, ledger)}", highlight=False, soft_wrap=True)
    out.print(table)
    out.print(
        "calls from now on are priced by it; `tallybook reprice` for those that are there", highlight=False
    )


def _price(point: PricePoint) -> str:
    if point.price is None:
        return "none"
    return f"{point.price:f} {point.currency} per {point.per:,}"


def _when(point: PricePoint, ledger: Ledger) -> str:
    def day(at: int) -> str:
        return instant(at).astimezone(ledger.zone.info).isoformat(sep=" ", timespec="minutes")

    since = "at any time" if point.valid_from is None else f"from {day(point.valid_from)}"
    until = "" if point.valid_to is None else f" to {day(point.valid_to)}"
    tier = "" if point.service_tier == "standard" else f", service tier {point.service_tier}"
    units = "units" if point.marginal else "calls with more"
    band = f", {units} above {point.above:,} input tokens" if point.above else ""
    hours = f", {point.hours} UTC" if point.hours else ""
    return f"{since}{until}{tier}{band}{hours}"


def _object(point: PricePoint, old: Rate | None) -> dict[str, Any]:
    return {
        "provider": point.provider,
        "model": point.model,
        "service_tier": point.service_tier,
        "above_input_tokens": point.above,
        "marginal": point.marginal,
        "hours": point.hours,
        "meter": point.meter,
        "price": None if point.price is None else f"{point.price:f}",
        "per": point.per,
        "currency": point.currency,
        "valid_from": None if point.valid_from is None else instant(point.valid_from).isoformat(),
        "valid_to": None if point.valid_to is None else instant(point.valid_to).isoformat(),
        "before": None if old is None else str(old),
    }
