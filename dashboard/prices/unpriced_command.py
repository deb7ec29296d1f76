"""`tallybook prices list --unpriced`: models whose calls have no price, and the command that sets a price."""

import sys
from datetime import UTC, datetime

from dashboard.prices import unpriced
from dashboard.prices.unpriced import UnpricedModel
from dashboard.query.question import QuestionError, QuestionText, parse
from ingest.clock import optional_rfc3339
from ingest.ledger.engine import open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, refuse, say, show, table


def run(
    provider: str | None, model: str | None, start: str | None, end: str | None, limit: int | None, form: str
) -> int:
    """Print the unpriced models of the period; the exit code."""
    where = [f"{key}={value}" for key, value in (("provider", provider), ("model", model)) if value]
    with open_to_read(Settings()) as ledger:
        try:
            query = parse(QuestionText(start=start, end=end, where=where), ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return refuse("prices list", error)
        models = unpriced.unpriced_models(ledger, query, partly=True)[:limit]
    match form:
        case "json":
            print_json(unpriced.as_json(models))
        case "csv":
            sys.stdout.write(unpriced.as_csv(models))
        case _:
            _print(models)
    return ExitCode.OK


def _print(models: list[UnpricedModel]) -> None:
    columns = ("model", "why", "calls", "tokens", "first seen", "last seen")
    rows = table(*columns, numbers=("calls", "tokens"))
    for model in models:
        counts = (f"{count:,}" for count in (model.requests, model.tokens))
        seen = ((optional_rfc3339(at) or "")[:10] for at in (model.first_at, model.last_at))
        why = f"{model.reason} (the rest is priced)" if model.partly_priced else model.reason
        rows.add_row(f"{model.provider}/{model.model}", why, *counts, *seen)
    show(rows, "every call of the period has a price, or costs nothing")
    if command := next((model.how_to_price for model in models if model.how_to_price), None):
        say(f"\n{command}\ntallybook reprice --only-unpriced")
