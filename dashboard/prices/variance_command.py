"""`tallybook prices variance`: where reported and computed costs differ, and the likely cause."""

import sys
from datetime import UTC, datetime

from dashboard.prices import variance
from dashboard.prices.variance import Variance
from dashboard.query.question import QuestionError, QuestionText, parse
from ingest.ledger.engine import open_to_read
from ingest.ledger.price_book import read_book
from ingest.model.money import from_pico
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, refuse, show, table


def run(start: str | None, end: str | None, where: list[str], threshold: str, form: str) -> int:
    """Print the models whose totals differ by more than the threshold; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            query = parse(QuestionText(start=start, end=end, where=where), ledger.zone, datetime.now(UTC))
            limit = variance.read_percent(threshold)
        except QuestionError as error:
            return refuse("prices variance", error)
        variances = variance.model_variances(ledger, query, read_book(ledger), limit)
    match form:
        case "json":
            print_json(variance.as_json(variances))
        case "csv":
            sys.stdout.write(variance.as_csv(variances))
        case _:
            _print(variances, threshold)
    return ExitCode.OK


def _print(variances: list[Variance], threshold: str) -> None:
    numbers = ("calls", "reported", "computed", "difference")
    rows = table("model", *numbers, "likely cause", numbers=numbers)
    for model in variances:
        amounts = [f"{from_pico(pico):.6f} {model.currency}" for pico in (model.reported, model.computed)]
        share = "" if model.share is None else f"{model.share * 100:+.2f}%"
        cells = (
            f"{model.provider}/{model.model}",
            f"{model.requests:,}",
            *amounts,
            share,
            model.cause or "unknown",
        )
        rows.add_row(*cells)
    show(rows, f"no model's reported and computed costs differ by more than {threshold}")
