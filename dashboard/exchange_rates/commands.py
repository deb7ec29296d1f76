"""`tallybook rates`: import a table of exchange rates, set the rate of a day, list the rates."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dashboard.exchange_rates import service as rates_service
from dashboard.exchange_rates import tables
from dashboard.exchange_rates.model import Quote
from dashboard.exchange_rates.service import RateRefused, SetRateOptions
from dashboard.exchange_rates.store import read_quotes
from dashboard.exchange_rates.tables import Problem
from ingest.clock import now
from ingest.ledger.engine import open_ledger, open_to_read
from ingest.model.invalid import Invalid
from ingest.model.zone import date_of
from ingest.parse.dates import read_day
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, explained, refuse, say, show, table

_PRINTED_REJECTIONS: Final = 20
_JSON_REJECTIONS: Final = 100


def import_rates(path: str, *, as_json: bool) -> int:
    """Import a table of rates; returns the exit code, 3 if lines were rejected."""
    at, by = now(), current_user()
    try:
        quotes, problems = tables.read(Path(path), at, by)
    except tables.NoRates as error:
        return refuse("rates", f"{path}: {error}", ExitCode.FAILURE)
    except OSError as error:
        return refuse("rates", f"cannot read {path}: {error.strerror}", ExitCode.FAILURE)
    with open_ledger(Settings()) as ledger:
        new = rates_service.import_rates(ledger, quotes, Path(path).name, by=by, at=at)
    if as_json:
        _print_import_json(quotes, new, problems)
    else:
        _print_import(path, quotes, new, problems)
    return ExitCode.SOME_REJECTED if problems else ExitCode.OK


def _print_import_json(quotes: Sequence[Quote], new: int, problems: Sequence[Problem]) -> None:
    rejections = [
        {"line": problem.line, "field": problem.field, "value": problem.value, "reason": problem.reason}
        for problem in problems[:_JSON_REJECTIONS]
    ]
    known = len(quotes) - new
    counts = {"rates": len(quotes), "new": new, "known": known, "rejected": len(problems)}
    sys.stdout.write(json.dumps({**counts, "rejections": rejections}, ensure_ascii=False) + "\n")


def _print_import(path: str, quotes: Sequence[Quote], new: int, problems: Sequence[Problem]) -> None:
    days = sorted({quote.day for quote in quotes})
    span = f" from {date_of(days[0])} to {date_of(days[-1])}" if days else ""
    say(f"{len(quotes):,} rates{span}: {new:,} are new")
    for problem in problems[:_PRINTED_REJECTIONS]:
        refuse("rates", f"{path}: {problem}")
    if len(problems) > _PRINTED_REJECTIONS:
        refuse("rates", f"and {len(problems) - _PRINTED_REJECTIONS:,} more lines")


def set_rate(base: str, quote: str, rate: str, date: str) -> int:
    """Set the rate of a day; returns the exit code."""
    options = SetRateOptions(base=base, quote=quote, rate=rate, date=date)
    try:
        with open_ledger(Settings()) as ledger:
            saved = rates_service.set_rate(ledger, options, by=current_user(), at=now())
    except RateRefused as error:
        return refuse("rates", _explained(error))
    say(f"1 {saved.base} is {saved.rate:f} {saved.quote} on {date_of(saved.day)}")
    return ExitCode.OK


def _explained(error: RateRefused) -> str:
    """The error as text; messages about currencies already name the arguments."""
    return str(error) if error.field in ("base", "quote") else explained(error, arguments=("rate",))


def list_rates(pair: str | None, start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print rates, the latest first; returns the exit code."""
    try:
        first, last = _day("from", start), _day("to", end)
    except Invalid as error:
        return refuse("rates", error)
    with open_to_read(Settings()) as ledger, ledger.reading() as connection:
        quotes = read_quotes(connection)
    listed = [
        quote
        for quote in sorted(quotes, key=lambda quote: (-quote.day, quote.base, quote.quote, -quote.number))
        if (pair is None or f"{quote.base}/{quote.quote}" == pair.upper())
        and (first is None or quote.day >= first)
        and (last is None or quote.day < last)
    ]
    if as_json:
        sys.stdout.write(json.dumps({"rates": [_quote_json(quote) for quote in listed]}) + "\n")
        return ExitCode.OK
    rows = table("Date", "Base", "Quote", "Rate", "Source", numbers=("Rate",))
    for quote in listed:
        rows.add_row(str(date_of(quote.day)), quote.base, quote.quote, f"{quote.rate:f}", quote.source)
    show(rows, "no rates; `tallybook rates import FILE` reads a table of them")
    return ExitCode.OK


def _day(field: str, text: str | None) -> int | None:
    day = None if text is None else read_day(text)
    if text is not None and day is None:
        raise Invalid("invalid_date", f"{text!r} is no date; write one as 2026-11-20", field)
    return day


def _quote_json(quote: Quote) -> dict[str, str]:
    return {
        "date": str(date_of(quote.day)),
        "base": quote.base,
        "quote": quote.quote,
        "rate": f"{quote.rate:f}",
        "source": quote.source,
        "recorded_by": quote.recorded_by,
    }
