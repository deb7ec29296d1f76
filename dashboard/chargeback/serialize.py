"""The report as JSON and CSV: amounts at full precision, and in JSON beside them what a statement shows."""

from collections.abc import Iterator
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from dashboard.chargeback.allocation import METHODS
from dashboard.chargeback.report import PARTS, Entry, Report
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
)
"""The columns of the CSV."""
_OF_ALL: Final = ("period", "status", "currency")


def as_json(report: Report) -> dict[str, Any]:
    """The report as `tallybook report chargeback --format json` and `GET /v1/reports/chargeback` give it."""
    statement = report.statement
    return {
        "period": statement.period,
        "from": statement.first.isoformat(),
        "to": statement.end.isoformat(),
        "timezone": statement.zone,
        "currency": statement.currency,
        "status": statement.status,
        "by": report.by,
        "statement_number": f"{statement.period}/{statement.revision}" if statement.hash else None,
        "hash": statement.hash,
        "closed_at": None if statement.closed_at is None else _time(statement.closed_at),
        "closed_by": statement.closed_by,
        "generated_at": _time(statement.made_at),
        "lines": [_line(report, one) for one in report.entries],
        "total": money.plain(report.whole.total),
        "shown_total": report.amount(report.shown.total),
        "previous_total": money.plain(report.before),
        "requests": report.whole.used.requests,
        "unpriced_requests": report.whole.used.unpriced_requests,
        "unassigned_cost": money.plain(report.unassigned.line.total if report.unassigned else 0),
        "unpriced": [
            {"provider": o.provider, "model": o.model, "requests": o.requests, "total_tokens": o.tokens}
            for o in statement.unpriced
        ],
        "unconverted": [
            {"currency": o.currency, "amount": money.plain(o.amount), "requests": o.requests}
            for o in statement.unconverted
        ],
    }


def as_csv(report: Report) -> str:
    """The lines as CSV at full precision."""
    return write_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in _rows(report)))


def _rows(report: Report) -> Iterator[dict[str, Any]]:
    statement = report.statement
    common = {"period": statement.period, "status": statement.status, "currency": statement.currency}
    for one in report.entries:
        yield {**_facts(one), **common}


def _line(report: Report, one: Entry) -> dict[str, Any]:
    shown = {name: report.amount(getattr(one.shown, name)) for name in (*PARTS, "total")}
    return _facts(one) | {
        "shown": shown,
        "top_models": _parts(one.top_models),
        "top_keys": _parts(one.top_keys),
        "own_fees": [
            {"name": each.name, "provider": each.provider, "amount": money.plain(each.amount)}
            for each in one.fees
        ],
        "shared": [_allocation(each) for each in one.allocations],
        "corrections": [_correction(each) for each in one.corrections],
    }


def _facts(one: Entry) -> dict[str, Any]:
    line, used = one.line, one.used
    return {
        "team": one.team,
        "customer": one.customer,
        "cost_center": one.cost_center,
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
        "cost_per_request": _or_none(one.cost_per_request),
        "cost_per_million_tokens": _or_none(one.cost_per_million_tokens),
        "previous_total": None if one.before is None else money.plain(one.before),
        "change": None if one.change is None else money.plain(one.change),
        "budget": None if one.budget is None else money.plain(one.budget),
    }


def _parts(parts: Any) -> list[dict[str, Any]]:
    return [{"name": one.name, "cost": money.plain(one.cost), "requests": one.requests} for one in parts]


def _allocation(one: Allocation) -> dict[str, Any]:
    return {
        "pool": one.pool,
        "method": one.method,
        "means": METHODS[one.method],
        "rule": one.rule or None,
        "share": one.share,
        "pool_total": money.plain(one.whole),
        "amount": money.plain(one.amount),
    }


def _correction(one: Correction) -> dict[str, Any]:
    return {
        "about": one.about,
        "cause": one.cause,
        "means": CAUSES[one.cause],
        "reason": one.reason,
        "amount": money.plain(one.amount),
    }


def _or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain_decimal(value)


def _time(at: int) -> str:
    return instant(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
