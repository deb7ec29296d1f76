"""`tallybook prices list --unpriced`: models that calls have no price for, and how they would get one."""

import sys
from datetime import UTC, datetime

from rich.markup import escape

from dashboard.prices import unpriced
from dashboard.prices.unpriced import UnpricedModel
from dashboard.query.question import QuestionError, QuestionText, parse
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import open_ledger
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, refuse, say, show, table


def run(
    provider: str | None, model: str | None, start: str | None, end: str | None, limit: int | None, form: str
) -> int:
    """Print the models of the period; the exit code."""
    where = [f"{key}={value}" for key, value in (("provider", provider), ("model", model)) if value]
    with open_ledger(Settings()) as ledger:
        try:
            query = parse(QuestionText(start=start, end=end, where=where), ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return refuse("prices list", error)
        found = unpriced.unpriced(ledger, query)[:limit]
    match form:
        case "json":
            print_json(unpriced.as_json(found))
        case "csv":
            sys.stdout.write(unpriced.as_csv(found))
        case _:
            _print(found)
    return ExitCode.OK


def _print(found: list[UnpricedModel]) -> None:
    columns = ("model", "why", "calls", "tokens", "first seen", "last seen")
    rows = table(*columns, numbers=("calls", "tokens"))
    for one in found:
        counts = (f"{count:,}" for count in (one.requests, one.tokens))
        seen = ((optional_rfc3339(at) or "")[:10] for at in (one.first_at, one.last_at))
        rows.add_row(*map(escape, (f"{one.provider}/{one.model}", one.reason, *counts, *seen)))
    show(rows, "every call of the period has a price, or costs nothing")
    if way := next((one.how_to_price for one in found if one.how_to_price), None):
        say(f"\n{way}\ntallybook reprice --only-unpriced")
