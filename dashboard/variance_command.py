"""`tallybook prices variance`: where reported and computed costs differ, and the likely cause."""

import json
import sys
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard import variance
from dashboard.question import QuestionError, Words, parse
from dashboard.variance import Variance
from ingest.ledger.engine import open_ledger
from ingest.ledger.prices import read_book
from ingest.money import from_pico
from ingest.settings import Settings

WELL: Final = 0
USAGE: Final = 2


def run(start: str | None, end: str | None, where: list[str], threshold: str, form: str) -> int:
    """Print the models whose totals differ by more than the threshold; the exit code."""
    with open_ledger(Settings()) as ledger:
        try:
            query = parse(Words(start=start, end=end, where=where), ledger.zone, datetime.now(UTC))
            limit = variance.read_percent(threshold)
        except QuestionError as error:
            sys.stderr.write(f"tallybook prices variance: {error}\n")
            return USAGE
        found = variance.variance(ledger, query, read_book(ledger), limit)
    match form:
        case "json":
            sys.stdout.write(json.dumps(variance.as_json(found), indent=2) + "\n")
        case "csv":
            sys.stdout.write(variance.as_csv(found))
        case _:
            _print(found, threshold)
    return WELL


def _print(found: list[Variance], threshold: str) -> None:
    out = Console()
    if not found:
        words = f"no model's reported and computed costs differ by more than {threshold}"
        out.print(words, highlight=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "calls", "reported", "computed", "difference", "likely cause"):
        table.add_column(
            name, justify="left" if name in ("model", "likely cause") else "right", overflow="fold"
        )
    for one in found:
        amounts = [f"{from_pico(pico):.6f} {one.currency}" for pico in (one.reported, one.computed)]
        part = "" if one.share is None else f"{one.share * 100:+.2f}%"
        cells = (f"{one.provider}/{one.model}", f"{one.requests:,}", *amounts, part, one.cause or "unknown")
        table.add_row(*map(escape, cells))
    out.print(table)
