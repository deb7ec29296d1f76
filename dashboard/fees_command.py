"""`tallybook fees list`: fees and what they come to in a period."""

import json
import sys
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from dashboard.fees import as_json as to_json
from dashboard.fees import fees_of, sums
from dashboard.question import QuestionError, read_period
from ingest import money
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings

USAGE: Final = 2


def run(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print the fees; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            Console(stderr=True).print(f"tallybook fees: {error}", highlight=False, markup=False)
            return USAGE
        rows = fees_of(ledger, period)
        zone = ledger.zone
    if as_json:
        sys.stdout.write(json.dumps(to_json(rows, zone), ensure_ascii=False, indent=2) + "\n")
        return 0
    out = Console()
    if not rows:
        out.print("no fee costs anything in this time; `tallybook fees add` adds one", highlight=False)
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in (
        "Fee",
        "Kind",
        "Team",
        "From",
        "To",
        "Amount",
        "Every",
        "Effective",
        "Billed",
        "Currency",
    ):
        table.add_column(heading, justify="right" if heading in ("Amount", "Effective", "Billed") else "left")
    for row in rows:
        fact = row.as_json(zone)
        shown = ("name", "kind", "team", "from", "to", "amount", "every", "effective", "billed", "currency")
        table.add_row(*("" if fact[name] is None else str(fact[name]) for name in shown))
    out.print(table)
    for currency, (effective, billed) in sums(rows).items():
        out.print(
            f"{money.plain(effective)} {currency} effective, {money.plain(billed)} {currency} billed in this time",
            highlight=False,
        )
    return 0
