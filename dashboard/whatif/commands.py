"""`tallybook whatif`: what the same traffic would have cost elsewhere, as a table, JSON or CSV."""

import json
import sys
from datetime import UTC, datetime
from typing import Final, Literal

from rich.console import Console
from rich.markup import escape

from dashboard.formatting import format as wording
from dashboard.query.question import QuestionError
from dashboard.whatif.serialize import as_csv, as_json
from dashboard.whatif.whatif import TOKENIZERS, Answer, Compared, Words, answer, parse
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.price_book import read_book
from ingest.model.money import from_pico
from ingest.settings import Settings
from ingest.terminal import ExitCode, refuse, table

Form = Literal["table", "json", "csv"]
_SHOWN_REASONS: Final = 10


def run(words: Words, form: Form) -> int:
    """Ask the ledger of the settings and print the answer; the exit code."""
    with open_ledger(Settings()) as ledger:
        return compare(ledger, words, form)


def compare(ledger: Ledger, words: Words, form: Form = "table") -> int:
    """Ask `ledger` and print the answer; 2 for a question that cannot be asked."""
    try:
        query = parse(words, ledger.zone, datetime.now(UTC))
    except QuestionError as error:
        return refuse("whatif", error)
    found = answer(ledger, query, read_book(ledger))
    match form:
        case "json":
            sys.stdout.write(json.dumps(as_json(found, ledger.currency), ensure_ascii=False) + "\n")
        case "csv":
            sys.stdout.write(as_csv(found))
        case "table":
            _print(found, Console())
    return ExitCode.OK


def _print(found: Answer, console: Console) -> None:
    totals = found.totals
    has_gaps = any(one.compared != one.calls for one in totals.values())
    money = f" ({next(iter(totals))})" if len(totals) == 1 else ""
    gaps = ("Compared", "Unpriced", "None there") if has_gaps else ()
    rows = table()
    rows.add_column("Model" if found.query.by == "model" else "Day", overflow="fold", min_width=20)
    for heading in ("Calls", f"Cost{money}", "There", "Difference", "Change", *gaps):
        rows.add_column(heading, justify="right")
    for (key, currency), one in found.rows.items():
        rows.add_row(escape("/".join(key)), *_cells(one, "" if money else currency, gaps=has_gaps))
    for currency, one in totals.items():
        rows.add_row("total", *_cells(one, "" if money else currency, gaps=has_gaps), style="bold")
    console.print(rows)
    for reason, calls in list(found.reasons.items())[:_SHOWN_REASONS]:
        console.print(
            f"{wording.number(calls)} calls have no price there: {escape(reason)}",
            style="yellow",
            highlight=False,
        )
    if (more := len(found.reasons) - _SHOWN_REASONS) > 0:
        console.print(f"and {more} more reasons; --json has them all", style="yellow", highlight=False)
    console.print(TOKENIZERS, style="dim", highlight=False)


def _cells(one: Compared, currency: str, *, gaps: bool) -> list[str]:
    cost, there = from_pico(one.cost), from_pico(one.there)
    cells = [
        wording.number(one.calls),
        wording.amount(cost, currency),
        wording.amount(there, currency),
        wording.amount(there - cost, currency),
        wording.relative_change(there, cost) or wording.NOTHING,
    ]
    counts = (one.compared, one.unpriced_here, one.unpriced_there)
    return [*cells, *map(wording.number, counts if gaps else ())]
