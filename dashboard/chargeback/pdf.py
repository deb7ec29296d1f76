"""The report as a PDF for signing: a summary page, then a page for each team."""

import json
from collections.abc import Iterable
from datetime import UTC
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import dashboard
from dashboard.chargeback.allocation import METHODS
from dashboard.chargeback.report import GROUP_LABELS, Report, ReportEntry
from dashboard.chargeback.statement import CAUSES, Allocation, Correction, Statement
from dashboard.chargeback.usage import UsageSums
from dashboard.chargeback.xlsx import warnings
from ingest.model import money
from ingest.model.zone import instant

_TEMPLATE: Final = Path(dashboard.__file__).parent / "chargeback" / "statement.typ"
_MOST_ROWS: Final = 60
"""The highest number of keys and models that are printed of an entry; the workbook and the CSV have all."""
_AMOUNTS: Final = ("Direct", "Shared", "Adjusted", "Total")


class NoTypesetter(RuntimeError):
    """The PDF extra is not installed."""


def document(report: Report) -> bytes:
    """The PDF file.

    Raises:
        NoTypesetter: the PDF extra is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise NoTypesetter("a PDF needs the extra: pip install 'tallybook[pdf]'") from error
    data = json.dumps(_data(report), ensure_ascii=False)
    pdf = typst.compile(_TEMPLATE.read_bytes(), sys_inputs={"data": data})
    if not isinstance(pdf, bytes):
        raise TypeError("typst answered with something that is no document")
    return pdf


def _data(report: Report) -> dict[str, Any]:
    statement = report.statement
    closed = statement.status == "closed"
    title = f"Chargeback {statement.period}"
    number = f"{statement.period}/{statement.revision}" if closed else "not issued"
    return {
        "title": title,
        "preliminary": not closed,
        "status_word": "Closed" if closed else "Preliminary",
        "footer": f"Statement {number}. SHA-256 {statement.hash}"
        if closed
        else "Preliminary: amounts may change",
        "facts": [
            ["Period", f"{statement.first} to {statement.end}, end not included"],
            ["Status", "closed" if closed else statement.status],
            ["Time zone", statement.zone],
            ["Statement no.", number],
            ["Currency", statement.currency],
            ["Closed", f"{_time(statement.closed_at)} by {statement.closed_by}" if closed else "no"],
            ["Calls", f"{report.whole.used.requests:,}"],
            ["Made", _time(statement.made_at)],
            *([["Closed despite", statement.reason], ["", ""]] if statement.reason else []),
        ],
        "warnings": list(warnings(report)),
        "summary": _summary(report),
        "causes_head": [GROUP_LABELS[report.by], "About", "Cause", statement.currency],
        "causes": [
            [_name(report, entry), *_cause(report, correction)]
            for entry in report.entries
            for correction in entry.corrections
        ],
        "note": (
            "Amounts are rounded once, the total first, then its columns and lines by largest remainder, so "
            "that they add up downwards and across. Exact amounts are in the workbook, in CSV and in JSON."
            f"{_chains(statement)}"
        ),
        "entries": [_page(report, entry) for entry in report.entries],
    }


def _chains(statement: Statement) -> str:
    """The heads of the hash chains when the statement was closed."""
    heads = "; ".join(
        f"{table}: {head.count} rows, {head.seal}" for table, head in sorted(statement.chains.items())
    )
    return f" Sealed rows before this closing, with the SHA-256 of the last: {heads}." if heads else ""


def _summary(report: Report) -> dict[str, Any]:
    has_budget = bool(report.budgets)
    head = [
        GROUP_LABELS[report.by],
        *_AMOUNTS,
        "Before",
        *(["Budget"] if has_budget else []),
        "Calls",
        "Tokens",
    ]
    rows = []
    for entry in report.entries:
        budget = [_pico(report, entry.budget)] if has_budget else []
        used = entry.used
        rows.append(
            [
                _name(report, entry),
                *_shown(report, entry.shown),
                _pico(report, entry.before),
                *budget,
                f"{used.requests:,}",
                f"{used.total_tokens:,}",
            ]
        )
    whole = report.whole.used
    budget = [""] if has_budget else []
    return {
        "head": head,
        "aligns": ["l", *("r" for _ in head[1:])],
        "widths": [1, *(0 for _ in head[1:])],
        "rows": rows,
        "total": [
            "Total",
            *_shown(report, report.shown),
            _pico(report, report.before),
            *budget,
            f"{whole.requests:,}",
            f"{whole.total_tokens:,}",
        ],
    }


def _page(report: Report, entry: ReportEntry) -> dict[str, Any]:
    currency = report.statement.currency
    shown = entry.shown
    details = sorted(entry.details, key=lambda detail: -detail.used.cost)
    left = len(details) - _MOST_ROWS
    line = entry.line
    facts = [
        ["Customer", entry.customer or "none"],
        ["Cost centre", entry.cost_center or "none"],
        ["Period before", _pico(report, entry.before) or "none"],
        ["Change", _pico(report, entry.change) or "none"],
        ["Budget", _pico(report, entry.budget) or "none"],
        ["Calls without a price", f"{entry.used.unpriced_requests:,}"],
        ["Discounts in direct cost", _pico(report, line.discounts)],
        ["Mark-ups in direct cost", _pico(report, line.markups)],
        ["Tokens in", f"{entry.used.input_tokens:,}"],
        ["Tokens out", f"{entry.used.output_tokens:,}"],
    ]
    return {
        "name": _name(report, entry),
        "facts": facts,
        "parts_head": ["", currency],
        "parts": [
            ["Direct cost", report.grouped(shown.direct_cost)],
            ["Shared cost", report.grouped(shown.shared_cost)],
            ["Adjustments", report.grouped(shown.adjustments)],
        ],
        "total": ["Total", report.grouped(shown.total)],
        "details_head": ["Virtual key", "Model", "Calls", "Tokens", currency],
        "details": [
            [
                report.name(detail.virtual_key_id) or "(no key)",
                f"{detail.provider}/{detail.model}",
                f"{detail.used.requests:,}",
                f"{detail.used.total_tokens:,}",
                _cost(report, detail.used),
            ]
            for detail in details[:_MOST_ROWS]
        ],
        "left_out": f"and {left:,} more, in the workbook and in CSV" if left > 0 else "",
        "fees_head": ["Fee", "Provider", currency],
        "fees": [[item.name, item.provider or "", _pico(report, item.amount)] for item in entry.fees],
        "shared_head": ["Pool", "Shared", "Of", currency],
        "shared": [_allocation(report, item) for item in entry.allocations],
        "corrections": [_cause(report, item) for item in entry.corrections],
    }


def _cost(report: Report, used: UsageSums) -> str:
    """The cost of calls; the word `unpriced` if none of the calls has a price."""
    return (
        "unpriced" if used.requests and used.requests == used.unpriced_requests else _pico(report, used.cost)
    )


def _allocation(report: Report, allocation: Allocation) -> list[str]:
    percent = f"{float(abs(Fraction(allocation.share)) * 100):.2f}% "
    return [
        allocation.pool,
        percent + METHODS[allocation.method],
        _pico(report, allocation.whole),
        _pico(report, allocation.amount),
    ]


def _cause(report: Report, correction: Correction) -> list[str]:
    why = CAUSES[correction.cause] + (f": {correction.reason}" if correction.reason else "")
    return [correction.about or "", why, _pico(report, correction.amount)]


def _name(report: Report, entry: ReportEntry) -> str:
    return report.name(entry.ident) or "(unassigned)"


def _shown(report: Report, shown: Any) -> Iterable[str]:
    parts = (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
    return [report.grouped(amount) for amount in parts]


def _pico(report: Report, pico: int | None) -> str:
    """An amount that is in no shown sum, rounded by itself; empty for None."""
    if pico is None:
        return ""
    return report.grouped(money.divide_half_even(pico, money.PICO_PER_UNIT // 10**report.digits))


def _time(at: int | None) -> str:
    return "" if at is None else instant(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
