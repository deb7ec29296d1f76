"""`tallybook prices show`: all that the book says of one model."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dashboard.price_list_command import as_object as row_object
from dashboard.price_rows import PriceRow, source_of
from dashboard.priced_model import PricedModel, priced_model
from ingest.dates import NotATime, moment_or_now, written
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.prices import read_book
from ingest.price_descriptions import calls_of_term, scope_of_point, term_object, unit_text, validity_text
from ingest.pricing.book import Book
from ingest.pricing.matching import tier_of
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.terms import percent_of
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import explained

WELL: Final = 0
UNPRICED: Final = 1
USAGE: Final = 2


def run(provider: str, model: str, tier: str | None, at: str | None, *, as_json: bool) -> int:
    """Print it; the exit code: 1 where the model has no price then."""
    with open_ledger(Settings()) as ledger:
        try:
            then = moment_or_now(at, ledger.zone)
        except NotATime as error:
            sys.stderr.write(f"tallybook: {explained(error)}\n")
            return USAGE
        book = read_book(ledger)
        shown = priced_model(book, provider, model, then)
        applies = book.find(provider, model, tier, then, 0)
        if as_json:
            text = json.dumps(answer(book, shown, tier, then), ensure_ascii=False, indent=2)
            sys.stdout.write(text + "\n")
        else:
            _print(Console(), ledger, book, shown, tier, then)
    return WELL if isinstance(applies, PriceSet) else UNPRICED


def answer(book: Book, shown: PricedModel, tier: str | None, at: int) -> dict[str, Any]:
    """The model as JSON has it."""
    applies = book.find(shown.provider, shown.model, tier, at, 0)
    return {
        "provider": shown.provider,
        "model": shown.model,
        "service_tier": tier_of(tier),
        "at": written(at),
        **_applying(applies),
        "bands": [
            {
                "service_tier": one.service_tier,
                "above_input_tokens": one.above,
                "marginal": one.marginal,
                "prices": _rates(one.prices, one.rates),
            }
            for one in shown.bands
        ],
        "tiers": list(shown.tiers),
        "terms": [term_object(one) for one in shown.terms],
        "history": [row_object(PriceRow(one, None)) for one in shown.points],
    }


def _applying(found: PriceSet | Unpriced) -> dict[str, Any]:
    """The price set that applies, or why there is none."""
    if isinstance(found, Unpriced):
        return {"found_as": None, "no_price": found.reason, "currency": None, "prices": {}}
    return {
        "found_as": {"provider": found.provider, "model": found.model, "rule": found.rule},
        "no_price": None,
        "currency": found.currency,
        "prices": _rates(found, found.by_meter),
    }


def _rates(prices: PriceSet, rates: Any) -> dict[str, Any]:
    return {
        meter: {
            "price": f"{rate.price:f}",
            "per": rate.per,
            "at_least": rate.least,
            "source": source_of(prices, rate),
            "row": _row(prices, rate),
        }
        for meter, rate in rates.items()
    }


def _row(prices: PriceSet, rate: Rate) -> str:
    """Where a rate is from: a row of the ledger, or the edition of a source."""
    return rate.row or prices.origin


def _print(out: Console, ledger: Ledger, book: Book, shown: PricedModel, tier: str | None, at: int) -> None:
    for line in _head(ledger, book, shown, tier, at):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    out.print(_bands(shown))
    for one in shown.terms:
        when = "with the release" if not one.added_at else f"by {one.added_by}"
        said = f"{one.kind} on {calls_of_term(one)}: {percent_of(one)}, {when}"
        out.print(said, highlight=False, markup=False, soft_wrap=True)
    if shown.points:
        out.print(_history(ledger, shown))


def _head(ledger: Ledger, book: Book, shown: PricedModel, tier: str | None, at: int) -> Iterator[str]:
    applies = book.find(shown.provider, shown.model, tier, at, 0)
    yield f"{shown.provider}/{shown.model}, service tier {tier_of(tier)}, at {written(at, ledger.zone)}"
    if isinstance(applies, PriceSet):
        terms = ", ".join(f"{one.kind} {percent_of(one)}" for one in applies.terms)
        yield f"found as {applies.provider}/{applies.model} ({applies.rule}), prices in {applies.currency}"
        if terms:
            yield f"terms that apply to every call: {terms}"
    else:
        yield applies.reason
    for alias in shown.other_names:
        yield f"also called {alias.provider}/{alias.model}"


def _bands(shown: PricedModel) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("tier", "calls", "meter", "price", "unit", "from"):
        table.add_column(name, justify="right" if name == "price" else "left", overflow="fold")
    for band in shown.bands:
        calls = f"above {band.above:,}" if band.above else "all"
        for meter, rate in band.rates.items():
            table.add_row(
                band.service_tier,
                f"{calls}, only the units above" if band.marginal else calls,
                meter,
                f"{rate.price:f}",
                unit_of(meter, rate.per),
                _row(band.prices, rate),
            )
    return table


def _history(ledger: Ledger, shown: PricedModel) -> Table:
    table = Table(box=None, pad_edge=False, title="rows, the newest first", title_justify="left")
    for name in ("row", "meter", "price", "unit", "valid", "added"):
        table.add_column(name, justify="right" if name == "price" else "left", overflow="fold")
    for one in shown.points:
        price = "none" if one.price is None else f"{one.price:f} {one.currency}"
        added = f"{written(one.added_at, ledger.zone)} {one.added_by}"
        row, when = f"{one.source}#{one.number}", validity_text(ledger, one) + scope_of_point(one)
        table.add_row(row, one.meter, price, unit_text(one), when, added)
    return table
