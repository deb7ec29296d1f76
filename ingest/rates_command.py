"""`tallybook rates`: import a table of exchange rates, set one, list them."""

import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from ingest import rate_tables
from ingest.clock import now
from ingest.currency import read_currency
from ingest.dates import read_day
from ingest.exchange import Quote
from ingest.ledger import audit
from ingest.ledger.engine import open_ledger
from ingest.ledger.exchange_rates import add_quotes, read_quotes
from ingest.model.zone import date_of
from ingest.settings import Settings
from ingest.terminal import current_user

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2
REJECTED: Final = 3
_SHOWN: Final = 20


def import_rates(path: str, *, as_json: bool) -> int:
    """Import a table; the exit code, 3 where some lines are no rates."""
    at, by = now(), current_user()
    try:
        quotes, problems = rate_tables.read(Path(path), at, by)
    except rate_tables.NoRates as error:
        return _complain(f"{path}: {error}", FAILURE)
    except OSError as error:
        return _complain(f"cannot read {path}: {error.strerror}", FAILURE)
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        new = add_quotes(connection, quotes)
        if new:
            detail = {"rates": new, "file": Path(path).name}
            entry = audit.Entry(at=at, by=by, action="rates import", subject=Path(path).name, detail=detail)
            audit.note(connection, entry)
    if as_json:
        rejections = [
            {"line": one.line, "field": one.field, "value": one.value, "reason": one.reason}
            for one in problems
        ]
        known = len(quotes) - new
        counts = {"rates": len(quotes), "new": new, "known": known, "rejected": len(problems)}
        sys.stdout.write(json.dumps({**counts, "rejections": rejections[:100]}, ensure_ascii=False) + "\n")
        return REJECTED if problems else WELL
    days = sorted({one.day for one in quotes})
    span = f" from {date_of(days[0])} to {date_of(days[-1])}" if days else ""
    Console().print(f"{len(quotes):,} rates{span}: {new:,} are new", highlight=False)
    for one in problems[:_SHOWN]:
        _complain(f"{path}: {one}", REJECTED)
    if len(problems) > _SHOWN:
        _complain(f"and {len(problems) - _SHOWN:,} more lines", REJECTED)
    return REJECTED if problems else WELL


def set_rate(base: str, quote: str, rate: str, date: str) -> int:
    """Set the rate of a day; the exit code."""
    day, worth = read_day(date), rate_tables.read_rate(rate)
    codes = [code for text in (base, quote) if (code := read_currency(text))]
    if day is None:
        return _complain(f"--date: {date!r} is no date; write one as 2026-11-20", USAGE)
    if worth is None:
        return _complain(f"RATE: {rate!r} is no rate; write a number above 0, such as 1.0825", USAGE)
    if len(codes) < 2:  # noqa: PLR2004 - both
        return _complain("BASE and QUOTE are codes of currencies, such as USD and EUR", USAGE)
    if codes[0] == codes[1]:
        return _complain("a currency has no rate to itself", USAGE)
    one = Quote(
        base=codes[0],
        quote=codes[1],
        day=day,
        rate=worth,
        source="set",
        recorded_at=now(),
        recorded_by=current_user(),
    )
    with open_ledger(Settings()) as ledger, ledger.writing() as connection:
        if add_quotes(connection, [one]):
            detail = {"rate": f"{worth:f}", "day": str(date_of(day))}
            subject = "/".join(codes)
            entry = audit.Entry(
                at=one.recorded_at, by=one.recorded_by, action="rates set", subject=subject, detail=detail
            )
            audit.note(connection, entry)
    Console().print(f"1 {codes[0]} is {worth:f} {codes[1]} on {date_of(day)}", highlight=False)
    return WELL


def list_rates(pair: str | None, start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print rates, the latest first; the exit code."""
    edges = [None if text is None else read_day(text) for text in (start, end)]
    for name, text, day in (("--from", start, edges[0]), ("--to", end, edges[1])):
        if text is not None and day is None:
            return _complain(f"{name}: {text!r} is no date; write one as 2026-11-20", USAGE)
    with open_ledger(Settings()) as ledger, ledger.reading() as connection:
        quotes = read_quotes(connection)
    first, last = edges
    wanted = [
        one
        for one in sorted(quotes, key=lambda one: (-one.day, one.base, one.quote, -one.number))
        if (pair is None or f"{one.base}/{one.quote}" == pair.upper())
        and (first is None or one.day >= first)
        and (last is None or one.day < last)
    ]
    if as_json:
        rows = [
            {
                "date": str(date_of(one.day)),
                "base": one.base,
                "quote": one.quote,
                "rate": f"{one.rate:f}",
                "source": one.source,
                "recorded_by": one.recorded_by,
            }
            for one in wanted
        ]
        sys.stdout.write(json.dumps({"rates": rows}) + "\n")
        return WELL
    if not wanted:
        Console().print("no rates; `tallybook rates import FILE` reads a table of them", highlight=False)
        return WELL
    table = Table(box=None, pad_edge=False)
    for heading in ("Date", "Base", "Quote", "Rate", "Source"):
        table.add_column(heading, justify="right" if heading == "Rate" else "left")
    for one in wanted:
        table.add_row(str(date_of(one.day)), one.base, one.quote, f"{one.rate:f}", one.source)
    Console().print(table)
    return WELL


def _complain(text: str, code: int) -> int:
    Console(stderr=True).print(f"tallybook rates: {text}", highlight=False, markup=False, soft_wrap=True)
    return code
