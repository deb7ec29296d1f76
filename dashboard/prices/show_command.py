"""`tallybook prices show`: the prices, rows, terms and aliases of one model."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from dashboard.prices.model_prices import PricedModel, priced_model
from dashboard.prices.rows import PriceRow, row_object, source_of
from ingest.ledger.engine import Ledger, open_to_read
from ingest.ledger.price_book import read_book
from ingest.parse.dates import NotATime, moment_or_now, written
from ingest.price_book.descriptions import (
    calls_of_term,
    scope_of_point,
    term_object,
    unit_text,
    validity_text,
)
from ingest.pricing.book import Book
from ingest.pricing.matching import tier_of
from ingest.pricing.rates import PriceSet, Rate, Unpriced
from ingest.pricing.terms import percent_of
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, explained, print_json, say, table, warn


def run(provider: str, model: str, tier: str | None, at: str | None, *, as_json: bool) -> int:
    """Print the model; exit code 1 if it has no price at that time."""
    with open_to_read(Settings()) as ledger:
        try:
            priced_at = moment_or_now(at, ledger.zone)
        except NotATime as error:
            warn(f"tallybook: {explained(error)}")
            return ExitCode.USAGE
        book = read_book(ledger)
        priced = priced_model(book, provider, model, priced_at)
        applies = book.find(provider, model, tier, priced_at, 0)
        if as_json:
            print_json(as_object(book, priced, tier, priced_at))
        else:
            _print(ledger, book, priced, tier, priced_at)
    return ExitCode.OK if isinstance(applies, PriceSet) else ExitCode.FAILURE


def as_object(book: Book, priced: PricedModel, tier: str | None, at: int) -> dict[str, Any]:
    """The model as `--json` prints it."""
    applies = book.find(priced.provider, priced.model, tier, at, 0)
    return {
        "provider": priced.provider,
        "model": priced.model,
        "service_tier": tier_of(tier),
        "at": written(at),
        **_applied_prices(applies),
        "bands": [
            {
                "service_tier": band.service_tier,
                "above_input_tokens": band.above,
                "marginal": band.marginal,
                "prices": _rates(band.prices, band.rates),
            }
            for band in priced.bands
        ],
        "tiers": list(priced.tiers),
        "terms": [term_object(term) for term in priced.terms],
        "history": [row_object(PriceRow(point, None)) for point in priced.points],
    }


def _applied_prices(prices: PriceSet | Unpriced) -> dict[str, Any]:
    """The price set that applies, or why none does."""
    if isinstance(prices, Unpriced):
        return {"found_as": None, "no_price": prices.reason, "currency": None, "prices": {}}
    return {
        "found_as": {"provider": prices.provider, "model": prices.model, "rule": prices.rule},
        "no_price": None,
        "currency": prices.currency,
        "prices": _rates(prices, prices.by_meter),
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
    """Where a rate comes from: a row of the ledger, or the edition of a source."""
    return rate.row or prices.origin


def _print(ledger: Ledger, book: Book, priced: PricedModel, tier: str | None, at: int) -> None:
    for line in _head(ledger, book, priced, tier, at):
        say(line)
    out = console()
    out.print(_bands(priced))
    for term in priced.terms:
        when = "with the release" if not term.added_at else f"by {term.added_by}"
        text = f"{term.kind} on {calls_of_term(term)}: {percent_of(term)}, {when}"
        say(text)
    if priced.points:
        out.print(_history(ledger, priced))


def _head(ledger: Ledger, book: Book, priced: PricedModel, tier: str | None, at: int) -> Iterator[str]:
    applies = book.find(priced.provider, priced.model, tier, at, 0)
    yield f"{priced.provider}/{priced.model}, service tier {tier_of(tier)}, at {written(at, ledger.zone)}"
    if isinstance(applies, PriceSet):
        terms = ", ".join(f"{term.kind} {percent_of(term)}" for term in applies.terms)
        yield f"found as {applies.provider}/{applies.model} ({applies.rule}), prices in {applies.currency}"
        if terms:
            yield f"terms that apply to every call: {terms}"
    else:
        yield applies.reason
    for alias in priced.other_names:
        yield f"also called {alias.provider}/{alias.model}"


def _bands(priced: PricedModel) -> Table:
    rows = table("tier", "calls", "meter", "price", "unit", "from", numbers=("price",))
    for band in priced.bands:
        calls = f"above {band.above:,}" if band.above else "all"
        for meter, rate in band.rates.items():
            rows.add_row(
                band.service_tier,
                f"{calls}, only the units above" if band.marginal else calls,
                meter,
                f"{rate.price:f}",
                unit_of(meter, rate.per),
                _row(band.prices, rate),
            )
    return rows


def _history(ledger: Ledger, priced: PricedModel) -> Table:
    rows = table("row", "meter", "price", "unit", "valid", "added", numbers=("price",))
    rows.title, rows.title_justify = "rows, the newest first", "left"
    for point in priced.points:
        price = "none" if point.price is None else f"{point.price:f} {point.currency}"
        added = f"{written(point.added_at, ledger.zone)} {point.added_by}"
        row, when = f"{point.source}#{point.number}", validity_text(ledger, point) + scope_of_point(point)
        rows.add_row(row, point.meter, price, unit_text(point), when, added)
    return rows
