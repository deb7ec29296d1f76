"""Answers as JSON and CSV: money as plain decimal text at full precision, counts as integers."""

import csv
import io
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from dashboard.query.catalogue import Value
from dashboard.query.question import SpendQuery
from dashboard.query.run import Result, Totals
from ingest.clock import rfc3339_text
from ingest.model.money import plain_decimal
from ingest.model.visible import visible
from ingest.model.zone import Zone

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_NEGATIVE: Final = re.compile(r"-[0-9]+(\.[0-9]+)?")


def as_json(result: Result) -> dict[str, Any]:
    """The answer as `GET /v1/spend` and `tallybook spend --json` give it.

    An answer with money has a `currency`. If calls were paid in several currencies, each row has its own;
    `totals` are then in the reporting currency, and `other_currencies` has the totals of the others. If
    amounts were converted, `converted_from` has the totals of the other currencies as they were paid.
    """
    query = result.query
    answer: dict[str, Any] = {
        "rows": [_row(result, row.key, row.values, row.currency) for row in result.rows],
        "totals": _metrics(query, result.totals),
        "unpriced_requests": result.unpriced_requests,
        "period": _period(query),
    }
    if result.has_money:
        answer["currency"] = result.totals.currency
    if result.other_currencies:
        answer["other_currencies"] = [
            {"currency": other.currency, "totals": _metrics(query, other)}
            for other in result.other_currencies
        ]
    if result.converted:
        answer["converted_from"] = [
            {"currency": paid.currency, "totals": _metrics(query, paid)} for paid in result.converted
        ]
    if result.comparison is not None:
        answer["comparison"] = as_json(result.comparison)
    return answer


def as_csv(result: Result) -> str:
    """The rows as CSV (RFC 4180), with a column `currency` if there is money."""
    currency = ("currency",) if result.has_money and "currency" not in result.query.dimensions else ()
    header = (*result.query.dimensions, *currency, *result.query.metrics)
    lines = ((*row.key, *((row.currency,) if currency else ()), *row.values) for row in result.rows)
    return write_csv(header, lines)


def write_csv(header: Iterable[str], lines: Iterable[Iterable[Any]]) -> str:
    """CSV in which a spreadsheet takes no text for a formula; an empty header is left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if columns := [*map(guarded, header)]:
        writer.writerow(columns)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return out.getvalue()


def guarded(text: str) -> str:
    """`text`, after an apostrophe if a spreadsheet would take it for a formula; negative numbers are not.

    Controls are escapes, because CSV is looked at on terminals.
    """
    shown = visible(text)
    return f"'{shown}" if text.startswith(_FORMULA_STARTS) and not _NEGATIVE.fullmatch(text) else shown


def json_value(value: Value) -> Any:
    """The value of a metric for JSON."""
    return plain_decimal(value) if isinstance(value, Decimal) else value


def _row(result: Result, key: tuple[Any, ...], values: tuple[Value, ...], currency: str) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(result.query.dimensions, key, strict=True))
    if result.has_money and result.other_currencies:
        row["currency"] = currency
    row.update(zip(result.query.metrics, map(json_value, values), strict=True))
    return row


def _metrics(query: SpendQuery, totals: Totals) -> dict[str, Any]:
    return dict(zip(query.metrics, map(json_value, totals.values), strict=True))


def _period(query: SpendQuery) -> dict[str, Any]:
    """The period, in the question's zone."""
    zone = Zone(query.zone).info
    start, end = (rfc3339_text(edge.astimezone(zone)) for edge in (query.period.start, query.period.end))
    return {"from": start, "to": end, "interval": query.interval, "timezone": query.zone}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain_decimal(value)
    return guarded(value) if isinstance(value, str) else value
