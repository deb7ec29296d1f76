"""`tallybook prices list --unpriced`: models that calls have no price for, and how they would get one."""

import json
import sys
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard import unpriced
from dashboard.question import QuestionError, Words, parse
from dashboard.unpriced import UnpricedModel
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings

WELL: Final = 0
USAGE: Final = 2


def run(
    provider: str | None, model: str | None, start: str | None, end: str | None, limit: int | None, form: str
) -> int:
    """Print the models of the period; the exit code."""
    where = [f"{key}={value}" for key, value in (("provider", provider), ("model", model)) if value]
    with open_ledger(Settings()) as ledger:
        try:
            query = parse(Words(start=start, end=end, where=where), ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            sys.stderr.write(f"tallybook prices list: {error}\n")
            return USAGE
        found = unpriced.unpriced(ledger, query)[:limit]
    match form:
        case "json":
            sys.stdout.write(json.dumps(unpriced.as_json(found), indent=2) + "\n")
        case "csv":
            sys.stdout.write(unpriced.as_csv(found))
        case _:
            _print(found)
    return WELL


def _print(found: list[UnpricedModel]) -> None:
    out = Console()
    if not found:
        out.print("every call of the period has a price, or costs nothing", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "why", "calls", "tokens", "first seen", "last seen"):
        table.add_column(name, justify="right" if name in ("calls", "tokens") else "left", overflow="fold")
    for one in found:
        counts = (f"{count:,}" for count in (one.requests, one.tokens))
        seen = ((optional_rfc3339(at) or "")[:10] for at in (one.first_at, one.last_at))
        table.add_row(*map(escape, (f"{one.provider}/{one.model}", one.reason, *counts, *seen)))
    out.print(table)
    if way := next((one.how_to_price for one in found if one.how_to_price), None):
        out.print(f"\n{way}\ntallybook reprice --only-unpriced", highlight=False, soft_wrap=True)
