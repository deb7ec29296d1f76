"""Parses invoices: OpenAI's costs, Anthropic's cost report, OpenRouter's activity, and tables.

JSON files are pages of the providers' admin APIs, a single page or a list of pages: OpenAI
`GET /v1/organization/costs` (amounts in units, days as Unix seconds), Anthropic
`GET /v1/organizations/cost_report` (amounts in *cents* as decimal text), OpenRouter `GET /api/v1/activity`
(dollars). Tables are recognised by their columns: the CSV exports of OpenAI, Anthropic and OpenRouter, and
any table with a provider, a month or date, and an amount.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from dashboard.reconciliation.invoices.line import InvoiceLine
from ingest.formats.json import lenient
from ingest.model import money
from ingest.model.rejection import SURPRISES, Refused, unreadable
from ingest.model.zone import day_number
from ingest.parse.currency import read_currency
from ingest.pricing.matching import provider_of

_MOST_BYTES: Final = 256 * 1024 * 1024
_LONGEST_VALUE: Final = 100
"""Characters of a wrong value that are shown."""
_CENTS: Final = Decimal("0.01")
_AMOUNTS: Final = ("amount_value", "amount", "cost_usd", "cost", "usage", "total", "amount_usd")
_DATES: Final = (
    "start_time_iso",
    "usage_date_utc",
    "date",
    "day",
    "month",
    "period",
    "start_time",
    "starting_at",
)
_MODELS: Final = ("model", "line_item", "model_permaslug")


class NotAnInvoice(ValueError):
    """The file holds no costs of a provider; the message names the supported formats."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that was rejected, and why."""

    line: int
    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field} {self.value!r}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ParsedInvoice:
    """The lines of an invoice file, and its rejected lines."""

    source: str
    lines: tuple[InvoiceLine, ...]
    problems: tuple[RejectedLine, ...] = ()


class _InvalidField(ValueError):
    """A field of a line is not valid, so the line is rejected."""

    def __init__(self, field: str, value: object, reason: str) -> None:
        super().__init__(reason)
        self.field, self.value, self.reason = field, str(value)[:_LONGEST_VALUE], reason


def parse_invoice(path: Path, provider: str | None = None, account: str = "") -> ParsedInvoice:
    """The lines of an invoice file. `provider` and `account` apply where the file names none.

    Raises:
        NotAnInvoice: the file holds no costs.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise NotAnInvoice(f"{path} has more than {_MOST_BYTES // 2**20} MiB: no invoice has")
    try:
        text = data.decode("utf-8-sig").replace("\0", "")  # no database stores a NUL
    except UnicodeDecodeError as error:
        raise NotAnInvoice(f"{path} is not UTF-8 text: {_SUPPORTED}") from error
    try:
        invoice = (
            _json(path, data, provider) if text.lstrip()[:1] in ("{", "[") else _table(path, text, provider)
        )
    except csv.Error as error:
        raise NotAnInvoice(f"{path} is no CSV: {error}") from error
    lines = (replace(line, account=line.account or account) for line in invoice.lines)
    return replace(invoice, lines=tuple(lines))


_SUPPORTED: Final = (
    "read are OpenAI's costs, Anthropic's cost report and OpenRouter's activity as JSON or CSV, and CSV with "
    "provider, month or date, and amount"
)


def _json(path: Path, data: bytes, provider: str | None) -> ParsedInvoice:
    try:
        content = lenient.loads(data, odd_number=str)  # a number beyond all measure is no amount of its line
    except Refused as refused:
        raise NotAnInvoice(f"{path}: {refused.reason}") from refused
    pages = content if isinstance(content, list) else [content]
    if pages and all(isinstance(page, dict) and "date" in page for page in pages):
        pages = [{"data": pages}]
    stated = [page.get("data") for page in pages if isinstance(page, dict)]
    items = [item for data_of_page in stated if isinstance(data_of_page, list) for item in data_of_page]
    source, parse_item = _json_format(path, items)
    lines: list[InvoiceLine] = []
    problems: list[RejectedLine] = []
    for number, item in enumerate(items, start=1):
        try:
            lines += list(parse_item(item, provider))
        except _InvalidField as bad:
            problems.append(RejectedLine(number, bad.field, bad.value, bad.reason))
        except SURPRISES as error:
            problems.append(_unreadable(number, error))
    if isinstance(pages[-1], dict) and pages[-1].get("has_more") is True:
        reason = "the last page says that more follow; ask for them and save all pages in one list"
        problems.append(RejectedLine(len(items), "has_more", "true", reason))
    return ParsedInvoice(source, tuple(lines), tuple(problems))


def _unreadable(line: int, error: Exception) -> RejectedLine:
    """The rejection of a line whose reading has failed by surprise."""
    return RejectedLine(line, "line", "", unreadable(error).reason)


def _json_format(path: Path, items: Sequence[Any]) -> tuple[str, Any]:
    first = next((item for item in items if isinstance(item, dict)), None)
    if first is None:
        raise NotAnInvoice(f"{path} holds no costs: {_SUPPORTED}")
    if "start_time" in first and "results" in first:
        return "openai-costs", _openai
    if "starting_at" in first and "results" in first:
        return "anthropic-cost-report", _anthropic
    if "date" in first and "usage" in first:
        return "openrouter-activity", _openrouter
    raise NotAnInvoice(f"{path} holds no costs: {_SUPPORTED}")


def _openai(bucket: Any, provider: str | None) -> Iterator[InvoiceLine]:
    bucket = _object("data", bucket)
    first, end = (_unix_day(bucket.get(name), name) for name in ("start_time", "end_time"))
    for result in _list(bucket.get("results")):
        amount = _object("amount", result.get("amount"))
        yield InvoiceLine(
            provider=provider_of(provider or "openai"),
            first_day=first,
            end_day=max(end, first + 1),
            amount=_pico("amount.value", amount.get("value")),
            currency=_currency(amount.get("currency")),
            source="openai-costs",
            account=str(result.get("project_id") or ""),
            description=str(result.get("line_item") or ""),
            model=_model_of_item(result.get("line_item")),
        )


def _anthropic(bucket: Any, provider: str | None) -> Iterator[InvoiceLine]:
    bucket = _object("data", bucket)
    first, end = (_iso_day(bucket.get(name), name) for name in ("starting_at", "ending_at"))
    for result in _list(bucket.get("results")):
        yield InvoiceLine(
            provider=provider_of(provider or "anthropic"),
            first_day=first,
            end_day=max(end, first + 1),
            amount=_pico("amount", result.get("amount"), _CENTS),
            currency=_currency(result.get("currency")),
            source="anthropic-cost-report",
            account=str(result.get("workspace_id") or ""),
            description=str(result.get("description") or ""),
            model=str(result.get("model") or "") or None,
        )


def _openrouter(item: Any, provider: str | None) -> Iterator[InvoiceLine]:
    item = _object("data", item)
    first = _iso_day(item.get("date"), "date")
    yield InvoiceLine(
        provider=provider_of(provider or "openrouter"),
        first_day=first,
        end_day=first + 1,
        amount=_pico("usage", item.get("usage")),
        currency="USD",
        source="openrouter-activity",
        description=str(item.get("provider_name") or ""),
        model=str(item.get("model") or "") or None,
    )


def _table(path: Path, text: str, provider: str | None) -> ParsedInvoice:
    head = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    heading = [_column_name(name) for name in next(rows, [])]
    amount, day = (_first_of(names, heading) for names in (_AMOUNTS, _DATES))
    if amount is None or day is None:
        raise NotAnInvoice(
            f"{path} has no column for {'an amount' if amount is None else 'a month or date'}: {_SUPPORTED}"
        )
    source, default = _source_of(heading)
    lines: list[InvoiceLine] = []
    problems: list[RejectedLine] = []
    for number, values in enumerate(rows, start=2):
        if not any(value.strip() for value in values):
            continue
        row = dict(zip(heading, (value.strip() for value in values), strict=False))
        try:
            lines.append(_table_line(row, amount, day, source, provider or default))
        except _InvalidField as bad:
            problems.append(RejectedLine(number, bad.field, bad.value, bad.reason))
        except SURPRISES as error:
            problems.append(_unreadable(number, error))
    return ParsedInvoice(source, tuple(lines), tuple(problems))


def _source_of(heading: Iterable[str]) -> tuple[str, str | None]:
    names = set(heading)
    if {"amount_value", "line_item"} <= names:
        return "openai-costs", "openai"
    if "usage_date_utc" in names:
        return "anthropic-cost-report", "anthropic"
    if {"usage", "model_permaslug"} <= names:
        return "openrouter-activity", "openrouter"
    return "table", None


def _table_line(
    row: Mapping[str, str], amount: str, day: str, source: str, provider: str | None
) -> InvoiceLine:
    named = row.get("provider") or provider
    if not named:
        raise _InvalidField("provider", "", "is not named; add a column provider, or --provider")
    first, end = _days(row.get(day, ""), day)
    model = _first_of(_MODELS, list(row))
    text = row.get(model, "") if model else ""
    return InvoiceLine(
        provider=provider_of(named.lower()),
        first_day=first,
        end_day=end,
        amount=_pico(amount, row.get(amount)),
        currency=_currency(row.get("amount_currency") or row.get("currency")),
        source=source,
        account=row.get("account") or row.get("project_id") or row.get("workspace") or "",
        model=(_model_of_item(text) if model == "line_item" else text) or None,
        description=row.get("description") or row.get("line_item") or row.get("token_type") or "",
        invoice_id=row.get("invoice_id") or row.get("invoice") or None,
    )


def _days(text: str, field: str) -> tuple[int, int]:
    """The UTC days of a month such as `2026-10`, a date, a time, or Unix seconds."""
    if len(text) == 7 and text[4] == "-":  # noqa: PLR2004 - 2026-10
        try:
            first = date.fromisoformat(f"{text}-01")
            following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        except ValueError as error:
            raise _InvalidField(field, text, "is no month; write one as 2026-10") from error
        return day_number(first), day_number(following)
    is_unix = text.isdigit() and len(text) >= 9  # noqa: PLR2004 - seconds since 1973
    first_day = _unix_day(text, field) if is_unix else _iso_day(text, field)
    return first_day, first_day + 1


def _iso_day(value: Any, field: str) -> int:
    text = str(value or "")
    try:
        if len(text) == 10:  # noqa: PLR2004 - a date
            return day_number(date.fromisoformat(text))
        at = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
        return day_number((at if at.tzinfo is None else at.astimezone(UTC)).date())
    except (ValueError, OverflowError) as error:
        raise _InvalidField(field, text, "is no date; write one as 2026-10-31") from error


def _unix_day(value: Any, field: str) -> int:
    try:
        return day_number((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(value))).date())
    except (TypeError, ValueError, OverflowError) as error:
        raise _InvalidField(field, value, "is no time in Unix seconds") from error


def _pico(field: str, value: Any, unit: Decimal = Decimal(1)) -> int:
    text = "" if value is None else str(value).strip().replace("$", "")
    try:
        amount = money.as_written(text)
    except InvalidOperation as error:
        raise _InvalidField(field, value, "is no amount; write one such as 1234.56") from error
    if not amount.is_finite() or amount.adjusted() >= money.MOST_DIGITS:
        raise _InvalidField(field, value, "is no amount that anybody is charged")
    return money.pico_of(amount * unit)


def _object(field: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _InvalidField(field, value, "is no object")
    return value


def _currency(value: Any) -> str:
    code = read_currency(str(value or "USD"))
    if code is None:
        raise _InvalidField("currency", value, "is no currency; write its code, such as USD")
    return code


def _model_of_item(item: Any) -> str | None:
    """The model of OpenAI's line item: `gpt-4o-2024-08-06, input` names a model, `Image models` does not."""
    name = str(item or "").split(",", 1)[0].strip()
    return name if name and " " not in name else None


def _column_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("(", "").replace(")", "")


def _first_of(names: Sequence[str], heading: Sequence[str]) -> str | None:
    return next((name for name in names if name in heading), None)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _InvalidField("results", value, "is no list")
    return [_object("results", item) for item in value]
