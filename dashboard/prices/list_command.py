"""`tallybook prices list`: what holds, what was ever added, and where sources disagree."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from rich.console import Console

from dashboard.prices.rows import PriceRow, Wanted, current, every, row_object, with_counts
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.price_book import read_book
from ingest.parse.dates import NotATime, moment_or_now, written
from ingest.price_book.descriptions import scope_of_point, unit_text, validity_text
from ingest.pricing.book import Book
from ingest.pricing.conflicts import Conflict, conflicts
from ingest.pricing.point import PricePoint
from ingest.pricing.units import unit_of
from ingest.settings import Settings
from ingest.terminal import ExitCode, explained, print_json, say, table, warn

_SHOWN: Final = 100
"""Rows on the screen where no limit is given; JSON and CSV have all of them."""
_COUNTS: Final = {True: "yes", False: "no", None: "where no other does"}

COLUMNS: Final = (
    *("row", "source", "provider", "model", "service_tier", "meter", "price", "per", "at_least", "unit"),
    *("currency", "above_input_tokens", "marginal", "hours", "valid_from", "valid_to"),
    *("origin", "added_at", "added_by", "counts"),
)


class Asked(NamedTuple):
    """What the command was asked for."""

    provider: str | None = None
    model: str | None = None
    source: str | None = None
    at: str | None = None
    what: Literal["current", "history", "conflicts"] = "current"
    limit: int | None = None
    form: Literal["table", "json", "csv"] = "table"


def run(asked: Asked) -> int:
    """Print what was asked for; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            at = moment_or_now(asked.at, ledger.zone)
        except NotATime as error:
            warn(f"tallybook: {explained(error)}")
            return ExitCode.USAGE
        book = read_book(ledger)
        if asked.what == "conflicts":
            _tell_conflicts(asked, book, at)
        else:
            _tell_points(asked, book, at, ledger)
    return ExitCode.OK


def points_of(asked: Asked, book: Book, at: int) -> list[PricePoint]:
    """The points that are asked for, all of them."""
    wanted = Wanted(asked.provider, asked.model, asked.source)
    return list(every(book, wanted, at)) if asked.what == "history" else current(book, wanted, at)


def _tell_points(asked: Asked, book: Book, at: int, ledger: Ledger) -> None:
    found = points_of(asked, book, at)
    limit = asked.limit or (_SHOWN if asked.form == "table" else None)
    rows = with_counts(book, found[:limit], at)
    if asked.form == "csv":
        sys.stdout.write(write_csv(COLUMNS, (row_object(one).values() for one in rows)))
    elif asked.form == "json":
        print_json({"at": written(at), "prices": [row_object(one) for one in rows], "in_all": len(found)})
    else:
        _print_points(rows, ledger, is_history=asked.what == "history")
        _say_rest(len(rows), len(found))


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
        cells += [f"{point.source}#{point.number}" if point.number else point.source, _COUNTS[row.counts]]
        cells.append(validity_text(ledger, point))
        if is_history:
            cells.append(
                f"{written(point.added_at, ledger.zone)} {point.added_by}" if point.added_at else point.origin
            )
        rows_shown.add_row(*cells)
    Console().print(rows_shown)


def _tell_conflicts(asked: Asked, book: Book, at: int) -> None:
    wanted = Wanted(asked.provider, asked.model, None)
    found = [one for one in conflicts(book, at) if _is_wanted(one, wanted, asked.source)]
    limit = asked.limit or (_SHOWN if asked.form == "table" else None)
    shown = found[:limit]
    if asked.form == "csv":
        names = (
            "provider",
            "model",
            "service_tier",
            "meter",
            "above_input_tokens",
            "source",
            "rate",
            "spread",
        )
        sys.stdout.write(write_csv(names, (line for one in shown for line in _lines(one))))
    elif asked.form == "json":
        objects = [
            {
                **dict(
                    zip(
                        ("provider", "model", "service_tier", "meter", "above_input_tokens"),
                        one[:5],
                        strict=True,
                    )
                ),
                "prices": {source: str(rate) for source, rate in one.prices.items()},
                "counts": next(iter(one.prices)),
                "spread": f"{one.spread:f}",
            }
            for one in shown
        ]
        print_json({"at": written(at), "conflicts": objects, "in_all": len(found)})
    else:
        _print_conflicts(shown)
        _say_rest(len(shown), len(found))


def _is_wanted(one: Conflict, wanted: Wanted, source: str | None) -> bool:
    like = PricePoint(source="", provider=one.provider, model=one.model, meter=one.meter, price=None, per=1)
    return wanted.matches(like) and (source is None or source in one.prices)


def _lines(one: Conflict) -> Iterator[tuple[Any, ...]]:
    for source, rate in one.prices.items():
        yield (*one[:5], source, rate, one.spread)


def _print_conflicts(found: Sequence[Conflict]) -> None:
    rows_shown = table(
        "model", "meter", "prices, the one that counts first", "differ by", numbers=("differ by",)
    )
    for one in found:
        tier = "" if one.service_tier == "standard" else f", {one.service_tier}"
        band = f", above {one.above:,}" if one.above else ""
        said = ", ".join(
            f"{source} {rate.price:f}{_per(one, rate.per)}" for source, rate in one.prices.items()
        )
        rows_shown.add_row(f"{one.provider}/{one.model}{tier}{band}", one.meter, said, f"{one.spread:.1%}")
    Console().print(rows_shown)


def _per(one: Conflict, per: int) -> str:
    """The unit, where the sources' differ."""
    return "" if len({rate.per for rate in one.prices.values()}) == 1 else f" per {unit_of(one.meter, per)}"


def _say_rest(shown: int, in_all: int) -> None:
    said = f"{shown:,} of {in_all:,}; --limit shows more" if shown < in_all else f"{in_all:,} in all"
    say(said, style="dim")
