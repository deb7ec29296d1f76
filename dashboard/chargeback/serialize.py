"""The report as JSON and CSV: amounts at full precision, and in JSON also as shown."""

from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from dashboard.chargeback.allocation import METHODS
from dashboard.chargeback.report import PARTS, Report, ReportEntry
from dashboard.chargeback.statement import CAUSES, Allocation, Correction
from dashboard.query.serialize import write_csv
from ingest.model import money
from ingest.model.money import plain_decimal
from ingest.model.zone import instant

COLUMNS: Final = (
    "period",
    "status",
    "team",
    "customer",
    "cost_center",
    "currency",
    "direct_cost",
    "shared_cost",
    "adjustments",
    "total",
    "list_cost",
    "discounts",
    "markups",
    "fees",
    "requests",
    "unpriced_requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_per_request",
    "cost_per_million_tokens",
    "previous_total",
    "change",
    "budget",
    "statement_number",
    "cost_center_code",
    "gl_code",
)
"""The columns of the CSV."""


def as_json(report: Report) -> dict[str, Any]:
    """The report in the JSON of `tallybook report chargeback` and `GET /v1/reports/chargeback`."""
    statement = report.statement
    return {
        "period": statement.period,
        "from": statement.first.isoformat(),
        "to": statement.end.isoformat(),
        "timezone": statement.zone,
        "currency": statement.currency,
        "status": statement.status,
        "by": report.by,
        "number": statement.number,
        "statement_number": statement.number,
        "replaces": statement.replaces,
        "hash": statement.hash,
        "closed_at": None if statement.closed_at is None else _time(statement.closed_at),
        "closed_by": statement.closed_by,
        "generated_at": _time(statement.made_at),
        "lines": [_line(report, entry) for entry in report.entries],
        "total": money.plain(report.whole.total),
        "shown_total": report.amount(report.shown.total),
        "previous_total": money.plain(report.before),
        "shown_previous_total": report.amount(report.shown_before),
        "requests": report.whole.used.requests,
        "unpriced_requests": report.whole.used.unpriced_requests,
        "unassigned_cost": money.plain(report.unassigned.line.total if report.unassigned else 0),
        "unpriced": [
            {
                "provider": row.provider,
                "model": row.model,
                "requests": row.requests,
                "total_tokens": row.tokens,
            }
            for row in statement.unpriced
        ],
        "unconverted": [
            {"currency": row.currency, "amount": money.plain(row.amount), "requests": row.requests}
            for row in statement.unconverted
        ],
        "markups_without_effect": [
            {
                "calls": row.calls,
                "percent": row.percent,
                "why": row.why,
                "cost": money.plain(row.cost),
                "requests": row.requests,
            }
            for row in statement.idle_markups
        ],
    }


def as_csv(report: Report) -> str:
    """The lines as CSV at full precision."""
    return write_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in _rows(report)))


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    statement = report.statement
    common = {
        "period": statement.period,
        "status": statement.status,
        "currency": statement.currency,
        "statement_number": statement.number,
    }
    for entry in report.entries:
        yield {**_facts(entry), **common}


def _line(report: Report, entry: ReportEntry) -> dict[str, Any]:
    shown: dict[str, str | None] = {
        name: report.amount(getattr(entry.shown, name)) for name in (*PARTS, "total")
    }
    shown["previous_total"] = None if entry.shown_before is None else report.amount(entry.shown_before)
    shown["change"] = None if entry.shown_change is None else report.amount(entry.shown_change)
    return _facts(entry) | {
        "shown": shown,
        "top_models": _parts(entry.top_models),
        "top_keys": _parts(entry.top_keys),
        "own_fees": [
            {
                "name": item.name,
                "kind": item.kind,
                "provider": item.provider,
                "amount": money.plain(item.amount),
                "shown": report.amount(units),
            }
            for item, units in zip(entry.fees, entry.shown_fees, strict=True)
        ],
        "shared": [
            _allocation(item) | {"shown": report.amount(units)}
            for item, units in zip(entry.allocations, entry.shown_allocations, strict=True)
        ],
        "corrections": [
            _correction(item) | {"shown": report.amount(units)}
            for item, units in zip(entry.corrections, entry.shown_corrections, strict=True)
        ],
    }


def _facts(entry: ReportEntry) -> dict[str, Any]:
    line, used = entry.line, entry.used
    return {
        "team": entry.team,
        "customer": entry.customer,
        "cost_center": entry.cost_center,
        "cost_center_code": entry.cost_center_code,
        "gl_code": entry.gl_code,
        "direct_cost": money.plain(line.direct),
        "shared_cost": money.plain(line.shared),
        "adjustments": money.plain(line.adjustments),
        "total": money.plain(line.total),
        "list_cost": money.plain(used.list_cost),
        "discounts": money.plain(line.discounts),
        "markups": money.plain(line.markups),
        "fees": money.plain(line.fees),
        "requests": used.requests,
        "unpriced_requests": used.unpriced_requests,
        "errors": used.errors,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "total_tokens": used.total_tokens,
        "cost_per_request": _or_none(entry.cost_per_request),
        "cost_per_million_tokens": _or_none(entry.cost_per_million_tokens),
        "previous_total": None if entry.before is None else money.plain(entry.before),
        "change": None if entry.change is None else money.plain(entry.change),
        "budget": None if entry.budget is None else money.plain(entry.budget),
        "budget_counts": entry.budget_counts,
    }


def _parts(parts: Any) -> list[dict[str, Any]]:
    return [{"name": part.name, "cost": money.plain(part.cost), "requests": part.requests} for part in parts]


def _allocation(allocation: Allocation) -> dict[str, Any]:
    return {
        "pool": allocation.pool,
        "method": allocation.method,
        "means": METHODS[allocation.method],
        "rule": allocation.rule or None,
        "share": allocation.share,
        "pool_total": money.plain(allocation.whole),
        "amount": money.plain(allocation.amount),
    }


def _correction(correction: Correction) -> dict[str, Any]:
    return {
        "number": correction.number,
        "about": correction.about,
        "cause": correction.cause,
        "means": CAUSES[correction.cause],
        "reason": correction.reason,
        "amount": money.plain(correction.amount),
    }


def _or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain_decimal(value)


def _time(at: int) -> str:
    return instant(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
