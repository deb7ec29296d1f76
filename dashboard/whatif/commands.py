"""`tallybook whatif`: what the same traffic would have cost elsewhere, as a table, JSON or CSV."""

import json
import sys
from datetime import UTC, datetime
from typing import Final, Literal

from rich.console import Console

from dashboard.formatting import format as wording
from dashboard.query.question import QuestionError
from dashboard.whatif.serialize import as_csv, as_json
from dashboard.whatif.whatif import (
    TOKENIZERS,
    CostComparison,
    WhatIfParameters,
    WhatIfResult,
    compare_costs,
    parse,
)
from ingest.ledger.engine import Ledger, open_to_read
from ingest.ledger.price_book import read_book
from ingest.model.money import from_pico
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, refuse, table

Form = Literal["table", "json", "csv"]
_MAX_REASONS: Final = 10


def run(parameters: WhatIfParameters, form: Form) -> int:
    """Compare costs in the ledger of the settings and print the result; the exit code."""
    with open_to_read(Settings()) as ledger:
        return print_comparison(ledger, parameters, form)


def print_comparison(ledger: Ledger, parameters: WhatIfParameters, form: Form = "table") -> int:
    """Compare costs in `ledger` and print the result; exit code 2 for invalid parameters."""
    try:
        query = parse(parameters, ledger.zone, datetime.now(UTC))
    except QuestionError as error:
        return refuse("whatif", error)
    result = compare_costs(ledger, query, read_book(ledger))
    match form:
        case "json":
            sys.stdout.write(json.dumps(as_json(result, ledger.currency), ensure_ascii=False) + "\n")
        case "csv":
            sys.stdout.write(as_csv(result))
        case "table":
            _print(result, console())
    return ExitCode.OK


def _print(result: WhatIfResult, console: Console) -> None:
    totals = result.totals
    has_gaps = any(row.compared != row.calls for row in totals.values())
    money = f" ({next(iter(totals))})" if len(totals) == 1 else ""
    gaps = ("Compared", "Unpriced", "None there") if has_gaps else ()
    rows = table()
    rows.add_column("Model" if result.query.by == "model" else "Day", overflow="fold", min_width=20)
    for heading in ("Calls", f"Cost{money}", "There", "Difference", "Change", *gaps):
        rows.add_column(heading, justify="right")
    for (key, currency), row in result.rows.items():
        rows.add_row("/".join(key), *_cells(row, "" if money else currency, gaps=has_gaps))
    for currency, row in totals.items():
        rows.add_row("total", *_cells(row, "" if money else currency, gaps=has_gaps), style="bold")
    console.print(rows)
    for reason, calls in list(result.reasons.items())[:_MAX_REASONS]:
        console.print(
            f"{wording.number(calls)} calls have no price there: {reason}",
            style="yellow",
            highlight=False,
        )
    if (more := len(result.reasons) - _MAX_REASONS) > 0:
        console.print(f"and {more} more reasons; --json has them all", style="yellow", highlight=False)
    console.print(TOKENIZERS, style="dim", highlight=False)


def _cells(row: CostComparison, currency: str, *, gaps: bool) -> list[str]:
    cost, there = from_pico(row.cost), from_pico(row.there)
    cells = [
        wording.number(row.calls),
        wording.amount(cost, currency),
        wording.amount(there, currency),
        wording.amount(there - cost, currency),
        wording.relative_change(there, cost) or wording.NOTHING,
    ]
    counts = (row.compared, row.unpriced_here, row.unpriced_there)
    return [*cells, *map(wording.number, counts if gaps else ())]
