"""`tallybook spend`: the question of `GET /v1/spend` on the command line, as a table, JSON or CSV."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console

from dashboard.formatting.format import metric_value, unpriced_notice
from dashboard.query import catalogue
from dashboard.query.catalogue import Metric, Unit
from dashboard.query.question import QuestionError, QuestionText, parse
from dashboard.query.run import Result, Totals
from dashboard.query.run import run as run_query
from dashboard.query.serialize import as_csv, as_json
from ingest.ledger.engine import Ledger, open_to_read
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, refuse, table

Form = Literal["table", "json", "csv"]


def run(
    *,
    by: str,
    metric: str,
    start: str | None,
    end: str | None,
    interval: str | None,
    timezone: str | None,
    where: Sequence[str],
    limit: int | None,
    currency: str | None,
    form: Form,
) -> int:
    """Query the configured ledger and print the result; returns the exit code."""
    question = QuestionText(
        [by], [metric], start, end, interval, timezone, where, limit=limit, currency=currency
    )
    with open_to_read(Settings()) as ledger:
        return spend(ledger, question, form)


def spend(ledger: Ledger, question: QuestionText, form: Form = "table") -> int:
    """Query `ledger` and print the result; returns the exit code, 2 for an invalid question."""
    try:
        result = run_query(ledger, parse(question, ledger.zone, datetime.now(UTC)))
    except QuestionError as error:
        return refuse("spend", error)
    match form:
        case "json":
            sys.stdout.write(json.dumps(as_json(result), ensure_ascii=False) + "\n")
        case "csv":
            sys.stdout.write(as_csv(result))
        case "table":
            _print(result, console())
    return ExitCode.OK


def _print(result: Result, console: Console) -> None:
    query = result.query
    metrics = [catalogue.METRICS[key] for key in query.metrics]
    has_footer = bool(query.dimensions)
    rows = table()
    rows.show_footer, rows.footer_style = has_footer, "bold"
    totals = [
        metric_value(metric, value) for metric, value in zip(metrics, result.totals.values, strict=True)
    ]
    for at, key in enumerate(query.dimensions):
        rows.add_column(_label(key), footer="total" if at == 0 else "", overflow="fold")
    split = bool(result.other_currencies) and "currency" not in query.dimensions
    if split:
        rows.add_column("Currency", footer=result.totals.currency)
    for metric, text in zip(metrics, totals, strict=True):
        rows.add_column(_heading(metric, result), footer=text, justify="right")
    for row in result.rows:
        values = [metric_value(metric, value) for metric, value in zip(metrics, row.values, strict=True)]
        rows.add_row(*map(_dimension_text, row.key), *([row.currency] if split else []), *values)
    console.print(rows)
    for paid in result.converted:
        console.print(f"converted, {_totals_text(metrics, paid)}", highlight=False)
    for other in result.other_currencies:
        console.print(_totals_text(metrics, other), highlight=False)
    console.print(_period(result), style="dim", highlight=False)
    if result.unpriced_requests:
        console.print(unpriced_notice(result.unpriced_requests), style="yellow", highlight=False)


def _heading(metric: Metric, result: Result) -> str:
    if metric.is_money and not result.other_currencies:
        return f"{metric.label} ({result.totals.currency})"
    return f"{metric.label} (ms)" if metric.unit is Unit.MILLISECONDS else metric.label


def _label(key: str) -> str:
    dimension = catalogue.dimension(key)
    return dimension.label if dimension else key


def _dimension_text(value: Any) -> str:
    if value is None:
        return "(none)"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _totals_text(metrics: Sequence[Metric], totals: Totals) -> str:
    parts = (
        f"{metric.label} {metric_value(metric, value)}"
        for metric, value in zip(metrics, totals.values, strict=True)
    )
    return f"in {totals.currency}: {', '.join(parts)}"


def _period(result: Result) -> str:
    period = as_json(result)["period"]
    return f"from {period['from']} to {period['to']} ({period['timezone']})"
