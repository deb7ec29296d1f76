"""`tallybook prices list`: the prices in effect, every row ever added, and where sources conflict."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from dashboard.prices.rows import PriceFilter, PriceRow, all_points, points_in_effect, row_object, with_counts
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Ledger, open_to_read
from ingest.ledger.price_book import read_book
from ingest.parse.dates import NotATime, moment_or_now, written
from ingest.price_book.descriptions import scope_of_point, unit_text, validity_text
from ingest.pricing.book import Book
from ingest.pricing.conflicts import Conflict, conflicts
from ingest.pricing.point import PricePoint
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, explained, print_json, say, table, warn

_DEFAULT_LIMIT: Final = 100
"""Rows on the screen if no limit is given; JSON and CSV have all rows."""
_COUNTS_TEXT: Final = {True: "yes", False: "no", None: "where no other does"}

COLUMNS: Final = (
    *("row", "source", "provider", "model", "service_tier", "meter", "price", "per", "at_least", "unit"),
    *("currency", "above_input_tokens", "marginal", "hours", "valid_from", "valid_to"),
    *("origin", "added_at", "added_by", "counts"),
)
_CONFLICT_KEY: Final = ("provider", "model", "service_tier", "meter", "above_input_tokens")


class ListPricesOptions(NamedTuple):
    """The options of `tallybook prices list`."""

    provider: str | None = None
    model: str | None = None
    source: str | None = None
    at: str | None = None
    view: Literal["current", "history", "conflicts"] = "current"
    limit: int | None = None
    form: Literal["table", "json", "csv"] = "table"


def run(options: ListPricesOptions) -> int:
    """Print the prices or conflicts that the options select; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            at = moment_or_now(options.at, ledger.zone)
        except NotATime as error:
            warn(f"tallybook: {explained(error)}")
            return ExitCode.USAGE
        book = read_book(ledger)
        if options.view == "conflicts":
            _write_conflicts(options, book, at)
        else:
            _write_points(options, book, at, ledger)
    return ExitCode.OK


def selected_points(options: ListPricesOptions, book: Book, at: int) -> list[PricePoint]:
    """All price points that the options select."""
    price_filter = PriceFilter(options.provider, options.model, options.source)
    return (
        list(all_points(book, price_filter, at))
        if options.view == "history"
        else points_in_effect(book, price_filter, at)
    )


def _write_points(options: ListPricesOptions, book: Book, at: int, ledger: Ledger) -> None:
    points = selected_points(options, book, at)
    limit = options.limit or (_DEFAULT_LIMIT if options.form == "table" else None)
    rows = with_counts(book, points[:limit], at)
    if options.form == "csv":
        sys.stdout.write(write_csv(COLUMNS, (row_object(row).values() for row in rows)))
    elif options.form == "json":
        print_json({"at": written(at), "prices": [row_object(row) for row in rows], "in_all": len(points)})
    else:
        _print_points(rows, ledger, is_history=options.view == "history")
        _print_row_count(len(rows), len(points))


def _print_points(rows: Sequence[PriceRow], ledger: Ledger, *, is_history: bool) -> None:
    last = ("valid", "added") if is_history else ("valid",)
    rows_shown = table("model", "meter", "price", "unit", "source", "counts", *last, numbers=("price",))
    for row in rows:
        point = row.point
        price = "none" if point.price is None else f"{point.price:f} {point.currency}"
        cells = [
            f"{point.provider}/{point.model}{scope_of_point(point)}",
            point.meter,
            price,
            unit_text(point),
        ]
        cells += [
            f"{point.source}#{point.number}" if point.number else point.source,
            _COUNTS_TEXT[row.counts],
        ]
        cells.append(validity_text(ledger, point))
        if is_history:
            cells.append(
                f"{written(point.added_at, ledger.zone)} {point.added_by}" if point.added_at else point.origin
            )
        rows_shown.add_row(*cells)
    console().print(rows_shown)


def _write_conflicts(options: ListPricesOptions, book: Book, at: int) -> None:
    price_filter = PriceFilter(options.provider, options.model, None)
    all_conflicts = [
        conflict for conflict in conflicts(book, at) if _is_selected(conflict, price_filter, options.source)
    ]
    limit = options.limit or (_DEFAULT_LIMIT if options.form == "table" else None)
    shown = all_conflicts[:limit]
    if options.form == "csv":
        rows = (row for conflict in shown for row in _csv_rows(conflict))
        sys.stdout.write(write_csv((*_CONFLICT_KEY, "source", "rate", "spread"), rows))
    elif options.form == "json":
        objects = [_conflict_object(conflict) for conflict in shown]
        print_json({"at": written(at), "conflicts": objects, "in_all": len(all_conflicts)})
    else:
        _print_conflicts(shown)
        _print_row_count(len(shown), len(all_conflicts))


def _is_selected(conflict: Conflict, price_filter: PriceFilter, source: str | None) -> bool:
    point = PricePoint(
        source="", provider=conflict.provider, model=conflict.model, meter=conflict.meter, price=None, per=1
    )
    return price_filter.matches(point) and (source is None or source in conflict.prices)


def _conflict_object(conflict: Conflict) -> dict[str, Any]:
    return dict(zip(_CONFLICT_KEY, conflict[:5], strict=True)) | {
        "prices": {source: str(rate) for source, rate in conflict.prices.items()},
        "counts": next(iter(conflict.prices)),
        "spread": f"{conflict.spread:f}",
    }


def _csv_rows(conflict: Conflict) -> Iterator[tuple[Any, ...]]:
    for source, rate in conflict.prices.items():
        yield (*conflict[:5], source, rate, conflict.spread)


def _print_conflicts(shown: Sequence[Conflict]) -> None:
    rows_shown = table(
        "model", "meter", "prices, the one that counts first", "differ by", numbers=("differ by",)
    )
    for conflict in shown:
        tier = "" if conflict.service_tier == "standard" else f", {conflict.service_tier}"
        band = f", above {conflict.above:,}" if conflict.above else ""
        prices = ", ".join(
            f"{source} {rate.price:f}{_per(conflict, rate.per)}" for source, rate in conflict.prices.items()
        )
        rows_shown.add_row(
            f"{conflict.provider}/{conflict.model}{tier}{band}",
            conflict.meter,
            prices,
            f"{conflict.spread:.1%}",
        )
    console().print(rows_shown)


def _per(conflict: Conflict, per: int) -> str:
    """The unit of a price, if the sources use different units; else empty."""
    return (
        ""
        if len({rate.per for rate in conflict.prices.values()}) == 1
        else f" per {unit_of(conflict.meter, per)}"
    )


def _print_row_count(shown: int, in_all: int) -> None:
    text = f"{shown:,} of {in_all:,}; --limit shows more" if shown < in_all else f"{in_all:,} in all"
    say(text, style="dim")
